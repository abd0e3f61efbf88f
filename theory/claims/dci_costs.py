"""What DCI's lists cost: entries within a radius of the query, keys stored, and work for an insertion."""

from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from theory.certified import ball, decide_equal, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q
from theory.sequential import decide_proportion
from theory.setting import Setting
from theory.sources import TALK

COMPLEXITY = TALK.slide("Complexity")
BITS = 128
DISTANCE = 1e-20


@claim(
    "dci-visit-exponents",
    says="For n uniform points on [−1, 1]^d′, lists along m ≤ d′ axes and the radius t = (k/n)^{1/d′}: one list holds "
    "n t = k (n/k)^{1 − 1/d′} entries within t on average, n t^m = k (n/k)^{1 − m/d′} points all m. "
    "So the query's first term falls with m; its second, m n t entries, does not",
    statement=r"E|\mathrm{candidates}| = k (n/k)^{1 - m/d'}, \quad E|\mathrm{visits}| = m k (n/k)^{1 - 1/d'}",
    source=(COMPLEXITY, TALK.slide("The Curse of Dimensionality")),
    primary="Li & Malik 2017, whose O(·) this makes exact in one case",
    method=(Certified, Statistical),
    verdict="CONDITIONAL",
    hypotheses=(
        "the points are locally uniform in d′ dimensions",
        "m ≤ d′; beyond, the k nearest points keep the candidates from falling",
        "“a linear increase of d′ is counteracted by one of m” holds for the first term alone",
    ),
    limits="Radius and axes are fixed; the search's own stopping radius and random directions are not in the formula.",
    priority="P2",
)
def visit_exponents(
    setting,
    *,
    candidates=lambda n, k, m, d: k * (n / k) ** (1 - m / d),
    visits=lambda n, k, m, d: m * k * (n / k) ** (1 - 1 / d),
):
    """n t^m and m n t with rational t against the formulas; then what `knn`'s kernels count on drawn points."""
    with precision(BITS):
        parts = []
        for d, inverse_t, k in ((2, 4, 10), (4, 3, 1), (3, 7, 5), (8, 2, 20)):
            t, n = Q(1, inverse_t), k * inverse_t**d
            for m in range(1, d + 1):
                balls = [ball(v) for v in (n, k, m, d)]
                parts.append(decide_equal(n * t**m, candidates(*balls), distance=DISTANCE, d=d, m=m))
                parts.append(decide_equal(m * n * t, visits(*balls), distance=DISTANCE, d=d, m=m))
        enclosed = all_hold(parts)
    return all_hold((enclosed, *counted(setting, candidates, visits))) if isinstance(enclosed, Holds) else enclosed


def counted(setting: Setting, candidates, visits) -> Iterator[Outcome]:
    """t = ¼: each point is a candidate with probability t^m, and an entry of the first list with probability t."""
    from knn.kernels.engine import engine
    from knn.projections import Projections

    kernels, n, t = engine("cpu"), setting.size(2**17, deep=2**20), 0.25
    cells = [(d, m) for d in (2, 4) for m in range(1, 4) if m <= d]
    alpha = setting.alpha / (2 * len(cells))
    for stream, (d, m) in enumerate(cells):
        rows = setting.rng(stream).uniform(-1, 1, (n, d))
        lists = Projections(rows, np.eye(d)[:, :m], kernels)
        query, radii, alive = np.zeros(m), np.full(m, t), np.ones(n, bool)
        out = np.empty(n, np.int64)
        inside = kernels.inside(lists.keys, lists.order, lists.bounds, alive, query, radii, out)
        one = slice(0, 1)
        entries = kernels.visits_within(
            lists.keys[one], lists.order[one], lists.bounds, np.empty(0, np.int64), query[one], t
        )
        k = n * t**d
        with precision(BITS):
            arguments = [ball(v) for v in (n, k, m, d)]
            shares = float(candidates(*arguments)) / n, float(visits(*arguments)) / (n * m)
        # Mutants of the exponent change the share by a factor of 2 or more.
        for count, share, true in ((inside, shares[0], t**m), (entries, shares[1], t)):
            yield decide_proportion(int(count), n, min(max(share, 0.0), 1.0), alpha=alpha, distance=true / 2, d=d, m=m)


visit_exponents.mutant("the exponent 1 − m/d′²", candidates=lambda n, k, m, d: k * (n / k) ** (1 - m / d**2))
visit_exponents.mutant("visits fall with m as well", visits=lambda n, k, m, d: k * (n / k) ** (1 - m / d))
visit_exponents.mutant("independent of d′", candidates=lambda n, k, m, d: k * (n / k) ** (1 - m / 2))


@visit_exponents.counterexample("clustered points: all n in one small cube are candidates, whatever m")
def clustered() -> Outcome:
    rows = np.random.Generator(np.random.Philox(1)).uniform(-1e-3, 1e-3, (1000, 4))
    inside = int((np.abs(rows[:, :3]) <= 0.25).all(axis=1).sum())
    expected = 1000 * 0.25**3
    return Refuted(candidates=inside, stated=expected) if inside == 1000 else Holds(candidates=inside)


@visit_exponents.boundary(
    "m = d′: k candidates are left, the k nearest in the largest coordinate; m > d′ cannot do better"
)
def saturated() -> Outcome:
    n, k, d = Q(10 * 4**3), Q(10), 3
    found = [n * Q(1, 4) ** m for m in (1, 2, 3)]
    return Holds(candidates=found) if found[-1] == k and len(found) == d else Refuted(candidates=found)


def instrumented() -> tuple[Any, dict[str, int]]:
    """Kernels for `knn.projections` that count multiplications and merged entries."""
    from knn.kernels.engine import engine

    real, work = engine("cpu"), {"multiplications": 0, "moves": 0}

    def project(rows, directions, out):
        work["multiplications"] += rows.shape[0] * directions.shape[0] * directions.shape[1]
        real.project(rows, directions, out)

    def merge_runs(keys, order, left, middle, stop):
        work["moves"] += (stop - left) * len(order)
        real.merge_runs(keys, order, left, middle, stop)

    return SimpleNamespace(project=project, merge_runs=merge_runs, squared_norms=real.squared_norms), work


def work_of_insertions(setting: Setting, n: int, d: int, m: int, one_run: bool) -> tuple[Any, dict[str, int]]:
    """The lists after n single insertions, and the work that they took; `one_run` keeps a single sorted array."""
    from knn.projections import Projections, random_directions

    kernels, work = instrumented()
    directions = random_directions(np.random.RandomState(setting.rng(2).integers(2**31)), d, m)
    rows = setting.rng(3).standard_normal((n, d))
    lists = Projections(rows[:0], directions, kernels)
    for row in rows:
        lists.extend(row[None], kernels)
        if one_run and len(lists.bounds) > 2:
            left, middle, stop = lists.bounds[-3:].tolist()
            kernels.merge_runs(lists.keys, lists.order, left, middle, stop)
            del lists._ends[-2]
    return lists, work


@claim(
    "dci-space-and-updates",
    says="An index holds n keys for each of its m directions, whatever the dimension; n = 2^j insertions one by one "
    "cost d multiplications each and direction, and j 2^j merged entries in all for a direction, so log₂ n for each",
    statement=r"\mathrm{keys} = m n, \quad \mathrm{merged\ entries} = m\, n \log_2 n, \quad "
    r"\mathrm{multiplications} = m d n",
    source=(COMPLEXITY, TALK.slide("The Curse of Dimensionality")),
    primary="Li & Malik 2016 and 2017; the logarithmic method of Bentley & Saxe 1980 for the lists (recalled)",
    method=Exact,
    verdict="CONDITIONAL",
    hypotheses=(
        "“space independent of dimension” counts the keys; exact answers need the n d data and m d directions too",
    ),
    limits="Costs of `knn`'s own lists, counted; amortised over insertions. A deletion is not counted.",
    priority="P2",
)
def space_and_updates(
    setting,
    *,
    moves=lambda j: j * 2**j,
    keys=lambda n, d: n,
    multiplications=lambda d, n: d,
    one_run=False,
):
    """The lists of `knn`, built by single insertions with kernels that count their work, for n up to 2^9."""
    previous = 0
    for j in range(setting.size(9, deep=14)):
        n = 2**j
        for d, m in ((1, 2), (5, 3), (16, 2)):
            lists, work = work_of_insertions(setting, n, d, m, one_run)
            found = work["moves"], lists.state()["keys"].size, work["multiplications"]
            stated = m * moves(j), m * keys(n, d), n * m * multiplications(d, n)
            if found != stated:
                return Refuted(n=n, d=d, m=m, moves_keys_multiplications=found, stated=stated)
            if (np.diff(np.take_along_axis(lists.keys[:, :n], lists.order[:, :n].astype(int), axis=1)) < 0).any():
                return Refuted(n=n, d=d, m=m, reason="a list is not sorted")
        if j and moves(j) > 2 * moves(j - 1) + 2**j:
            return Refuted(n=n, reason="twice the points cost more than twice the work and one merge", before=previous)
        previous = moves(j)
    return Holds(largest_n=n, moves_for_one_direction=previous)


space_and_updates.mutant("one sorted array, which moves O(n) entries an insertion", one_run=True)
space_and_updates.mutant("the space is m n/2", keys=lambda n, d: n // 2)
space_and_updates.mutant("the index's space grows with d", keys=lambda n, d: n * d)


@space_and_updates.counterexample(
    "with the data, which exact answers need, the space is n(m + d) + m d: it grows with d"
)
def with_data() -> Outcome:
    from knn import DCI

    sizes = []
    for d in (2, 20):
        index = DCI(n_simple=3, n_composite=1, random_state=0).fit(np.eye(40, d) + np.arange(40)[:, None])
        sizes.append(40 * 3 + index.directions_.size + index._points.rows.size)
    return Refuted(numbers_stored=sizes) if sizes == [120 + 6 + 80, 120 + 60 + 800] else Holds(numbers_stored=sizes)


@space_and_updates.boundary("d = 1: all directions are ±1, every list is the sorted line or its reverse")
def on_a_line(setting: Setting) -> Outcome:
    lists, _ = work_of_insertions(setting, 32, 1, 4, one_run=False)
    orders = [tuple(order[:32].tolist()) for order in lists.order]
    same = all(order in (orders[0], orders[0][::-1]) for order in orders) and all(len(set(o)) == 32 for o in orders)
    growing = all(a <= b for a, b in pairwise(lists.keys[0][list(orders[0])].tolist()))
    return Holds(lists=4) if same and growing else Refuted(orders=orders)
