"""What benchmarks/gpu.py measures of DCI, Prioritized DCI on one level and several, and LSH: recall 0.95 beside our own
exact search.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from benchmarks.gpu import Figure, milliseconds, row
from benchmarks.gpu_rows import HELD, QUERIES, SETS, mnist

K, RECALL = 10, 0.95
#: Where Prioritized DCI and exact search may cross: points, and coordinates about sixteen dimensions.
SIZES, WIDTHS = (10_000, 100_000, 1_000_000), (16, 64, 256, 784)
#: Shares of the points that budgets let in, until the recall is reached.
SHARES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.45, 0.65, 1.0)
#: Heads kept a level, likewise.
BEAMS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Built(NamedTuple):
    """An index by its class, the budget that is raised until the recall is reached, and what it is built with."""

    kind: str
    budget: str
    steps: tuple[int | float, ...]
    options: dict[str, Any]


BUILT = {
    "Prioritized DCI": Built("PrioritizedDCI", "candidates", SHARES, {"n_simple": 10, "n_composite": 2}),
    "Multi-level DCI": Built("MultiLevelDCI", "beam", BEAMS, {"n_simple": 10, "n_composite": 2, "candidates": 0.3}),
    "DCI": Built("DCI", "visits", SHARES, {"n_simple": 5, "n_composite": 4}),
    "LSH": Built("LSH", "candidates", SHARES, {"n_tables": 50, "n_projections": 6}),
}


def surface(n: int, d: int) -> tuple[Any, list[Any]]:
    """A plane of 16 dimensions and noise of a fiftieth of its extent in all d."""
    import torch

    made = torch.Generator(device="cuda").manual_seed(n + d)
    plane = torch.randn(16, d, device="cuda", generator=made) / 4

    def drawn(count: int) -> Any:
        on_plane = torch.randn(count, 16, device="cuda", generator=made) @ plane
        return on_plane + 0.02 * torch.randn(count, d, device="cuda", generator=made)

    return drawn(n), [drawn(QUERIES) for _ in range(SETS)]


def beside_exact(name: str, what: str, X: Any, sets: list[Any]) -> Figure:
    """The least budget that finds 95 % of the neighbours; the first answers are held to the same index on the host."""
    import knn
    from knn import on_device
    from knn.device_rows import DeviceRows

    kind, budget, steps, built = BUILT[name]
    index = getattr(knn, kind)(device="cuda", random_state=0, n_jobs=-1, **built, **{budget: steps[0]}).fit(X)
    rows = DeviceRows(X)
    truth, recall = rows.nearest(sets[0], K)[1], 0.0
    for step in steps:
        found = index.set_params(**{budget: step}).search(sets[0], K)
        recall = float((found.indices[:, :, None] == truth[:, None, :]).any(dim=2).double().mean())
        if recall >= RECALL:
            break
    before, on_device.SMALL = on_device.SMALL, 1 << 62
    try:
        here = index.search(sets[0][:HELD].cpu().numpy(), K)
    finally:
        on_device.SMALL = before
    alike = 2 if kind == "MultiLevelDCI" else 4  # which proves what the host proves, or more
    for part, twin in zip(found[:alike], here[:alike], strict=True):
        np.testing.assert_array_equal(part[:HELD].cpu().numpy() if hasattr(part, "cpu") else part[:HELD], twin)
    taken = milliseconds(
        [lambda turn: index.search(sets[turn % SETS], K), lambda turn: rows.nearest(sets[turn % SETS], K)], 5, 1
    )
    short = "" if recall >= RECALL else f" short of {RECALL}"
    told = f"recall{short}, {budget}={step}, {found.evaluations.mean():.4g} distances a query"
    return Figure(what, taken[:, 0], taken[:, 1], value=recall, unit=told)


def each(measured: Callable[[Any], Figure], of: Iterable[Any]) -> Iterator[Figure]:
    """The figure of each; what the first that fails raises is raised behind the others."""
    failed = []
    for what in of:
        try:
            yield measured(what)
        except Exception as error:
            traceback.print_exc()
            failed.append(error.with_traceback(None))  # which would keep what lies on the device
    if failed:
        raise failed[0]


def line(name: str, data: str) -> str:
    return f"{name}, {data}, 10k queries, recall {RECALL}, against our exact search"


def crossing(n: int, d: int) -> str:
    return line("Prioritized DCI", f"{n} × {d} about 16 dimensions")


def where_it_crosses(n: int) -> Iterator[Figure]:
    return each(lambda d: beside_exact("Prioritized DCI", crossing(n, d), *surface(n, d)), WIDTHS)


for size in SIZES:
    row(f"prioritized-{size}", *(crossing(size, d) for d in WIDTHS))(functools.partial(where_it_crosses, size))


@row("dci-mnist", *(line(name, "MNIST") for name in BUILT))
def on_mnist() -> Iterator[Figure]:
    points = mnist()
    return each(lambda name: beside_exact(name, line(name, "MNIST"), *points), BUILT)


#: Points: the host takes minutes to find the cells of a million.
ON_A_SURFACE = {"Multi-level DCI": 100_000, "DCI": 1_000_000, "LSH": 1_000_000}


def on_surface(name: str) -> str:
    return line(name, f"{ON_A_SURFACE[name]} × 64 about 16 dimensions")


@row("dci", *map(on_surface, ON_A_SURFACE))
def on_a_surface() -> Iterator[Figure]:
    return each(lambda name: beside_exact(name, on_surface(name), *surface(ON_A_SURFACE[name], 64)), ON_A_SURFACE)
