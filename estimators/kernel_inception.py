"""Kernel inception distance: MMD² with a cubic polynomial kernel, given the features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from estimators.arguments import random_generator, real_number, whole_number
from estimators.balls import Array, sample_pair
from estimators.intervals import normal_interval
from estimators.result import Estimate
from estimators.scoring import score
from knn.threads import one_blas_thread

#: Entries of a block of products held at once.
_ENTRIES = 1 << 21


@score("kernel-inception", lowest=-math.inf, highest=math.inf, degree=None, least=3)
def kernel_inception_distance(
    P: Any,
    Q: Any,
    *,
    degree: int = 3,
    gamma: float | None = None,
    coef: float = 1.0,
    n_subsets: int | None = None,
    subset_size: int = 1000,
    random_state: Any = 0,
) -> Estimate:
    """MMD² with k(x, y) = (γ⟨x, y⟩ + c)^degree, γ = 1/d, without bias, from features P (n, d) and Q (m, d).

    By default the U-statistic of all rows, with the jackknife's standard error and a normal interval: it is what the
    mean over random subsets estimates, without their noise. `n_subsets=100, subset_size=1000` gives that mean, as
    torchmetrics' KernelInceptionDistance does; its standard deviation over subsets is in `detail`, and is no standard
    error, since the subsets share rows. May be below 0 near equal laws, where the error is too small to be normal.

    Not invariant to shifts of the features. Raises ValueError for bad samples, fewer than 2 rows, or subsets larger
    than a sample. Source: Bińkowski et al. 2018.
    """
    x, y = sample_pair(P, Q)
    degree, coef = whole_number(degree, "degree", 1), real_number(coef, "coef")
    scale = 1 / x.shape[1] if gamma is None else real_number(gamma, "gamma", above=0)
    kernel = degree, scale, coef
    rng = random_generator(random_state)
    method = f"U-statistic, ({scale:.4g}⟨x, y⟩ + {coef:g})^{degree}"
    if n_subsets is None:
        for name, rows in (("P", x), ("Q", y)):
            if len(rows) < 2:
                raise ValueError(f"{name} has one row: pass two or more")
        value, stderr = _u_statistic(x, y, kernel)
        interval = None if stderr is None else normal_interval(value, stderr)
        reason = "" if stderr is not None else "no standard error from 2 rows"
        return Estimate(value, stderr, interval, method, detail=reason)
    n_subsets = whole_number(n_subsets, "n_subsets", 2, why=", or None for the U-statistic of all rows")
    most = min(len(x), len(y))
    subset_size = whole_number(subset_size, "subset_size", 2, most, ", the rows of the smaller sample")
    values = []
    for _ in range(n_subsets):
        of_x, of_y = (rows[rng.permutation(len(rows))[:subset_size]] for rows in (x, y))
        values.append(_u_statistic(of_x, of_y, kernel, error=False)[0])
    spread = f"standard deviation over {n_subsets} subsets of {subset_size}: {np.std(values):.4g}"
    detail = f"{spread}; no standard error: subsets share rows"
    return Estimate(float(np.mean(values)), None, None, f"mean over subsets, {method}", detail=detail)


def _u_statistic(
    x: Array, y: Array, kernel: tuple[int, float, float], error: bool = True
) -> tuple[float, float | None]:
    """Σ_{i≠j} k(xᵢ,xⱼ)/n(n−1) + Σ_{i≠j} k(yᵢ,yⱼ)/m(m−1) − 2Σ k(xᵢ,yⱼ)/nm, and its jackknife error."""
    n, m = len(x), len(y)
    own_x, own_y = _row_sums(x, x, kernel) - _diagonal(x, kernel), _row_sums(y, y, kernel) - _diagonal(y, kernel)
    across_x, across_y = _row_sums(x, y, kernel), _row_sums(y, x, kernel)
    if not all(np.isfinite(part).all() for part in (own_x, own_y, across_x)):
        raise ValueError("P or Q: powers of the products overflow; scale the features or lower gamma")
    xx, yy, xy = (math.fsum(part) for part in (own_x, own_y, across_x))
    value = xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * xy / (n * m)
    if not error or min(n, m) < 3:
        return value, None
    rest_y, rest_x = yy / (m * (m - 1)), xx / (n * (n - 1))
    without_x = (xx - 2 * own_x) / ((n - 1) * (n - 2)) + rest_y - 2 * (xy - across_x) / ((n - 1) * m)
    without_y = rest_x + (yy - 2 * own_y) / ((m - 1) * (m - 2)) - 2 * (xy - across_y) / (n * (m - 1))
    return value, math.sqrt((n - 1) * float(without_x.var()) + (m - 1) * float(without_y.var()))


def _row_sums(x: Array, y: Array, kernel: tuple[int, float, float]) -> Array:
    degree, scale, coef = kernel
    rows = max(1, _ENTRIES // len(y))
    with one_blas_thread, np.errstate(over="ignore", invalid="ignore"):
        parts = [((x[i : i + rows] @ y.T * scale + coef) ** degree).sum(axis=1) for i in range(0, len(x), rows)]
    return np.concatenate(parts)


def _diagonal(x: Array, kernel: tuple[int, float, float]) -> Array:
    degree, scale, coef = kernel
    with np.errstate(over="ignore", invalid="ignore"):
        return (np.einsum("ij,ij->i", x, x) * scale + coef) ** degree
