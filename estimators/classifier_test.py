"""The classifier two-sample test: whether a classifier tells held-out rows of two samples apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from estimators.arguments import random_generator
from estimators.balls import Array, fitted, not_proved, refuse_short, sample_pair
from estimators.intervals import clopper_pearson
from estimators.memorisation import TestedEstimate
from estimators.scoring import score
from knn.base import NearestNeighbours


@score("classifier", lowest=0.0, highest=1.0, least=4, of_neighbours=True)
def classifier_two_sample_test(
    P: Any, Q: Any, *, classifier: Any = None, index: NearestNeighbours | str | None = None, random_state: Any = 0
) -> TestedEstimate:
    """The share of held-out rows of P (n, d) and Q (m, d) that a classifier trained on the other half puts right.

    ½ for equal laws and sizes, near 1 for laws that it tells apart. `classifier`, a scikit-learn classifier, which is
    cloned; None takes the majority of the ⌊√N⌋ nearest of the N rows trained on, through `index` (BruteForce by
    default), a draw for P. The p-value is exact for any classifier and any sizes: given its answers, the held-out
    labels of equal laws are in any order with equal chance, so that the number right is hypergeometric (Fisher). The
    interval is Clopper & Pearson's for the accuracy of this very classifier; what another would tell it does not say.
    An index that misses neighbours is another classifier, which answers row by row from the rows trained on: level and
    interval are as exact, only the power may suffer, and `detail` says of how many rows.

    Raises ValueError for bad samples, fewer than 4 rows of either, or neighbours not found. Source: Lopez-Paz & Oquab
    2017, k = √N.
    """
    x, y = sample_pair(P, Q)
    for name, rows in (("P", x), ("Q", y)):
        if len(rows) < 4:
            raise ValueError(f"{name} has {len(rows)} rows: pass 4 or more, to train on one half and test on the other")
    rng = random_generator(random_state)
    halves = [_halves(part, rng) for part in (x, y)]
    (train, train_labels), (held_out, labels) = (
        (np.concatenate([of_x, of_y]), np.repeat([0, 1], [len(of_x), len(of_y)]))
        for of_x, of_y in zip(*halves, strict=True)
    )
    missed = ""
    if classifier is None:
        answers, missed = _majority(train, train_labels, held_out, index)
    else:
        from sklearn.base import clone

        answers = np.asarray(clone(classifier).fit(train, train_labels).predict(held_out))
    right = int((answers == labels).sum())
    n, of_q, said_q = len(labels), int(labels.sum()), int((answers == 1).sum())
    # With both margins given, the right answers are 2·(those of Q said to be of Q) + a constant.
    both = int(((answers == 1) & (labels == 1)).sum())
    p_value = min(1.0, float(hypergeom.sf(both - 1, n, of_q, said_q)))
    detail = f"p = {p_value:.3g}, exact, of {n} rows held out"
    if missed:
        detail += f"; {missed}, on which the level does not depend"
    return TestedEstimate(
        right / n, None, clopper_pearson(right, n), "accuracy on held-out rows", detail=detail, p_value=p_value
    )


def _halves(rows: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two halves at random; drawn from the rows in one order, so that theirs does not matter."""
    rows = (rows + 0.0)[np.lexsort(rows.T)]
    order = rng.permutation(len(rows))
    return rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]


def _majority(
    train: Array, labels: Any, queries: Array, index: NearestNeighbours | str | None
) -> tuple[NDArray[np.int64], str]:
    search, k = fitted(index, train), math.isqrt(len(train))
    found = search.search(queries, k)
    refuse_short(found, k, search, "the rows held out")
    votes = np.where(labels[found.indices] == 1, 1, -1)
    return (votes.sum(axis=1) > 0).astype(np.int64), not_proved(found.certified, "rows")
