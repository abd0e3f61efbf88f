"""Memory that a step has freed stays with the process for the next step."""

from __future__ import annotations

import functools

import torch

#: Bytes of the largest block whose return glibc learns from, less its header and alignment.
_LARGEST = 2**25 - 2**13


@functools.cache
def keep_freed_memory() -> None:
    """Lets glibc keep freed blocks of up to 32 MiB for the next ones; where there is another allocator, nothing.

    A step takes and frees the same megabytes. glibc hands blocks beyond a threshold back to the system, and each page
    of the next ones is mapped and zeroed by a fault, in small networks up to a third of a step. It raises the threshold
    to the largest such block that it has seen freed, up to 32 MiB, and keeps twice as much (mallopt(3),
    M_MMAP_THRESHOLD); this shows it one, on which nothing is written. A threshold that the user has set stays, as
    does that of the workers of a matrix run, which keep more.
    """
    torch.empty(_LARGEST, dtype=torch.uint8)
