"""Stacked products of float32 matrices by oneDNN, where that rounds as float32 does."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

#: Shapes (stack, rows, inner, columns) that the trial multiplies; the inner one keeps sums below 2²⁴.
_TRIED = ((4, 128, 64, 64), (4, 64, 64, 2), (2, 512, 64, 512))


class _Open:
    """How many contexts hold the setting, which is the process's: the first sets it, the last gives it back."""

    lock = threading.Lock()
    count = 0


@contextmanager
def batched_products(device: torch.device) -> Iterator[None]:
    """While it is open float32 products such as `torch.bmm` go to oneDNN, on some processors twice as fast as MKL.

    torch asks oneDNN only when it is told that bfloat16 will do (`torch.backends.mkldnn.matmul.fp32_precision`). On
    processors with AVX-512 and without tiles for bfloat16 oneDNN has none but float32 kernels for float32, and the same
    rounding; a trial makes sure of it once, and where it fails, or where the user has set a precision, nothing is
    changed. Single products as small as a step's are slower so: it is for stacks. The setting is the process's.
    """
    held = device.type == "cpu" and _take()
    try:
        yield
    finally:
        if held:
            _give_back()


def _take() -> bool:
    """Whether the setting is made now, by this context or by one that is open in another thread."""
    setting = _setting()
    with _Open.lock:
        if setting is None or (not _Open.count and (setting.fp32_precision != "none" or not _keeps_float32())):
            return False
        if not _Open.count:
            setting.fp32_precision = "bf16"
        _Open.count += 1
        return True


def _give_back() -> None:
    setting = _setting()
    with _Open.lock:
        _Open.count -= 1
        if not _Open.count and setting.fp32_precision == "bf16":  # else the user has set another one meanwhile
            setting.fp32_precision = "none"


def _setting() -> Any:
    """torch's own, None in releases before 2.9, which have none."""
    return getattr(torch.backends.mkldnn, "matmul", None)


@functools.cache
def _keeps_float32() -> bool:
    """Whether this processor has the kernels, and they pass the trial; asked under the lock, while nothing is set."""
    has: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if not torch.backends.mkldnn.is_available() or not has.get("avx512_f") or has.get("amx_tile") or has.get("avx10_2"):
        return False
    setting = _setting()
    setting.fp32_precision = "bf16"
    try:
        return all(_exact(*shape) for shape in _TRIED)
    finally:
        setting.fp32_precision = "none"


def _exact(stack: int, rows: int, inner: int, columns: int) -> bool:
    """Whether products, turned and not, of whole numbers of nine bits are the whole numbers that they are.

    Their sums are below 2²⁴, exact in float32 in any order; bfloat16 has eight bits, and would round the factors.
    """
    stream = torch.Generator().manual_seed(0)
    left, right = (
        torch.randint(257, 512, shape, generator=stream) * (2 * torch.randint(2, shape, generator=stream) - 1)
        for shape in ((stack, rows, inner), (stack, inner, columns))
    )
    whole = left @ right
    plain, turned = (left.float(), right.float()), (left.mT.float().contiguous().mT, right.mT.float().contiguous().mT)
    return all(torch.equal(torch.bmm(a, b).long(), whole) for a in (plain[0], turned[0]) for b in (plain[1], turned[1]))
