"""A hierarchy of cells around random points, searched with a beam."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

from knn.base import indexes
from knn.budgets import Budget
from knn.grids import products
from knn.hierarchy import Hierarchy
from knn.principal_screen import PrincipalScreen
from knn.radius import BoundedRadius
from knn.validation import checked_count


@indexes.register("random-hierarchy")
@dataclass(kw_only=True, eq=False, repr=False)
class RandomHierarchy(BoundedRadius):
    """The levels of multi-level Prioritized DCI without its projections (Li & Malik 2017, section 3.3).

    Each of `n_levels` levels is a random subset of the next, the last is all points, and sizes grow by one factor; a
    point lies in the cell of a near point one level up. A search keeps on each level the `beam` nearest points, a whole
    number or a fraction of the level (the papers' field of view), and looks at their cells only. Answers are certified
    when d(q, head) − radius exceeds the k-th distance for every cell not visited, with rounding allowed for;
    `exact=True` goes on, cell by cell, until that holds. If the cells visited hold fewer than k points it goes on too.

    What is looked at is bounded from below by the bytes of principal coordinates that `PrincipalDCI` has too
    (knn/principal_screen.py). On each level the `candidates` points of least bound, a number or a fraction of those
    looked at, are measured, unless their bounds exceed the worst distance kept, which loses nothing. Memory besides the
    data: 72 bytes a point.

    New points wait in a tail that every search looks at, until they are an eighth of all and are put into cells; when
    the points have doubled, or the dead are cleared away, all is built anew. Amortised insertion costs the search for
    a cell, O(n_levels · n^(1/n_levels)) bounds, and its share of that.
    """

    exhaustive: ClassVar[dict[str, Any]] = {"beam": 1.0, "candidates": 1.0}
    usual: ClassVar[dict[str, int | float]] = {"beam": 30, "candidates": 100}
    learns: ClassVar[bool] = True

    n_levels: int = 3
    beam: Budget = "auto"
    candidates: Budget = "auto"

    def _check_parameters(self):
        super()._check_parameters()
        checked_count(self.n_levels, "n_levels")

    def tuning_grid(self, n, d):  # noqa: ARG002
        """(what is built, what is asked), for `knn.tuned`."""
        beams, candidates = (4, 8, 16, 24, 32, 48, 64, 96, 128, 200), (20, 30, 50, 100, 200, 1.0)
        return products(n_levels=(2, 3, 4)), products(beam=beams, candidates=candidates)

    def _build(self, rng):
        seed = int(rng.randint(2**31 - 1))
        self._hierarchy = Hierarchy(self._points, self.n_levels, PrincipalScreen, seed, self._engine)

    def _answer(self, Q, k, exact):
        budgets = 1, self._budget("candidates"), 1.0
        return self._hierarchy.search(
            Q, k, self._points, self._budget("beam"), budgets, self.n_jobs, exact, self._engine
        )

    def _left_within(self, q, radius):
        return self._hierarchy.levels.left_within(q, radius, self._points, self._engine)

    def _added(self, start):
        self._hierarchy.added(self._points, start, self._engine)

    def _removed(self, slots):
        """Nothing: the dead still lead to the living, and are passed over as answers."""

    def _moved(self, kept):  # noqa: ARG002
        self._hierarchy.learn(self._points, self._engine)

    def _state(self):
        return self._hierarchy.state()

    def _restore(self, state):
        width = self._points.rows.shape[1]
        restore_screen = functools.partial(PrincipalScreen.restored, d=width)
        self._hierarchy = Hierarchy.restored(state, self._points, self.n_levels, PrincipalScreen, restore_screen)
