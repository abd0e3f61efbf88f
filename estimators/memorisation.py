"""Whether a sampler repeats its training rows: two tests, one exact by permutation, one by ranks of distances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata, tiecorrect
from threadpoolctl import threadpool_limits

from estimators.balls import Array, fitted, in_balls, sample_pair
from estimators.points import as_points
from estimators.result import Estimate
from knn.base import NearestNeighbours


@dataclass(frozen=True)
class TestedEstimate(Estimate):
    """An Estimate with the `p_value` of the null hypothesis that its maker names; small speaks against it."""

    p_value: float = math.nan


def memorisation_test(
    train: Any,
    test: Any,
    samples: Any,
    *,
    n_permutations: int = 999,
    index: NearestNeighbours | None = None,
    random_state: Any = 0,
) -> TestedEstimate:
    """The share of `samples` whose nearest row of `train` and `test` together is of train, tested by exchanging labels.

        value = (1/m) Σⱼ #{nearest rows of yⱼ in train}/#{nearest rows of yⱼ},     expected n/(n + n')

    Null hypothesis: train (n, d) and test (n', d) are exchangeable given the samples, as they are where the sampler
    has seen neither, or learned the law alone. Then n of the n + n' rows, drawn anew, are as good a training set, and
    p = (1 + #{draws with a share at least as large})/(1 + n_permutations) has exact level whatever the samples:
    P(p ≤ α) ≤ α. A binomial test of the m samples does not: they share the rows that they are near to, and a
    sampler that emits one point is always all on one side. Equal distances are shared out, by definition.

    With an index that misses neighbours the level stands, since it treats all rows alike; the power may not.
    Raises ValueError for bad rows or fewer than 19 permutations, which cannot reach 5 %.
    """
    if not (isinstance(n_permutations, (int, np.integer)) and n_permutations >= 19):
        raise ValueError(f"n_permutations is {n_permutations!r}: pass 19 or more, with fewer p cannot reach 0.05")
    seen, unseen = sample_pair(train, test, ("train", "test"))
    y = as_points(samples, "samples", dimension=seen.shape[1])
    credit, proved = _credit(np.concatenate([seen, unseen]), y, index)
    n, total = len(seen), len(seen) + len(unseen)
    near = np.flatnonzero(credit)
    reached = float(credit[:n].sum())
    rng = np.random.default_rng(random_state)
    # Of rows that no sample is near to, only their number matters.
    of_train = rng.hypergeometric(n, len(unseen), len(near), size=n_permutations)
    drawn = np.array([credit[near][rng.permutation(len(near))[:count]].sum() for count in of_train])
    # Sums in another order may differ by their rounding; a tie counts against the finding.
    slack = len(near) * np.finfo(np.float64).eps * len(y)
    p_value = float(1 + (drawn >= reached - slack).sum()) / (1 + n_permutations)
    expected, spread = n / total, float(drawn.std()) / len(y)
    detail = f"p = {p_value:.3g} by {n_permutations} permutations; {expected:.3g} ± {spread:.2g} without memorising"
    return TestedEstimate(
        min(1.0, reached / len(y)), None, None, "share nearer to train than test",
        detail=detail if proved else f"{detail}; by an approximate search, not proved", p_value=p_value,
    )  # fmt: skip


def data_copying(
    train: Any,
    test: Any,
    samples: Any,
    *,
    n_cells: int = 1,
    least_share: float = 0.0,
    index: NearestNeighbours | None = None,
    random_state: Any = 0,
) -> TestedEstimate:
    """C_T = Σ_π P(π) Z_π / Σ_π P(π): are `samples` nearer to `train` than `test` is, by ranks? Below 0: yes.

    In each cell π of the training rows (k-means; `n_cells=1`, all of space) Z_π is the Mann–Whitney statistic of the
    distances to the nearest training row in π, of the cell's samples against its test rows, corrected for ties; P(π) is
    the cell's share of test. Cells with fewer than `least_share` of the samples, or without either, are left out.
    Given train, samples and test rows are independent, so that where both have one law C_T is near normal with the
    standard error given; p is one-sided, for copying. Above 0 the samples are farther: underfitting.

    Raises ValueError for bad rows, n_cells not in 1 … n, or if no cell has both. Source: Meehan et al. 2020, sec. 3.
    """
    seen, unseen = sample_pair(train, test, ("train", "test"))
    y = as_points(samples, "samples", dimension=seen.shape[1])
    if not (isinstance(n_cells, (int, np.integer)) and 1 <= n_cells <= len(seen)):
        raise ValueError(f"n_cells is {n_cells!r}: pass a whole number from 1 to {len(seen)}, the rows of train")
    weights, scores = [], []
    for own, of_test, of_samples in _cells((seen, unseen, y), int(n_cells), random_state):
        if min(len(own), len(of_test), len(of_samples)) and len(of_samples) >= least_share * len(y):
            nearest = fitted(index, own)
            held_out, made = (nearest.search(part, 1).distances[:, 0] for part in (of_test, of_samples))
            weights.append(len(of_test) / len(unseen))
            scores.append(_rank_score(held_out, made))
    if not weights:
        raise ValueError(f"none of {n_cells} cells has both test rows and the least share of samples: pass fewer cells")
    value = float(np.dot(weights, scores)) / math.fsum(weights)
    stderr = math.sqrt(math.fsum(w * w for w in weights)) / math.fsum(weights)
    p_value = float(norm.cdf(value / stderr))
    detail = f"p = {p_value:.3g} for copying, {len(weights)} of {n_cells} cells"
    return TestedEstimate(value, stderr, None, "Mann–Whitney of nearest distances", detail=detail, p_value=p_value)


def _credit(pooled: Array, y: Array, index: NearestNeighbours | None) -> tuple[Array, bool]:
    """How many samples each pooled row is nearest to, a sample with several nearest rows shared out among them."""
    search = fitted(index, pooled)
    nearest = search.search(y, 1)
    found = in_balls(search, y, nearest.distances[:, 0])
    shares = 1 / np.bincount(found.balls, minlength=len(y))[found.balls]
    credit = np.bincount(found.points, shares, minlength=len(pooled)).astype(np.float64)
    return credit, bool(nearest.certified.all() and found.certified.all())


def _cells(parts: tuple[Array, Array, Array], n_cells: int, random_state: Any) -> list[tuple[Array, ...]]:
    if n_cells == 1:
        return [parts]
    from sklearn.cluster import KMeans

    seed = int(np.random.default_rng(random_state).integers(2**31))
    with threadpool_limits(limits=1):  # the sums of several threads come in an order of their own
        clusters = KMeans(n_cells, n_init=1, random_state=seed).fit(parts[0])
        labels: list[NDArray[np.int32]] = [clusters.predict(part) for part in parts]
    return [tuple(part[own == cell] for part, own in zip(parts, labels, strict=True)) for cell in range(n_cells)]


def _rank_score(held_out: Array, made: Array) -> float:
    """(U − ½mn)/√(mn(m + n + 1)c/12), U the pairs in which `made` is larger, ties by half; 0 where all are equal."""
    m, n = len(made), len(held_out)
    ranks = rankdata(np.concatenate([made, held_out]))
    above = float(ranks[:m].sum()) - m * (m + 1) / 2
    variance = m * n * (m + n + 1) / 12 * float(tiecorrect(ranks))
    return 0.0 if variance == 0 else (above - m * n / 2) / math.sqrt(variance)
