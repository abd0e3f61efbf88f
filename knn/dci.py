"""Dynamic Continuous Indexing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from knn.base import indexes
from knn.budgets import Budget
from knn.by_projections import ByProjections
from knn.device_projections import Limits
from knn.grids import products
from knn.validation import spent


@indexes.register("dci")
@dataclass(kw_only=True, eq=False, repr=False)
class DCI(ByProjections):
    """Dynamic Continuous Indexing (Li & Malik 2016, algorithms 1 and 2): all sorted lists are visited in step.

    Step i visits in every list of projections ⟨u, x⟩ the entry with the i-th least |⟨u, x − q⟩|; a point that all
    `n_simple` lists of a composite index have visited becomes a candidate. `visits` is the number of steps, a whole
    number or a fraction of the points; what ties with the last one is still taken. Ranking and proof are those of
    `ByProjections`, and `exact=True` goes on until the answer is proved.

    A query costs O(m(d + log n)) and a look at each of the `visits` entries of one list of a composite index, at which
    most points fail already. Insertion costs O(m(d + log n)) amortised, deletion O(1) and its share of clearing away.
    """

    exhaustive: ClassVar[dict[str, Any]] = {"visits": 1.0}
    usual: ClassVar[dict[str, int | float]] = {"visits": 0.3}
    wary: ClassVar[bool] = True

    visits: Budget = "auto"

    def tuning_grid(self, n, d):  # noqa: ARG002
        """(what is built, what is asked), for `knn.tuned`."""
        built = [{"n_simple": m, "n_composite": c} for m, c in ((3, 4), (5, 4), (10, 3))]
        return built, products(visits=(0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8))

    def _budgets(self, k):
        return np.array([spent(self._budget("visits"), self._points.n_alive, least=k)])

    def _limits(self, k):
        return Limits(int(self._budgets(k)[0]), 1, self._points.n_alive)

    def _completed(self, query, budgets, penalty):
        kernels, projections = self._engine, self._projections
        bounds, dead, alive = projections.bounds, self._points.dead, self._points.alive
        completed = np.empty(len(penalty), np.int64)
        found, reach = [], 0.0
        for own in self._composites():
            keys, order, near = projections.keys[own], projections.order[own], query[own]
            radii = np.empty(len(near), near.dtype)
            kernels.radii_of_visits(keys, order, bounds, dead, near, int(budgets[0]), radii)
            count = kernels.inside(keys, order, bounds, alive, near, radii, completed)
            found.append(completed[:count].copy())
            # A point that is no candidate lies beyond the radius of at least one list of every composite index.
            reach = max(reach, float(radii.min()))
        candidates = np.unique(np.concatenate(found))
        lower = np.empty(len(candidates), query.dtype)
        kernels.gaps_of(projections.keys, candidates, query, lower)
        return candidates, lower, reach
