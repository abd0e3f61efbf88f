"""Numbers as people read them: no more digits than their error supports."""

from __future__ import annotations

import math

NONE = "–"


def missing(value: float | None) -> bool:
    """None, or the NaN by which a frame says so."""
    return value is None or value != value


def significant(value: float | None, digits: int = 3) -> str:
    """`value` to so many significant digits, thousands apart, small and large ones by their power of ten."""
    if missing(value) or value is None:
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)))
    if not -4 <= power < 9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10{raised(int(exponent))}".replace("-", "−")
    places = max(0, digits - 1 - power)
    rounded = round(value, digits - 1 - power)
    return f"{rounded:,.{places}f}".replace(",", "\u202f").replace("-", "−")


def count(value: float | None) -> str:
    """A whole number, thousands apart."""
    return NONE if missing(value) or value is None else f"{value:,.0f}".replace(",", "\u202f")


def with_error(value: float | None, error: float | None, *, digits: int = 3) -> str:
    """`value ± error`, the error to two digits and the value to the same place."""
    if missing(value) or value is None:
        return NONE
    if missing(error) or error is None or not 0 < error < math.inf:
        return significant(value, digits)
    places = max(0, 1 - math.floor(math.log10(error)))
    if places > 9:
        return f"{significant(value, digits)} ± {significant(error, 2)}"
    return f"{value:.{places}f} ± {error:.{places}f}".replace("-", "−")


def share(value: float | None, error: float | None = None) -> str:
    """A share in [0, 1] in percent; only exactly 1 is printed as 100 %."""
    if missing(value) or value is None:
        return NONE
    places = 1
    if not (missing(error) or error is None or error <= 0):
        places = min(2, max(0, 1 - math.floor(math.log10(100 * error))))
    # 99.97 % of the queries must not read as all of them, nor 0.02 % as none.
    while places < 6 and float(f"{100 * value:.{places}f}") in (0.0, 100.0) and value not in (0.0, 1.0):
        places += 1
    text = f"{100 * value:.{0 if value in (0.0, 1.0) else places}f}"
    return f"{text} ± {100 * error:.{places}f} %" if error and not missing(error) else f"{text} %"


def seconds(value: float | None) -> str:
    """A duration with its unit."""
    if missing(value) or value is None:
        return NONE
    if value < 1:
        return f"{significant(1000 * value, 2)} ms"
    return f"{value:.1f} s" if value < 90 else f"{value / 60:.1f} min"


def raised(exponent: int) -> str:
    """An exponent in raised digits."""
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
