"""A claim: a statement, a check that can fail, and nearby false statements that the same check must refute."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from knn.registry import Registry
from theory.callable_module import make_callable
from theory.exactness import Inexact, exactly, no_hidden_draws, objections, require_exact
from theory.outcome import Holds, Inconclusive, Outcome, Refuted, all_hold
from theory.place import require_free, topic_of
from theory.setting import Setting
from theory.slots import claim_alpha
from theory.sources import Place

__all__ = [
    "Certified", "Claim", "Exact", "Holds", "Inconclusive", "Method", "Mutant", "Outcome", "Refuted", "Statistical",
    "all_hold", "claim", "claims_registry",
]  # fmt: skip


class Method(Enum):
    """How a verdict is reached: by rationals, by enclosures, or by sampling at a stated error level."""

    EXACT = "exact"
    CERTIFIED = "certified"
    STATISTICAL = "statistical"


Exact, Certified, Statistical = Method.EXACT, Method.CERTIFIED, Method.STATISTICAL
VERDICTS = ("TRUE", "CONDITIONAL", "FALSE")
PRIORITIES = ("P1", "P2", "P3")

claims_registry: Registry[Claim] = Registry("claim", group="implicitbench.claims", packages=("theory.claims",))


@dataclass(frozen=True)
class Mutant:
    """A false statement near the true one: the specs that it replaces and, if a source prints it, where and what."""

    name: str
    specs: Mapping[str, Any]
    where: tuple[Place, ...] = ()
    printed: str = ""
    correct: str = ""


@dataclass(frozen=True)
class Case:
    """A check of its own: a counterexample, which must be Refuted, or a boundary case, which must hold."""

    name: str
    check: Callable[..., Outcome]


@dataclass(eq=False)
class Claim:
    """A statement with its check; calling it runs the check, with the true formulas unless specs replace them.

    The check's keyword-only arguments are the *specs*: their defaults are the true formulas, and a
    mutant replaces some of them. A check with a positional argument receives a `Setting` there.
    """

    id: str
    check_function: Callable[..., Outcome]
    says: str
    source: str
    places: tuple[Place, ...]
    primary: str
    methods: tuple[Method, ...]
    hypotheses: tuple[str, ...]
    verdict: str
    priority: str
    topic: str
    statement: str
    limits: str
    resolution_of: str | None
    no_resolution: str
    stated_alpha: float | None
    mutants: list[Mutant] = field(default_factory=list)
    counterexamples: list[Case] = field(default_factory=list)
    boundaries: list[Case] = field(default_factory=list)
    equivalents: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A registry tells members apart by where they were written.
        self.__module__ = self.check_function.__module__
        self.__qualname__ = self.check_function.__qualname__
        self.__doc__ = self.check_function.__doc__

    @property
    def specs(self) -> dict[str, Any]:
        """Each spec and its true value."""
        parameters = inspect.signature(self.check_function).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    @property
    def exact_only(self) -> bool:
        """Whether nothing rounded may decide; see `theory.exactness`."""
        return self.methods == (Exact,)

    @property
    def method(self) -> str:
        return ", ".join(method.value for method in self.methods)

    def setting(self, *, root_seed: int = 0, deep: bool = False) -> Setting:
        """The conditions of a run; a statistical claim's α comes from the frozen table of slots or from itself."""
        if Statistical not in self.methods:
            return Setting(self.id, root_seed, deep)
        return Setting(self.id, root_seed, deep, alpha=claim_alpha(self.id, self.stated_alpha))

    def check(self, *, setting: Setting | None = None, **specs: Any) -> Outcome:
        """Runs the check with `specs` in place of the true ones. Raises TypeError if it returns no Outcome."""
        self._require_known(specs)
        if self.exact_only:
            specs = {name: exactly(formula, f"{self.id}: {name}") for name, formula in {**self.specs, **specs}.items()}
        return self._run(self.check_function, setting or self.setting(), specs, self.id)

    __call__ = check

    def mutant(self, name: str, **specs: Any) -> Claim:
        """Adds a false statement, which the check must refute. Returns the claim."""
        return self._add(Mutant(name, specs))

    def printed(self, name: str, *, where: Place | Iterable[Place], printed: str, correct: str, **specs: Any) -> Claim:
        """Adds a formula that a source prints wrongly: a mutant that becomes a row of the errata."""
        return self._add(Mutant(name, specs, _tuple(where), printed, correct))

    def counterexample(self, name: str, **specs: Any) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
        """Decorator: a check that the statement fails without its hypothesis; it must return Refuted.

        Called with specs instead, the claim's own check with them, a premise left out, is the counterexample.
        """
        enter = self._case(self.counterexamples, name)
        if specs:
            self._require_known(specs)
            enter(lambda setting: self.check(setting=setting, **specs))
        return enter

    def boundary(self, name: str) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
        """Decorator: a check of a limiting case in which the statement, or its exception, must hold."""
        return self._case(self.boundaries, name)

    def equivalent(self, mutation: str, reason: str) -> Claim:
        """States that the automatic mutant called `mutation` says the same as the truth, and why."""
        if not reason.strip():
            raise ValueError(f"{self.id}: say why {mutation!r} is equivalent")
        self.equivalents[mutation] = reason
        return self

    def run_case(self, case: Case, setting: Setting) -> Outcome:
        """Runs a counterexample or boundary case."""
        return self._run(case.check, setting, {}, f"{self.id}, {case.name}")

    def _run(self, check: Callable[..., Outcome], setting: Setting, specs: Mapping[str, Any], what: str) -> Outcome:
        if self.exact_only and (found := objections(check)):
            raise Inexact(f"{what}: {found[0]}")
        with no_hidden_draws(what):
            outcome = check(*([setting] if _positional(check) else []), **specs)
        if not isinstance(outcome, Outcome):
            raise TypeError(f"{what}: a check returns Holds, Refuted or Inconclusive, not {outcome!r}")
        if self.exact_only:
            for name, value in outcome.evidence.items():
                require_exact(value, f"{what}: the evidence {name!r}")
        return outcome

    def _add(self, mutant: Mutant) -> Claim:
        self._require_known(mutant.specs)
        if not mutant.specs:
            raise ValueError(f"{self.id}: the mutant {mutant.name!r} replaces no spec, so nothing could refute it")
        self._require_new(mutant.name)
        self.mutants.append(mutant)
        return self

    def _case(self, cases: list[Case], name: str) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
        def enter(check: Callable[..., Outcome]) -> Callable[..., Outcome]:
            self._require_new(name)
            cases.append(Case(name, check))
            return check

        return enter

    def _require_known(self, specs: Mapping[str, Any]) -> None:
        unknown = sorted(set(specs) - set(self.specs))
        if unknown:
            raise TypeError(f"{self.id} has no spec {', '.join(unknown)}; its specs are {', '.join(self.specs)}")

    def _require_new(self, name: str) -> None:
        cases = [*self.counterexamples, *self.boundaries]
        if name in [mutant.name for mutant in self.mutants] + [case.name for case in cases]:
            raise ValueError(f"{self.id} already has a mutant or case called {name!r}")


def claim(
    id: str,
    *,
    says: str,
    source: str | Place | Iterable[Place],
    method: Method | Iterable[Method],
    primary: str = "",
    hypotheses: Iterable[str] = (),
    verdict: str = "TRUE",
    priority: str = "P1",
    topic: str = "",
    statement: str = "",
    limits: str = "",
    resolution_of: str | None = None,
    no_resolution: str = "",
    alpha: float | None = None,
) -> Callable[[Callable[..., Outcome]], Claim]:
    """Decorator: makes a `Claim` of a check and registers it under `id`.

    `says`: the statement in words. `statement`: one formula in matplotlib's mathtext (TeX without
    the dollars). `source`: a `Place` of a deck (several, or text); `primary`: the paper behind it.
    `method`: Exact, Certified, Statistical, or several. `hypotheses`: what a source leaves out.
    `verdict`: TRUE, CONDITIONAL (true only with a hypothesis left out) or FALSE (as printed; the
    check confirms the correction). `topic`: by default the module's name. `limits`: what the
    evidence does not show. `resolution_of`: the spec that is perturbed to measure the resolution,
    by default the first numeric one; `no_resolution`: why there is none. `alpha`: the error level
    of a statistical claim outside the frozen table of slots.
    """
    if verdict not in VERDICTS:
        raise ValueError(f"verdict={verdict!r} of {id}; use one of {', '.join(VERDICTS)}")
    if priority not in PRIORITIES:
        raise ValueError(f"priority={priority!r} of {id}; use one of {', '.join(PRIORITIES)}")

    def make(check: Callable[..., Outcome]) -> Claim:
        places = () if isinstance(source, str) else _tuple(source)
        made = Claim(
            id=id,
            check_function=check,
            says=says,
            source=source if isinstance(source, str) else "; ".join(map(str, places)),
            places=places,
            primary=primary,
            methods=_tuple(method),
            hypotheses=tuple(hypotheses),
            verdict=verdict,
            priority=priority,
            topic=topic or topic_of(check),
            statement=statement,
            limits=limits,
            resolution_of=resolution_of,
            no_resolution=no_resolution,
            stated_alpha=alpha,
        )
        positional = [p.name for p in _positional(check)]
        if not made.specs or len(positional) > 1:
            raise TypeError(
                f"the check of {id} needs keyword-only specs with the true formulas as defaults and at most one "
                f"positional argument, the Setting; it has specs {list(made.specs)} and positional {positional}"
            )
        if resolution_of is not None:
            made._require_known({resolution_of: None})
        if present := claims_registry.present(id):
            require_free(id, check, inspect.unwrap(present.check_function))
        return claims_registry.register(id)(made)

    return make


def _positional(check: Callable) -> list[inspect.Parameter]:
    parameters = inspect.signature(check).parameters.values()
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _tuple(given: Any) -> tuple:
    return (given,) if isinstance(given, Place | Method) else tuple(given)


make_callable(__name__, claim)
