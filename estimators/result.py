"""An estimate carries its error, how it was found, and what proves it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from estimators.printed import enclosed, plain, with_error
from knn.notebook import html_table

#: What a bound is printed with: the sought value is on that side of it.
_SIGNS = {"": "", "lower": "≥ ", "upper": "≤ "}
#: What an error may be over. Draws sample the laws; directions and a quadrature's rule sample nothing of the data.
_OVER = ("samples", "draws", "directions", "rule")


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

    `value`, in `unit`; `stderr`, one standard error, or None where none is claimed (then a clause of `detail` that
    begins with "no standard error" says why); `error_over`, what it is of: "samples", the "draws" of Monte Carlo,
    "directions", or the "rule" of a quadrature, whose interval is its own estimate; `interval`, a confidence interval
    (low, high); `method`, how it was computed;
    `certificate`, an enclosure of what was computed; `converged`, False for the partial result of a
    solver that stopped, whose float() raises NotConverged; `bound`, "lower" or "upper" where the value estimates no
    more than a bound of what is asked for, which is printed with it as ≥ or ≤.

    Printed, ± stands before one standard error of sampling or of Monte Carlo's draws and nothing else; an error over
    directions is called that, a certificate is printed as its enclosure, "in [lower, upper]" rounded outward, where it
    is wider than the digits shown, and the reason for no standard error in brackets.

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
    error_over: str = "samples"

    def __post_init__(self) -> None:
        if math.isnan(self.value):
            raise ValueError(f"an Estimate by {self.method or 'an unnamed method'} would be NaN")
        if self.stderr is not None and not 0 <= self.stderr < math.inf:
            raise ValueError(f"stderr is {self.stderr}: give a finite number ≥ 0, or None")
        if self.bound not in _SIGNS:
            raise ValueError(f"bound is {self.bound!r}: pass 'lower', 'upper' or nothing")
        if self.error_over not in _OVER:
            raise ValueError(f"error_over is {self.error_over!r}: pass one of {', '.join(map(repr, _OVER))}")
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise ValueError(f"interval {self.interval} is not (low, high)")

    def __float__(self) -> float:
        if not self.converged:
            raise NotConverged(
                "this Estimate is partial: read .value and .certificate, or raise the solver's limit", self
            )
        return float(self.value)

    def __str__(self) -> str:
        parts = [self._number(), self.unit, f"({self._aside()})" if self._aside() else ""]
        text = _SIGNS[self.bound] + " ".join(part for part in parts if part)
        return text if self.converged else f"{text} (not converged)"

    def _number(self) -> str:
        """The value with its standard error of sampling, else its interval, else what encloses it."""
        if self.stderr is not None and self.error_over != "directions":
            return with_error(self.value, self.stderr)
        number = plain(self.value)
        if self.stderr is None and self.interval is not None:
            low, high = map(plain, self.interval)
            return number if low == high else f"{number} [{low}, {high}]"
        if self.stderr is None and self.certificate is not None and math.isfinite(self.value):
            told = enclosed(self.value, self.certificate.lower, self.certificate.upper)
            return number if told is None else "{} in [{}, {}]".format(*told)
        return number

    def _aside(self) -> str:
        """What the number does not say: an error that is none of sampling, or why there is none."""
        if self.stderr is not None:
            return f"standard error over directions {self.stderr:.2g}" if self.error_over == "directions" else ""
        clauses = self.detail.split("; ") if self.interval is None else []
        return next((clause for clause in clauses if clause.startswith("no standard error")), "")

    def __format__(self, spec: str) -> str:
        return f"{_SIGNS[self.bound]}{self.value:{spec}}" if spec else str(self)

    def _repr_html_(self) -> str:
        """What is known of the value, as a notebook shows it."""
        rows = [("value", str(self)), ("method", self.method), ("detail", self.detail)]
        if self.interval is not None:
            rows.insert(1, ("interval", f"{plain(self.interval[0])} … {plain(self.interval[1])}"))
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
            "error_over": self.error_over,
        }
