"""The door: every array, count and budget that a user gives to an index is looked at here, before any work."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_random_state

#: Largest magnitude that is let in: with up to 2²⁰ of them in a row, norms and projections stay finite in the data's
#: type, and squares in float64.
LARGEST = {np.dtype(np.float32): 2.0**116, np.dtype(np.float64): 2.0**500}
#: Smallest magnitude that the largest entry of float64 data may have: squares of smaller ones vanish. Squares of
#: float32 values, taken in float64, never do.
SMALLEST = {np.dtype(np.float32): 0.0, np.dtype(np.float64): 2.0**-500}
#: Integers up to which float64 holds each.
EXACT_INTEGERS = 2**53
#: Rows looked at together, so that the check needs little memory of its own.
ROWS = 4096
#: Numbers in arrays whose sum of squares is looked at first, and between what these are sure to be sound: beyond
#: float32's largest square is none of its, and from 2⁻⁹⁹⁰ to 2⁹⁹⁰ no part is too large nor are all of them too small.
FEW, SQUARES = 2**12, (2.0**-990, 2.0**990)
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def checked_rows(values: Any, name: str, *, width: int | None = None, dtype: np.dtype | None = None) -> np.ndarray:
    """`values` as a finite C-contiguous array (n ≥ 1, d ≥ 1) of float32 or float64, copied only if it must be.

    float32 and float64 are kept, float16 becomes float32 and everything else float64; `dtype` casts to that instead.
    `width` is the number of columns that the index was built with. Raises TypeError or ValueError naming `name`, the
    row and the remedy for: sparse or complex input, entries that are no numbers, another number of dimensions than
    two, no rows, no columns, another width, NaN, infinity, and magnitudes whose squares overflow or vanish.
    """
    if type(values) is np.ndarray and dtype is None and _sound(values, width):
        return values
    array = _numbers(values, name)
    if array.ndim != 2:
        remedy = f"{name}.reshape(1, -1) if it is one point, {name}.reshape(-1, 1) if it is one feature"
        shape = "scalar array" if array.ndim == 0 else f"{array.ndim}D array"
        raise ValueError(f"Expected 2D array, got {shape} instead: {name} must have shape (points, features); {remedy}")
    for axis, what in enumerate(("sample", "feature")):
        if array.shape[axis] == 0:
            raise ValueError(
                f"Found array {name} with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is required. "
                "Give at least one"
            )
    if width is not None and array.shape[1] != width:
        raise ValueError(
            f"{name} has {array.shape[1]} features, but this index was built with {width} features as input: "
            f"give rows of {width} numbers"
        )
    if dtype is None:
        dtype = np.dtype(np.float32 if array.dtype in (np.float16, np.float32) else np.float64)
    _check_values(array, name, dtype)
    return np.ascontiguousarray(array, dtype=dtype)


def _sound(array: np.ndarray, width: int | None) -> bool:
    """Whether a few rows need no other look, in a tenth of the time: as dear as a search for one query otherwise.

    A sum of squares that is finite has no part that is not, and none whose square overflows; one above 0 is more than
    the smallest square. All others are looked at one by one, and then told apart.
    """
    if array.dtype not in FLOATS or array.ndim != 2 or not 0 < array.size <= FEW or width not in (None, array.shape[1]):
        return False
    if not array.flags.c_contiguous:
        return False
    flat = array.ravel()
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = float(np.dot(flat, flat))
    return SQUARES[0] < squares < SQUARES[1]


def _numbers(values: Any, name: str) -> np.ndarray:
    """`values` as an array of real numbers of any shape."""
    if issparse(values):
        raise TypeError(f"{name} is a sparse matrix, and dense data is required: use {name}.toarray()")
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked entries, whose values would count: fill them, or drop their rows")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is no rectangular array ({error}): give rows of one length") from error
    except (TypeError, RuntimeError) as error:
        told = f": pass {name}.float()" if "BFloat16" in str(error) else ""
        raise TypeError(f"{name} cannot be read as an array of numbers: {error}{told}") from error
    if array.dtype.kind in "mM":
        raise TypeError(f"{name} is {array.dtype}, dates or durations: give numbers, such as seconds since a day")
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} is {array.dtype}; give its real and imaginary parts")
    if array.dtype.kind in "fiub" and array.dtype.itemsize <= 8:
        return array
    try:
        converted = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        place = next((i for i in np.ndindex(array.shape) if not _is_number(array[i])), ())
        where = name + (f"[{', '.join(map(str, place))}]" if place else "")
        shown = f" = {array[place]!r}" if place else ""
        raise type(error)(f"{where}{shown} is no number ({error}): encode or drop it") from error
    # Words that spell numbers would pass, and so would a column of codes that was read as text.
    each = np.ndindex(array.shape) if array.dtype.kind in "USO" else ()
    for place in each:
        if isinstance(array[place], numbers.Integral) and abs(array[place]) > EXACT_INTEGERS:
            raise ValueError(_merged(array[place], place, name))
        if isinstance(array[place], (str, bytes)):
            raise ValueError(
                f"{name}[{', '.join(map(str, place))}] = {array[place]!r} is a word that spells a number: "
                f"use {name}.astype(float) if it is one, encode it if not"
            )
    return converted


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _check_values(array: np.ndarray, name: str, dtype: np.dtype) -> None:
    """Raises for the first entry that is not finite or too large, and for data too small to be squared."""
    largest = 0.0
    for start in range(0, len(array), ROWS):
        part = array[start : start + ROWS]
        if part.dtype.kind in "iu":
            _raise_for_merged(part, name, start)
        if part.dtype.kind != "f":
            part = part.astype(np.float64)  # the magnitude of the smallest integer is no integer of its type
        peak = float(np.abs(part).max())
        if not peak <= LARGEST[dtype]:
            # In float64, because float32 would take the bound of float64 for infinity.
            row, column = (int(i) for i in np.argwhere(~(np.abs(part.astype(np.float64)) <= LARGEST[dtype]))[0])
            _raise_for(part[row, column], f"{name}[{start + row}, {column}]", dtype)
        largest = max(largest, peak)
    if 0.0 < largest < SMALLEST[dtype]:
        raise ValueError(
            f"no entry of {name} exceeds {largest:g} in magnitude, so that squared distances vanish in float64: "
            "multiply the data by a power of two"
        )


def _raise_for_merged(part: np.ndarray, name: str, start: int) -> None:
    """Raises for the first integer that float64 may not tell from its neighbours."""
    large = np.argwhere((part > EXACT_INTEGERS) | (part < -EXACT_INTEGERS))
    if len(large):
        row, column = (int(i) for i in large[0])
        raise ValueError(_merged(part[row, column], (start + row, column), name))


def _merged(value: Any, place: tuple[int, ...], name: str) -> str:
    return (
        f"{name}[{', '.join(map(str, place))}] = {value} is an integer beyond 2**53, which float64 merges with its "
        "neighbours: subtract an offset first"
    )


def _raise_for(value: float, where: str, dtype: np.dtype) -> None:
    if np.isnan(value):
        raise ValueError(f"{where} is NaN: drop or impute that row")
    if np.isinf(value):
        raise ValueError(f"{where} is infinite (inf): drop or clip that row")
    raise ValueError(
        f"{where} = {value:g} is too large for {dtype} distances, beyond {LARGEST[dtype]:g}: rescale the data"
    )


def checked_ids(ids: Any) -> np.ndarray:
    """`ids` as distinct int64 (n,); raises TypeError or ValueError otherwise."""
    array = np.atleast_1d(np.asarray(ids))
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise TypeError(f"ids must be integers in one dimension, not {array.dtype} of shape {array.shape}")
    array = array.astype(np.int64)
    values, first, counts = np.unique(array, return_index=True, return_counts=True)
    if (counts > 1).any():
        twice = np.argmax(counts > 1)
        raise ValueError(f"ids[{first[twice]}] = {values[twice]} occurs more than once: give each id once")
    return array


def checked_count(value: Any, name: str, *, most: int | None = None, of: str = "") -> int:
    """A whole number from 1 to `most`; raises TypeError or ValueError naming the argument and the remedy."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    count = int(value)
    if count < 1:
        raise ValueError(f"{name}={count} must be at least 1")
    if most is not None and count > most:
        raise ValueError(f"{name}={count} is more than the {most} {of}: ask for at most {most}")
    return count


def checked_random_state(value: Any) -> np.random.RandomState:
    """The generator that `random_state` stands for; raises ValueError naming it and what it may be.

    Of a numpy Generator it is one seeded by an integer that is drawn from it: asked again, another.
    """
    if isinstance(value, np.random.Generator):
        return np.random.RandomState(int(value.integers(2**32)))
    try:
        return check_random_state(value)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"random_state={value!r} is no seed: use a whole number from 0 to 2³² − 1, a numpy Generator, "
            "a RandomState, or None"
        ) from error


def checked_budget(value: Any, name: str) -> int | float:
    """A budget: a whole number ≥ 1 counts, a float in (0, 1] is a fraction. Raises TypeError or ValueError."""
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        fraction = float(value)
        if not 0.0 < fraction <= 1.0:
            raise ValueError(f"{name}={fraction} must be a fraction in (0, 1], or a whole number that counts")
        return fraction
    return checked_count(value, name)


def spent(budget: int | float, of: int, *, least: int = 1) -> int:
    """What a checked budget comes to when there are `of`: itself if whole, else its share, at least `least`."""
    if isinstance(budget, float):
        return min(of, max(least, int(np.ceil(budget * of))))
    return min(of, budget)
