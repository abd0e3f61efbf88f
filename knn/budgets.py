"""Budgets that an index chooses for itself, by asking some of its own points: `"auto"`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from knn.inner_product import Lift
from knn.points import Points
from knn.principal_codes import canonical_sample
from knn.validation import checked_budget

if TYPE_CHECKING:
    from knn.inner_product import Answer

#: What stands for a budget that is chosen from the data.
AUTO: Literal["auto"] = "auto"
#: A number of points, a fraction of them, or what `fit` finds out.
Budget = int | float | Literal["auto"]
#: Of fewer points all are measured: nothing is slow there, and usual budgets would find little.
LEAST = 1000
#: Points that are asked, neighbours they are asked for, at least and at most, and the share of these to be found. The
#: standard error of the share is some 0.01: a recall of 0.9 is four of them away.
ASKED, NEAREST, MOST, WANTED = 32, 10, 100, 0.95
#: Share of these that usual budgets must find, or a user is told: three standard errors below what is wanted.
FOUND = 0.9
#: Share of the points that a query may measure before a user is told that this is no saving.
DEAR = 0.5
#: From one budget tried to the next.
STEP = math.sqrt(2.0)


class Budgeted:
    """Budgets by name: given ones as they are, `"auto"` as chosen at `fit`.

    `fit` has 32 of the points look for their neighbours among the others: 32 n d multiplications for the truth, half as
    many as coding the points takes in `PrincipalDCI`, and one search in a batch. For inner products, and in an index
    that is `wary`, budgets are raised by steps of √2 until 95 % are found. Otherwise the usual ones are kept, and a
    warning tells when they find less than 90 %. What is chosen is kept until the next `fit`. While there are fewer than
    1000 points, `"auto"` is all of them.
    """

    #: What `"auto"` stands for where nothing is tried, and where trying begins.
    usual: ClassVar[dict[str, int | float]] = {}
    #: Whether budgets that do on some Euclidean data find little on others.
    wary: ClassVar[bool] = False

    metric: str
    n_neighbors: int
    _points: Points
    _lift: Lift | None
    _ranked: Callable[[np.ndarray, int, bool], Answer]
    _chosen: Mapping[str, int | float] = {}

    @property
    def budgets_(self) -> dict[str, int | float]:
        """What a search may spend: the budgets as given or chosen, whole numbers or fractions of all."""
        return {name: self._budget(name) for name in self.usual}

    def _budget(self, name: str) -> int | float:
        value = getattr(self, name)
        if not isinstance(value, str):
            return value
        n, usual = self._points.n_alive, self.usual[name]
        if n < LEAST:
            return 1.0 if isinstance(usual, float) else max(usual, n)
        return self._chosen.get(name, usual)

    def _check_budgets(self) -> None:
        for name in self.usual:
            value = getattr(self, name)
            if isinstance(value, str) and value != AUTO:
                raise ValueError(f"{name}={value!r} must be a whole number, a fraction in (0, 1], or 'auto'")
            if not isinstance(value, str):
                checked_budget(value, name)

    def _choose_budgets(self, kernels: ModuleType) -> None:
        """Sets `_chosen`; warns where usual budgets find too little, or what is chosen measures most of the points."""
        names = [name for name in self.usual if isinstance(getattr(self, name), str)]
        self._chosen = {}
        n = self._points.n_alive
        if not names or n < LEAST:
            return
        Q, own, kth, k = self._questions(kernels)
        raised = self.wary or self.metric == "inner_product"
        times = 1.0
        while True:
            self._chosen = {name: _times(self.usual[name], times) for name in names}
            distances, slots, evaluations, _ = self._ranked(Q, k + 1, False)
            share = (np.where(slots == own[:, None], np.inf, distances) <= kth[:, None]).sum() / (k * len(Q))
            if not raised or share >= WANTED or all(_enough(value, n) for value in self._chosen.values()):
                break
            times *= STEP
        name, told = type(self).__name__, ""
        if not raised and share < FOUND:
            told = (
                f"{name} with {self.budgets_} finds {share:.0%} of the {k} nearest of {len(Q)} of these points: "
                "knn.tuned(index, X) looks for parameters that find more, search(…, exact=True) proves its answers, "
                "and BruteForce measures all"
            )
        elif raised and evaluations.mean() > DEAR * n:
            told = (
                f"{name} finds {WANTED:.0%} of the neighbours in these data only with {self.budgets_}, "
                f"which measures {evaluations.mean() / n:.0%} of the points: BruteForce is quicker, and "
                "knn.tuned(index, X) looks for better parameters"
            )
        if told:
            warnings.warn(told, UserWarning, stacklevel=4)

    def _questions(self, kernels):
        """(points that ask (q, d), their slots, the distance of their k-th neighbour among the others, k)."""
        points = self._points
        k = min(max(NEAREST, self.n_neighbors), MOST, points.n_alive - 1)
        own = canonical_sample(points.rows, np.random.RandomState(0), ASKED)
        Q = points.rows[own]
        if self._lift is not None:
            Q = np.ascontiguousarray(Q[:, : self._lift.width])
        distances, slots = kernels.empty_heaps(len(Q), k + 1)
        scan = kernels.scan if self._lift is None else kernels.scan_inner
        scan(points.rows, points.alive, Q.astype(np.float64), distances, slots)
        others = np.sort(np.where(slots == own[:, None], np.inf, distances), axis=1)
        return Q, own, others[:, k - 1], k


def _times(budget: int | float, times: float) -> int | float:
    return min(1.0, budget * times) if isinstance(budget, float) else math.ceil(budget * times)


def _enough(budget: int | float, n: int) -> bool:
    return budget >= 1.0 if isinstance(budget, float) else budget >= n
