"""What each trial found, kept as a file that a later run is held to: its outcome, and its evidence.

Decimal numbers agree to nine digits or to 10⁻¹², whichever is wider, and balls by their midpoints: two numbers that are
both below 10⁻¹² are the same here. A record is what was found once and no proof of it; it tells that something changed.

A check that draws other instances, fewer of them, or means another quantity by the same name finds other evidence,
though its verdicts may stay. Such a change is told, and where it is meant the record is written again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from theory.trial import Result, Trial

#: Libraries round differently on different machines, in their last digits and in what a cancellation leaves of them.
RELATIVE, ABSOLUTE = 1e-9, 1e-12
_RADIUS = re.compile(r"\s*\+/-\s*[^\]\s,)]+")
_NUMBER = re.compile(r"[-+]?\d+\.\d+(?:[eE][-+]?\d+)?|[-+]?\d+[eE][-+]?\d+")


def record(results: Iterable[Result]) -> dict[str, dict[str, Any]]:
    """The outcome and evidence of each trial by its claim and its name, ready for JSON."""
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        told = {"outcome": result.outcome, "evidence": result.evidence}
        found.setdefault(result.claim, {})[name_of(result)] = told
    return found


def name_of(result: Result | Trial) -> str:
    """The name of a trial in the record of its claim."""
    return f"{result.kind}: {result.name}" if result.name else result.kind


def difference(result: Result, recorded: Mapping[str, Mapping[str, Any]]) -> str:
    """What `result` finds otherwise than the record, in one sentence; "" where it agrees or its claim has no record."""
    if result.claim not in recorded:
        return ""
    kept = recorded[result.claim].get(name_of(result))
    what = f"{result.claim}: {name_of(result)!r}"
    if kept is None:
        return f"{what} is not in the record"
    if result.outcome != kept["outcome"]:
        return f"{what} was {kept['outcome']} in the record and is {result.outcome}"
    for name in {**kept["evidence"], **result.evidence}:
        then, now = kept["evidence"].get(name), result.evidence.get(name)
        if not same(then, now):
            return f"{what} had {name} = {then!r} in the record and has {now!r}"
    return ""


def same(a: Any, b: Any) -> bool:
    """Equal, decimal numbers to the digits that all machines share; within texts too, where a ball loses its radius."""
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if isinstance(a, float) or isinstance(b, float):
        both = isinstance(a, int | float) and isinstance(b, int | float)
        return both and (a == b or (a != a and b != b) or math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE))
    if isinstance(a, str) and isinstance(b, str):
        (first, numbers), (second, others) = _apart(a), _apart(b)
        return first == second and all(map(same, numbers, others))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def _apart(text: str) -> tuple[str, list[float]]:
    """A text with its decimal numbers taken out, and them."""
    text = _RADIUS.sub("", text)
    return _NUMBER.sub("#", text), [float(number) for number in _NUMBER.findall(text)]
