"""The k best so far: a heap with the worst on top, ordered by (distance, slot)."""

from __future__ import annotations

import numpy as np

from knn.kernels.jit import jit

#: The slot of a place that nothing fills; above every real slot, so that a real point at any distance beats it.
NOTHING = np.iinfo(np.int64).max
#: A heap no longer than this is kept wholly sorted, worst first: moving up a few costs less than choosing a way down.
SHORT = 16


def empty_heaps(n_queries: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances ∞ float64 (n_queries, k) and slots NOTHING int64 (n_queries, k)."""
    return np.full((n_queries, k), np.inf), np.full((n_queries, k), NOTHING)


@jit
def offer(distances, slots, distance, slot):
    """Replaces the worst of a heap by (distance, slot) if that is better; of equal distances the smaller slot is."""
    if distance > distances[0] or (distance == distances[0] and slot >= slots[0]):
        return
    k = len(distances)
    if k > SHORT:
        sink(distances, slots, distance, slot, k)
        return
    hole = 0
    while hole + 1 < k:
        following = distances[hole + 1]
        if following < distance or (following == distance and slots[hole + 1] <= slot):
            break
        distances[hole] = following
        slots[hole] = slots[hole + 1]
        hole += 1
    distances[hole] = distance
    slots[hole] = slot


@jit
def sink(distances, slots, distance, slot, size):
    """Puts (distance, slot) on top of the heap made of the first `size` places and lets it sink to where it belongs."""
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            distances[other] > distances[child]
            or (distances[other] == distances[child] and slots[other] > slots[child])
        ):
            child = other
        if distances[child] < distance or (distances[child] == distance and slots[child] <= slot):
            break
        distances[hole] = distances[child]
        slots[hole] = slots[child]
        hole = child
    distances[hole] = distance
    slots[hole] = slot


@jit
def ascending(distances, slots):
    """Turns each row's heap into a list from best to worst, and NOTHING into −1; in place, (q, k)."""
    k = distances.shape[1]
    for row in range(distances.shape[0]):
        if k <= SHORT:
            for place in range(k // 2):
                distance, slot = distances[row, place], slots[row, place]
                distances[row, place], slots[row, place] = distances[row, k - 1 - place], slots[row, k - 1 - place]
                distances[row, k - 1 - place], slots[row, k - 1 - place] = distance, slot
        for last in range(k - 1 if k > SHORT else 0, 0, -1):
            distance = distances[row, last]
            slot = slots[row, last]
            distances[row, last] = distances[row, 0]
            slots[row, last] = slots[row, 0]
            sink(distances[row], slots[row], distance, slot, last)
        for place in range(k):
            if slots[row, place] == NOTHING:
                slots[row, place] = -1
