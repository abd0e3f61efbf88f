"""A hierarchy of cells on a device: a block has a query, goes down level by level, and ranks what it may look at.

The tree is that of knn/kernels/cpu_levels.py, and what budgets let in is what they let in there: the members of a
level's cells are chosen by their largest gap in each composite index, ties included, and the nearest of them are the
heads of the next level. All heads chosen are measured, where the CPU abandons what is too far to be kept: so answers
are the CPU's, and proofs, by distances where it has lower bounds, may be more.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_definition import times, together
from knn.kernels.cuda_digits import digits
from knn.kernels.cuda_keeping import keeping
from knn.kernels.cuda_select import bits_of, selecting
from knn.kernels.cuda_tiles import device

#: ∞ as a whole number, which no finite gap is above.
INFINITE = int(np.float64(np.inf).view(np.int64))
#: What is known of a query between kernels: heads kept, where the list of a level starts and where it ends, and how
#: many members the last level has.
KEPT, START, STOP, LOOKED = range(KNOWN := 4)


class Levelled(NamedTuple):
    """Kernels of `threads` a block: `look` and `keep` on each level by turns, then `rank`, a block a query. Where cells
    held fewer points than are asked for all are measured, by `settle` of knn/kernels/cuda_rank.py, and `tell` tells it.

    They take tuples:

        tree     slots int32 (p,), begin and end int64 (h,), reach float64 (h,), first int64 (levels + 1,)
        table    keys (C, s, p), near (C, q, s), margins float64 (q, 2)
        budgets  heads kept int64 (levels − 1,), candidates and visits float64, signed as in `completed`
        members  places int32 (q, c), gaps float64 (C, q, c) and the same memory as int64, reaches int64 (C, q)
        listed   far float64 (q, r), names int32 (q, r): of a head its distance, of a point a lower bound; places
        heads    distances float64 (q, b), places int64 (q, b)
        state    known int64 (q, KNOWN), horizon float64 (q,): nothing that was left out is nearer

    and the margin (a, b) of knn/kernels/cpu_levels.py. c is the most members that a level's cells may have, r those of
    all levels, b the most heads kept.
    """

    threads: int
    #: look(tree, level, k, table, budgets, margin, members, listed, heads, state): lists what a level lets in.
    look: Any
    #: keep(X, Q, tree, level, budgets, margin, listed, heads, state): measures the listed, keeps the nearest of
    #: them and of the heads that led here.
    keep: Any
    #: rank(X, alive, Q, slots, listed, scratch, state, flags, distances, indices, evaluations, certified): the nearest
    #: of the living that are listed. scratch = held float64 and names int32 (q, ·), with room for k + threads·(1 +
    #: ahead). Fills flags int32 (q,), 1 where cells held fewer than k; distances float64 (q, k), ∞ for nothing, indices
    #: int64 (q, k), −1 for nothing, evaluations int64 (q,), the heads measured and the last level's candidates that no
    #: bound excludes in the end, and certified bool (q,).
    rank: Any
    #: tell(flags, living, distances, evaluations, certified): the last two for what was settled; a thread a query.
    tell: Any


@functools.cache
def levelled(threads: int = 128, ahead: int = 4, digit: int = 8) -> Levelled:
    """The kernels, of any type of data; threads of `rank` look at `ahead` candidates each before all wait."""
    chunk, room = threads * ahead, threads * (1 + ahead)
    (sharing, to_point), (chosen_room, nearest) = together(threads), selecting(threads)
    keeping_room, clear, keep_nearest, measure = keeping(threads)

    @device
    def gap_at(gaps, at):
        return gaps[at]

    @device
    def entry_at(source, at):
        """The gap of one entry of the lists of a composite index, as a whole number."""
        keys, near, places = source
        s = keys.shape[0]
        place = places[at // s]
        return bits_of(abs(np.float64(keys[at % s, max(place, -1 - place)]) - np.float64(near[at % s])))

    room_of_ranks, gap_of_rank = digits(gap_at, 64, threads, digit)
    entry_of_rank = digits(entry_at, 64, threads, digit).of_rank

    @device
    def spent(budget, of, least):
        """What a signed budget comes to when there are `of`: a number, or a share and then at least `least`."""
        wanted = types.int64(budget) if budget > 0.0 else max(least, types.int64(math.ceil(-budget * of)))
        return min(of, wanted)

    @device
    def lower(widest, margin):
        """No point of such a gap is computed to be nearer; in the operations of knn/kernels/cpu_level_bounds.py."""
        return times(widest, 1.0 - margin[0]) - margin[1]

    @device
    def below(distance, reach, margin):
        """What nothing below a head is nearer than that is at least so far away itself."""
        return times(distance, 1.0 - margin[0]) - reach - margin[1]

    @device
    def members_of(tree, level, heads, places):
        """The places on `level` in the cells of the heads, and on the last the tail; how many.

        The first of a cell is its head, which is measured already: −1 − place.
        """
        slots, begin, end, _, first = tree
        me, count = cuda.threadIdx.x, types.int64(0)
        if level == 0:
            count = first[1]
            for place in range(me, count, threads):
                places[place] = place
        for at in range(heads.shape[0]):
            head = heads[at]
            if head >= 0:
                start = begin[head]
                for place in range(start + me, end[head], threads):
                    places[count + place - start] = place if place > start else -1 - place
                count += end[head] - start
        if level == first.shape[0] - 2:
            tail = first[level + 1]
            for place in range(tail + me, slots.shape[0], threads):
                places[count + place - tail] = place
            count += slots.shape[0] - tail
        cuda.syncthreads()
        return count

    @device
    def reach_out(table, budgets, least, members, count, scratch):
        """The gaps of the members, each for the thread that asked for it, and how far each composite index reaches
        before one of its budgets is spent, for all threads after the next barrier.
        """
        keys, near, _ = table
        places, gaps, bits, reaches = members
        row, me, s = cuda.blockIdx.x, cuda.threadIdx.x, keys.shape[1]
        for at in range(me, count, threads):
            place = places[row, at]
            place = max(place, -1 - place)
            for c in range(keys.shape[0]):
                worst = 0.0
                for j in range(s):
                    gap = abs(np.float64(keys[c, j, place]) - np.float64(near[c, row, j]))
                    worst = gap if gap > worst else worst
                gaps[c, row, at] = worst
        candidates, visits = spent(budgets[1], count, least), spent(budgets[2], count * s, least * s)
        for c in range(keys.shape[0]):
            reach = types.int64(INFINITE)
            if candidates < count:
                reach = gap_of_rank(bits[c, row], count, candidates, scratch)
            if visits < count * s:
                reach = min(reach, entry_of_rank((keys[c], near[c, row], places[row]), count * s, visits, scratch))
            if me == 0:
                reaches[c, row] = reach

    @cuda.jit
    def look(tree, level, k, table, budgets, margin, members, listed, heads, state):
        scratch = cuda.shared.array(room_of_ranks, types.int64)
        stop = cuda.shared.array(1, types.int64)
        (places, gaps, bits, reaches), (far, names), (known, horizon) = members, listed, state
        row, me, last, least = cuda.blockIdx.x, cuda.threadIdx.x, level == tree[4].shape[0] - 2, math.inf
        count = members_of(tree, level, heads[1][row, : known[row, KEPT] if level > 0 else 0], places[row])
        wanted = k if last else max(k, min(budgets[0][level], count))
        reach_out(table, budgets, wanted, members, count, scratch)
        start = known[row, STOP] if level > 0 else 0
        if me == 0:
            stop[0] = start
        cuda.syncthreads()
        for at in range(me, count, threads):
            place, inside, widest = places[row, at], False, 0.0
            measured = place < 0
            place = max(place, -1 - place)
            for c in range(gaps.shape[0]):
                gap = gaps[c, row, at]
                widest = gap if gap > widest else widest
                inside = inside or bits[c, row, at] <= reaches[c, row]
            bound = lower(widest, table[2][row])
            if inside and not measured:
                to = cuda.atomic.add(stop, 0, 1)
                names[row, to] = place
                far[row, to] = bound
            elif not inside and (last or not measured):
                left = bound if last else below(bound, tree[3][place], margin)
                least = left if left < least else least
        if me == 0 and level == 0:
            horizon[row] = math.inf
        cuda.syncthreads()
        cuda.atomic.min(horizon, row, least)
        if me == 0:
            known[row, START] = start
            known[row, STOP] = stop[0]
            known[row, LOOKED] = count

    @cuda.jit
    def keep(X, Q, tree, level, budgets, margin, listed, heads, state):
        scratch = cuda.shared.array(chosen_room, types.int64)
        slots, begin, _, reach, _ = tree
        (distances, places), (known, horizon) = heads, state
        row, me, least = cuda.blockIdx.x, cuda.threadIdx.x, math.inf
        far, names = listed[0][row], listed[1][row]
        start, stop, before = known[row, START], known[row, STOP], known[row, KEPT] if level > 0 else types.int64(0)
        rows, own, lane = sharing(X.shape[1])
        for first in range(start, stop, rows):
            at = first + own
            distance = math.sqrt(to_point(Q[row], X[slots[names[min(at, stop - 1)]]], lane))
            if lane == 0 and at < stop:
                far[at] = distance
        for at in range(me, before, threads):  # the heads that led here, behind the list
            head = places[row, at]
            far[stop + at] = distances[row, at] if head >= 0 else math.inf
            names[stop + at] = begin[head] if head >= 0 else 0
        kept = max(types.int64(1), min(budgets[0][level], known[row, LOOKED]))
        near, found = distances[row, :kept], places[row, :kept]
        clear(near, found)
        cuda.syncthreads()
        nearest(far[start:], names[start:], stop + before - start, near, found, scratch)
        worst, name = near[kept - 1], found[kept - 1]
        for at in range(start + me, stop + before, threads):
            distance, place = far[at], names[at]
            if not distance < math.inf:
                least = -math.inf if at < stop else least
            elif name >= 0 and (distance > worst or (distance == worst and place > name)):
                left = below(distance, reach[place], margin)
                least = left if left < least else least
        cuda.atomic.min(horizon, row, least)
        if me == 0:
            known[row, KEPT] = kept

    @cuda.jit
    def rank_listed(X, alive, Q, slots, listed, scratch, state, flags, distances, indices, evaluations, certified):
        waiting = cuda.shared.array(room, types.int32)
        chosen = cuda.shared.array(keeping_room, types.int64)
        count = cuda.shared.array(1, types.int32)
        kept = cuda.shared.array(1, types.int32)
        asked = cuda.shared.array(1, types.int32)
        bound = cuda.shared.array(1, types.float64)
        row, me, (known, horizon) = cuda.blockIdx.x, cuda.threadIdx.x, state
        query, near, found, number = Q[row], distances[row], indices[row], known[row, STOP]
        far, names, held, held_names = listed[0][row], listed[1][row], scratch[0][row], scratch[1][row]
        clear(near, found)
        if me == 0:
            count[0] = 0
            kept[0] = 0
            bound[0] = math.inf
            asked[0] = known[row, START]
        cuda.syncthreads()
        for start in range(me, number + me, chunk):
            for part in range(ahead):
                at = start + part * threads
                if at < number and far[at] <= bound[0] and alive[slots[names[at]]]:
                    waiting[cuda.atomic.add(count, 0, 1)] = slots[names[at]]
            cuda.syncthreads()
            enough = count[0] >= threads or start - me + chunk >= number
            cuda.syncthreads()
            if enough:
                measure(X, query, waiting, count, held, held_names, kept, bound, near, found, chosen)
        keep_nearest(held, held_names, kept, bound, near, found, chosen)
        mine = 0
        for at in range(known[row, START] + me, number, threads):
            mine += far[at] <= bound[0] and alive[slots[names[at]]]
        cuda.atomic.add(asked, 0, mine)
        cuda.syncthreads()
        if me == 0:
            flags[row] = bound[0] == math.inf and known[row, LOOKED] < near.shape[0]
            evaluations[row] = asked[0]
            certified[row] = horizon[row] > bound[0]

    @cuda.jit
    def tell_settled(flags, living, distances, evaluations, certified):
        row = cuda.grid(1)
        if row < flags.shape[0] and flags[row] != 0:
            evaluations[row] = living
            certified[row] = distances[row, distances.shape[1] - 1] < math.inf

    return Levelled(threads, look, keep, rank_listed, tell_settled)
