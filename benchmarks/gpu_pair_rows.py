"""What benchmarks/gpu.py measures of sums over pairs: energy distance, MMD and Parzen windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.gpu import Figure, milliseconds, row

N, D, SETS = 100_000, 64, 2
#: Rows of a block of the rival's matrix, and of the sample on which both are held to the CPU.
BLOCK, HELD = 10_000, 2000


def samples(n: int, dtype: str = "float32") -> list[tuple[Any, Any]]:
    """Pairs of samples of two laws that differ."""
    import torch

    made = torch.Generator(device="cuda").manual_seed(n)
    draw = [torch.randn(n, D, device="cuda", dtype=getattr(torch, dtype), generator=made) for _ in range(2 * SETS)]
    return [(draw[2 * i], 1.1 * draw[2 * i + 1] + 0.1) for i in range(SETS)]


def blocked(x: Any, y: Any, value: Any) -> float:
    """Σᵢⱼ value(‖xᵢ − yⱼ‖) by blocks of torch's distances, in float64 from block to block."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    total = torch.zeros((), dtype=torch.float64, device="cuda")
    for part in x.split(BLOCK):
        total += value(torch.cdist(part, y)).sum(dtype=torch.float64)
    return float(total)


def discrepancy(x: Any, y: Any, value: Any, sign: float) -> float:
    n, m = len(x), len(y)
    cross, own = blocked(x, y, value) / (n * m), blocked(x, x, value) / n**2 + blocked(y, y, value) / m**2
    return sign * (2 * cross - own)


def against_torch(what: str, ours: Any, value: Any, sign: float) -> Figure:
    """Both on the same tensors; held to the CPU's float64 on a part first. Each pair is counted once: 2n² products."""
    sets = samples(N)
    x, y = (part[:HELD].contiguous() for part in sets[0])
    truth = ours(x.cpu().numpy().astype(np.float64), y.cpu().numpy().astype(np.float64), "cpu")
    found = ours(x, y, "cuda")
    if not found.certificate.lower <= truth.value <= found.certificate.upper:
        raise RuntimeError(f"{what}: {found} does not hold the CPU's {truth}")
    taken = milliseconds(
        [lambda turn: ours(*sets[turn % SETS], "cuda"), lambda turn: discrepancy(*sets[turn % SETS], value, sign)], 5, 1
    )
    return Figure(what, taken[:, 0], taken[:, 1], operations=2.0 * 2 * N * N * D, moved=2.0 * N * D * 4)


@row("energy", "energy distance 100k × 64 float32, standard error and all, against blocked torch")
def energy() -> list[Figure]:
    from estimators import energy_distance

    def ours(x: Any, y: Any, device: str) -> Any:
        return energy_distance(x, y, squared=True, device=device)

    what = "energy distance 100k × 64 float32, standard error and all, against blocked torch"
    return [against_torch(what, ours, lambda distances: distances, 1.0)]


@row("mmd", "MMD, Gaussian kernel, 100k × 64 float32, standard error and all, against blocked torch")
def gaussian() -> list[Figure]:
    import torch

    from estimators import mmd

    width = 8.0

    def ours(x: Any, y: Any, device: str) -> Any:
        return mmd(x, y, bandwidth=width, squared=True, device=device)

    def value(distances: Any) -> Any:
        return torch.exp(distances.square_().mul_(-0.5 / width**2))

    what = "MMD, Gaussian kernel, 100k × 64 float32, standard error and all, against blocked torch"
    return [against_torch(what, ours, value, -1.0)]


@row("parzen", "Parzen windows, 5k points, 10k centres × 784 float64, one bandwidth, NumPy to NumPy, against the CPU")
def parzen() -> list[Figure]:
    from estimators.parzen import parzen_log_densities

    rng = np.random.default_rng(0)
    centres, points = (rng.random((10_000, 784)) for _ in range(2))

    def ours(device: str) -> Any:
        return lambda turn: parzen_log_densities(centres, points[turn % 2 :: 2], [1.0], device=device, n_jobs=-1)

    (one, one_off), (other, other_off) = ours("cuda")(0), ours("cpu")(0)
    if not (np.abs(one - other) <= one_off + other_off).all():
        raise RuntimeError("Parzen windows on the device are not the CPU's within both bounds")
    taken = milliseconds([ours("cuda"), ours("cpu")], 5, 1)
    what = "Parzen windows, 5k points, 10k centres × 784 float64, one bandwidth, NumPy to NumPy, against the CPU"
    return [Figure(what, taken[:, 0], taken[:, 1], operations=2.0 * 1e4 * 5e3 * 784, rate="float64")]
