"""Runs claims: each true statement, each mutant, each counterexample, and the resolution of each check."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from knn.notebook import html_table
from knn.registry import UnknownName
from theory.callable_module import make_callable
from theory.claim import Claim, claims_registry
from theory.mutation import automatic_mutants
from theory.resolution import Resolution, measure_resolution
from theory.trial import ILL_FORMED, Result, last_line, trials

if TYPE_CHECKING:
    import pandas as pd

#: Steps of the search for one claim's resolution: six always end it.
RESOLUTION_BUDGET = 6
COLUMNS = (
    "id", "topic", "method", "verdict", "priority", "verified", "outcome", "mutants", "refuted", "counterexamples",
    "automatic", "equivalent", "ill_formed", "resolution", "seconds", "evidence", "complaints",
)  # fmt: skip


@dataclass(frozen=True)
class ClaimReport:
    """Everything that one verification of a claim found; `as_dict()` is JSON-able.

    `results` holds the truth first, then mutants, counterexamples and boundary cases.
    `complaints` is empty exactly if the claim is verified.
    """

    id: str
    topic: str
    method: str
    verdict: str
    priority: str
    says: str
    statement: str
    source: str
    primary: str
    hypotheses: tuple[str, ...]
    limits: str
    root_seed: int
    deep: bool
    alpha: float
    results: tuple[Result, ...]
    equivalents: dict[str, str]
    resolution: Resolution
    seconds: float
    complaints: tuple[str, ...] = field(default=())

    @property
    def verified(self) -> bool:
        return not self.complaints

    @property
    def outcome(self) -> str:
        """The outcome of the true statement."""
        return self.results[0].outcome

    @property
    def evidence(self) -> dict[str, Any]:
        """The evidence of the true statement."""
        return self.results[0].evidence

    def of_kind(self, *kinds: str) -> list[Result]:
        return [result for result in self.results if result.kind in kinds]

    def line(self) -> str:
        """One line for a terminal: id, outcome, mutants refuted, resolution, seconds."""
        mutants = [r for r in self.of_kind("mutant", "printed", "automatic") if r.outcome != ILL_FORMED]
        refuted = sum(result.passed for result in mutants)
        outcome = self.outcome if self.verified else f"{self.outcome}, NOT VERIFIED"
        return (
            f"{self.id:<36} {outcome:<12} mutants refuted {refuted}/{len(mutants)}  "
            f"resolution {self.resolution!s:<5}  {self.seconds:6.2f} s"
        )

    def _repr_html_(self) -> str:
        """The claim, and what each trial of it found, as a notebook shows them."""
        told = self.outcome if self.verified else f"{self.outcome}, NOT VERIFIED: {'; '.join(self.complaints)}"
        rows = [(result.name or result.kind, result.kind, result.outcome) for result in self.results]
        return html_table(("trial", "kind", "outcome"), rows, f"{self.id}: {self.says} – {told}")

    def as_dict(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain.update(
            verified=self.verified,
            outcome=self.outcome,
            hypotheses=list(self.hypotheses),
            complaints=list(self.complaints),
            results=[result.as_dict() for result in self.results],
            resolution={
                "epsilon": self.resolution.epsilon, "spec": self.resolution.spec, "note": self.resolution.note
            },
        )  # fmt: skip
        return plain


def verify_claim(
    claim: Claim | str,
    *,
    deep: bool = False,
    mutants: str = "hand",
    root_seed: int = 0,
    resolution_budget: int = RESOLUTION_BUDGET,
    progress: Callable[[Result], None] | None = None,
) -> ClaimReport:
    """Verifies one claim: its truth must HOLD and every mutant be REFUTED, by the same code, sizes and seeds.

    `mutants`: "hand" runs the hand-written ones, "all" the automatic ones too. `deep`: the larger
    sizes. `resolution_budget`: steps, 0 leaves the resolution out. `progress` is called with each
    result as it comes. Raises KeyError for an unknown id, ValueError for another `mutants`.
    """
    if mutants not in ("hand", "all"):
        raise ValueError(f"mutants={mutants!r}; use 'hand' or 'all'")
    claim = claims_registry[claim] if isinstance(claim, str) else claim
    started = time.perf_counter()
    results = []
    for trial in trials(claim, automatic=mutants == "all"):
        results.append(trial.perform(root_seed=root_seed, deep=deep))
        if progress is not None:
            progress(results[-1])
    complaints = [result.complaint() for result in results if not result.passed] + _omissions(claim, mutants)
    resolution, alpha = Resolution(None, note="not measured"), 0.0
    if results[0].passed:
        setting = claim.setting(root_seed=root_seed, deep=deep)
        alpha = setting.alpha
        if resolution_budget > 0:
            try:
                resolution = measure_resolution(claim, setting, resolution_budget)
            except Exception as error:
                resolution = Resolution(None, note=f"a perturbed formula raised {last_line(error)}")
    return ClaimReport(
        id=claim.id,
        topic=claim.topic,
        method=claim.method,
        verdict=claim.verdict,
        priority=claim.priority,
        says=claim.says,
        statement=claim.statement,
        source=claim.source,
        primary=claim.primary,
        hypotheses=claim.hypotheses,
        limits=claim.limits,
        root_seed=root_seed,
        deep=deep,
        alpha=alpha,
        results=tuple(results),
        equivalents=dict(claim.equivalents),
        resolution=resolution,
        seconds=time.perf_counter() - started,
        complaints=tuple(complaints),
    )


def reports(*ids_or_topics: str, **options: Any) -> Iterator[ClaimReport]:
    """Verifies the named claims and topics, all without a name, one report at a time; options as of `verify_claim`."""
    for claim in selected(*ids_or_topics):
        yield verify_claim(claim, **options)


def selected(*ids_or_topics: str) -> list[Claim]:
    """The claims of these ids and topics, in the order of the registry. Raises KeyError for a name that is neither."""
    claims = list(claims_registry.values())
    topics = sorted({claim.topic for claim in claims})
    unknown = sorted(set(ids_or_topics) - {claim.id for claim in claims} - set(topics))
    if unknown:
        close = [near for name in unknown for near in get_close_matches(name, [*topics, *claims_registry], cutoff=0.7)]
        known = f"topics: {', '.join(topics)}; claims: {', '.join(claims_registry)}"
        told = f"did you mean {', '.join(close)}?" if close else known
        raise UnknownName(f"no claim or topic is called {', '.join(unknown)}; {told}")
    wanted = set(ids_or_topics)
    return [claim for claim in claims if not wanted or claim.id in wanted or claim.topic in wanted]


def table(found: Iterable[ClaimReport]) -> pd.DataFrame:
    """One row a claim: what it is, whether it is verified, counts of mutants, resolution, seconds and evidence."""
    import pandas as pd

    return pd.DataFrame([_row(report) for report in found], columns=list(COLUMNS))


def unverified(found: Iterable[ClaimReport]) -> list[str]:
    """Each reason why a claim is not verified, as one sentence with its evidence."""
    return [complaint for report in found for complaint in report.complaints]


def verify(
    *ids_or_topics: str,
    deep: bool = False,
    mutants: str = "hand",
    root_seed: int = 0,
    progress: Callable[[Result], None] | None = None,
) -> pd.DataFrame:
    """Verifies claims by id or topic (all without a name) and returns one row a claim; arguments as of `verify_claim`.

    Columns: `id`, `topic`, `method`, `verdict` and `priority` of the claim; `verified` (bool) and the `outcome` of its
    true statement, HOLDS, REFUTED, INCONCLUSIVE or ERROR; `mutants` written by hand and how many were `refuted`;
    `counterexamples`, boundary cases among them; `automatic` mutants, how many are stated to be `equivalent` and how
    many were `ill_formed`; `resolution`, the least relative change of a formula that is still refuted, if any;
    `seconds`; `evidence`, the numbers that decided; `complaints`, the reasons not to be verified, if it is not.

    A claim that fails is a row and raises nothing. Raises KeyError for a name that is neither a claim nor a topic, with
    those that are near; ValueError for another `mutants`.

    >>> verify("m-of-n-lemma").verified.all()
    True
    """
    return table(reports(*ids_or_topics, deep=deep, mutants=mutants, root_seed=root_seed, progress=progress))


def _omissions(claim: Claim, mutants: str) -> list[str]:
    found = []
    if not claim.mutants:
        found.append(f"{claim.id}: has no mutant, so nothing shows that its check can fail")
    if claim.verdict != "TRUE" and not claim.counterexamples:
        found.append(f"{claim.id}: is {claim.verdict} and runs no counterexample")
    if mutants == "all":
        known = {changed.name for changed in automatic_mutants(claim)}
        stale = sorted(set(claim.equivalents) - known)
        found += [f"{claim.id}: {name!r} is listed as equivalent and is no automatic mutant" for name in stale]
    return found


def _row(report: ClaimReport) -> dict[str, Any]:
    hand, automatic = report.of_kind("mutant", "printed"), report.of_kind("automatic")
    ill_formed = [result for result in automatic if result.outcome == ILL_FORMED]
    return {
        "id": report.id,
        "topic": report.topic,
        "method": report.method,
        "verdict": report.verdict,
        "priority": report.priority,
        "verified": report.verified,
        "outcome": report.outcome,
        "mutants": len(hand),
        "refuted": sum(result.passed for result in hand),
        "counterexamples": len(report.of_kind("counterexample", "boundary")),
        "automatic": len(automatic) - len(ill_formed),
        "equivalent": len(report.equivalents),
        "ill_formed": len(ill_formed),
        "resolution": report.resolution.epsilon,
        "seconds": report.seconds,
        "evidence": report.evidence,
        "complaints": list(report.complaints),
    }


# `theory.verify` is this module once it is imported: called, it verifies; `theory.verify.verify_claim` is reached too.
make_callable(__name__, verify)
for _public in (ClaimReport, verify_claim, reports, selected, table, unverified):
    setattr(verify, _public.__name__, _public)
