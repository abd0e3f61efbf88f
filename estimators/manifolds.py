"""Precision, recall, density and coverage: samples in the balls that reach each other's nearest neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.balls import Array, fitted, in_balls, neighbour_radii, not_proved, sample_pair
from estimators.intervals import clopper_pearson, normal_interval
from estimators.result import Estimate
from estimators.scoring import score
from knn.base import NearestNeighbours


@score("precision", lowest=0.0, highest=1.0, least=6, of_neighbours=True)
def precision(P: Any, Q: Any, *, k: int = 3, index: NearestNeighbours | str | None = None) -> Estimate:
    """The share of the samples Q (m, d) in ∪ᵢ B(xᵢ, ρᵢ), ρᵢ from the row xᵢ of P (n, d) to its k-th nearest other.

    Balls are closed, so that equal points are in each other's, and ρ = 0 among k + 1 equal rows. The standard error
    is the jackknife's over the rows of P and of Q, which is too large on average rather than too small (Efron & Stein
    1981); the 95 % interval is the wider of that and of Clopper & Pearson's, which is exact for draws of Q given P.
    `index`, an unfitted index of `knn`, BruteForce by default; where one does not prove its answers the value may be
    off either way: there is no interval, and `detail` says of how many balls.

    A perfect sampler scores below 1 where balls are small, and one outlier in P with its large ball lifts it.
    Raises ValueError for bad samples, k not in 1 … n − 1, or neighbours that the index does not find. Source:
    Kynkäänniemi et al. 2019, eq. 1–2, k = 3.
    """
    return _share_within(sample_pair(P, Q), k, index, "P", "precision")


@score("recall", lowest=0.0, highest=1.0, least=6, of_neighbours=True)
def recall(P: Any, Q: Any, *, k: int = 3, index: NearestNeighbours | str | None = None) -> Estimate:
    """The share of the data P (n, d) in ∪ⱼ B(yⱼ, ρⱼ) of the samples Q (m, d): precision with the two exchanged.

    Arguments, errors and interval as there. Source: Kynkäänniemi et al. 2019, eq. 1–2.
    """
    return _share_within(sample_pair(P, Q)[::-1], k, index, "Q", "recall")


@score("density", lowest=0.0, highest=math.inf, least=8, of_neighbours=True)
def density(P: Any, Q: Any, *, k: int = 5, index: NearestNeighbours | str | None = None) -> Estimate:
    """(1/km) Σⱼ #{i : yⱼ ∈ B(xᵢ, ρᵢ)} for samples y of Q (m, d) and the balls about P (n, d) of `precision`.

    Unlike precision, one large ball counts once. It has mean 1 where P and Q are draws of one law, and may exceed 1.
    The interval is the jackknife's, normal. Raises ValueError as `precision`. Source: Naeem et al. 2020, eq. 4.
    """
    balls = _Balls(sample_pair(P, Q), k, index, "P")
    value, stderr = balls.within.sum() / (k * balls.m), balls.density_error()
    interval = None if stderr is None or balls.proof else normal_interval(float(value), stderr)
    return Estimate(float(value), stderr, interval, f"{k} nearest neighbours", detail=balls.proof)


@score("coverage", lowest=0.0, highest=1.0, least=8, of_neighbours=True)
def coverage(P: Any, Q: Any, *, k: int = 5, index: NearestNeighbours | str | None = None) -> Estimate:
    """The share of the data P (n, d) whose ball B(xᵢ, ρᵢ), as in `precision`, holds a sample of Q (m, d).

    Where both are draws of one law without ties its mean is `expected_coverage`, near 1 − 2⁻ᵏ for n = m, and told in
    `detail`. The standard error is the jackknife's over the rows of P and of Q, and the interval the wider of that and
    the binomial one, which is but a least width here: given P the balls' answers share the draws of Q, given Q their
    radii share the rows of P, so that they are no independent trials and nothing is exact. Raises ValueError as
    `precision`. Source: Naeem et al. 2020, eq. 5.
    """
    balls = _Balls(sample_pair(P, Q), k, index, "P")
    covered = int((np.bincount(balls.ball[balls.within], minlength=balls.n) > 0).sum())
    detail = f"{expected_coverage(balls.n, balls.m, k):.4g} where the laws are equal"
    stderr = balls.coverage_error()
    return _share(covered, balls.n, stderr, f"{k} nearest neighbours", balls.proof, detail)


def expected_coverage(n: int, m: int, k: int) -> float:
    """E coverage where n data and m samples are draws of one law without ties, 1 − Πᵢ₌₀^(k−1) (n−1−i)/(n+m−1−i).

    Of the n − 1 other data and m samples, all exchangeable, the k nearest to a datum are all data: a ball without
    sample. Source: Naeem et al. 2020, lemma 2.
    """
    return 1 - math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(k))


def _share_within(
    pair: tuple[Array, Array], k: int, index: NearestNeighbours | str | None, name: str, what: str
) -> Estimate:
    balls = _Balls(pair, k, index, name)
    reached = np.bincount(balls.point[balls.within], minlength=balls.m) > 0
    return _share(int(reached.sum()), balls.m, balls.union_error(), f"{what}, {k} nearest neighbours", balls.proof)


def _share(count: int, trials: int, stderr: float | None, method: str, proof: str, told: str = "") -> Estimate:
    low, high = clopper_pearson(count, trials)
    if stderr is not None:
        wide = normal_interval(count / trials, stderr)
        low, high = max(0.0, min(low, wide[0])), min(1.0, max(high, wide[1]))
    interval = None if proof else (low, high)
    return Estimate(count / trials, stderr, interval, method, detail="; ".join(filter(None, (told, proof))))


class _Balls:
    """The m rows of one sample in the balls about the n rows of the other, and what leaving a row out would change.

    Pairs `ball`, `point` of what lies within the next radius; `within` marks those within the radius itself.
    Leaving out the row i takes its ball away and widens the balls of which i is one of the k neighbours.
    """

    def __init__(self, pair: tuple[Array, Array], k: int, index: NearestNeighbours | str | None, name: str):
        centres, points = pair
        self.near = neighbour_radii(centres, k, index, name)
        self.n, self.m, self.k = len(centres), len(points), self.near.neighbours.shape[1]
        reach = self.near.radii if self.near.next is None else self.near.next
        found = in_balls(fitted(index, points), centres, reach, name)
        self.ball, self.point = found.balls, found.points
        self.within = found.distances <= self.near.radii[found.balls]
        self.proof = not_proved(self.near.certified & found.certified, "balls")

    def density_error(self) -> float | None:
        """The jackknife's standard error of Σ within/(km)."""
        if not self._possible():
            return None
        counts = np.bincount(self.ball[self.within], minlength=self.n)
        gains = np.bincount(self.ball[~self.within], minlength=self.n)
        total = float(counts.sum())
        without_row = (total - counts + self._over_neighbours(gains)) / (self.k * self.m)
        by_point = np.bincount(self.point[self.within], minlength=self.m)
        without_point = (total - by_point) / (self.k * (self.m - 1))
        return _jackknife(without_row, without_point)

    def coverage_error(self) -> float | None:
        """The jackknife's standard error of the share of balls with a point."""
        if not self._possible():
            return None
        counts = np.bincount(self.ball[self.within], minlength=self.n)
        wider = np.bincount(self.ball, minlength=self.n)
        covered = counts > 0
        without_row = (covered.sum() - covered + self._over_neighbours(~covered & (wider > 0))) / (self.n - 1)
        alone = self.within & (counts[self.ball] == 1)
        lost = np.bincount(self.point[alone], minlength=self.m)
        return _jackknife(without_row, (covered.sum() - lost) / self.n)

    def union_error(self) -> float | None:
        """The jackknife's standard error of the share of points in a ball."""
        if not self._possible():
            return None
        counts = np.bincount(self.point[self.within], minlength=self.m)
        reached = counts > 0
        # A point in one ball alone is lost with its centre, unless a ball that is widened then reaches it.
        alone = self.within & (counts[self.point] == 1)
        only = np.full(self.m, -1)
        only[self.point[alone]] = self.ball[alone]
        rows, points = self._reached_without(~self.within & (counts[self.point] <= 1))
        saved = only[points] == rows
        gained = counts[points] == 0
        change = np.bincount(rows[saved | gained], minlength=self.n) - np.bincount(only[only >= 0], minlength=self.n)
        return _jackknife((reached.sum() + change) / self.m, (reached.sum() - reached) / (self.m - 1))

    def _possible(self) -> bool:
        return self.near.next is not None and self.m > 1

    def _over_neighbours(self, amounts: NDArray[Any]) -> NDArray[np.float64]:
        """For each row the sum of `amounts` (n,) over the balls of which it is a neighbour."""
        rows = self.near.neighbours.ravel()
        kept = rows >= 0
        return np.bincount(rows[kept], np.repeat(amounts, self.k)[kept], minlength=self.n).astype(np.float64)

    def _reached_without(self, pairs: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Distinct (row, point): the point is reached by a ball of `pairs` when the row, its neighbour, is left out."""
        rows = self.near.neighbours[self.ball[pairs]].ravel()
        points = np.repeat(self.point[pairs], self.k)
        both = np.unique(rows[rows >= 0] * self.m + points[rows >= 0])
        return both // self.m, both % self.m


def _jackknife(*leaving_one_out: NDArray[np.float64]) -> float:
    """√Σ (n−1)/n Σᵢ (θ₍ᵢ₎ − mean)², one sum for each sample of which one row at a time is left out."""
    return math.sqrt(sum((len(part) - 1) * float(part.var()) for part in leaving_one_out))
