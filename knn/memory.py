"""How much memory building an index takes, found by building small ones, and how much there is.

The peak of `fit` grows in proportion to the points, but for what is learnt from a sample of them. So an index of the
same parameters is built on two small parts of the data, its allocations are counted, and the line through both is
extended, with the slope of the peaks or, where the sample outweighs so few points, of what stays after `fit` and of
what the index says passes through memory besides. Counted are arrays that NumPy allocates, which are nearly all.
"""

from __future__ import annotations

import os
import re
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import psutil
from sklearn.base import clone

from knn.budgets import AUTO

if TYPE_CHECKING:
    from knn.base import NearestNeighbours

#: The variable that sets a limit for the whole process, as 4GB, 500MiB or a number of bytes.
VARIABLE = "IMPLICITBENCH_MEMORY_LIMIT"
#: Rows of the larger of the two parts; the smaller has half. What is learnt from a sample is learnt from 4096.
TRIAL = 16384
#: Rows on which kernels are compiled first.
FEW = 512
#: Where so many times the data and so many bytes a point besides are free, no index is near the limit: no trial.
TIMES, BESIDES = 16, 4096
#: Bytes that nobody need ask for: less than importing NumPy takes, while asking takes more time than building.
SMALL = 2**24

_UNITS = {"": 0, "B": 0, "K": 1, "M": 2, "G": 3, "T": 4}


class Room(NamedTuple):
    """How many more bytes may be taken, and what sets the limit."""

    free: int
    limit: str


def estimated_peak(index: NearestNeighbours, X: np.ndarray, n: int) -> int:
    """Bytes at the peak of `fit` on n rows like those of X (m, d), beyond the rows themselves.

    Runs three small fits, unless the index knows its own `bytes_a_point` and the rows are not copied; X needs no more
    than `TRIAL` rows.
    """
    as_they_are = X.dtype in (np.float32, np.float64) and X.flags.c_contiguous and index.metric == "euclidean"
    if index.bytes_a_point is not None and as_they_are:
        return index.bytes_a_point * n
    most = min(len(X), n, TRIAL)
    least = -(-most // 2)
    index = clone(index).set_params(n_neighbors=1)
    _allocated(index, X[: min(most, FEW)])  # compiles kernels, which takes memory of its own
    low, high = _allocated(index, X[:least]), _allocated(index, X[:most])
    peaks, held = (after - before for before, after in zip(low, high, strict=True))
    rise = max(0, peaks, held + index._passing_a_point * (most - least))
    slope = rise / (most - least) if most > least else high[0] / most
    return int(high[0] + slope * (n - most))


def check_room(index: NearestNeighbours, X: Any) -> None:
    """Raises MemoryError with the numbers if `fit` on X (n, d) would not fit; does nothing if X is no array yet."""
    if not isinstance(X, np.ndarray) or X.ndim != 2 or not X.size or X.dtype.kind not in "fiub":
        return
    (n, d), dtype = X.shape, X.dtype
    width = 4 if dtype in (np.float16, np.float32) else 8
    ample = TIMES * n * d * width + BESIDES * n
    if ample < SMALL and VARIABLE not in os.environ:
        return
    there = room()
    if ample < there.free:
        return
    kept = dtype in (np.float32, np.float64) and X.flags.c_contiguous
    need = estimated_peak(index, X[: min(n, TRIAL)], n)
    if need > there.free:
        copied = "" if kept else f", {_shown(n * d * width)} of them for a copy of the data as float{8 * width}"
        raise MemoryError(
            f"{type(index).__name__} on {n} × {d} numbers needs about {_shown(need)} to be built, besides the data"
            f"{copied}, and {_shown(there.free)} are left ({there.limit}): use fewer points, float32 in C order, or "
            f"other parameters, or raise the limit"
        )


def room() -> Room:
    """The tightest of what the machine, the control groups, the address space and `VARIABLE` leave."""
    return min(_rooms(), key=lambda one: one.free)


def _rooms() -> Iterator[Room]:
    yield Room(psutil.virtual_memory().available, "free on this machine")
    process = psutil.Process().memory_info()
    given = os.environ.get(VARIABLE)
    if given:
        yield Room(max(0, parsed_size(given) - process.rss), f"{VARIABLE}={given}")
    if sys.platform.startswith("linux"):
        yield from cgroup_rooms()
    if sys.platform != "win32":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            yield Room(max(0, soft - process.vms), f"address space held to {_shown(soft)}, ulimit -v")


def cgroup_rooms(mounted: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Iterator[Room]:
    """What the control groups of this process and those above leave, in version 2 and in version 1.

    Cached file pages that are not in use count as free: the kernel gives them up first.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, files = mounted, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root, files = mounted / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = root / path.lstrip("/")
        for folder in [group, *group.parents]:
            if folder == root.parent:
                break
            left = _left(folder, *files)
            if left is not None:
                yield left


def _left(folder: Path, limit: str, usage: str, cached: str) -> Room | None:
    """What one control group leaves; None without a limit."""
    try:
        most = int((folder / limit).read_text())
        used = int((folder / usage).read_text())
        pages = re.search(rf"^{cached} (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE)
    except (OSError, ValueError):  # "max", or a group that is not seen from here
        return None
    if most >= 1 << 62:  # version 1 writes a number of pages that nobody has for no limit
        return None
    used -= int(pages[1]) if pages else 0
    return Room(max(0, most - used), f"of {_shown(most)} in the control group {folder}")


def parsed_size(text: str) -> int:
    """Bytes of 4GB, 500 MiB, 2.5G or 1000; raises ValueError naming `VARIABLE`."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?\s*", text.upper())
    if not found:
        raise ValueError(f"{VARIABLE}={text!r} is no size: give a number of bytes, or one with KB, MB, GB, MiB, GiB")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** _UNITS[found[2]])


def _allocated(index: NearestNeighbours, rows: np.ndarray) -> tuple[int, int]:
    """Bytes allocated at the peak of a fit on the rows, and after it."""
    index = clone(index)
    # None is chosen from the data.
    index.set_params(**{name: value for name, value in index.usual.items() if getattr(index, name) == AUTO})
    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        index._fit(rows)
        held, peak = tracemalloc.get_traced_memory()
        return peak - before, held - before
    finally:
        if not running:
            tracemalloc.stop()


def _shown(size: float) -> str:
    power = min(3, (len(str(int(size))) - 1) // 3)
    return f"{size / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB')[power]}"
