"""A hierarchy of cells around points: searched level by level, and searched on until the answer is proved.

A tree is (slots, begin, end, reach, first): level l holds places first[l] to first[l + 1], place p the point slots[p].
The cell of a head p, a place on any level but the last, is begin[p] to end[p] on the next, where the head itself comes
first; reach[p] is at least the distance of every point below it. After first[-1] comes a tail of points in no cell,
which every search looks at. `margin` (2,) = (a, b): true distances are within a relative a and an absolute b of
computed ones, and reach allows for both.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.cpu_distance import definition_sum, sum_within
from knn.kernels.cpu_heap import NOTHING, ascending, offer
from knn.kernels.cpu_level_bounds import completed, lower_bounds, promising
from knn.kernels.cpu_select import kth_smallest
from knn.kernels.jit import jit


@jit
def search_levels(tree, table, points, asked, budgets, heaps, told, exact):
    """The points nearest to each query in the cells of the heads that are kept on each level.

    table as in `lower_bounds`; points = (X (n, d), alive bool (n,)); asked = (Q float64 (q, d), codes (q, w), keys
    (q, m), numbers (q, 4)); budgets = (heads kept a level int64 (levels − 1,), float64 (3,) as in `completed`,
    margin (2,)); heaps = (best, best_slots), (q, k); told = (evaluations int64 (q,), certified bool (q,)).
    """
    Q, codes, keys, numbers = asked
    scratch = _scratch(tree)
    evaluations, certified = told
    for row in range(Q.shape[0]):
        query = (Q[row], codes[row], keys[row], numbers[row])
        best = (heaps[0][row], heaps[1][row])
        done, horizon, looked = _approximate(tree, table, points, query, budgets, best, scratch)
        evaluations[row] = done
        certified[row] = horizon > best[0][0]
        short = best[0][0] == np.inf and (keys.shape[1] == 0 or looked < best[0].shape[0])
        if not certified[row] and (exact or short):
            evaluations[row] += _prove(tree, table, points, query, budgets[2], best, scratch)
            certified[row] = True
        _forget(scratch)
    ascending(heaps[0], heaps[1])


@jit
def nearest_heads(tree, table, points, asked, budgets, out):
    """out[i] = the place of the nearest head found for each query on the last of the levels that `budgets` count."""
    Q, codes, keys, numbers = asked
    scratch = _scratch(tree)
    for row in range(Q.shape[0]):
        query = (Q[row], codes[row], keys[row], numbers[row])
        best = (np.full(1, -np.inf), np.full(1, NOTHING))
        _, _, parents = _descend(tree, table, points, query, budgets, best, scratch)
        out[row] = parents[0]
        _forget(scratch)


@jit
def widen_reach(X, tree, parent, start, stop, margin):
    """Raises the reach of every head above places start to stop to what holds their points. parent int32 (p,)."""
    slots, _, _, reach, _ = tree
    for place in range(start, stop):
        row = X[slots[place]].astype(np.float64)
        head = parent[place]
        while head >= 0:
            far = math.sqrt(definition_sum(row, X[slots[head]])) * (1.0 + margin[0]) + margin[1]
            reach[head] = max(reach[head], far)
            head = parent[head]


@jit
def _scratch(tree):
    """(places looked at, their lower bounds, which of them are allowed, seen, what seen heads are at least away, marks,
    heads kept, which of them to measure).

    `marks`: which places were seen, and in its last entry how many, so that `_forget` need not look at all.
    """
    size, heads = tree[0].shape[0], tree[1].shape[0]
    seen, marks = np.zeros(size, np.bool_), np.empty(size + 1, np.int64)
    marks[size] = 0
    held = np.zeros(heads, np.bool_)
    todo = np.empty(size, np.int64)
    return np.empty(size, np.int64), np.empty(size), np.empty(size, np.bool_), seen, np.empty(heads), marks, held, todo


@jit
def _mark(scratch, place, distance):
    """Place was seen, and is at least so far away."""
    seen, least, marks = scratch[3], scratch[4], scratch[5]
    seen[place] = True
    if place < least.shape[0]:
        least[place] = distance
    marks[marks[-1]] = place
    marks[-1] += 1


@jit
def _forget(scratch):
    seen, marks = scratch[3], scratch[5]
    seen[marks[: marks[-1]]] = False
    marks[-1] = 0


@jit
def _members(tree, parents, level, scratch, count):
    """Appends to the places looked at those on `level` below the parents; the head itself is as far as it was."""
    _, begin, end, _, first = tree
    places, seen, least = scratch[0], scratch[3], scratch[4]
    if level == 0:
        for place in range(first[0], first[1]):
            places[count] = place
            count += 1
    for head in parents:
        if not seen[begin[head]]:
            _mark(scratch, begin[head], least[head])
        for place in range(begin[head], end[head]):
            places[count] = place
            count += 1
    return count


@jit
def _measured(points, tree, place, q, kept, best):
    """The distance of the point in `place`, offered to both heaps, or a bound that it is sure to exceed."""
    X, alive = points
    slot = tree[0][place]
    bound = max(kept[0][0], best[0][0])
    total = sum_within(q, X[slot], bound)
    if total == np.inf:
        return bound
    distance = math.sqrt(total)
    offer(kept[0], kept[1], distance, place)
    if alive[slot]:
        offer(best[0], best[1], distance, slot)
    return distance


@jit
def _look(tree, table, points, query, budgets, kept, best, scratch, count):
    """Bounds the first `count` places and measures those that budgets allow and bounds do not exclude.

    Those of least bound come first, enough to fill the heaps, so that the others are abandoned early. Returns how many
    were measured, and the least bound of those that budgets did not allow.
    """
    places, lower, allowed, todo = scratch[0][:count], scratch[1][:count], scratch[2][:count], scratch[7]
    seen, least = scratch[3], scratch[4]
    lower_bounds(table, query, places, lower)
    wanted = max(kept[0].shape[0], best[0].shape[0])
    if query[2].shape[0] > 0:
        completed(table[1], query[2], places, budgets[1], wanted, allowed)
    else:
        promising(lower, budgets[1], wanted, allowed)
    left, beyond = 0, np.inf
    for i in range(count):
        if not allowed[i]:
            beyond = min(beyond, lower[i])
        elif not seen[places[i]]:
            todo[left] = i
            left += 1
    if places.shape[0] > 0 and places[0] < least.shape[0]:
        for i in range(count):
            if seen[places[i]]:
                lower[i] = least[places[i]]
                offer(kept[0], kept[1], lower[i], places[i])
    first = kth_smallest(lower[todo[:left]], min(left, 2 * wanted)) if left > 0 else 0.0
    done = 0
    for sweep in range(2):
        for i in todo[:left]:
            if not seen[places[i]] and lower[i] <= (first if sweep == 0 else max(kept[0][0], best[0][0])):
                lower[i] = max(lower[i], _measured(points, tree, places[i], query[0], kept, best))
                _mark(scratch, places[i], lower[i])
                done += 1
    return done, beyond


@jit
def _descend(tree, table, points, query, budgets, best, scratch):
    """(distances measured, a distance that nothing below a head not kept is nearer than, the heads kept at last)."""
    reach, margin = tree[3], budgets[2]
    parents = np.empty(0, np.int64)
    horizon, done = np.inf, 0
    for level in range(budgets[0].shape[0]):
        count = _members(tree, parents, level, scratch, 0)
        keep = min(budgets[0][level], count)
        kept = (np.full(keep, np.inf), np.full(keep, NOTHING))
        measured, _ = _look(tree, table, points, query, budgets, kept, best, scratch, count)
        done += measured
        ascending(kept[0].reshape(1, keep), kept[1].reshape(1, keep))
        parents = kept[1][kept[1] >= 0]
        places, lower, held = scratch[0], scratch[1], scratch[6]
        held[parents] = True
        for i in range(count):  # what is no parent stays unvisited
            if not held[places[i]]:
                horizon = min(horizon, lower[i] * (1.0 - margin[0]) - reach[places[i]] - margin[1])
        held[parents] = False
    return done, horizon, parents


@jit
def _approximate(tree, table, points, query, budgets, best, scratch):
    """Descends, and looks at the cells of the heads kept and at the tail; (measured, horizon, points looked at)."""
    slots, _, _, _, first = tree
    nobody = (np.full(1, -np.inf), np.full(1, NOTHING))
    done, horizon, parents = _descend(tree, table, points, query, budgets, best, scratch)
    count = _members(tree, parents, first.shape[0] - 2, scratch, 0)
    for place in range(first[-1], slots.shape[0]):
        scratch[0][count] = place
        count += 1
    measured, beyond = _look(tree, table, points, query, budgets, nobody, best, scratch, count)
    return done + measured, min(horizon, beyond), count


@jit
def _prove(tree, table, points, query, margin, best, scratch):
    """Measures whatever its own bound and its cell's leave a chance to be within the k-th distance; how many."""
    slots, _, _, reach, first = tree
    nobody = (np.full(1, -np.inf), np.full(1, NOTHING))
    places, lower, seen, least = scratch[0], scratch[1], scratch[3], scratch[4]
    heads, done = np.empty(0, np.int64), 0
    for level in range(first.shape[0] - 2):
        count = _members(tree, heads, level, scratch, 0)
        lower_bounds(table, query, places[:count], lower)
        inside = 0
        for i in range(count):
            head = places[i]
            if not seen[head]:
                if lower[i] * (1.0 - margin[0]) - reach[head] - margin[1] > best[0][0]:
                    continue
                _mark(scratch, head, max(lower[i], _measured(points, tree, head, query[0], nobody, best)))
                done += 1
            if not least[head] * (1.0 - margin[0]) - reach[head] - margin[1] > best[0][0]:
                places[inside] = head
                inside += 1
        heads = places[:inside].copy()
    count = _members(tree, heads, first.shape[0] - 2, scratch, 0)
    for place in range(first[-1], slots.shape[0]):
        places[count] = place
        count += 1
    lower_bounds(table, query, places[:count], lower)
    left = 0
    for i in range(count):
        if not seen[places[i]] and lower[i] <= best[0][0]:
            places[left], lower[left] = places[i], lower[i]
            left += 1
    order = np.argsort(lower[:left], kind="mergesort")
    for i in order:
        if lower[i] > best[0][0]:
            break
        _measured(points, tree, places[i], query[0], nobody, best)
        done += 1
    return done
