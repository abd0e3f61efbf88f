"""Whether a sampler repeats its training rows: two tests, one exact by permutation, one by ranks of distances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata, tiecorrect
from threadpoolctl import threadpool_limits

from estimators.arguments import random_generator, real_number, whole_number
from estimators.balls import Array, fitted, in_balls, not_proved, refuse_short, sample_pair
from estimators.points import as_points, columns_of, same_columns
from estimators.result import Estimate
from estimators.scoring import ties_matter
from knn.base import NearestNeighbours

#: From so many rows of both on, P(p ≤ α) of the normal law is at most 1.04 α where α ≥ 0.001 and no ranks are tied
#: (counted at 20 and 20, 20 and 200, 200 and 20). With ties it may be 13 α.
_NORMAL_FROM = 20
_EXCHANGES = 1999


@dataclass(frozen=True)
class TestedEstimate(Estimate):
    """An Estimate with the `p_value` of the null hypothesis that its maker names; small speaks against it."""

    p_value: float = math.nan

    def __str__(self) -> str:
        return f"{super().__str__()}, p = {self.p_value:.3g}"


@ties_matter
def memorisation_test(
    train: Any,
    test: Any,
    samples: Any,
    *,
    n_permutations: int = 999,
    index: NearestNeighbours | str | None = None,
    random_state: Any = 0,
) -> TestedEstimate:
    """The share of `samples` whose nearest row of `train` and `test` together is of train, tested by exchanging labels.

        value = (1/m) Σⱼ #{nearest rows of yⱼ in train}/#{nearest rows of yⱼ},     expected n/(n + n')

    Null hypothesis: train (n, d) and test (n', d) are exchangeable given the samples, as they are where the sampler
    has seen neither, or learned the law alone. Then n of the n + n' rows, drawn anew, are as good a training set, and
    p = (1 + #{draws with a share at least as large})/(1 + n_permutations) has exact level whatever the samples:
    P(p ≤ α) ≤ α. A binomial test of the m samples does not: they share the rows that they are near to, and a
    sampler that emits one point is always all on one side. Equal distances are shared out, by definition.

    With an index that misses neighbours the level stands, whatever it misses: the rows come to it in a random order, so
    that it cannot know which are of train. The value and the power may suffer, and `detail` says of how many samples.
    Raises ValueError for bad rows, fewer than 19 permutations, which cannot reach 5 %, or a neighbour not found.
    Source: Meehan et al. 2020 (the question), Phipson & Smyth 2010 (the 1 + …); the statistic is this project's.
    """
    n_permutations = whole_number(n_permutations, "n_permutations", 19, why=": with fewer p cannot reach 0.05")
    seen, unseen = sample_pair(train, test, ("train", "test"))
    y = as_points(samples, "samples", dimension=seen.shape[1])
    same_columns(columns_of(train), columns_of(samples), ("train", "samples"))
    n, total = len(seen), len(seen) + len(unseen)
    rng = random_generator(random_state)
    # A stream of its own, so that the draws below are those that an index without an order would leave.
    order = rng.spawn(1)[0].permutation(total)
    credit = np.empty(total)
    credit[order], certified = _credit(np.concatenate([seen, unseen])[order], y, index)
    near = np.flatnonzero(credit)
    reached = float(credit[:n].sum())
    # Of rows that no sample is near to, only their number matters.
    of_train = rng.hypergeometric(n, len(unseen), len(near), size=n_permutations)
    drawn = np.array([credit[near][rng.permutation(len(near))[:count]].sum() for count in of_train])
    # Sums in another order may differ by their rounding; a tie counts against the finding.
    slack = len(near) * np.finfo(np.float64).eps * len(y)
    p_value = float(1 + (drawn >= reached - slack).sum()) / (1 + n_permutations)
    expected, spread = n / total, float(drawn.std()) / len(y)
    detail = f"p = {p_value:.3g} by {n_permutations} permutations; {expected:.3g} ± {spread:.2g} without memorising"
    if missed := not_proved(certified, "samples"):
        detail += f"; {missed}, on which the level does not depend"
    return TestedEstimate(
        min(1.0, reached / len(y)), None, None, "share nearer to train than test",
        detail=detail, p_value=p_value,
    )  # fmt: skip


@ties_matter
def data_copying(
    train: Any,
    test: Any,
    samples: Any,
    *,
    n_cells: int = 1,
    least_share: float = 0.0,
    n_permutations: int | None = None,
    index: NearestNeighbours | str | None = None,
    random_state: Any = 0,
) -> TestedEstimate:
    """C_T = Σ_π P(π) Z_π / Σ_π P(π): are `samples` nearer to `train` than `test` is, by ranks? Below 0: yes.

    In each cell π of the training rows (k-means; `n_cells=1`, all of space) Z_π is the Mann–Whitney statistic of the
    distances to the nearest training row in π, of the cell's samples against its test rows, corrected for ties; P(π) is
    the cell's share of test. Cells with fewer than `least_share` of the samples, or without either, are left out.
    Given train, samples and test rows are independent, so that where both have one law C_T has mean 0 and the standard
    error given; p is one-sided, for copying. With `n_permutations` it is (1 + #{draws as low})/(1 + n_permutations)
    over as many exchanges of the labels in each cell, of exact level at any size, ties or not: P(p ≤ α) ≤ α. By default
    so too, of 1999, where a cell has fewer than 20 rows of either or equal distances; else it is the normal law's, in a
    cell by at most 4 % too small where above 0.001. Above 0 the samples are farther: underfitting.

    An index that misses neighbours is of train alone and answers row by row: it gives both kinds of row distances to
    what it finds, and the level stands; `detail` says how many are not proved nearest.
    Raises ValueError for bad rows, n_cells not in 1 … n, fewer than 19 permutations, if no cell has both, or for a row
    of which the index finds no neighbour. Source: Meehan et al. 2020, sec. 3.
    """
    seen, unseen = sample_pair(train, test, ("train", "test"))
    y = as_points(samples, "samples", dimension=seen.shape[1])
    same_columns(columns_of(train), columns_of(samples), ("train", "samples"))
    n_cells = whole_number(n_cells, "n_cells", 1, len(seen), ", the rows of train")
    least_share = real_number(least_share, "least_share")
    if n_permutations is not None:
        n_permutations = whole_number(n_permutations, "n_permutations", 19, why=": with fewer p cannot reach 0.05")
    weights, scores, certified, cells = [], [], [], []
    for own, of_test, of_samples in _cells((seen, unseen, y), n_cells, random_state):
        if min(len(own), len(of_test), len(of_samples)) and len(of_samples) >= least_share * len(y):
            nearest, distances = fitted(index, own), []
            for part, name in ((of_samples, "samples"), (of_test, "test")):
                found = nearest.search(part, 1)
                refuse_short(found, 1, nearest, name if n_cells == 1 else f"{name} in a cell")
                certified.append(found.certified)
                distances.append(found.distances[:, 0])
            weights.append(len(of_test) / len(unseen))
            cells.append(_Ranked(*distances))
            scores.append(cells[-1].score())
    if not weights:
        raise ValueError(f"none of {n_cells} cells has both test rows and the least share of samples: pass fewer cells")
    value = float(np.dot(weights, scores)) / math.fsum(weights)
    stderr = math.sqrt(math.fsum(w * w for w in weights)) / math.fsum(weights)
    if n_permutations is None and all(min(cell.sizes) >= _NORMAL_FROM and not cell.tied for cell in cells):
        p_value, by = float(norm.cdf(value / stderr)), "normal"
    else:
        count = n_permutations or _EXCHANGES
        p_value, by = _exchanged(cells, weights, count, random_state), f"by {count} exchanges of labels"
    detail = f"p = {p_value:.3g} for copying, {by}, {len(weights)} of {n_cells} cells"
    if missed := not_proved(np.concatenate(certified), "distances"):
        detail += f"; {missed}, on which the level does not depend"
    return TestedEstimate(value, stderr, None, "Mann–Whitney of nearest distances", detail=detail, p_value=p_value)


def _credit(pooled: Array, y: Array, index: NearestNeighbours | str | None) -> tuple[Array, NDArray[np.bool_]]:
    """How many samples each pooled row is nearest to, a sample with several nearest rows shared out among them."""
    search = fitted(index, pooled)
    nearest = search.search(y, 1)
    refuse_short(nearest, 1, search, "samples")
    found = in_balls(search, y, nearest.distances[:, 0], "samples")
    shares = 1 / np.bincount(found.balls, minlength=len(y))[found.balls]
    credit = np.bincount(found.points, shares, minlength=len(pooled)).astype(np.float64)
    return credit, nearest.certified & found.certified


def _cells(parts: tuple[Array, Array, Array], n_cells: int, random_state: Any) -> list[tuple[Array, ...]]:
    if n_cells == 1:
        return [parts]
    from sklearn.cluster import KMeans

    seed = int(random_generator(random_state).integers(2**31))
    with threadpool_limits(limits=1):  # the sums of several threads come in an order of their own
        clusters = KMeans(n_cells, n_init=1, random_state=seed).fit(parts[0])
        labels: list[NDArray[np.int32]] = [clusters.predict(part) for part in parts]
    return [tuple(part[own == cell] for part, own in zip(parts, labels, strict=True)) for cell in range(n_cells)]


class _Ranked:
    """The ranks of a cell's distances, those of the samples first."""

    def __init__(self, made: Array, held_out: Array):
        self.sizes = len(made), len(held_out)
        self.ranks = rankdata(np.concatenate([made, held_out]))
        m, n = self.sizes
        correction = float(tiecorrect(self.ranks))
        self.tied = correction < 1
        self.variance = m * n * (m + n + 1) / 12 * correction

    def score(self) -> float:
        """(U − ½mn)/√(mn(m + n + 1)c/12), U the pairs in which `made` is larger, ties by half; 0 where all are equal.

        c corrects for ties.
        """
        return float(self._scaled(self.ranks[: self.sizes[0]].sum()))

    def exchanged(self, count: int, rng: np.random.Generator) -> Array:
        """The score after each of `count` exchanges, of which only the ranks of the smaller part are drawn."""
        m, n = self.sizes
        drawn = (rng.choice(m + n, min(m, n), replace=False, shuffle=False) for _ in range(count))
        sums = np.array([self.ranks[rows].sum() for rows in drawn])
        return self._scaled(sums if m <= n else self.ranks.sum() - sums)

    def _scaled(self, rank_sum: Any) -> Any:
        # Ranks are halves, whose sums are exact: the same labels give the same score to the last bit.
        m, n = self.sizes
        above = rank_sum - m * (m + 1) / 2 - m * n / 2
        return above / math.sqrt(self.variance) if self.variance else 0.0 * above


def _exchanged(cells: list[_Ranked], weights: list[float], count: int, random_state: Any) -> float:
    rng = random_generator(random_state).spawn(1)[0]
    drawn, reached = np.zeros(count), 0.0
    for weight, cell in zip(weights, cells, strict=True):
        drawn += weight * cell.exchanged(count, rng)
        reached += weight * cell.score()
    # Scores are summed in one order, so that a draw of the same labels ties to the last bit; ties speak against it.
    return (1 + int((drawn <= reached).sum())) / (1 + count)
