"""The k-th smallest of an array."""

from __future__ import annotations

from knn.kernels.jit import jit


@jit
def kth_smallest(values, k):
    """The k-th smallest value, counted from 1: quickselect on a copy, around the median of three. No NaN."""
    work = values.copy()
    low, high, wanted = 0, len(work) - 1, k - 1
    while low < high:
        pivot = _median_of_three(work[low], work[(low + high) // 2], work[high])
        left, right = low, high
        while left <= right:
            while work[left] < pivot:
                left += 1
            while work[right] > pivot:
                right -= 1
            if left <= right:
                work[left], work[right] = work[right], work[left]
                left += 1
                right -= 1
        if wanted <= right:
            high = right
        elif wanted >= left:
            low = left
        else:
            break
    return work[wanted]


@jit
def _median_of_three(a, b, c):
    return max(min(a, b), min(max(a, b), c))
