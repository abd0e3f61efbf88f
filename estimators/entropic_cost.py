"""Entropic optimal transport of a cost matrix, differentiable in the cost: Sinkhorn's iteration, kept stable."""

from __future__ import annotations

import math

import torch

from estimators.result import NotConverged
from estimators.training import parameters

#: log of how far scalings may grow before they go into the potentials: float32 ends near e^88, and what is below e^-88
#: of a row that sums to 1 stays below its rounding when both scalings are at their largest.
ABSORB = 20.0


def entropic_cost(
    cost: torch.Tensor, epsilon: float, tolerance: float, max_iter: int, *, same: bool = False
) -> torch.Tensor:
    """OT_ε = min over couplings π of ⟨π, c⟩ + ε KL(π ‖ uniform), both marginals uniform, for c (…, n, m), ↦ (…,).

    The dual potentials f, g are found without a graph, each problem by its own number of sweeps; the gradient in c is
    π = exp((f ⊕ g − c)/ε)/nm, which at the optimum is the whole (Danskin). The first sweep is in the log domain;
    the others scale the rows and columns of π, products alone, and the scalings go into f and g before they
    overflow. `same` is for the cost of a sample to itself, where both steps are averaged and few sweeps are enough.

    Raises NotConverged when `max_iter` sweeps leave more than `tolerance` of the mass of a column missing, in any of
    the problems, and ValueError for no sweeps at all.
    Source: Cuturi 2013; Schmitzer 2019, section 3 (stabilised scalings); Feydy et al. 2019, section 3.
    """
    parameters.count(max_iter, "max_iter")
    with torch.autocast(cost.device.type, enabled=False):  # half precision would lose what the tolerance asks for
        with torch.no_grad():
            held = cost.detach()
            g = _potential(held, epsilon, tolerance, max_iter, same)
        # The last transform is of potentials that were checked, so that the marginal of the rows is exact.
        return _to_rows(cost, g, epsilon).mean(dim=-1) + g.mean(dim=-1)


def _to_rows(cost: torch.Tensor, g: torch.Tensor, epsilon: float) -> torch.Tensor:
    """f with Σ_j π_ij = 1/n for every row i."""
    return -epsilon * (torch.logsumexp((g[..., None, :] - cost) / epsilon, dim=-1) - math.log(cost.shape[-1]))


def _potential(cost: torch.Tensor, epsilon: float, tolerance: float, max_iter: int, same: bool) -> torch.Tensor:
    """g (…, m) at which no column misses more than `tolerance` of its mass, on average."""
    g = cost.new_zeros((*cost.shape[:-2], cost.shape[-1]))
    f = _to_rows(cost, g, epsilon)
    if not same:
        g = _to_rows(cost.mT, f, epsilon)
    kernel, v = _rows_of_one(cost, f, g, epsilon), torch.ones_like(g)
    for _ in range(max_iter):
        u = 1 / _times(v, kernel[1])
        column = v * _times(u, kernel[0]) * (cost.shape[-1] / cost.shape[-2])
        missed = (column - 1).abs().mean(dim=-1)
        going = ~(missed <= tolerance)  # a NaN is no convergence either
        if not bool(going.any()):
            return g + epsilon * v.log()
        v = torch.where(going[..., None], v / (column.sqrt() if same else column), v)
        grown = max(float(part.abs().max()) for part in (u.log(), v.log()))
        if grown > ABSORB:
            f, g = f + epsilon * u.log(), g + epsilon * v.log()
            kernel, v = _rows_of_one(cost, f, g, epsilon), torch.ones_like(v)
    raise NotConverged(
        f"a marginal misses {float(missed.max()):.3g} of its mass after {max_iter} sweeps: raise max_iter or epsilon"
    )


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
