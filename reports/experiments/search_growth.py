"""How the work of a search grows with the number of points, by intrinsic and ambient dimension."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from knn.base import NearestNeighbours
from knn.exact import BruteForce
from knn.grids import products
from knn.multi_level_dci import MultiLevelDCI
from knn.prioritized_dci import PrioritizedDCI
from knn.random_hierarchy import RandomHierarchy
from reports.curves import cost_at
from reports.experiment import Cell, Experiment, Measurement, experiments
from reports.record import Scalar, Status

#: Neighbours, and the recall at which work is compared.
K, RECALL = 10, 0.9
#: Directions of each composite index; the papers' m, on which their exponents depend.
M, COMPOSITES = 10, 2
#: (intrinsic dimensions, ambient dimensions, numbers of points), each combination a manifold and its sizes.
_GRIDS: dict[str, tuple[tuple[int, ...], dict[int, tuple[int, ...]]]] = {
    "quick": ((2, 8, 32), {100: (1000, 2000, 4000, 8000)}),
    "standard": ((2, 4, 8, 16, 32), {100: (1000, 3000, 10_000, 30_000, 100_000), 1000: (1000, 3000, 10_000, 30_000)}),
    "full": (
        (2, 4, 8, 16, 32),
        {100: (1000, 10_000, 100_000, 1_000_000), 1000: (1000, 10_000, 100_000), 3000: (1000, 10_000, 100_000)},
    ),
}
_QUERIES = {"quick": 40, "standard": 100, "full": 200}
#: Seconds after which a cell is stopped: many times what it takes, since a slow machine is no failure.
_LIMITS = {"quick": 900.0, "standard": 2 * 3600.0, "full": 12 * 3600.0}
#: Shares of the points that may become candidates, and heads kept a level, one after another.
_SHARES = tuple(float(share) for share in np.geomspace(2e-4, 1.0, 24))
_BEAMS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 200, 300, 450, 700, 1000)


@experiments.register("search-growth")
class SearchGrowth(Experiment):
    """A cell is one manifold: every method is built on growing parts of it, and asked until recall is 0.9.

    Counted are true distances a query, and for single-level Prioritized DCI the entries that its queues pop besides.
    Work at recall 0.9 is read off the curve of budgets. A line through (log n, log work) gives the exponent.
    """

    question = "How does the work at recall 0.9 grow with the number of points, in 2 to 32 intrinsic dimensions?"
    caveats = (
        "Exponents are fitted to a few sizes and stand beside the claimed ones as an illustration: a bound on the "
        "order of growth as n grows without end is neither proved nor refuted by a few finite n.",
        "The manifolds are smooth images of uniform points; real data are rougher.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:  # noqa: ARG002
        intrinsic, ambient = _GRIDS[size]
        kinds = (MultiLevelDCI, PrioritizedDCI, RandomHierarchy)
        modules = tuple(sorted(kind.__module__ for kind in kinds))
        for width, sizes in ambient.items():
            for d in intrinsic:
                params: dict[str, Scalar] = {
                    "intrinsic": d,
                    "ambient": width,
                    "most": sizes[-1],
                    "queries": _QUERIES[size],
                    "grid": size,
                }
                yield Cell(params, seed=0, modules=modules, seconds=_LIMITS[size])

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        d, width = int(cell.params["intrinsic"] or 0), int(cell.params["ambient"] or 0)
        queries = int(cell.params["queries"] or 0)
        rng = np.random.default_rng([cell.seed, d, width])
        rows = manifold(int(cell.params["most"] or 0) + queries, d, width, rng)
        asked, rows = rows[:queries], rows[queries:]
        work: dict[tuple[str, str], list[tuple[int, float]]] = {}
        for n in _GRIDS[str(cell.params["grid"])][1][width]:
            base = rows[:n]
            kth = BruteForce().fit(base).search(asked, K).distances[:, -1:]
            for name, index, budgets in _methods(cell.seed):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # budgets that find little: they are what is measured
                    index.fit(base)
                for counted, cost in _work(index, budgets, asked, kth).items():
                    yield _told(name, counted, n, cost)
                    if math.isfinite(cost):
                        work.setdefault((name, counted), []).append((n, cost))
        for (name, counted), points in work.items():
            if len(points) > 2:
                slope, error = exponent(*np.array(points, float).T)
                payload = {"search": name, "counted": counted, "claimed": claimed(name, counted, d)}
                yield Measurement("exponent", slope, "power of n", stderr=error, payload=payload)


def manifold(n: int, d: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """n points of a smooth d-dimensional surface in `width` dimensions, float32: x = sin(Az + b), z uniform in a cube.

    A has independent normal entries of variance 1/d, so that the surface bends on the scale of the cube.
    """
    frequencies = rng.standard_normal((d, width)) / math.sqrt(d)
    shifts = rng.uniform(0, 2 * math.pi, width)
    out = np.empty((n, width), np.float32)
    for start in range(0, n, 8192):
        latent = rng.uniform(-1.0, 1.0, (min(8192, n - start), d))
        out[start : start + len(latent)] = np.sin(latent @ frequencies + shifts)
    return out


def exponent(n: np.ndarray, work: np.ndarray) -> tuple[float, float]:
    """Slope of log work on log n by least squares, and its standard error from the residuals."""
    x, y = np.log(n) - np.log(n).mean(), np.log(work) - np.log(work).mean()
    slope = float((x @ y) / (x @ x))
    return slope, float(np.sqrt(((y - slope * x) ** 2).sum() / (len(x) - 2) / (x @ x)))


def claimed(name: str, counted: str, d: int) -> float | None:
    """The exponent that Li & Malik (2017, theorem 3) claim of Prioritized DCI, logarithms left out; None of the others.

    Distances: O((n/k)^(1 − m/d')) for m < d', a logarithm from m = d' on; entries popped: (n/k)^(1 − 1/d').
    """
    if name != "Prioritized DCI":
        return None
    return max(0.0, 1 - M / d) if counted == "distances" else 1 - 1 / d


def _methods(seed: int) -> list[tuple[str, NearestNeighbours, list[dict[str, Any]]]]:
    """(name, index, budgets one after another)."""
    common: dict[str, Any] = {"n_neighbors": K, "random_state": seed}
    directions: dict[str, Any] = {"n_simple": M, "n_composite": COMPOSITES}
    return [
        ("Prioritized DCI", PrioritizedDCI(**directions, **common), products(candidates=_SHARES)),
        ("multi-level Prioritized DCI", MultiLevelDCI(**directions, candidates=0.7, **common), products(beam=_BEAMS)),
        ("random hierarchy", RandomHierarchy(candidates=1.0, **common), products(beam=_BEAMS)),
    ]


def _work(index: NearestNeighbours, budgets, Q, kth) -> dict[str, float]:
    """What each count comes to at the recall, ∞ where no budget reaches it; later budgets are not tried."""
    missed, distances = [], []
    for budget in budgets:
        found = index.set_params(**budget).search(Q, K)
        distances.append(found.evaluations.mean())
        missed.append(1 - (found.distances <= kth).mean())
        if missed[-1] <= 1 - RECALL:
            break
    work = {"distances": cost_at(np.array(missed), np.array(distances), 1 - RECALL)}
    if isinstance(index, PrioritizedDCI) and index.n_levels == 1:
        # The recall lies between the last two budgets, so that no other's entries need be counted.
        last = budgets[: len(missed)][-2:]
        popped = np.array([_popped(index.set_params(**budget), Q) for budget in last])
        work["entries popped"] = cost_at(np.array(missed[-2:]), popped, 1 - RECALL)
    return work


def _popped(index: PrioritizedDCI, Q: np.ndarray) -> float:
    """Entries that the papers' queues pop a query: in each list of a composite index, those within its reach."""
    n, keys = index.n_samples_fit_, index._projections.keys[:, : index.n_samples_fit_]
    queries = index._projections.of_queries(Q, index._engine)[0]
    most = min(n, max(K, math.ceil(float(index.candidates) * n)))
    total = 0
    for query in queries:
        gaps = np.abs(keys - query[:, None]).reshape(index.n_composite, index.n_simple, n)
        reach = np.partition(gaps.max(axis=1), most - 1, axis=1)[:, most - 1]
        total += int((gaps <= reach[:, None, None]).sum())
    return total / len(queries)


def _told(name: str, counted: str, n: int, cost: float) -> Measurement:
    payload = {"search": name, "counted": counted, "n": n}
    if math.isfinite(cost):
        return Measurement("work", cost, counted, payload=payload)
    detail = f"no budget reached recall {RECALL} among {n} points"
    return Measurement("work", None, counted, status=Status.NOT_CONVERGED, detail=detail, payload=payload)
