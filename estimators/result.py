"""An estimate carries its error, how it was found, and what proves it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from knn.notebook import html_table

#: Digits that are printed where the error is too small to show, or unknown.
_DIGITS = 6
#: What a bound is printed with: the sought value is on that side of it.
_SIGNS = {"": "", "lower": "≥ ", "upper": "≤ "}


class NotConverged(ArithmeticError):
    """A solver stopped short of its answer; `partial` is the Estimate that it had reached, whose float() raises."""

    def __init__(self, message: str, partial: Estimate | None = None):
        super().__init__(message, partial)
        self.message = message
        self.partial = partial

    def __str__(self) -> str:
        return self.message if self.partial is None else f"{self.message}; partial: {self.partial}"


@dataclass(frozen=True)
class Certificate:
    """Proof that the exact value lies in [lower, upper], rounding included; `kind` says of what sort."""

    kind: str
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:  # a NaN fails too
            raise ValueError(
                f"{self.kind} certificate: lower is {self.lower}, which is not at most upper, {self.upper}"
            )

    @property
    def gap(self) -> float:
        """upper − lower; 0 where both are the same infinity."""
        return 0.0 if self.lower == self.upper else self.upper - self.lower

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


@dataclass(frozen=True)
class Estimate:
    """A value with its uncertainty.

    `value`, in `unit`; `stderr`, one standard error of sampling, or None where none is claimed (then
    `detail` says why); `interval`, a confidence interval (low, high); `method`, how it was computed;
    `certificate`, an enclosure of what was computed; `converged`, False for the partial result of a
    solver that stopped, whose float() raises NotConverged; `bound`, "lower" or "upper" where the value estimates no
    more than a bound of what is asked for, which is printed with it as ≥ or ≤.

    Raises ValueError for a NaN or a negative error: no failure is an Estimate.
    """

    value: float
    stderr: float | None = None
    interval: tuple[float, float] | None = None
    method: str = ""
    certificate: Certificate | None = None
    unit: str = ""
    detail: str = ""
    converged: bool = True
    bound: str = ""

    def __post_init__(self) -> None:
        if math.isnan(self.value):
            raise ValueError(f"an Estimate by {self.method or 'an unnamed method'} would be NaN")
        if self.stderr is not None and not 0 <= self.stderr < math.inf:
            raise ValueError(f"stderr is {self.stderr}: give a finite number ≥ 0, or None")
        if self.bound not in _SIGNS:
            raise ValueError(f"bound is {self.bound!r}: pass 'lower', 'upper' or nothing")
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise ValueError(f"interval {self.interval} is not (low, high)")

    def __float__(self) -> float:
        if not self.converged:
            raise NotConverged(
                "this Estimate is partial: read .value and .certificate, or raise the solver's limit", self
            )
        return float(self.value)

    @property
    def error(self) -> float | None:
        """Half-width that is printed after ±: the standard error, else the certificate's reach, else None."""
        if self.stderr is not None:
            return self.stderr
        if self.certificate is None or math.isinf(self.value):
            return None
        return max(self.certificate.upper - self.value, self.value - self.certificate.lower)

    def __str__(self) -> str:
        number = _with_error(self.value, self.error)
        if self.stderr is None and self.interval is not None:
            number = f"{self.value:.{_DIGITS}g} [{self.interval[0]:.{_DIGITS}g}, {self.interval[1]:.{_DIGITS}g}]"
        text = f"{_SIGNS[self.bound]}{number} {self.unit}".rstrip()
        return text if self.converged else f"{text} (not converged)"

    def __format__(self, spec: str) -> str:
        return f"{_SIGNS[self.bound]}{self.value:{spec}}" if spec else str(self)

    def _repr_html_(self) -> str:
        """What is known of the value, as a notebook shows it."""
        rows = [("value", str(self)), ("method", self.method), ("detail", self.detail)]
        if self.interval is not None:
            rows.insert(1, ("interval", f"{self.interval[0]:.{_DIGITS}g} … {self.interval[1]:.{_DIGITS}g}"))
        if self.certificate is not None:
            proved = f"{self.certificate.lower!r} … {self.certificate.upper!r}, {self.certificate.kind}"
            rows.insert(1, ("proved", proved))
        return html_table((), [row for row in rows if row[1]])

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON scalars, interval and certificate as bounds."""
        low, high = self.interval or (None, None)
        lower, upper = (self.certificate.lower, self.certificate.upper) if self.certificate else (None, None)
        return {
            "value": self.value,
            "stderr": self.stderr,
            "low": low,
            "high": high,
            "lower": lower,
            "upper": upper,
            "unit": self.unit,
            "method": self.method,
            "bound": self.bound,
            "detail": self.detail,
            "converged": self.converged,
        }


def _with_error(value: float, error: float | None) -> str:
    """`value` to the digit that its error reaches, with the error rounded up; without one, six digits."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if error is None or error <= abs(value) * 10.0**-_DIGITS:
        return f"{value:.{_DIGITS}g}"
    if math.isinf(error):
        return f"{value:.{_DIGITS}g} ± ∞"
    exponent = math.floor(math.log10(max(abs(value), error)))
    shift = exponent if not -4 <= exponent < _DIGITS else 0
    value, error = value / 10.0**shift, error / 10.0**shift
    place = math.floor(math.log10(error))
    # Two digits of an error that starts with 1, else one: rounding it up never doubles it.
    if error < 2 * 10.0**place:
        place -= 1
    # The hair: a digit that the divisions left an ulp above itself is not rounded to the next.
    units = math.ceil(error / 10.0**place - 1e-9)
    if units % 10 == 0:
        place, units = place + 1, units // 10
    decimals = max(0, -place)
    rounded = f"{round(value / 10.0**place) * 10.0**place:.{decimals}f} ± {units * 10.0**place:.{decimals}f}"
    return f"({rounded})e{shift:+03d}" if shift else rounded
