"""What benchmarks/gpu.py measures of Principal DCI: proofs and approximate answers beside our own exact search."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.gpu import Figure, milliseconds, row
from benchmarks.gpu_rows import QUERIES, SETS, mnist

K = 10
#: Points measured for an approximate answer.
WANTED = (20, 50)


def surface() -> tuple[Any, list[Any]]:
    """1M × 128: a plane of 16 dimensions and noise of a fiftieth of its extent in all."""
    import torch

    made = torch.Generator(device="cuda").manual_seed(0)
    plane = torch.randn(16, 128, device="cuda", generator=made) / 4

    def drawn(n: int) -> Any:
        on_plane = torch.randn(n, 16, device="cuda", generator=made) @ plane
        return on_plane + 0.02 * torch.randn(n, 128, device="cuda", generator=made)

    return drawn(1_000_000), [drawn(QUERIES) for _ in range(SETS)]


def beside_exact(name: str, X: Any, sets: list[Any]) -> list[Figure]:
    """Proved answers are held to the exact ones to the bit, all of them; approximate ones tell their recall."""
    from knn.device_principal import DevicePrincipal
    from knn.device_rows import DeviceRows
    from knn.kernels import cpu
    from knn.principal_codes import SAMPLE, Coder, canonical_sample

    host, rng = X.cpu().numpy(), np.random.RandomState(0)
    coder = Coder(host, canonical_sample(host, rng, SAMPLE), rng, cpu)
    fast, rows = DevicePrincipal(X, np.ones(len(host), bool), coder), DeviceRows(X)
    truth, found = rows.nearest(sets[0], K), fast.answer(sets[0], K, max(WANTED), True)
    if not (bool((truth[1] == found.slots).all()) and bool((truth[0] == found.distances).all())):
        raise RuntimeError(f"{name}: what is proved differs from what is exact")
    operations = 2.0 * X.shape[0] * len(sets[0]) * 64

    def proved(turn: int) -> Any:
        return fast.answer(sets[turn % SETS], K, max(WANTED), True)

    def exact(turn: int) -> Any:
        return rows.nearest(sets[turn % SETS], K)

    taken = milliseconds([proved, exact], 9)
    figures = [
        Figure(
            f"{name}, proved, against our exact search", taken[:, 0], taken[:, 1],
            value=float(found.evaluations.mean()), unit="distances a query", operations=operations,
        )
    ]  # fmt: skip
    for wanted in WANTED:
        some = fast.answer(sets[0], K, wanted, False)
        right = (some.slots[:, :, None] == truth[1][:, None, :]).any(dim=2).double().mean()
        taken = milliseconds(
            [
                lambda turn, wanted=wanted: fast.answer(sets[turn % SETS], K, wanted, False),
                exact,
            ],
            7,
        )
        what = f"{name}, {wanted} measured, against our exact search"
        figures.append(Figure(what, taken[:, 0], taken[:, 1], value=float(right), unit="recall", operations=operations))
    return figures


def lines(name: str) -> tuple[str, ...]:
    return (
        f"{name}, proved, against our exact search",
        *(f"{name}, {wanted} measured, against our exact search" for wanted in WANTED),
    )


@row("principal-mnist", *lines("Principal DCI, MNIST 60k × 784, 10k queries, k = 10"))
def on_mnist() -> list[Figure]:
    return beside_exact("Principal DCI, MNIST 60k × 784, 10k queries, k = 10", *mnist())


@row("principal", *lines("Principal DCI, 1M × 128 about 16 dimensions, 10k queries, k = 10"))
def on_a_surface() -> list[Figure]:
    return beside_exact("Principal DCI, 1M × 128 about 16 dimensions, 10k queries, k = 10", *surface())
