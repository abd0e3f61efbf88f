"""The levels that an index keeps over its points, built anew when the points have changed too much."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from knn.file_arrays import counts
from knn.multi_level import Levels, Screen
from knn.points import Points
from knn.principal_codes import canonical_sample
from knn.validation import spent


def signed(budget: int | float) -> float:
    """A checked budget as kernels take it: a number, or a fraction with a minus sign."""
    return -budget if isinstance(budget, float) else float(min(budget, 2**53))


class Hierarchy:
    """`n_levels` levels on the points alive; `screen(rows, canonical, seed, kernels)` makes what bounds distances.

    New points wait in a tail that every search looks at, until they are an eighth of all and are put into cells. All is
    built anew when the points have doubled, and when the dead are cleared away.
    """

    def __init__(self, points: Points, n_levels: int, screen: Callable[..., Screen], seed: int, kernels: ModuleType):
        self.n_levels, self.screen, self.seed = n_levels, screen, seed
        self.learn(points, kernels)

    def learn(self, points: Points, kernels: ModuleType) -> None:
        """New levels. They are drawn by the rows' bits, so that permuting the points changes nothing."""
        living = np.flatnonzero(points.alive)
        rows = points.rows if len(living) == points.size else points.rows[living]
        canonical = living[canonical_sample(rows, np.random.RandomState(self.seed), len(rows))]
        self.learnt_on = points.size
        screen = self.screen(points.rows, canonical, self.seed, kernels)
        self.levels = Levels(points, canonical, self.n_levels, screen, kernels)

    def added(self, points: Points, start: int, kernels: ModuleType) -> None:
        """The points from slot `start` on are new."""
        if points.size > 2 * self.learnt_on:
            self.learn(points, kernels)
        else:
            self.levels.extend(points, start, kernels)

    def search(self, Q, k, points, beam, budgets, n_jobs, exact, kernels):
        """What an index answers with at most `beam` heads a level, and `budgets` = (composite indices, candidates,
        visits) where a level's members are chosen by projections."""
        composites, candidates, visits = budgets
        beams, *budgets = self.budgets(beam, candidates, visits)
        wanted = beams, np.array([float(composites), *budgets])
        return self.levels.search(Q, k, points, wanted, n_jobs, bool(exact), kernels)

    def budgets(self, beam, candidates, visits):
        """(heads kept a level int64 (levels − 1,), candidates and visits as kernels take them)."""
        beams = np.array([spent(beam, int(size)) for size in np.diff(self.levels.first)[:-1]], np.int64)
        return beams, signed(candidates), signed(visits)

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs, besides `n_levels` and `screen`."""
        parts = {"levels": self.levels.state(), "screen": self.levels.screen.state()}
        arrays = {f"{part}.{name}": array for part, held in parts.items() for name, array in held.items()}
        return {**arrays, "counts": np.array([self.seed, self.learnt_on])}

    @classmethod
    def restored(cls, state, points, n_levels, screen, restore_screen) -> Hierarchy:
        """Takes what `state` gave of these points; raises ValueError unless its parts fit them and one another."""
        parts: dict[str, dict[str, np.ndarray]] = {"levels": {}, "screen": {}, "counts": {}}
        for name, array in state.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = array
        hierarchy = cls.__new__(cls)
        hierarchy.n_levels, hierarchy.screen = n_levels, screen
        hierarchy.seed, hierarchy.learnt_on = counts(state, "counts", 2)
        hierarchy.levels = Levels.restored(parts["levels"], restore_screen(parts["screen"]), points, n_levels)
        return hierarchy
