"""How many bits Arb's balls are computed with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flint import ctx


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Balls are computed with `bits` of mantissa inside the block; the default of flint is 53."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before
