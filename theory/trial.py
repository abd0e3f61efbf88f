"""One run of a claim's check: with the truth, with a mutant, or one of its counterexamples and boundary cases."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from theory.claim import Claim
from theory.mutation import MUTANT, automatic_mutants
from theory.outcome import Holds, Outcome, OutcomeMisused, Refuted
from theory.setting import Setting

ILL_FORMED = "ILL-FORMED"
ERROR = "ERROR"


@dataclass(frozen=True)
class Trial:
    """What is run, and the outcome that it must have. `kind` is truth, mutant, printed, automatic, counterexample
    or boundary."""

    claim: Claim
    kind: str
    name: str
    expected: type[Outcome]
    run: Callable[[Setting], Outcome]

    @property
    def id(self) -> str:
        """The name of the test item."""
        return f"{self.claim.id}-{self.kind}" + (f": {self.name}" if self.name else "")

    def perform(self, *, root_seed: int = 0, deep: bool = False) -> Result:
        """Runs it. An exception is a result too, with its last line as evidence, and never the expected one."""
        started = time.perf_counter()
        try:
            outcome = self.run(self.claim.setting(root_seed=root_seed, deep=deep))
            word, evidence, passed = outcome.word, outcome.as_dict()["evidence"], isinstance(outcome, self.expected)
        except _IllFormed as error:
            word, evidence, passed = ILL_FORMED, {"error": str(error)}, True
        except Exception as error:
            word, evidence, passed = ERROR, {"error": last_line(error)}, False
        seconds = time.perf_counter() - started
        return Result(self.claim.id, self.kind, self.name, self.expected.word, word, passed, evidence, seconds)


@dataclass(frozen=True)
class Result:
    """The outcome of a trial, ready for JSON."""

    claim: str
    kind: str
    name: str
    expected: str
    outcome: str
    passed: bool
    evidence: dict[str, Any]
    seconds: float
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def complaint(self) -> str:
        """One sentence for a result that is not as expected."""
        what = f"the {self.kind} {self.name!r}" if self.name else "the true statement"
        detail = ", ".join(f"{name} = {value}" for name, value in self.evidence.items()) or "no evidence"
        return f"{self.claim}: {what} must be {self.expected} and is {self.outcome} ({detail})"


def trials(claim: Claim, *, automatic: bool = False) -> list[Trial]:
    """The truth first, then hand-written mutants, counterexamples, boundary cases, and if asked automatic mutants."""
    found = [Trial(claim, "truth", "", Holds, lambda setting: claim.check(setting=setting))]
    for mutant in claim.mutants:
        kind = "printed" if mutant.where else "mutant"
        found.append(Trial(claim, kind, mutant.name, Refuted, _with_specs(claim, mutant.specs)))
    for case in claim.counterexamples:
        found.append(Trial(claim, "counterexample", case.name, Refuted, _of_case(claim, case)))
    for case in claim.boundaries:
        found.append(Trial(claim, "boundary", case.name, Holds, _of_case(claim, case)))
    if automatic:
        for changed in automatic_mutants(claim):
            if changed.name not in claim.equivalents:
                found.append(Trial(claim, "automatic", changed.name, Refuted, _of_automatic(claim, changed)))
    return found


def last_line(error: BaseException) -> str:
    """The last line of a traceback, with the place where it was raised."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = traceback.format_exception_only(error)[-1].strip()
    return f"{text} ({Path(where.filename).name}:{where.lineno})"


class _IllFormed(Exception):
    """The change leaves no formula: a subscript out of range, a half step where whole ones are counted."""


def _with_specs(claim: Claim, specs: Any) -> Callable[[Setting], Outcome]:
    return lambda setting: claim.check(setting=setting, **specs)


def _of_case(claim: Claim, case: Any) -> Callable[[Setting], Outcome]:
    return lambda setting: claim.run_case(case, setting)


def _of_automatic(claim: Claim, changed: Any) -> Callable[[Setting], Outcome]:
    def run(setting: Setting) -> Outcome:
        failure = ""
        for version in changed.versions():
            try:
                return claim.check(setting=setting, **{changed.spec: version()})
            except OutcomeMisused:
                raise
            except ZeroDivisionError as error:
                if any(frame.filename == MUTANT for frame in traceback.extract_tb(error.__traceback__)):
                    return Refuted(reason="the changed formula divides by 0 where the true one has a value")
                failure = last_line(error)
            except (TypeError, LookupError, AttributeError, ValueError, ArithmeticError) as error:
                failure = last_line(error)
        raise _IllFormed(failure)

    return run
