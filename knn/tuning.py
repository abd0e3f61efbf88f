"""Parameters for a wanted recall, found by trial on held-out queries."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from knn.base import NearestNeighbours
from knn.choice import unfitted
from knn.exact import BruteForce
from knn.validation import checked_count, checked_random_state, checked_rows

#: Rows held out as queries, at most, and at most this share of all.
HELD_OUT, SHARE = 200, 0.2
#: Shares of every budget that are tried of an index that declares no grid.
BUDGETS = (0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.45, 0.65)
#: 97.5 % point of the normal law: intervals hold with 95 % confidence.
Z = 1.959964
#: A setting is timed so often, and the shortest time counts: what slows a machine never speeds it up.
TIMED = 2


class Trial(NamedTuple):
    """One setting that was tried, on the queries by which settings are chosen.

    parameters    what was set
    recall        mean share of the k neighbours that were found
    seconds       seconds a query, in one batch
    evaluations   true distances a query
    build         seconds to build
    frontier      whether no other setting has at least its recall at less of each cost
    """

    parameters: dict[str, Any]
    recall: float
    seconds: float
    evaluations: float
    build: float
    frontier: bool


@dataclass(frozen=True)
class Tuned:
    """The index that was chosen, and how that came about; printing it says so in three lines.

    index        fitted on all rows
    parameters   what the chosen setting differs in from the index that was given
    recall       recall on queries by which nothing was chosen
    interval     its interval of 95 % (Wilson's)
    wanted       the recall wanted
    k            of how many neighbours
    n_queries    on how many queries it was measured
    by           what was minimised, "seconds" or "evaluations"
    tried        every setting, in the order of trial: `pandas.DataFrame(tuned.tried)`
    """

    index: NearestNeighbours
    parameters: dict[str, Any]
    recall: float
    interval: tuple[float, float]
    wanted: float
    k: int
    n_queries: int
    by: str
    tried: tuple[Trial, ...]

    @property
    def chosen(self) -> Trial:
        """The trial that was chosen."""
        return next(trial for trial in self.tried if trial.parameters == self.parameters)

    def __repr__(self) -> str:
        low, high = self.interval
        settings = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        best = self.chosen
        return (
            f"{type(self.index).__name__}({settings})\n"
            f"  recall@{self.k} {self.recall:.4f} [{low:.4f}, {high:.4f}] on {self.n_queries} queries held out; "
            f"{self.wanted:g} was wanted\n"
            f"  {1e3 * best.seconds:.3g} ms and {best.evaluations:.0f} distances a query: the least {self.by} of "
            f"{len(self.tried)} settings tried, {sum(trial.frontier for trial in self.tried)} of them on the frontier"
        )


class RecallNotReached(RuntimeError):
    """No setting tried has the recall wanted. `tried` holds the trials, `best` the one of greatest recall."""

    def __init__(self, message: str, tried: tuple[Trial, ...], best: Trial):
        super().__init__(message)
        self.tried, self.best = tried, best


def tuned(
    index: str | type[NearestNeighbours] | NearestNeighbours,
    X: Any,
    *,
    recall: float = 0.95,
    k: int = 10,
    queries: Any = None,
    by: str = "seconds",
    random_state: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tuned:
    """The cheapest setting of an index with at least a wanted recall, fitted on X (n, d).

        minimise cost(θ) subject to recall(θ) ≥ recall,   recall = mean share of the k neighbours within the true k-th

    `index`: a registered name, a class, or an instance whose other parameters are kept. The settings are those of its
    `tuning_grid(n, d)`: (what is built, what is asked), two lists of parameters of which all pairs are tried; without
    one, shares of its budgets. `queries` (q, d), q ≥ 20, are what will be asked; without them up to 200 rows are held
    out, and put back in the end. Half of them choose, the other half measure what was chosen, so that its recall is not
    flattered by the choice. `by`: "seconds", or "evaluations", which gives the same choice on every machine.
    `progress(done, of)` is called after each index is built and asked.

    Raises RecallNotReached, with all trials, if no setting has the recall, or if the one chosen is refuted by the other
    half: nothing that falls short is returned. KeyError, TypeError and ValueError for bad arguments.
    """
    template = unfitted(index).set_params(n_neighbors=checked_count(k, "k"))
    if not 0.0 < recall <= 1.0:
        raise ValueError(f"recall={recall!r} must be in (0, 1]: the share of the neighbours that is to be found")
    if by not in ("seconds", "evaluations"):
        raise ValueError(f"by={by!r} is not known: use 'seconds' or 'evaluations'")
    rng = checked_random_state(random_state)
    rows = checked_rows(X, "X")
    base, asked = _split(rows, queries, rng)
    checked_count(k, "k", most=len(base), of="rows to choose from")
    choosing, scoring = np.ascontiguousarray(asked[::2]), np.ascontiguousarray(asked[1::2])
    truth = BruteForce(metric=template.metric, n_jobs=template.n_jobs).fit(base)
    kth, kth_scoring = (truth.search(part, k).distances[:, -1:] for part in (choosing, scoring))
    built, changed = _grid(template, *base.shape)
    if template.random_state is None:
        template.set_params(random_state=int(rng.randint(2**31 - 1)))

    trials: list[Trial] = []
    for done, parameters in enumerate(built):
        trials += _trials(clone(template).set_params(**parameters), parameters, changed, base, choosing, kth)
        if progress is not None:
            progress(done + 1, len(built))
    tried = _with_frontier(trials)
    best = max(tried, key=lambda trial: trial.recall)
    enough = [trial for trial in tried if trial.recall >= recall]
    if not enough:
        raise RecallNotReached(
            f"{type(template).__name__} reached recall {best.recall:.4f} of the {recall:g} wanted, with "
            f"{best.parameters}, the best of {len(tried)} settings: want less, or use BruteForce",
            tried,
            best,
        )
    chosen = min(enough, key=lambda trial: getattr(trial, by))
    final = clone(template).set_params(**chosen.parameters).fit(base)
    shares = _shares(final.search(scoring, k).distances, kth_scoring)
    interval = wilson(float(shares.mean()), len(shares))
    if interval[1] < recall:
        raise RecallNotReached(
            f"{chosen.parameters} had recall {chosen.recall:.4f} on the queries that chose it, but "
            f"{shares.mean():.4f} on others, below the {recall:g} wanted: give more queries, or want less",
            tried,
            chosen,
        )
    if len(base) < len(rows):
        final = clone(template).set_params(**chosen.parameters).fit(rows)
    return Tuned(
        final, chosen.parameters, float(shares.mean()), interval, float(recall), k, len(scoring), by, tuple(tried)
    )


def wilson(mean: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for the mean of n independent variables in [0, 1].

    (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n): for coins; a variable in [0, 1] of mean p varies no more than a
    coin does, so it is wide enough. Never a point: n recalls of 1 leave [n/(n + z²), 1].
    """
    middle, spread = mean + Z * Z / (2 * n), Z * math.sqrt(mean * (1 - mean) / n + Z * Z / (4 * n * n))
    # At its ends the interval is closed exactly, which rounding would miss by an ulp.
    low = 0.0 if mean == 0 else (middle - spread) / (1 + Z * Z / n)
    high = 1.0 if mean == 1 else (middle + spread) / (1 + Z * Z / n)
    return low, high


def _split(rows, queries, rng):
    """(rows to search, queries)."""
    if queries is None:
        held = min(HELD_OUT, int(SHARE * len(rows)))
        if held < 20:
            raise ValueError(f"X has {len(rows)} rows, too few to hold 20 out as queries: give queries")
        chosen = rng.permutation(len(rows))
        return np.ascontiguousarray(rows[np.sort(chosen[held:])]), rows[chosen[:held]]
    asked = checked_rows(queries, "queries", width=rows.shape[1])
    if len(asked) < 20:
        raise ValueError(f"queries has {len(asked)} rows: give at least 20, or none")
    return rows, asked[rng.permutation(len(asked))]


def _grid(template, n, d) -> tuple[list[dict], list[dict]]:
    """(what is built, what is asked), by the index's own word or by its budgets."""
    declared = getattr(template, "tuning_grid", None)
    if declared is not None:
        return declared(n, d)
    names = list(template.exhaustive)
    return [{}], [dict.fromkeys(names, share) for share in BUDGETS] if names else [{}]


def _trials(index, built, changed, base, queries, kth) -> Iterator[Trial]:
    index.set_params(**changed[0])  # so that none is chosen from the data
    began = time.perf_counter()
    index.fit(base)
    build = time.perf_counter() - began
    k = index.n_neighbors
    for asked in changed:
        index.set_params(**asked)
        index.search(queries[:1], k)  # compiles what is timed
        seconds = math.inf
        for _ in range(TIMED):
            began = time.perf_counter()
            found = index.search(queries, k)
            seconds = min(seconds, time.perf_counter() - began)
        share, cost = float(_shares(found.distances, kth).mean()), float(found.evaluations.mean())
        yield Trial({**built, **asked}, share, seconds / len(queries), cost, build, False)


def _shares(distances: np.ndarray, kth: np.ndarray) -> np.ndarray:
    """For each query the share of the distances (q, k) that are within the true k-th (q, 1)."""
    return (distances <= kth).mean(axis=1)


def _with_frontier(trials: list[Trial]) -> tuple[Trial, ...]:
    def beaten(trial: Trial) -> bool:
        return any(
            other.recall >= trial.recall and other.seconds < trial.seconds and other.evaluations <= trial.evaluations
            for other in trials
        )

    return tuple(trial._replace(frontier=not beaten(trial)) for trial in trials)
