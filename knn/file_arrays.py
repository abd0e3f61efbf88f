"""What the arrays of a saved index must be before a kernel may index by them: a checksum that fits vouches for nothing.

Everything is looked at in whole arrays, O(size of the file), a cover tree's links O(n log n). What does not fit raises
ValueError and names the array.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Rows looked at together.
ROWS = 4096


def held(state: dict[str, np.ndarray], name: str, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> np.ndarray:
    """The array of that name, of this type and shape; raises KeyError or ValueError otherwise."""
    array = state[name]
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{name} of {array.dtype} {array.shape} where {np.dtype(dtype)} {shape} was expected")
    return array


def measures(state: dict[str, np.ndarray], name: str, count: int) -> list[float]:
    """`count` finite numbers ≥ 0, float64 in the file: radii, losses, scales."""
    numbers = held(state, name, np.float64, (count,))
    if not ((numbers >= 0) & (numbers < np.inf)).all():
        raise ValueError(f"{name} is {numbers}, where sizes were expected, finite and at least 0")
    return numbers.tolist()


def counts(state: dict[str, np.ndarray], name: str, count: int) -> list[int]:
    """`count` whole numbers from 0 to 2³² − 1, as seeds and numbers of points are; int64 in the file."""
    return within(state, name, np.int64, (count,), 0, 2**32).tolist()


def within(
    state: dict[str, np.ndarray], name: str, dtype: npt.DTypeLike, shape: tuple[int, ...], start: int, stop: int
) -> np.ndarray:
    """The array of that name, whole numbers from `start` to `stop` − 1."""
    array = held(state, name, dtype, shape)
    if array.size and not start <= array.min() <= array.max() < stop:
        raise ValueError(f"{name} from {array.min()} to {array.max()}, outside [{start}, {stop})")
    return array


def finite(state: dict[str, np.ndarray], name: str, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> np.ndarray:
    """The array of that name, without NaN and infinity."""
    array = held(state, name, dtype, shape)
    check_finite(name, array)
    return array


def check_finite(name: str, array: np.ndarray, largest: float = np.inf) -> None:
    """Raises unless every number is finite, and none is beyond `largest` in magnitude."""
    largest = min(largest, float(np.finfo(array.dtype).max))
    for first in range(0, len(array), ROWS):
        if not (np.abs(array[first : first + ROWS]) <= largest).all():
            raise ValueError(f"{name} has an entry that is no number up to {largest:g}, from row {first} on")


def run_ends(state: dict[str, np.ndarray], name: str, size: int) -> list[int]:
    """Where runs of `size` places end, after a leading 0; int64 in the file.

    Merging leaves each run at least twice as long as the next: so there are O(log size), whatever a file says.
    """
    ends = held(state, name, np.int64, (state[name].size,))
    lengths = np.diff(ends)
    if ends[:1].tolist() != [0] or ends[-1] != size or (lengths <= 0).any() or (lengths[:-1] // 2 < lengths[1:]).any():
        raise ValueError(f"{name}: runs that end at {ends[:9]}, over {size} points")
    return ends.tolist()


def permuted(places: np.ndarray) -> bool:
    """Whether int (r, w) has in each row every number from 0 to w − 1 once."""
    return bool((np.sort(places, axis=1) == np.arange(places.shape[1])).all())


def all_from_first(before: np.ndarray) -> bool:
    """Whether from every place int (n,) some steps to `before` lead to place 0, with before[0] = 0: no cycle elsewhere.

    Steps are doubled, so that O(n log n) is enough for a chain of n places.
    """
    for _ in range(len(before).bit_length()):
        before = before[before]
    return not before.any()
