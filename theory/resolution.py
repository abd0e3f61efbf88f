"""The resolution of a check: the smallest relative change of a formula that it still refutes."""

from __future__ import annotations

import types
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.outcome import Refuted

if TYPE_CHECKING:
    from theory.claim import Claim
    from theory.setting import Setting

#: ε = 10^-1 … 10^-12; beyond lies rounding for the floats among the specs.
DECADES = tuple(range(1, 13))


@dataclass(frozen=True)
class Resolution:
    """`epsilon`: the smallest ε of the decades for which spec × (1 + ε) or × (1 − ε) was refuted; None if none was.

    `note` says which spec, and whether the search ended for lack of steps or there was nothing to perturb.
    """

    epsilon: float | None
    spec: str = ""
    note: str = ""

    def __str__(self) -> str:
        return "—" if self.epsilon is None else f"{self.epsilon:.0e}".replace("e-0", "e-")


def measure_resolution(claim: Claim, setting: Setting, budget: int) -> Resolution:
    """Bisects the decades for the smallest refuted perturbation of the claim's formula, in at most `budget` steps.

    Perturbed is the value of the spec that the claim names, else of its first numeric one: v ↦ v(1 ± ε),
    exactly for rationals. The search assumes that what is refuted at ε is refuted at 10ε. A step runs the
    check once or twice; the budget is in steps, never in seconds, so that equal runs give equal records.
    """
    if claim.no_resolution:
        return Resolution(None, note=claim.no_resolution)
    spec = claim.resolution_of or _first_numeric(claim)
    if spec is None:
        return Resolution(None, note="no spec is a number or a formula")

    def seen(decade: int) -> bool:
        return any(_refuted(claim, setting, spec, sign, decade) for sign in (1, -1))

    try:
        first = seen(DECADES[1])
    except _NotNumeric as error:
        return Resolution(None, spec, str(error))
    # Invariant: `low` is refuted (0: nothing is known to be), `high` is not.
    low, high = (DECADES[1], len(DECADES) + 1) if first else (0, DECADES[1])
    steps = 1
    while high - low > 1:
        if steps >= budget:
            return Resolution(_epsilon(low), spec, f"at most: the search stopped after {budget} steps")
        steps += 1
        # The finest decade is asked first: exact checks see everything, and are done.
        middle = DECADES[-1] if high > DECADES[-1] and low == DECADES[1] else (low + high) // 2
        low, high = (middle, high) if seen(middle) else (low, middle)
    return Resolution(_epsilon(low), spec, "" if low else "no perturbation of the decades was refuted")


def _epsilon(decade: int) -> float | None:
    return 10.0**-decade if decade else None


def _first_numeric(claim: Claim) -> str | None:
    for name, value in claim.specs.items():
        if isinstance(value, types.FunctionType) or _is_number(value):
            return name
    return None


def _refuted(claim: Claim, setting: Setting, spec: str, sign: int, decade: int) -> bool:
    true = claim.specs[spec]
    factor = 1 + sign * Fraction(1, 10**decade)
    changed: Any = (lambda *a, **k: scaled(true(*a, **k), factor)) if callable(true) else scaled(true, factor)
    return isinstance(claim.check(setting=setting, **{spec: changed}), Refuted)


class _NotNumeric(Exception):
    pass


def scaled(value: Any, factor: Fraction) -> Any:
    """`value` × `factor` in value's own numbers: exact for integers and rationals, entry by entry for sequences."""
    if isinstance(value, tuple | list):
        return type(value)(scaled(entry, factor) for entry in value)
    if not _is_number(value):
        raise _NotNumeric(f"the formula's value {value!r} is no number")
    if isinstance(value, Fraction):
        return value * factor
    if isinstance(value, int | np.integer) or type(value).__module__.startswith("flint"):
        from flint import fmpq

        return fmpq(factor.numerator, factor.denominator) * (int(value) if isinstance(value, np.integer) else value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return np.array([scaled(entry, factor) for entry in value.ravel()], dtype=object).reshape(value.shape)
    return value * float(factor)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    arithmetic: tuple[type, ...] = (int, float, complex, Fraction, np.number, np.ndarray)
    return isinstance(value, arithmetic) or type(value).__module__.startswith("flint")
