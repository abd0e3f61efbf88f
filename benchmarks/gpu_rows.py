"""What benchmarks/gpu.py measures: the device itself, and exact search beside what one would install instead."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu import RATES, Figure, milliseconds, row

#: Queries of a set, sets that take turns, and how many of them are held to the CPU.
QUERIES, SETS, HELD = 10_000, 3, 16
#: Bytes of distances that the rival may hold at a time.
MATRIX = 1 << 34


def device_name() -> str:
    import torch

    return str(torch.cuda.get_device_name())


def versions() -> str:
    names = ("numba", "numba-cuda", "numpy", "torch")
    told = []
    for name in names:
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            told.append(f"{name} none")
    return " ".join(told)


@row(
    "device",
    "copy within the device's memory, read and written",
    "8192³ float32 product, TF32 off",
    "8192³ float64 product",
    "8192³ product of halves, sums in float32",
    "launch of a kernel",
)
def device() -> list[Figure]:
    import torch
    from numba import cuda

    torch.backends.cuda.matmul.allow_tf32 = False
    pairs = [(torch.rand(1 << 29, device="cuda"), torch.empty(1 << 29, device="cuda")) for _ in range(2)]
    copy = milliseconds([lambda turn: pairs[turn % 2][1].copy_(pairs[turn % 2][0])], 20)[:, 0]
    moved = 2 * 4 * (1 << 29)
    products = {}
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    for kind, unit in zip((torch.float32, torch.float64, torch.float16), RATES, strict=True):
        matrices = [torch.randn(8192, 8192, device="cuda", dtype=kind) for _ in range(3)]
        taken = milliseconds([lambda turn, made=matrices: made[turn % 3] @ made[(turn + 1) % 3]], 20)[:, 0]
        products[unit] = taken

    @cuda.jit
    def nothing(x):
        x[0] = 1

    one = cuda.to_device(np.zeros(1))
    launch = milliseconds([lambda turn: nothing[1, 32](one)], 50)[:, 0]  # noqa: ARG005
    return [
        Figure(
            "copy within the device's memory, read and written", copy, value=moved / np.median(copy) / 1e9, unit="TB/s"
        ),
        *(
            Figure(what, taken, value=2 * 8192**3 / np.median(taken) / 1e9, unit=unit)
            for what, (unit, taken) in zip(
                (
                    "8192³ float32 product, TF32 off",
                    "8192³ float64 product",
                    "8192³ product of halves, sums in float32",
                ),
                products.items(),
                strict=True,
            )
        ),
        Figure("launch of a kernel", launch),
    ]


def torch_nearest(X: Any, k: int) -> Callable[[Any], tuple[Any, Any]]:
    """torch.cdist and topk, by as many queries as the matrix has room for."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    together = max(1, MATRIX // (X.shape[0] * X.element_size()))

    def nearest(Q: Any) -> tuple[Any, Any]:
        parts = [torch.cdist(part, X).topk(k, largest=False) for part in Q.split(together)]
        return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])

    return nearest


def by_definition(X: np.ndarray, Q: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(distances, indices) of the k nearest: every point measured on the CPU, differences in float64."""
    from knn.kernels import cpu

    best = cpu.empty_heaps(len(Q), k)
    cpu.scan(X, np.ones(len(X), bool), Q.astype(np.float64), *best)
    cpu.ascending(*best)
    return best


def held(X: Any, Q: Any, k: int, distances: Any, indices: Any) -> None:
    """Raises unless the first and the last answers are those of the CPU, by the definition, to the bit."""
    some = np.r_[0 : HELD // 2, len(Q) - HELD // 2 : len(Q)] if len(Q) > HELD else np.arange(len(Q))
    truth = by_definition(X.cpu().numpy(), Q[some].cpu().numpy(), k)
    np.testing.assert_array_equal(indices[some].cpu().numpy(), truth[1])
    np.testing.assert_array_equal(distances[some].cpu().numpy(), truth[0])


def against_torch(what: str, X: Any, sets: list[Any], k: int, turns: int = 9) -> Figure:
    """Our exact search beside torch's; operations are those of the products of halves, bytes those of reading the rows
    and answering.
    """
    from knn.device_rows import DeviceRows

    rows = DeviceRows(X)
    held(X, sets[0], k, *rows.nearest(sets[0], k))
    theirs = torch_nearest(X, k)
    taken = milliseconds(
        [lambda turn: rows.nearest(sets[turn % len(sets)], k), lambda turn: theirs(sets[turn % len(sets)])], turns
    )
    n, d, q = X.shape[0], X.shape[1], len(sets[0])
    moved = (n * d + q * d) * X.element_size() + q * k * 16
    return Figure(what, taken[:, 0], taken[:, 1], operations=2.0 * n * q * d, moved=moved, rate="halves")


def normal(n: int, d: int, queries: int = QUERIES, dtype: str = "float32") -> tuple[Any, list[Any]]:
    import torch

    made = torch.Generator(device="cuda").manual_seed(n + d)
    kind = getattr(torch, dtype)
    X = torch.randn(n, d, device="cuda", dtype=kind, generator=made)
    return X, [torch.randn(queries, d, device="cuda", dtype=kind, generator=made) for _ in range(SETS)]


def mnist() -> tuple[Any, list[Any]]:
    import torch

    from benchmarks.search_data import idx_images

    folder = Path(os.environ["IMPLICITBENCH_DATA"]) / "mnist"
    X = idx_images(folder / "train-images-idx3-ubyte.gz")
    Q = idx_images(folder / "t10k-images-idx3-ubyte.gz")
    turned = [np.random.default_rng(seed).permutation(len(Q)) for seed in range(SETS)]
    return torch.as_tensor(X, device="cuda"), [torch.as_tensor(Q[order], device="cuda") for order in turned]


@row("exact", "1M × 64 float32, 10k queries, k = 10, against cdist + topk")
def exact() -> list[Figure]:
    return [against_torch("1M × 64 float32, 10k queries, k = 10, against cdist + topk", *normal(1_000_000, 64), 10)]


@row("exact-mnist", "MNIST 60k × 784, 10k queries, k = 10, against cdist + topk")
def exact_mnist() -> list[Figure]:
    return [against_torch("MNIST 60k × 784, 10k queries, k = 10, against cdist + topk", *mnist(), 10)]


@row("exact-k", *(f"1M × 64 float32, 10k queries, k = {k}, against cdist + topk" for k in (32, 128, 1024)))
def exact_k() -> Iterator[Figure]:
    X, sets = normal(1_000_000, 64)
    what = "1M × 64 float32, 10k queries, k = {}, against cdist + topk"
    for k in (32, 128, 1024):
        yield against_torch(what.format(k), X, sets, k, turns=5)


@row(
    "exact-others",
    "100k × 64 float64, 10k queries, k = 10",
    "1M × 128 float32, 10k queries, k = 10",
    "1M × 64, one query",
)
def exact_others() -> Iterator[Figure]:
    wide = normal(100_000, 64, dtype="float64")
    yield against_torch("100k × 64 float64, 10k queries, k = 10", *wide, 10, turns=5)
    yield against_torch("1M × 128 float32, 10k queries, k = 10", *normal(1_000_000, 128), 10, turns=5)
    yield against_torch("1M × 64, one query", *normal(1_000_000, 64, queries=1), 10, turns=30)


@row("rivals", "1M × 64 against faiss-gpu", "1M × 64 against cuVS")
def rivals() -> Iterator[Figure]:
    """A line for each that is installed; it raises where none is."""
    from knn.device_rows import DeviceRows

    names = {"faiss-gpu": ("faiss", _faiss), "cuVS": ("cuvs", _cuvs)}
    here = [(name, rival) for name, (module, rival) in names.items() if importlib.util.find_spec(module)]
    if not here:
        raise ImportError("neither faiss with GPUs nor cuVS is installed")
    X, sets = normal(1_000_000, 64)
    rows = DeviceRows(X)
    held(X, sets[0], 10, *rows.nearest(sets[0], 10))
    for name, rival in here:
        try:
            theirs = rival(X)
        except AttributeError:  # faiss for the CPU alone
            continue
        taken = milliseconds(
            [lambda turn: rows.nearest(sets[turn % SETS], 10), lambda turn, ask=theirs: ask(sets[turn % SETS])], 9
        )
        yield Figure(f"1M × 64 against {name}", taken[:, 0], taken[:, 1])


def _faiss(X: Any) -> Callable[[Any], Any]:
    import faiss
    import faiss.contrib.torch_utils  # makes its indexes take tensors

    index = faiss.GpuIndexFlatL2(faiss.StandardGpuResources(), X.shape[1])
    index.add(X)
    return lambda Q: index.search(Q, 10)


def _cuvs(X: Any) -> Callable[[Any], Any]:
    from cuvs.neighbors import brute_force

    index = brute_force.build(X, metric="sqeuclidean")
    return lambda Q: brute_force.search(index, Q, 10)


TILES = ((16, 8), (16, 4), (8, 8))
TILE = "exact search without halves, tiles of {0} × {0} threads of {1} × {1}, 1M × 64, 10k queries, k = 10"


@row("tiles", *(TILE.format(*shape) for shape in TILES))
def tiles() -> Iterator[Figure]:
    """What products of float32 alone would take, and other shapes of their tiles: the whole search, with the constants
    of knn/device_rows.py changed.
    """
    from knn import device_rows

    X, sets = normal(1_000_000, 64)
    before = device_rows.WIDE, dict(device_rows.EACH), device_rows.matrices
    try:
        device_rows.matrices = lambda: False
        for shape in TILES:
            device_rows.WIDE, device_rows.EACH[np.dtype(np.float32)] = shape
            rows = device_rows.DeviceRows(X)
            held(X, sets[0], 10, *rows.nearest(sets[0], 10))
            taken = milliseconds([lambda turn, rows=rows: rows.nearest(sets[turn % SETS], 10)], 7)[:, 0]
            yield Figure(TILE.format(*shape), taken, operations=2.0 * 1e6 * QUERIES * 64)
    finally:
        device_rows.WIDE, device_rows.matrices = before[0], before[2]
        device_rows.EACH.update(before[1])


CROSSINGS = tuple((n, q) for n in (1000, 10_000, 100_000) for q in (1, 32, 1000))


@row(
    "crossover",
    *(f"host arrays, {n} × 64 points, {q} queries: the CPU on one thread beside the device" for n, q in CROSSINGS),
)
def crossover() -> Iterator[Figure]:
    """Milliseconds of a clock, from NumPy to NumPy: where the two meet is what knn/on_device.py calls SMALL."""
    import time

    from knn import BruteForce, on_device

    small = on_device.SMALL
    on_device.SMALL = 0
    try:
        for n, q in CROSSINGS:
            rng = np.random.default_rng(n + q)
            X, Q = (rng.standard_normal((rows, 64)).astype(np.float32) for rows in (n, q))
            both = [BruteForce(device=where).fit(X) for where in ("cuda", "cpu")]
            for there, here in zip(*(index.search(Q, 10)[:2] for index in both), strict=True):
                np.testing.assert_array_equal(there, here)
            taken = np.empty((12, 2))
            for turn in range(12):
                for which, index in enumerate(both):
                    started = time.perf_counter()
                    index.search(Q, 10)
                    taken[turn, which] = 1e3 * (time.perf_counter() - started)
            what = f"host arrays, {n} × 64 points, {q} queries: the CPU on one thread beside the device"
            yield Figure(what, taken[2:, 0], taken[2:, 1], value=float(n * q * 64), unit="queries × points × d")
    finally:
        on_device.SMALL = small
