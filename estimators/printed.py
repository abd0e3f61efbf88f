"""Numbers as an estimate prints them: no digit that the error does not support, and enclosures that still hold.

In decimals of any length, which every float is exactly: neither the least nor the largest float rounds on the way.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

#: Digits that are printed where the error is too small to show, or unknown.
DIGITS = 6
#: A float has at most 767 significant digits.
_EXACT = 800


def plain(value: float) -> str:
    """`value` to six digits."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{DIGITS}g}"


def with_error(value: float, error: float | None) -> str:
    """`value` to the digit that its error reaches, with the error rounded up; without one, six digits."""
    if math.isinf(value) or error is None or error <= abs(value) * 10.0**-DIGITS:
        return plain(value)
    if math.isinf(error):
        return f"{plain(value)} ± ∞"
    with localcontext(prec=_EXACT):
        exact, wide = Decimal(float(value)), Decimal(float(error))
        exponent = max(abs(exact), wide).adjusted()
        shift = exponent if not -4 <= exponent < DIGITS else 0
        exact, wide = exact.scaleb(-shift), wide.scaleb(-shift)
        place = wide.adjusted()
        # Two digits of an error that starts with 1, else one: rounding it up never doubles it.
        if wide < Decimal(2).scaleb(place):
            place -= 1
        # The hair: 0.1, which as a float is an ulp more, is one tenth and not two.
        units = (wide.scaleb(-place) - Decimal("1e-9")).to_integral_value(ROUND_CEILING)
        if units % 10 == 0:
            place, units = place + 1, units / 10
        decimals = max(0, -place)
        rounded = exact.scaleb(-place).to_integral_value(ROUND_HALF_EVEN).scaleb(place)
        text = f"{rounded:.{decimals}f} ± {units.scaleb(place):.{decimals}f}"
    return f"({text})e{shift:+03d}" if shift else text


def enclosed(value: float, lower: float, upper: float) -> tuple[str, str, str] | None:
    """`value` and its enclosure as they are printed; None where both ends are within half a unit of its sixth digit.

    An end is rounded outward to two digits of its own distance from the value, or to eight of the value where it is
    nearer than that; the value is printed as finely as the finer end, so that it lies in what is printed as well.
    """
    with localcontext(prec=_EXACT):
        exact = Decimal(float(value))
        ends = [None if math.isinf(end) else Decimal(float(end)) for end in (lower, upper)]
        reaches = [None if end is None else abs(end - exact) for end in ends]
        told = [reach for reach in reaches if reach is not None]
        half = Decimal(5).scaleb(exact.adjusted() - DIGITS) if exact else Decimal(0)
        if len(told) == 2 and max(told) <= half:
            return None
        own = [reach.adjusted() - 1 for reach in told if reach]
        finest = min(exact.adjusted() - 7, max(own)) if own else exact.adjusted() - 7
        places = [finest if not reach else max(reach.adjusted() - 1, finest) for reach in reaches]
        shown = [
            plain(given) if end is None else _to_place(end, place, rounding)
            for given, end, place, rounding in zip(
                (lower, upper), ends, places, (ROUND_FLOOR, ROUND_CEILING), strict=True
            )
        ]
        return _to_place(exact, min(places), ROUND_HALF_EVEN), shown[0], shown[1]


def _to_place(number: Decimal, place: int, rounding: str) -> str:
    """`number` rounded to a multiple of 10^place, in digits alone or by a power of ten where zeros would be many."""
    rounded = number.scaleb(-place).to_integral_value(rounding).scaleb(place).normalize()
    if not rounded:
        return "0"
    return f"{rounded:f}" if -5 <= rounded.adjusted() < 16 else f"{rounded:e}"
