"""Entropic optimal transport of a cost matrix, differentiable in the cost: Sinkhorn's iteration, kept stable."""

from __future__ import annotations

import math

import torch

from estimators.result import NotConverged
from estimators.training import parameters

#: log of how far scalings may grow before they go into the potentials: float32 ends near e^88, and what is below e^-88
#: of a row that sums to 1 stays below its rounding when both scalings are at their largest.
ABSORB = 20.0
#: The power of a correction, in the first sweeps: above 1 it overshoots, and few modes are left to the slow ones. From
#: any start only the power 1 is proved to converge, which the sweeps that follow have.
RELAXED, RELAXED_SWEEPS = 1.7, 200
#: Sweeps from one look at what is missing to the next, which costs about as much as a sweep.
ASKED = 6


def entropic_cost(
    cost: torch.Tensor, epsilon: float, tolerance: float, max_iter: int, *, same: bool = False
) -> torch.Tensor:
    """OT_ε = min over couplings π of ⟨π, c⟩ + ε KL(π ‖ uniform), both marginals uniform, for c (…, n, m), ↦ (…,).

    The dual potentials f, g are found without a graph, each problem by its own number of sweeps; the gradient in c is
    π = exp((f ⊕ g − c)/ε)/nm, which at the optimum is the whole (Danskin), held: first derivatives alone. The first
    sweep is in the log domain; the others scale the rows and columns of π, products alone, and the scalings go into f
    and g before they overflow; the first of these overshoot. `same` is for the cost of a sample to itself, where both
    steps are averaged and few sweeps are enough.

    Raises NotConverged when `max_iter` sweeps leave more than `tolerance` of the mass of a column missing, in any of
    the problems, and ValueError for no sweeps at all.
    Source: Cuturi 2013; Schmitzer 2019, section 3 (stabilised scalings); Thibault, Chizat, Dossal & Papadakis 2021
    (overrelaxed sweeps); Feydy et al. 2019, section 3.
    """
    parameters.count(max_iter, "max_iter")
    with torch.autocast(cost.device.type, enabled=False):  # half precision would lose what the tolerance asks for
        with torch.no_grad():
            value, plan = _solved(cost.detach(), epsilon, tolerance, max_iter, same)
        # Where no mass goes the cost may be infinite.
        followed = (plan * cost.masked_fill(plan == 0, 0)).sum(dim=(-2, -1))
        return value + (followed - followed.detach())


def _to_rows(cost: torch.Tensor, g: torch.Tensor, epsilon: float) -> torch.Tensor:
    """f with Σ_j π_ij = 1/n for every row i."""
    return -epsilon * (torch.logsumexp((g[..., None, :] - cost) / epsilon, dim=-1) - math.log(cost.shape[-1]))


def _solved(
    cost: torch.Tensor, epsilon: float, tolerance: float, max_iter: int, same: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """The dual value (…,) and π (…, n, m), whose rows are exact and whose columns miss at most `tolerance` on average.

    Problems that have come to it are laid aside, so that each is swept its own number of times.
    """
    n, m = cost.shape[-2:]
    values, plans = cost.new_empty(cost.shape[:-2]), cost.new_empty(cost.shape)
    if not len(values.view(-1)):
        return values, plans
    cost = cost.reshape(-1, n, m)
    g = cost.new_zeros((len(cost), m))
    f = _to_rows(cost, g, epsilon)
    if not same:
        g = _to_rows(cost.mT, f, epsilon)
    place = torch.arange(len(cost), device=cost.device)
    kernel, u, v = _rows_of_one(cost, f, g, epsilon), torch.ones_like(f), torch.ones_like(g)
    for sweep in range(max_iter):
        relaxed = 1.0 if same or sweep >= RELAXED_SWEEPS else RELAXED
        rows = u * _times(v, kernel[1])
        u = u / rows**relaxed
        columns = v * _times(u, kernel[0]) * (m / n)
        if sweep % ASKED == 0 or sweep == max_iter - 1:
            # With rows made exact the columns miss at most this: what they miss now, and what the rows do.
            missed = (columns - 1).abs().mean(dim=-1) + (rows ** (1 - relaxed) - 1).abs().mean(dim=-1)
            going = ~(missed <= tolerance)  # a NaN is no convergence either
            if not bool(going.all()):
                ended = ~going
                exact = 1 / _times(v[ended], kernel[1][ended])
                dual = (f[ended] + epsilon * exact.log()).mean(dim=-1) + (g + epsilon * v.log())[ended].mean(dim=-1)
                values.view(-1)[place[ended]] = dual
                plans.view(-1, n, m)[place[ended]] = exact[..., None] * kernel[0][ended] * v[ended, None] / n
                if not bool(going.any()):
                    return values, plans
                place, cost, f, g, u, v, columns = (part[going] for part in (place, cost, f, g, u, v, columns))
                kernel = kernel[0][going], kernel[1][going]
        v = v / (columns.sqrt() if same else columns**relaxed)
        if max(_size(u), _size(v)) > ABSORB:
            f, g = f + epsilon * u.log(), g + epsilon * v.log()
            kernel, u, v = _rows_of_one(cost, f, g, epsilon), torch.ones_like(u), torch.ones_like(v)
    raise NotConverged(
        f"a marginal misses {float(missed.max()):.3g} of its mass after {max_iter} sweeps: raise max_iter or epsilon"
    )


def _size(scaling: torch.Tensor) -> float:
    """The largest |log| of the scalings; infinite where one is 0, NaN or infinite."""
    least, most = (float(end) for end in torch.aminmax(scaling))
    return max(math.log(most), -math.log(least)) if 0 < least <= most < math.inf else math.inf


def _rows_of_one(
    cost: torch.Tensor, f: torch.Tensor, g: torch.Tensor, epsilon: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """n π, whose rows sum to 1 where f fits g, and its transpose: a row times a matrix is many times the quicker."""
    kernel = ((f[..., None] + g[..., None, :] - cost) / epsilon).exp() / cost.shape[-1]
    return kernel, kernel.mT.contiguous()


def _times(row: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """(…, n) and (…, n, m) ↦ (…, m)."""
    found: torch.Tensor = (row[..., None, :] @ matrix)[..., 0, :]
    return found
