"""Measures with finitely many atoms; the densities with known truth are re-exported beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from estimators.arguments import random_generator
from estimators.densities import Density, Gaussian, Mixture, Uniform
from estimators.points import as_array, as_points, columns_of, same_columns, same_dimension
from estimators.toys import grid, rare_modes, ring

__all__ = [
    "Density", "Empirical", "Gaussian", "Mixture", "Support", "Uniform", "Weighted", "common_support", "equal_measures",
    "grid", "rare_modes", "ring", "weighted_pair",
]  # fmt: skip


class Empirical:
    """The probability measure Σᵢ wᵢ δ_{xᵢ} on finitely many atoms.

    Equal atoms are merged and atoms of weight 0 dropped, so that one measure has one representation:
    `atoms` (n, d) are distinct and in lexicographic order, `weights` (n,) positive. Both are read-only.

    Parameters: `atoms` (n, d), or (n,) for points on the line; `weights` (n,), by default 1/n each.
    Weights must be non-negative and sum to 1 within rounding; they are never rescaled. Raises
    ValueError, naming the row and the remedy, for weights that are negative, not finite, too few or
    not normalised, and as `as_points` for bad atoms.
    """

    def __init__(self, atoms: ArrayLike, weights: ArrayLike | Sequence[Any] | None = None):
        points = as_points(atoms, "atoms")
        points = points + 0.0  # −0 and 0 are one atom
        distinct, atom_of, counts = _distinct(points)
        if weights is None:
            masses = counts / len(points)
        else:
            masses = _merged(_checked_weights(weights, len(points)), atom_of, counts)
            distinct, masses = distinct[masses > 0], masses[masses > 0]
        self.atoms: NDArray[np.float64] = np.ascontiguousarray(distinct)
        self.weights: NDArray[np.float64] = masses
        self.atoms.setflags(write=False)
        self.weights.setflags(write=False)

    @property
    def dimension(self) -> int:
        return self.atoms.shape[1]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Σᵢ wᵢ xᵢ, shape (d,)."""
        centre = self.atoms[0]
        return centre + self.weights @ (self.atoms - centre)

    def sample(self, n: int, random_state: Any = None) -> NDArray[np.float64]:
        """`n` independent draws, shape (n, d); `random_state` as for `numpy.random.default_rng`."""
        rng = random_generator(random_state)
        cumulative = np.cumsum(self.weights)
        return self.atoms[np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")]

    def __len__(self) -> int:
        return len(self.atoms)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Empirical):
            return NotImplemented
        return np.array_equal(self.atoms, other.atoms) and np.array_equal(self.weights, other.weights)

    def __hash__(self) -> int:
        return hash((self.atoms.tobytes(), self.weights.tobytes()))

    def __repr__(self) -> str:
        return f"Empirical({len(self)} atoms in dimension {self.dimension})"


class Support(NamedTuple):
    """The atoms of two measures together: `atoms` (k, d), and each measure's mass there, `p` and `q` (k,)."""

    atoms: NDArray[np.float64]
    p: NDArray[np.float64]
    q: NDArray[np.float64]


def common_support(P: Empirical, Q: Empirical) -> Support:
    """Both measures on the union of their atoms, in lexicographic order; a measure's mass is 0 off its own atoms."""
    same_dimension(P.atoms, Q.atoms, ("P", "Q"))
    if np.array_equal(P.atoms, Q.atoms):
        return Support(P.atoms, P.weights, Q.weights)
    union, place, _ = _distinct(np.concatenate([P.atoms, Q.atoms]))
    p, q = np.zeros(len(union)), np.zeros(len(union))
    p[place[: len(P)]] = P.weights
    q[place[len(P) :]] = Q.weights
    return Support(union, p, q)


class Weighted(NamedTuple):
    """Points (n, d) with weights (n,) that sum to 1; `sampled` if they came as an array, each point 1/n."""

    points: NDArray[np.float64]
    weights: NDArray[np.float64]
    sampled: bool

    @property
    def measure(self) -> Empirical:
        return Empirical(self.points, None if self.sampled else self.weights)


def equal_measures(p: Weighted, q: Weighted) -> bool:
    """Whether both are one measure; first by their first coordinates, which settles it for most different ones."""
    if not np.array_equal(np.unique(p.points[:, 0]), np.unique(q.points[:, 0])):
        return False
    return p.measure == q.measure


def weighted_pair(P: Any, Q: Any, names: tuple[str, str] = ("P", "Q")) -> tuple[Weighted, Weighted]:
    """Two arrays (n, d) or Empirical measures as weighted points of one space; raises as `as_points`."""
    p, q = (_weighted(given, name) for given, name in ((P, names[0]), (Q, names[1])))
    same_dimension(p.points, q.points, names)
    same_columns(columns_of(P), columns_of(Q), names)
    return p, q


def _weighted(given: Any, name: str) -> Weighted:
    if isinstance(given, Empirical):
        return Weighted(given.atoms, given.weights, sampled=False)
    points = as_points(given, name)
    return Weighted(points, np.full(len(points), 1 / len(points)), sampled=True)


def _distinct(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct rows in lexicographic order, which of them each row is, and how often each occurs."""
    # Rows are compared as records, ten times slower than numbers, so the line is taken apart.
    values, axis = (points[:, 0], None) if points.shape[1] == 1 else (points, 0)
    distinct, place, counts = np.unique(values, axis=axis, return_inverse=True, return_counts=True)
    return distinct.reshape(-1, points.shape[1]), place.ravel(), counts


def _checked_weights(weights: Any, n: int) -> NDArray[np.float64]:
    given = as_array(weights, "weights")
    # A float32 weight is off by its own roundoff; anything else was rounded to float64.
    unit = float(np.finfo(given.dtype).eps if given.dtype.kind == "f" else np.finfo(np.float64).eps)
    # Rounding the weights moves their sum by at most u; dividing them by a sum that was itself accumulated,
    # by n·u more if that was done term by term, and by (13 + log₂ n)·u as NumPy does it, in pairs of blocks of
    # 128. Of a narrower type than float64 n·u lets anything pass: 10⁶ such weights may sum to 0.9.
    roundings = n if unit <= np.finfo(np.float64).eps else 13 + math.log2(max(n, 1))
    checked = as_points(given, "weights", dimension=1)[:, 0]
    if len(checked) != n:
        raise ValueError(f"weights has {len(checked)} entries for {n} atoms: pass one a row")
    if (checked < 0).any():
        row = int(np.argmax(checked < 0))
        raise ValueError(f"weights: row {row} is negative ({checked[row]}); a probability measure has none")
    total = math.fsum(checked)
    if abs(total - 1) > (roundings + 2) * unit:
        raise ValueError(f"weights sum to {total!r}, not to 1: pass weights / weights.sum()")
    return checked


def _merged(weights: NDArray[np.float64], atom_of: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weight of each distinct atom; sums of several are rounded once, so their order does not matter."""
    order = np.argsort(atom_of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    sorted_weights = weights[order]
    masses = sorted_weights[starts].copy()
    for atom in np.flatnonzero(counts > 1):
        masses[atom] = math.fsum(sorted_weights[starts[atom] : starts[atom] + counts[atom]])
    return masses
