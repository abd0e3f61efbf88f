"""The Parzen-window likelihood of a sampler, bandwidth by validation: what its papers report, and what it is not."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from estimators.intervals import normal_interval
from estimators.points import as_array, as_points, point_pair
from estimators.result import Certificate, Estimate
from knn.threads import one_blas_thread, over_blocks

Array = NDArray[np.float64]

#: Goodfellow et al.'s grid, for data in [0, 1].
BANDWIDTHS = tuple(float(h) for h in np.geomspace(0.1, 1.0, 10))
#: Entries of a block of distances: 16 MB, of which a few copies are held.
_BLOCK_ENTRIES = 1 << 21
#: Where matrix products could move a log density by more nats than this, the distances are taken by definition.
_PRODUCT_ERROR = 1e-6
_U = float(np.finfo(np.float64).eps) / 2


@dataclass(frozen=True)
class ParzenEstimate(Estimate):
    """An Estimate with the `bandwidth` behind it, whether that is `on_edge` of its grid, and how it was chosen.

    `validation` maps each bandwidth tried to the mean log-likelihood of the validation rows, in nats.
    """

    bandwidth: float = math.nan
    validation: tuple[tuple[float, float], ...] = ()
    on_edge: bool = False


def parzen_log_likelihood(
    samples: Any,
    test: Any,
    *,
    validation: Any = None,
    bandwidths: Any = BANDWIDTHS,
    device: str = "cpu",
    n_jobs: int | None = None,
) -> ParzenEstimate:
    """(1/m) Σᵢ log (1/n) Σⱼ N(xᵢ; sⱼ, σ²I), in nats: rows x of `test` (m, d), centres s of `samples` (n, d).

    σ is the one of `bandwidths` with the highest mean on `validation` (v, d), rows of which none is in `test`;
    a single bandwidth needs no validation. A σ on the edge of its grid warns, since a wider grid would score
    higher: `on_edge` is True and `detail` says so. The standard error and 95 % interval are those of the mean
    over test rows, with samples and bandwidth given. The certificate bounds the rounding.

    The protocol of Breuleux et al. 2011, Goodfellow et al. 2014 and Li & Malik 2018: 10 000 samples, ten
    bandwidths from 0.1 to 1 on data in [0, 1]. It measures the density of a convolution with n centres, not of the
    model: in high dimension centroids of the data score above the data themselves (Theis et al. 2016, section 3.3).

    Raises ValueError for bad rows, bandwidths that are not positive, a grid without validation rows, one test row,
    or data whose squares overflow. Cost: one matrix product of m × n × d and of v × n × d, whatever the grid.
    """
    centres, rows = point_pair(samples, test, ("samples", "test"))
    if len(rows) < 2:
        raise ValueError("test has one row, and a mean over rows needs two or more for its standard error")
    grid = checked_bandwidths(bandwidths)
    told: tuple[tuple[float, float], ...] = ()
    chosen, on_edge = float(grid[0]), False
    if len(grid) > 1:
        if validation is None:
            raise ValueError(
                f"bandwidths has {len(grid)} entries and validation is None: pass rows apart from test to choose "
                "by, or one bandwidth"
            )
        held_out = as_points(validation, "validation", dimension=rows.shape[1])
        means = parzen_log_densities(centres, held_out, grid, device=device, n_jobs=n_jobs)[0].mean(axis=1)
        best = int(means.argmax())
        chosen, on_edge = float(grid[best]), best in (0, len(grid) - 1)
        told = tuple(zip(grid.tolist(), means.tolist(), strict=True))
    detail = f"bandwidth {chosen:.4g}" + (f" of {len(grid)} by validation" if told else ", given")
    if on_edge:
        detail += ", on the edge of its grid: a wider one would score higher"
        warnings.warn(
            f"the bandwidth {chosen:.4g} is on the edge of its grid [{grid[0]:.4g}, {grid[-1]:.4g}]: pass a wider one",
            stacklevel=2,
        )
    values, rounding = (
        found[0] for found in parzen_log_densities(centres, rows, [chosen], device=device, n_jobs=n_jobs)
    )
    value = math.fsum(values) / len(values)
    # To the bound on each row comes the rounding of the mean itself.
    reach = float(rounding.mean()) + 4 * _U * float(np.abs(values).mean())
    stderr = float(values.std(ddof=1)) / math.sqrt(len(values))
    return ParzenEstimate(
        value, stderr, normal_interval(value, stderr), f"Parzen windows about {len(centres)} samples",
        Certificate("rounding", value - reach, value + reach), "nats", detail,
        bandwidth=chosen, validation=told, on_edge=on_edge,
    )  # fmt: skip


def parzen_log_densities(
    samples: Any, points: Any, bandwidths: Any, *, device: str = "cpu", n_jobs: int | None = None
) -> tuple[Array, Array]:
    """log (1/n) Σⱼ N(xᵢ; sⱼ, σ²I) and a bound on its rounding, for every bandwidth σ and row xᵢ of `points`.

    Both (bandwidths, m), in nats, in the order of the bandwidths given. All bandwidths share one matrix product,
    and from the widest to the narrowest each looks only at what is left in reach: a sample e^−(log n + 53 log 2)
    times less likely than the nearest one adds nothing to a float64 sum. `samples` (n, d), `points` (m, d).
    With device="cuda" all samples are summed there, in float64, a product for each bandwidth.
    """
    s, x = point_pair(samples, points, ("samples", "points"))
    widths = _as_widths(bandwidths)
    grid, place = np.unique(checked_bandwidths(widths), return_inverse=True)
    # Order of the given, repeated ones too, from the sorted grid.
    order = place[np.argsort(np.argsort(widths, kind="stable"), kind="stable")]
    if device == "cuda":
        from estimators.device_pairs import log_densities

        values, bounds = log_densities(s, x, grid)
        return values[order], bounds[order]
    if device != "cpu":
        raise ValueError(f"device is {device!r}: pass 'cpu' or 'cuda'")
    # Centred, the products cancel least; what is subtracted need not be the mean exactly, only one vector.
    centre = s.mean(axis=0)
    s_centred, x_centred = s - centre, x - centre
    with np.errstate(over="ignore"):
        s_norms, x_norms = (np.einsum("ij,ij->i", part, part) for part in (s_centred, x_centred))
    if not (np.isfinite(s_norms).all() and np.isfinite(x_norms).all()):
        raise ValueError("samples or points: squares of the coordinates overflow; scale both and bandwidths down")
    farthest = math.sqrt(float(s_norms.max()))
    d, n = s.shape[1], len(s)
    transposed = np.ascontiguousarray(s_centred.T)
    reach = math.log(n) + 53 * math.log(2)

    def serve(part: slice) -> tuple[Array, Array]:
        squares = x_centred[part] @ transposed
        squares *= -2
        squares += s_norms
        squares += x_norms[part, None]
        # d products and sums, two norms, the centring: |Δd²| ≤ (d + 8) u (‖x‖ + ‖s‖)², to first order.
        error = (d + 8) * _U * (np.sqrt(x_norms[part]) + farthest) ** 2
        loose = np.flatnonzero(error > _PRODUCT_ERROR * 2 * grid[0] ** 2)
        if len(loose):
            squares[loose] = cdist(x[part][loose], s, "sqeuclidean")
        np.maximum(squares, 0.0, out=squares)
        nearest = squares.min(axis=1)
        squares -= nearest[:, None]
        values, bounds = np.empty((2, len(grid), len(squares)))
        starts, beyond = np.arange(0, squares.size, n), squares.ravel()
        for which in range(len(grid))[::-1]:
            rate = 0.5 / grid[which] ** 2
            kept = beyond <= reach / rate
            # Each row keeps its nearest, at 0, so that none of the segments between the starts is empty.
            held = np.add.reduceat(kept, starts, dtype=np.int64)
            beyond, starts = beyond[kept], np.concatenate([[0], np.cumsum(held)[:-1]])
            totals = np.add.reduceat(np.exp(beyond * -rate), starts)
            constant = math.log(n) + d / 2 * math.log(2 * math.pi) + d * math.log(grid[which])
            values[which] = np.log(totals) - nearest * rate - constant
            moved = error * rate
            # By definition d² is right to (d + 2) u of itself, and what counts is in reach of the nearest.
            moved[loose] = (d + 2) * _U * (nearest[loose] * rate + reach)
            bounds[which] = moved + (n + 4 * reach + 16) * _U + 8 * _U * (nearest * rate + abs(constant))
        return values, bounds

    with one_blas_thread:
        parts = over_blocks(serve, len(x), max(1, _BLOCK_ENTRIES // n), n_jobs)
    values, bounds = (np.concatenate(found, axis=1) for found in zip(*parts, strict=True))
    return values[order], bounds[order]


def checked_bandwidths(bandwidths: Any) -> Array:
    """The bandwidths in ascending order; raises ValueError naming the entry that is not positive and finite."""
    grid = _as_widths(bandwidths)
    if grid.ndim != 1 or not len(grid):
        raise ValueError(f"bandwidths has shape {grid.shape}: pass a positive number or a list of them")
    with np.errstate(all="ignore"):
        usable = (grid > 0) & np.isfinite(0.5 / grid**2) & (grid**2 < math.inf)
    if not usable.all():
        row = int(np.argmin(usable))
        raise ValueError(f"bandwidths: entry {row} is {grid[row]}; pass positive numbers whose squares are floats")
    return np.sort(grid)


def _as_widths(bandwidths: Any) -> Array:
    """The bandwidths as a float64 array; raises TypeError naming the argument for what is no array of real numbers."""
    given = np.atleast_1d(as_array(bandwidths, "bandwidths"))
    if given.dtype.kind not in "iuf":
        raise TypeError(f"bandwidths is {bandwidths!r}: pass a positive number or a list of them")
    return given.astype(np.float64)
