"""Who is near to whom: the nearest training row of each sample, and the data that no sample is near to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knn import BruteForce
from reports.auditing.material import Material

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Near:
    """Rows by index, with their distances in the space of the features.

    `closest`: samples by distance to `their_row` of the data, least first. `worst`: reference rows by distance to
    `their_sample`, largest first. `to_data` are the distances of the samples to their nearest training row, `usual`
    those of real rows: of test to data, or of data to the nearest other row.
    """

    closest: NDArray[np.int64]
    their_row: NDArray[np.int64]
    closest_distances: Array
    worst: NDArray[np.int64]
    their_sample: NDArray[np.int64]
    worst_distances: Array
    to_data: Array
    usual: Array
    of_test: bool


def nearest(material: Material, count: int, most: int) -> Near:
    """The `count` closest samples and worst covered real rows, of the first `most` samples and real rows."""
    samples, real = material.samples[:most], (material.data if material.test is None else material.test)[:most]
    data = BruteForce().fit(material.data)
    found = data.search(samples, 1)
    distances, rows = found.distances[:, 0], found.indices[:, 0]
    if material.test is None:
        usual = data.search(None, 1).distances[:most, 0]
    else:
        usual = data.search(real, 1).distances[:, 0]
    covered = BruteForce().fit(material.samples).search(real, 1)
    to_samples, whose = covered.distances[:, 0], covered.indices[:, 0]
    closest = np.argsort(distances, kind="stable")[:count]
    worst = np.argsort(-to_samples, kind="stable")[:count]
    return Near(
        closest, rows[closest], distances[closest], worst, whose[worst], to_samples[worst], distances, usual,
        material.test is not None,
    )  # fmt: skip
