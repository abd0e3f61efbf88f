"""Every CUDA kernel of the library, with the types of the arguments with which it is launched.

Points and queries may be of two widths: kernels that see both are listed for each pair of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np


class Kernel(NamedTuple):
    """A kernel by name, as it is launched: its Python function, the types of its arguments, the threads of a block."""

    name: str
    function: Callable[..., Any]
    signature: tuple[Any, ...]
    threads: int
    max_registers: int | None = None


def kernels() -> Iterator[Kernel]:
    """Every kernel of every engine, with the types with which the library launches it."""
    yield from search_kernels()
    yield from candidate_kernels()
    yield from level_kernels()
    yield from tree_kernels()
    yield from pair_kernels()


def pair_kernels() -> Iterator[Kernel]:
    """Sums over pairs of points: distances and their kernels, in both widths where the library uses both."""
    from numba import types

    from estimators.kernels.cuda_pairs import SHIFTED, pairing
    from estimators.kernels.profiles import DISTANCE, GAUSSIAN, IMQ, LAPLACE
    from knn import device_rows

    i64, f64 = types.int64, types.float64
    names = {DISTANCE: "distance", GAUSSIAN: "gaussian", LAPLACE: "laplace", IMQ: "imq", SHIFTED: "parzen"}
    for dtype, f in ((np.dtype(np.float32), types.float32), (np.dtype(np.float64), f64)):
        side, each = device_rows.WIDE, device_rows.EACH[dtype]
        rows, numbers = f[:, ::1], f[::1]
        for kind, name in names.items():
            if kind == SHIFTED and f is not f64:
                continue  # Parzen windows are summed in float64 alone
            kernels = pairing(dtype, kind, side, each)
            yield _kernel(
                f"pairs {name} {dtype}", kernels.pairs, side * side,
                (rows, rows, rows, rows, *[numbers] * 5, f, types.boolean, i64, f64[:, ::1], f64[:, ::1]),
            )  # fmt: skip
    add = pairing(np.dtype(np.float32), DISTANCE, device_rows.WIDE, device_rows.EACH[np.dtype(np.float32)]).add
    yield _kernel("add columns", add, device_rows.THREADS, (f64[:, ::1], i64, types.boolean, f64[::1]))


def principal_kernels() -> Iterator[Kernel]:
    """Principal DCI's, of which only the first looks at rows of either width."""
    from numba import types

    from knn import device_rows
    from knn.kernels.cuda_principal import principal
    from knn.kernels.cuda_rank import ranking

    f32, f64, i32, i64 = types.float32[:, ::1], types.float64[:, ::1], types.int32, types.int64
    kernels, threads = principal(device_rows.THREADS), device_rows.THREADS
    numbers = types.float64[::1]
    for width, rows in (("float32", f32), ("float64", f64)):
        yield _kernel(f"reduce {width}", kernels.reduce, threads, (rows, numbers, types.float64, f64, f32, numbers))
        yield _kernel(f"gather {width}", kernels.gather, threads, (rows, i64[::1], rows))
    for name, _, f, g in _pairs():
        yield _kernel(
            f"rank chosen {name}", ranking(threads).rank, threads,
            (f[:, ::1], g[:, ::1], i32[::1], i64[:, ::1], i32[:, ::1], f64, f64, i64[:, ::1]),
        )  # fmt: skip
    for width, values in (("float64", f64), ("int64", i64[:, ::1])):
        yield _kernel(f"scatter {width}", kernels.scatter, threads, (values, i64[::1], values))
    yield _kernel(
        "prove", kernels.prove, threads,
        (f64, numbers, types.UniTuple(types.float64, 2), f64, numbers, *[types.float64] * 4, types.uint8[::1]),
    )  # fmt: skip
    yield from code_kernels()


def code_kernels() -> Iterator[Kernel]:
    """Those of bytes."""
    from numba import types

    from knn import device_rows
    from knn.kernels.cuda_codes import coding
    from knn.kernels.cuda_rank import ranking
    from knn.kernels.cuda_screen import screening

    i8, i32, f64, i64 = types.int8[:, ::1], types.int32, types.float64, types.int64
    words, buffers, flags = i32[:, ::1], i32[:, :, ::1], i32[::1]
    kind, side, threads = np.dtype(np.int32), device_rows.WIDE, device_rows.THREADS
    coded, rank = coding(threads), ranking(threads)
    scratch, answer = f64[:, ::1], (f64[:, ::1], i64[:, ::1])
    values, unread = types.float32[:, ::1], types.float32[::1]
    told = (words, flags, words, unread, f64[:, ::1], i64, i64, i64, flags, buffers, buffers, words)
    for name, matrix in (("screen codes", True), ("screen codes by threads", False)):
        yield _kernel(name, screening(kind, side, device_rows.EACH[kind], matrix=matrix), side * side, told)
    yield _kernel("encode", coded.encode, threads, (values, f64, types.uint8[::1], words, flags, f64[::1]))
    yield _kernel("merge", coded.merge, threads, (buffers, buffers, words, i64, i64, flags, words, words))
    yield _kernel("rank codes", rank.rank, threads, (i8, i8, flags, words, words, scratch, *answer))
    yield _kernel("settle codes", rank.settle, threads, (i8, types.uint8[::1], i8, flags, words, scratch, *answer))


def tree_kernels() -> Iterator[Kernel]:
    """The k-d tree's, in all pairs of widths."""
    from numba import types

    from knn import device_rows, device_tree
    from knn.kernels.cuda_order import ordering
    from knn.kernels.cuda_tree import walking

    i32, i64, f64, ints = types.int32, types.int64, types.float64, types.int32[::1]
    threads = device_rows.THREADS
    walk, order = walking(device_tree.WALKERS, device_tree.ROOM), ordering(threads)
    for width, _, f, g in _pairs():
        rows, queries = f[:, ::1], g[:, ::1]
        tree = types.Tuple((rows, ints, f[:, :, ::1], i32[:, ::1], i64[:, ::1]))
        told = (tree, queries, ints, f64[:, ::1], i64[:, ::1], i64[::1])
        for name, kernel in (("few", walk.few), ("many", walk.many)):
            yield _kernel(f"walk for {name} {width}", kernel, walk.threads, told)
        yield _kernel(f"count {width}", order.count, threads, (queries, i64[::1], rows, i64, ints, ints))
    yield _kernel("starts", order.starts, threads, (ints,))
    yield _kernel("line up", order.line_up, threads, (ints, ints, ints))


def candidate_kernels() -> Iterator[Kernel]:
    """DCI's, Prioritized DCI's and LSH's; what sees queries beside points or keys, in all pairs of widths."""
    from numba import types

    from knn import device_candidates, device_projections
    from knn.kernels.cuda_bounded import bounded
    from knn.kernels.cuda_lsh import hashing
    from knn.kernels.cuda_projections import projecting

    i32, i64, f64, floats = types.int32, types.int64, types.float64, types.float64[:, ::1]
    many, few, ahead = device_candidates.THREADS, device_candidates.FEW_THREADS, device_candidates.AHEAD
    each, digit = device_projections.EACH, device_projections.DIGIT
    told = (floats, i64[:, ::1], i64[::1], types.boolean[::1])
    scratch = (floats, i32[:, ::1])
    hashed, buckets = hashing(few, ahead), types.uint64[:, ::1]
    for dtype, f, whole in ((np.dtype(np.float32), types.float32, i32), (np.dtype(np.float64), f64, i64)):
        rows, lists = f[:, ::1], f[:, :, ::1]
        kernels = projecting(dtype, few, each, digit)
        yield _kernel(f"mark {dtype}", kernels.mark, few, (lists, types.uint8[::1], lists, lists, rows))
        select = projecting(dtype, many, each, digit).select
        yield _kernel(f"select {dtype}", select, many, (whole[:, ::1], i64, whole[:, ::1]))
        yield _kernel(f"visit {dtype}", kernels.visit, few, (rows, lists, i64, i64, lists))
        numbers = (f64, f64[::1], i64[::1], f64, i64[:, ::1])
        yield _kernel(f"hash {dtype}", hashed.hash, few, (rows, floats, *numbers))
    for name, dtype, f, g in _pairs():
        rows, queries, lists = f[:, ::1], g[:, ::1], f[:, :, ::1]
        kernels = projecting(dtype, few, each, digit)
        yield _kernel(f"project {name}", kernels.project, few, (queries, floats, lists))
        yield _kernel(f"margins {name}", kernels.margins, few, (queries, *[f64] * 4, floats, lists))
        yield _kernel(
            f"bounded {name}", bounded(dtype, many, ahead), many,
            (rows, queries, rows, floats, lists, i64, *scratch, *told),
        )  # fmt: skip
        yield _kernel(
            f"collide {name}", hashed.collide, few,
            (rows, queries, buckets, i32[:, ::1], buckets, i64, i64, *scratch, *told),
        )  # fmt: skip


def level_kernels() -> Iterator[Kernel]:
    """Prioritized DCI's on several levels."""
    from numba import types

    from knn import device_candidates, device_projections
    from knn.kernels.cuda_levels import levelled

    i32, i64, f64, floats = types.int32, types.int64, types.float64, types.float64[:, ::1]
    threads, tuple_of = device_candidates.FEW_THREADS, types.Tuple
    kernels = levelled(threads, device_candidates.AHEAD, device_projections.DIGIT)
    tree = tuple_of((i32[::1], i64[::1], i64[::1], f64[::1], i64[::1]))
    budgets, listed = tuple_of((i64[::1], f64, f64)), tuple_of((floats, i32[:, ::1]))
    members = tuple_of((i32[:, ::1], f64[:, :, ::1], i64[:, :, ::1], i64[:, ::1]))
    told = (floats, i64[:, ::1], i64[::1], types.boolean[::1])
    shared = (f64[::1], listed, tuple_of((floats, i64[:, ::1])), tuple_of((i64[:, ::1], f64[::1])))
    for dtype, f in (("float32", types.float32), ("float64", f64)):
        lists = f[:, :, ::1]
        given = (tree, i64, i64, tuple_of((lists, lists, floats)), budgets, shared[0], members, *shared[1:])
        yield _kernel(f"look {dtype}", kernels.look, threads, given)
    for name, _, f, g in _pairs():
        rows, queries = f[:, ::1], g[:, ::1]
        yield _kernel(f"keep {name}", kernels.keep, threads, (rows, queries, tree, i64, budgets, *shared))
        yield _kernel(
            f"rank levels {name}", kernels.rank, threads,
            (rows, types.uint8[::1], queries, i32[::1], listed, listed, shared[-1], i32[::1], *told),
        )  # fmt: skip
    yield _kernel("tell of levels", kernels.tell, threads, (i32[::1], i64, floats, *told[2:]))


def search_kernels() -> Iterator[Kernel]:
    """Exact search, in both widths; what sees queries beside points, in all pairs of them."""
    from numba import types

    from knn import device_rows
    from knn.kernels.cuda_halves import halving
    from knn.kernels.cuda_rank import ranking
    from knn.kernels.cuda_rows import taking
    from knn.kernels.cuda_screen import screening

    i32, i64, f64, u8 = types.int32, types.int64, types.float64, types.uint8
    ints, floats, words = i32[::1], f64[:, ::1], i32[:, ::1]
    half, side, single = device_rows.HALF, device_rows.WIDE, types.float32
    yield _kernel(
        "screen halves", screening(half, side, device_rows.EACH[half], matrix=True), side * side,
        (words, single[::1], words, single[::1], floats, *[i64] * 3, ints, single[:, :, ::1], i32[:, :, ::1], words),
    )  # fmt: skip
    for dtype, f in ((np.dtype(np.float32), types.float32), (np.dtype(np.float64), f64)):
        each, rows = device_rows.EACH[dtype], f[:, ::1]
        yield _kernel(
            f"screen {dtype}", screening(dtype, side, each), side * side,
            (rows, f[::1], rows, f[::1], floats, *[i64] * 3, ints, f[:, :, ::1], i32[:, :, ::1], i32[:, ::1]),
        )  # fmt: skip
        halves, halved = halving(dtype, device_rows.THREADS), types.float16[:, ::1]
        yield _kernel(
            f"halve {dtype}", halves.halve, halves.threads,
            (rows, u8[::1], f64, halved, types.float32[::1], f64[::1]),
        )  # fmt: skip
        yield _kernel(
            f"halve queries {dtype}", halves.halve_queries, halves.threads,
            (rows, f64, f64, f64, halved, types.float32[::1], floats, ints),
        )  # fmt: skip
        take = taking(dtype, device_rows.THREADS)
        yield _kernel(
            f"take in {dtype}", take.points, take.threads,
            (rows, u8[::1], f[::1], f, types.boolean, f64, rows, f[::1], f64[::1], i64[::1]),
        )  # fmt: skip
        yield _kernel(f"sample {dtype}", take.every, take.threads, (rows, i64, rows))
    rank = ranking(device_rows.THREADS)
    for name, dtype, f, g in _pairs():
        rows, queries = f[:, ::1], g[:, ::1]
        yield _kernel(
            f"take queries {name}", taking(dtype, device_rows.THREADS).queries, device_rows.THREADS,
            (queries, f[::1], f, f64[::1], f64, rows, floats, ints),
        )  # fmt: skip
        buffers = (i32[:, ::1], floats)
        yield _kernel(
            f"rank {name}", rank.rank, rank.threads,
            (rows, queries, ints, buffers[0], i32[:, ::1], buffers[1], floats, i64[:, ::1]),
        )  # fmt: skip
        yield _kernel(
            f"settle {name}", rank.settle, rank.threads,
            (rows, u8[::1], queries, ints, *buffers, floats, i64[:, ::1]),
        )  # fmt: skip
    yield from principal_kernels()
    yield _kernel("tell", rank.tell, rank.threads, (i64[:, ::1], i32[:, ::1]))
    yield _kernel("full", rank.full, rank.threads, (i64[:, ::1], types.boolean[::1]))
    yield _kernel("name", rank.name, rank.threads, (i64[::1], i64[:, ::1]))


def _kernel(name: str, dispatcher: Any, threads: int, signature: tuple[Any, ...]) -> Kernel:
    """In the simulator, which compiles nothing, the function is the kernel itself."""
    function = getattr(dispatcher, "py_func", dispatcher)
    return Kernel(name, function, signature, threads, getattr(dispatcher, "targetoptions", {}).get("max_registers"))


def _pairs() -> Iterator[tuple[str, np.dtype, Any, Any]]:
    """(name, width of the points, Numba's types of points and of queries), the plain names for one width of both."""
    from numba import types

    widths = (np.dtype(np.float32), types.float32), (np.dtype(np.float64), types.float64)
    for dtype, f in widths:
        for other, g in widths:
            yield str(dtype) if f is g else f"{dtype} with {other} queries", dtype, f, g
