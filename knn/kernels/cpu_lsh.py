"""Hashing: the points that share a bucket with a query, table by table, until there are enough."""

from __future__ import annotations

from knn.kernels.cpu_distance import rank
from knn.kernels.jit import jit


@jit
def first_of(keys, order, start, stop, key):
    """The first place from `start` to `stop` of a sorted run whose key is at least `key`; `stop` if none is."""
    while start < stop:
        middle = (start + stop) // 2
        if keys[order[middle]] < key:
            start = middle + 1
        else:
            stop = middle
    return start


@jit
def collide(keys, order, bounds, alive, hashes, budget, seen, out):
    """Writes to `out` the living slots that share a bucket with the query, each once; returns how many.

    keys uint64 (m, ≥ n) and order (m, ≥ n) are the tables, bounds (r + 1,) the runs' ends, hashes uint64 (m,) the
    query's buckets. Whole tables are looked into, one after the other, until `budget` points are found. `seen` bool
    (n,), all False, comes back True for those found.
    """
    count = 0
    for table in range(hashes.shape[0]):
        if count >= budget:
            break
        for run in range(bounds.shape[0] - 1):
            place = first_of(keys[table], order[table], bounds[run], bounds[run + 1], hashes[table])
            while place < bounds[run + 1] and keys[table, order[table, place]] == hashes[table]:
                slot = order[table, place]
                if alive[slot] and not seen[slot]:
                    seen[slot] = True
                    out[count] = slot
                    count += 1
                place += 1
    return count


@jit
def search_tables(tables, alive, hashes, budget, X, Q, best, best_slots, evaluations, exact, seen, out):
    """Ranks by the definition what collides with each query; if `exact`, all other living points after them.

    tables = (keys, order, bounds); hashes uint64 (q, m), X (n, d), Q float64 (q, d), heaps (q, k), evaluations (q,);
    seen bool (n,) all False, and comes back so; out int64 (n,) is scratch.
    """
    keys, order, bounds = tables
    for row in range(Q.shape[0]):
        count = collide(keys, order, bounds, alive, hashes[row], budget, seen, out)
        found = count
        if exact:
            for slot in range(X.shape[0]):
                if alive[slot] and not seen[slot]:
                    out[count] = slot
                    count += 1
        rank(X, out[:count], Q[row], best[row], best_slots[row])
        evaluations[row] = count
        seen[out[:found]] = False
