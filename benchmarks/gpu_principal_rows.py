"""What benchmarks/gpu.py measures of Principal DCI: proofs and approximate answers beside our own exact search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.gpu import Figure, milliseconds, row
from benchmarks.gpu_rows import QUERIES, SETS, mnist

K = 10
#: Points measured for an approximate answer.
WANTED = (20, 50)
#: In what the leading coordinates are kept, and what is asked.
KEPT, PROVED, MEASURED = ("bytes", "float32"), "proved, beside our exact search", "{} measured, beside our exact search"


def surface() -> tuple[Any, list[Any]]:
    """1M × 128: a plane of 16 dimensions and noise of a fiftieth of its extent in all."""
    import torch

    made = torch.Generator(device="cuda").manual_seed(0)
    plane = torch.randn(16, 128, device="cuda", generator=made) / 4

    def drawn(n: int) -> Any:
        on_plane = torch.randn(n, 16, device="cuda", generator=made) @ plane
        return on_plane + 0.02 * torch.randn(n, 128, device="cuda", generator=made)

    return drawn(1_000_000), [drawn(QUERIES) for _ in range(SETS)]


def beside_exact(name: str, X: Any, sets: list[Any]) -> Iterator[Figure]:
    """Proved answers are held to the exact ones to the bit, all of them; approximate ones tell their recall.

    Operations are those of halves; how fast the device multiplies bytes is not among what is measured of it.
    """
    from knn.device_principal import DevicePrincipal
    from knn.device_rows import DeviceRows
    from knn.kernels import cpu
    from knn.principal_codes import SAMPLE, Coder, canonical_sample

    host, rng = X.cpu().numpy(), np.random.RandomState(0)
    coder = Coder(host, canonical_sample(host, rng, SAMPLE), rng, cpu)
    rows = DeviceRows(X)
    truth = rows.nearest(sets[0], K)
    operations = 2.0 * X.shape[0] * len(sets[0]) * 64

    def exact(turn: int) -> Any:
        return rows.nearest(sets[turn % SETS], K)

    for kept in KEPT:
        fast = DevicePrincipal(X, np.ones(len(host), bool), coder, kept=kept)
        found = fast.answer(sets[0], K, max(WANTED), True)
        if not (bool((truth[1] == found.slots).all()) and bool((truth[0] == found.distances).all())):
            raise RuntimeError(f"{name}: what is proved differs from what is exact")
        asked: list[tuple[str, int, bool]] = [(PROVED, max(WANTED), True)]
        asked += [(MEASURED.format(wanted), wanted, False) for wanted in WANTED]
        for what, wanted, proved in asked:
            some = fast.answer(sets[0], K, wanted, proved)
            right = (some.slots[:, :, None] == truth[1][:, None, :]).any(dim=2).double().mean()
            taken = milliseconds(
                [
                    lambda turn, fast=fast, wanted=wanted, proved=proved: fast.answer(
                        sets[turn % SETS], K, wanted, proved
                    ),
                    exact,
                ],
                7,
            )
            yield Figure(
                f"{name}, {kept}, {what}",
                taken[:, 0],
                taken[:, 1],
                value=float(some.evaluations.mean()) if proved else float(right),
                unit="distances a query" if proved else "recall",
                operations=operations if kept == "float32" else None,
                rate="halves",
            )


def lines(name: str) -> tuple[str, ...]:
    asked = (PROVED, *(MEASURED.format(wanted) for wanted in WANTED))
    return tuple(f"{name}, {kept}, {what}" for kept in KEPT for what in asked)


@row("principal-mnist", *lines("Principal DCI, MNIST 60k × 784, 10k queries, k = 10"))
def on_mnist() -> Iterator[Figure]:
    return beside_exact("Principal DCI, MNIST 60k × 784, 10k queries, k = 10", *mnist())


@row("principal", *lines("Principal DCI, 1M × 128 about 16 dimensions, 10k queries, k = 10"))
def on_a_surface() -> Iterator[Figure]:
    return beside_exact("Principal DCI, 1M × 128 about 16 dimensions, 10k queries, k = 10", *surface())
