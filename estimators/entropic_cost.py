"""Entropic optimal transport of a cost matrix, differentiable in the cost: Sinkhorn's iteration, kept stable."""

from __future__ import annotations

import math
from typing import Any

import torch

from estimators.first_derivatives import first_derivatives_alone
from estimators.kernels.cpu_scalings import ASKED, DONE, FAILED, GROWN, LARGEST, OVERSHOT, RELAXED_SWEEPS, balance
from estimators.result import NotConverged
from estimators.training import parameters


def entropic_cost(
    cost: torch.Tensor, epsilon: float, tolerance: float, max_iter: int, *, same: bool = False
) -> torch.Tensor:
    """OT_ε = min over couplings π of ⟨π, c⟩ + ε KL(π ‖ uniform), both marginals uniform, for c (…, n, m), ↦ (…,).

    The dual potentials f, g are found without a graph, each problem by its own number of sweeps; the gradient in c is
    π = exp((f ⊕ g − c)/ε)/nm, which at the optimum is the whole (Danskin), held. The
    potentials begin as hard c-transforms, fᵢ = minⱼ cᵢⱼ and gⱼ = minᵢ (cᵢⱼ − fᵢ), which leave a 1 in every row and
    column of exp((f ⊕ g − c)/ε); sweeps scale its rows and columns, products alone, the first of them overshoot, and
    the scalings go into f and g before they overflow, where a sweep in the log domain follows. `same` is for the cost
    of a sample to itself, where the steps are averaged and few sweeps are enough. Half precision is widened to float32.

    Raises NotConverged when `max_iter` sweeps leave more than `tolerance` of the mass of a column missing, or scalings
    leave the range of their type, in any of the problems, ValueError for an argument that is not above 0, and
    RuntimeError where second derivatives are asked for.
    Source: Cuturi 2013; Schmitzer 2019, section 3 (stabilised scalings); Thibault, Chizat, Dossal & Papadakis 2021
    (overrelaxed sweeps); Feydy et al. 2019, section 3.
    """
    parameters.count(max_iter, "max_iter")
    parameters.real(epsilon, "epsilon", above=0)
    parameters.real(tolerance, "tolerance", above=0)
    with torch.autocast(cost.device.type, enabled=False):  # half precision would lose what the tolerance asks for
        wide = cost if cost.dtype in (torch.float32, torch.float64) else cost.float()
        value: torch.Tensor = _AtTheCoupling.apply(wide, epsilon, tolerance, max_iter, same)
        return value


class _AtTheCoupling(torch.autograd.Function):
    """OT_ε, whose gradient in the cost is the coupling."""

    @staticmethod
    def forward(ctx: Any, cost: torch.Tensor, *how: Any) -> torch.Tensor:
        value, plan = _solved(cost, *how)
        ctx.save_for_backward(plan)
        return value

    @staticmethod
    @first_derivatives_alone("differentiate sweeps that are written out in torch")
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (plan,) = ctx.saved_tensors
        return slope[..., None, None] * plan, None, None, None, None


def _solved(
    cost: torch.Tensor, epsilon: float, tolerance: float, max_iter: int, same: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """The dual value (…,) and π (…, n, m), whose rows are exact and whose columns miss at most `tolerance` on average.

    Problems whose scalings have grown begin again at better potentials; those that have ended are laid aside.
    """
    n, m = cost.shape[-2:]
    values, plans = cost.new_empty(cost.shape[:-2]), cost.new_empty(cost.shape)
    cost = cost.reshape(-1, n, m)
    left = torch.arange(len(cost), device=cost.device)
    f = cost.amin(dim=-1)
    g = cost.new_zeros((len(cost), m)) if same else (cost - f[..., None]).amin(dim=-2)
    swept, state = torch.zeros_like(left), torch.full_like(left, GROWN)
    while len(left):
        kernel = (f[..., None] - cost).add_(g[..., None, :]).div_(epsilon).exp_().div_(m).contiguous()
        given = state.clone()
        u, v, missed = _balanced(kernel, swept, state, tolerance, max_iter, same)
        failed, sound = state == FAILED, f.isfinite().all(dim=-1) & g.isfinite().all(dim=-1)
        # Scalings that lay too far apart to be held, once: from the same potentials without overshooting.
        again = failed & (swept < max_iter) & (given == GROWN) & sound
        hopeless = failed & ~again
        if bool(hopeless.any()):
            first = int(hopeless.long().argmax())
            after = f"after {int(swept[first])} sweeps"
            if int(swept[first]) < max_iter:
                raise NotConverged(
                    f"scalings left the range of {cost.dtype} {after}: give a finite cost in every row and column, "
                    "float64, or a larger epsilon"
                )
            raise NotConverged(
                f"a marginal misses {float(missed[first]):.3g} of its mass {after}: raise max_iter or epsilon"
            )
        kept = ~again[:, None]
        f, g = torch.where(kept, f + epsilon * u.log(), f), torch.where(kept, g + epsilon * v.log(), g)
        done = state == DONE
        values.view(-1)[left[done]] = f[done].mean(dim=-1) + g[done].mean(dim=-1)
        plans.view(-1, n, m)[left[done]] = kernel[done]
        left, cost, f, g, swept, state = (part[~done] for part in (left, cost, f, g, swept, state))
        # In the log domain: no row or column is too small to be told from 0 then, as those of grown ones may be.
        g = _transform(cost.mT, f, epsilon)
        f = _transform(cost, g, epsilon)
    return values, plans


def _transform(cost: torch.Tensor, g: torch.Tensor, epsilon: float) -> torch.Tensor:
    """The soft c-transform f, with (1/m) Σⱼ exp((fᵢ + gⱼ − cᵢⱼ)/ε) = 1 for every row i of (…, n, m)."""
    return -epsilon * (torch.logsumexp((g[..., None, :] - cost) / epsilon, dim=-1) - math.log(cost.shape[-1]))


def _balanced(
    kernel: torch.Tensor, swept: torch.Tensor, state: torch.Tensor, *how: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """u, v and what is missing of each problem, by `balance` or, on a device, its twin."""
    u, v = torch.ones_like(kernel[..., 0]), torch.ones_like(kernel[..., 0, :])
    missed = torch.full_like(swept, torch.inf, dtype=torch.float64)
    arguments = (kernel, u, v, swept, missed, state)
    if kernel.device.type == "cpu":
        balance(*(part.numpy() for part in arguments), *how)
    else:
        balance_together(*arguments, *how)
    return u, v, missed


def balance_together(
    kernel: torch.Tensor, u: torch.Tensor, v: torch.Tensor, swept: torch.Tensor, missed: torch.Tensor,
    state: torch.Tensor, tolerance: float, max_iter: int, same: bool,
) -> None:  # fmt: skip
    """What `balance` does, of tensors on any device: all problems a sweep, each left as it is where it ended."""
    n, m = kernel.shape[-2:]
    going, careful = swept < max_iter, (state == FAILED) | same
    state.fill_(FAILED)
    while bool(going.any()):
        power = 1 + (OVERSHOT - 1) * (~careful & (swept < RELAXED_SWEEPS)).to(kernel)[:, None]
        by_rows = (kernel @ v[..., None])[..., 0]
        scaled = torch.where(going[:, None], u * (u * by_rows) ** -power, u)
        columns = (scaled[:, None, :] @ kernel)[:, 0] * v * (m / n)
        lacking = (columns - 1).abs().mean(dim=-1) + (scaled * by_rows - 1).abs().mean(dim=-1)
        asked = going & ((swept % ASKED == 0) | (swept == max_iter - 1))
        missed.copy_(torch.where(asked, lacking.double(), missed))
        ended = asked & (missed <= tolerance)
        state[ended] = DONE
        u.copy_(torch.where(ended[:, None], 1 / by_rows, scaled))
        kernel[ended] *= u[ended, :, None] * v[ended, None, :] / n
        swept += going
        going = going & ~ended
        v.copy_(torch.where(going[:, None], v * columns ** (-0.5 if same else -power), v))
        ends = torch.stack([part.amin(dim=-1) for part in (u, v, 1 / u, 1 / v)]).amin(dim=0)
        sound = (ends > 0) & u.isfinite().all(dim=-1) & v.isfinite().all(dim=-1)
        going = going & sound & (swept < max_iter)
        state[going & (ends < 1 / LARGEST)] = GROWN
        going = going & (ends >= 1 / LARGEST)
