"""Prioritized DCI: in which order points become candidates, and when the search may stop with the exact answer."""

import operator
from collections.abc import Iterator
from heapq import heapify, heappop, heapreplace
from typing import Any

import numpy as np

from theory.claim import Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.setting import Setting
from theory.sources import TALK


def squared_gaps(rows: np.ndarray, query: np.ndarray, directions: np.ndarray) -> list[list]:
    """[direction][point]: ⟨p − q, u⟩²/‖u‖², rational: the bound needs unit directions, and these are integer ones."""
    products = (rows - query) @ directions.T
    squares = (directions**2).sum(axis=1)
    return [[Q(int(v) ** 2, int(s)) for v in column] for column, s in zip(products.T, squares, strict=True)]


def popped(gaps: list[list], priority) -> Iterator[tuple[int, Any]]:
    """(point, gap) as the frontier yields them: one list for each direction, each sorted, the least priority next."""
    lists = [sorted(range(len(column)), key=column.__getitem__) for column in gaps]
    frontier = [(priority(gaps[j][order[0]], 0), j, 0) for j, order in enumerate(lists)]
    heapify(frontier)
    while frontier:
        _, j, place = frontier[0]
        point = lists[j][place]
        yield point, gaps[j][point]
        if place + 1 < len(lists[j]):
            heapreplace(frontier, (priority(gaps[j][lists[j][place + 1]], place + 1), j, place + 1))
        else:
            heappop(frontier)


def completed(gaps: list[list], priority) -> Iterator[tuple[int, Any]]:
    """(point, gap popped last) at each moment when all lists have visited the point."""
    visits = [0] * len(gaps[0])
    for point, gap in popped(gaps, priority):
        visits[point] += 1
        if visits[point] == len(gaps):
            yield point, gap


def search(gaps: list[list], distances: list[int], k: int, priority, stop) -> tuple[list, int]:
    """The k least squared distances among the candidates at the stop, and how many candidates there were."""
    found: list[int] = []
    for point, gap in completed(gaps, priority):
        if len(found) >= k and stop(gap, sorted(found)[k - 1]):
            break
        found.append(distances[point])
    return sorted(found)[:k], len(found)


@claim(
    "prioritised-order-and-stopping",
    says="Popping the smallest projected distance of all lists makes points candidates by max_j |⟨p − q, u_j⟩|; "
    "so stopping once the popped distance reaches the k-th best true distance gives the exact answer",
    statement=r"p\ \mathrm{before}\ p' \Leftrightarrow \max_j |\langle p - q, u_j\rangle| < "
    r"\max_j |\langle p' - q, u_j\rangle|; \quad \mathrm{stop\ when\ popped} \geq d_{(k)}",
    source=(TALK.slide("Prioritized DCI"), TALK.slide("Intuition")),
    primary="Li & Malik 2017, algorithm 2; the stopping rule is not printed",
    method=Exact,
    resolution_of="completes_at",
    limits="Ties may come in any order. How early the rule stops depends on the data and is not claimed.",
)
def order_and_stopping(
    setting,
    *,
    completes_at=max,
    priority=lambda gap, place: gap,
    stop=operator.ge,
    index=None,
):
    """Integer points and directions, so that all comparisons are exact; then `knn`'s index, certified or made to be."""
    rng = setting.rng()
    rows = rng.integers(-20, 21, (setting.size(200, deep=800), 4))
    directions = rng.integers(-5, 6, (5, 4))
    measured = []
    for _ in range(setting.size(8, deep=40)):
        query = rng.integers(-20, 21, 4)
        gaps = squared_gaps(rows, query, directions)
        stated = [completes_at(column[i] for column in gaps) for i in range(len(rows))]
        order = list(completed(gaps, priority))
        if [stated[i] for i, _ in order] != sorted(stated) or any(stated[i] != gap for i, gap in order):
            return Refuted(query=query, first=order[:5])
        distances = [int(v) for v in ((rows - query) ** 2).sum(axis=1)]
        for k in (1, 5):
            found, count = search(gaps, distances, k, priority, stop)
            measured.append(count)
            if found != sorted(distances)[:k]:
                return Refuted(query=query, k=k, found=found, nearest=sorted(distances)[:k], candidates=count)
    return all_hold([of_the_project(setting, index)], candidates_most=max(measured), points=len(rows))


def of_the_project(setting: Setting, index) -> Outcome:
    """`knn.PrioritizedDCI`: what it certifies is exact, `exact=True` is certified, and its queue and its scan agree."""
    from knn import BruteForce, PrioritizedDCI

    kind = index() if index else PrioritizedDCI
    rng = setting.rng(1)
    X = rng.standard_normal((setting.size(400, deep=4000), 6))
    Q_ = rng.standard_normal((30, 6))
    truth = BruteForce().fit(X).search(Q_, 5)
    certified = 0
    for budget in (10, 40, 120):
        answers = []
        for traversal in ("queue", "scan"):
            made = kind(n_simple=6, n_composite=1, candidates=budget, traversal=traversal, random_state=0).fit(X)
            answers.append(made.search(Q_, 5))
            exact = made.search(Q_, 5, exact=True)
            if not (exact.certified.all() and (exact.indices == truth.indices).all()):
                return Refuted(traversal=traversal, reason="exact=True did not give the nearest points")
            sure = answers[-1].certified
            certified += int(sure.sum())
            if (answers[-1].indices[sure] != truth.indices[sure]).any():
                return Refuted(traversal=traversal, candidates=budget, reason="a certified answer is not exact")
        if (answers[0].indices != answers[1].indices).any():
            return Refuted(candidates=budget, reason="queue and scan differ")
    return Holds(certified=certified)


def certifying_at_half_the_bound():
    from knn import PrioritizedDCI

    class HalfTheBound(PrioritizedDCI):
        """Certifies as though all that is left lay twice as far as the projections say."""

        def _completed(self, query, budgets, penalty):
            candidates, lower, reach = super()._completed(query, budgets, penalty)
            return candidates, lower, 2 * reach

    return HalfTheBound


order_and_stopping.mutant("the lists take turns", priority=lambda gap, place: place)
order_and_stopping.mutant("points complete in the order of the least projection", completes_at=min)
order_and_stopping.mutant(
    "stopping at half of the k-th distance", stop=lambda popped_squared, kth_squared: 4 * popped_squared >= kth_squared
)
order_and_stopping.mutant("the project's index certifies at half of the bound", index=certifying_at_half_the_bound)


@order_and_stopping.boundary("equal points and k equal to their number: every point is returned")
def equal_points() -> Outcome:
    rows, query = np.array([[1, 0], [1, 0], [3, 4]]), np.array([0, 0])
    gaps = squared_gaps(rows, query, np.array([[1, 0], [3, 4]]))
    found, count = search(gaps, [1, 1, 25], 3, lambda gap, place: gap, operator.ge)
    return Holds(candidates=count) if found == [1, 1, 25] else Refuted(found=found)
