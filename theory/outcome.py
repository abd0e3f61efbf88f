"""The three verdicts of a check, each with the numbers that led to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np

from knn.notebook import html_table

#: Longer arrays are recorded by their shape and range: evidence is read by people.
LONGEST_ARRAY = 64


class OutcomeMisused(TypeError):
    """An outcome was asked whether it is true: a defect of the check, never of a formula."""


class Outcome:
    """What a check found, with its evidence: `Holds`, `Refuted` or `Inconclusive`.

    Any keyword is evidence; `as_dict()` writes rationals as "p/q", balls with their radius and
    arrays as lists. An outcome is not a truth value: compare its type or its `word`.
    """

    word: ClassVar[str] = ""

    def __init__(self, **evidence: Any):
        self.evidence = evidence

    def as_dict(self) -> dict[str, Any]:
        return {"outcome": self.word, "evidence": encode(self.evidence)}

    def __repr__(self) -> str:
        return f"{self.word}({', '.join(f'{name}={value}' for name, value in encode(self.evidence).items())})"

    def _repr_html_(self) -> str:
        return html_table((), encode(self.evidence).items(), self.word)

    def __bool__(self) -> NoReturn:
        raise OutcomeMisused(f"{self.word} is not a truth value; compare isinstance(outcome, Holds) or outcome.word")


class Holds(Outcome):
    """The statement was proved, enclosed, or not refuted by a test that would have seen its nearest mutant."""

    word = "HOLDS"


class Refuted(Outcome):
    """The statement is false; the evidence is the instance, the enclosure or the error level that shows it."""

    word = "REFUTED"


class Inconclusive(Outcome):
    """The check decided nothing. For a claim this is a failure, not a pass."""

    word = "INCONCLUSIVE"


def all_hold(outcomes: Iterable[Outcome], **evidence: Any) -> Outcome:
    """The conjunction: the first refutation, else the first undecided part, else `Holds`; no part is Inconclusive.

    Stops at the first refutation, so a generator of parts does no work beyond it. The evidence of
    `Holds` counts the parts, those of nested conjunctions too; of what several parts name alike the
    largest float is kept, and nothing else.
    """
    undecided: Outcome | None = None
    found: list[Mapping[str, Any]] = []
    for outcome in outcomes:
        if isinstance(outcome, Refuted):
            return outcome
        if isinstance(outcome, Inconclusive) and undecided is None:
            undecided = outcome
        found.append(outcome.evidence)
    if not found:
        return Inconclusive(reason="no part was checked")
    if undecided is not None:
        return undecided
    return Holds(**{**_gathered(found), "parts": sum(part.get("parts", 1) for part in found), **evidence})


def _gathered(found: list[Mapping[str, Any]]) -> dict[str, Any]:
    by_name: dict[str, list[Any]] = {}
    for part in found:
        for name, value in part.items():
            by_name.setdefault(name, []).append(value)
    floats = {name: max(v) for name, v in by_name.items() if all(isinstance(value, float) for value in v)}
    return {**{name: v[0] for name, v in by_name.items() if len(v) == 1}, **floats}


def encode(value: Any) -> Any:
    """`value` as JSON can hold it; rationals, balls and infinities become text, nothing is rounded to a float."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Outcome):
        return value.as_dict()
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, np.ndarray):
        if value.size <= LONGEST_ARRAY:
            return encode(value.tolist())
        return f"array{value.shape} in [{encode(value.min())}, {encode(value.max())}]"
    if isinstance(value, Mapping):
        return {str(name): encode(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        entries = sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
        return [encode(entry) for entry in entries]
    if type(value).__module__.startswith("flint") and hasattr(value, "rad"):
        return value.str(20)
    return str(value)
