"""Precision and recall at one radius: what of two samples lies near the other, where the scale is known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np

from estimators.arguments import real_number
from estimators.balls import fitted, not_proved, refuse_short, sample_pair
from estimators.intervals import clopper_pearson
from estimators.result import Estimate
from knn.base import NearestNeighbours


def precision_within(P: Any, Q: Any, *, radius: float, index: NearestNeighbours | str | None = None) -> Estimate:
    """The share of the samples Q (m, d) with a row of the data P (n, d) at distance ≤ `radius`.

    Unlike `precision`, whose balls grow where the data are thin, no outlier widens what counts as near: the radius is
    the reader's, such as a mode's standard deviation. Even draws of the data's own law score below 1 where fewer than
    a few of P fall in a ball of the radius: read it beside theirs. The 95 % interval is Clopper & Pearson's, exact for
    draws of Q given P, and the standard error the binomial one. `index`, an unfitted index of `knn` or its name,
    BruteForce by default; where one does not prove its answers the value is at most the true share, there is no
    interval, and `detail` says of how many rows. Raises ValueError for bad samples or a radius that is not positive.
    Source: Kynkäänniemi et al. 2019, eq. 1–2, with one radius in the place of the neighbours' own.
    """
    return _share_within(*sample_pair(P, Q), radius, index, "P", "precision")


def recall_within(P: Any, Q: Any, *, radius: float, index: NearestNeighbours | str | None = None) -> Estimate:
    """The share of the data P (n, d) with a sample of Q (m, d) at distance ≤ `radius`: the two exchanged.

    Arguments, errors and interval as `precision_within`. Raises ValueError for bad samples or a radius that is not
    positive. Source: Kynkäänniemi et al. 2019, eq. 1–2, with one radius in the place of the neighbours' own.
    """
    return _share_within(*sample_pair(P, Q)[::-1], radius, index, "Q", "recall")


def _share_within(
    centres: Any, points: Any, radius: float, index: NearestNeighbours | str | None, name: str, what: str
) -> Estimate:
    radius = real_number(radius, "radius", above=0)
    searched = fitted(index, centres)
    found = searched.search(points, 1)
    refuse_short(found, 1, searched, name)
    near = int((found.distances[:, 0] <= radius).sum())
    value, proof = near / len(points), not_proved(found.certified, "rows")
    return Estimate(
        value,
        float(np.sqrt(value * (1 - value) / len(points))),
        None if proof else clopper_pearson(near, len(points)),
        f"{what} within {radius:.3g}",
        detail=proof,
    )
