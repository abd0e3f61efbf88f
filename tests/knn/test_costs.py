"""What insertions and deletions cost in operations, counted, not timed: O(m(d + log n)) and O(m log n) amortised."""

import numpy as np
import pytest

from knn import DCI, LSH, PrioritizedDCI
from knn.kernels import cpu
from knn.points import Points, grown
from knn.runs import SortedRuns

#: Indexes by sorted lists, with the number m of their lists' projections.
KINDS = {
    "dci": (DCI, {"n_simple": 4, "n_composite": 2}, 8),
    "prioritized-dci": (PrioritizedDCI, {"n_simple": 4, "n_composite": 2}, 8),
    "lsh": (LSH, {"n_tables": 4, "n_projections": 2, "width": 1.0}, 8),
}
D = 24
#: Operations over m(d + log₂ n), or m log₂ n, at most. An insertion multiplies m·d times, is moved once by each of the
#: log₂ n merges at most (a run doubles by each), and its share of growing arrays is two copies of it.
INSERTION, DELETION = 3.0, 12.0
#: Of rows moved when the dead are cleared away, a deletion's share: three stay for each that goes, at most.
ROWS_MOVED = 4.0


@pytest.fixture
def counted(monkeypatch):
    """Operations so far by kind: products, and entries that are compared or moved."""
    counts = dict.fromkeys(("products", "entries", "rows"), 0)

    def wrapped(owner, name, cost):
        original = getattr(owner, name)

        def counting(*args, **kwargs):
            kind, amount = cost(*args, **kwargs)
            counts[kind] += amount
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)

    def sorting(n):
        return n * int(np.ceil(np.log2(n + 1)))

    def growing(array, size, wanted, axis=0):
        if array.shape[axis] < wanted:
            counts["entries"] += array.size // max(1, array.shape[axis]) * size
        return grown(array, size, wanted, axis)

    wrapped(cpu, "project", lambda X, directions, _: ("products", X.shape[0] * directions.size))
    wrapped(cpu, "merge_runs", lambda _, order, left, __, stop: ("entries", len(order) * (stop - left)))
    wrapped(SortedRuns, "take_in", lambda runs, count, _: ("entries", len(runs.keys) * sorting(count)))
    wrapped(SortedRuns, "keep", lambda runs, kept: ("entries", len(runs.keys) * sorting(len(kept))))
    wrapped(Points, "compact", lambda points: ("rows", points.n_alive))
    for module in ("knn.points", "knn.runs"):
        monkeypatch.setattr(f"{module}.grown", growing)
    return counts


def built(name, n):
    kind, parameters, m = KINDS[name]
    rows = np.random.default_rng(0).standard_normal((n, D))
    return kind(random_state=0, **parameters).fit(rows[:1]), rows, m


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n", [128, 1024])
def test_an_insertion_costs_m_times_d_plus_log_n(counted, name, n):
    index, rows, m = built(name, n)
    for row in rows[1:]:
        index.insert(row[None])
    spent = (counted["products"] + counted["entries"]) / n
    assert spent <= INSERTION * m * (D + np.log2(n))
    assert counted["products"] >= (n - 1) * m * D  # what the counters see is really done


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n", [128, 1024])
def test_a_deletion_costs_m_log_n(counted, name, n):
    """Until one point in eight is left; clearing the rows themselves away is a few moves of one row a deletion."""
    index, rows, m = built(name, n)
    index.insert(rows[1:])
    counted.update(dict.fromkeys(counted, 0))
    gone = np.random.default_rng(1).permutation(n)[: n - n // 8]
    for point in gone:
        index.delete([point])
    assert counted["rows"] > 0
    assert counted["products"] == 0
    assert counted["entries"] / len(gone) <= DELETION * m * np.log2(n)
    assert counted["rows"] / len(gone) <= ROWS_MOVED


def test_one_sorted_array_would_not_pass(counted, monkeypatch):
    """The mutant: every new key is merged into one array at once, which moves O(n) entries an insertion."""

    def into_one(runs, count, kernels, take_in=SortedRuns.take_in):
        take_in(runs, count, kernels)
        while len(runs._ends) > 2:
            kernels.merge_runs(runs.keys, runs.order, *runs._ends[-3:])
            del runs._ends[-2]

    monkeypatch.setattr(SortedRuns, "take_in", into_one)
    n = 1024
    index, rows, m = built("dci", n)
    for row in rows[1:]:
        index.insert(row[None])
    assert (counted["products"] + counted["entries"]) / n > INSERTION * m * (D + np.log2(n))
