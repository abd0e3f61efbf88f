"""f-divergences of laws on finitely many points: when they are non-negative, and when zero means equality."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from flint import arb, fmpq

from theory.agreement import decide_estimate, decide_same, estimated, float_pairs
from theory.certified import ball, decide_at_most, decide_less, jsd, kl, log2, precision, total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.instances import Pair, pairs
from theory.sources import BRUNA, YU

F_DIVERGENCE = YU.slide("f-divergence")
INFINITY = arb("inf")


@dataclass(frozen=True)
class Known:
    """A generator f on (0, ∞) with f(0⁺) and f′(∞), and its divergence by a formula of its own."""

    f: Callable[[Any], Any]
    at_zero: Callable[[], Any]  # a ball has the precision of the moment, so it is made when needed
    slope: Any
    divergence: Callable[[Pair], Any]
    strictly_convex: bool = True
    code: str = ""

    def at(self, ratio: Any) -> Any:
        return self.f(ratio) if ratio else self.at_zero()

    def integral(self, pair: Pair) -> Any:
        """∫_{q>0} f(p/q) q, as printed: a ball, or a rational where every value of f is one."""
        terms = [b * self.at(a / b) for a, b in zip(pair.p, pair.q, strict=True) if b]
        return sum(terms, Q(0))

    def recession(self, pair: Pair) -> Any:
        """f′(∞) P(q = 0)."""
        return self.slope * ball(off(pair)) if off(pair) else Q(0)


def off(pair: Pair) -> Any:
    """P(q = 0)."""
    return sum((a for a, b in zip(pair.p, pair.q, strict=True) if b == 0), Q(0))


def chi_squared(pair: Pair) -> Any:
    terms = [(a - b) ** 2 / b for a, b in zip(pair.p, pair.q, strict=True) if b]
    return INFINITY if off(pair) else sum(terms, Q(0))


def hellinger_squared(pair: Pair) -> Any:
    return 1 - total(ball(a * b).sqrt() for a, b in zip(pair.p, pair.q, strict=True))


#: The code registers generators in standard form, which shifts f by c(s − 1) and leaves the divergence alone.
KNOWN = {
    "KL": Known(lambda s: s * ball(s).log(), lambda: Q(0), INFINITY, lambda pair: kl(pair.p, pair.q), code="kl"),
    "reverse KL": Known(
        lambda s: -ball(s).log(), lambda: INFINITY, Q(0), lambda pair: kl(pair.q, pair.p), code="reverse-kl"
    ),
    "Jensen–Shannon": Known(
        lambda s: s * ball(s).log() - (s + 1) * ball(s + 1).log() + 2 * log2(),
        lambda: 2 * log2(),
        Q(0),
        lambda pair: 2 * jsd(pair.p, pair.q),
        code="jsd-sum",
    ),
    "χ²": Known(lambda s: (s - 1) ** 2, lambda: Q(1), INFINITY, chi_squared, code="chi-squared"),
    "squared Hellinger": Known(
        lambda s: (ball(s).sqrt() - 1) ** 2 / 2, lambda: Q(1, 2), Q(1, 2), hellinger_squared, code="squared-hellinger"
    ),
    "total variation": Known(
        lambda s: abs(s - 1) / 2, lambda: Q(1, 2), Q(1, 2), lambda pair: pair.total_variation,
        strictly_convex=False, code="total-variation",
    ),
}  # fmt: skip


def decide_bound(value: Any, bound: Any, attained: bool, **evidence: Any) -> Outcome:
    """Whether value ≥ bound, with equality exactly if `attained` is known; rationals are compared as such."""
    if isinstance(value, fmpq) and isinstance(bound, fmpq):
        return (Holds if value >= bound else Refuted)(value=value, bound=bound, **evidence)
    if attained:
        return decide_same(value, bound, **evidence)
    return decide_less(bound, value, **evidence)


@claim(
    "fdiv-nonneg",
    says="∫ f(p/q) q over q > 0 is at least f(P(q > 0)), with equality for strictly convex f exactly if p/q is "
    "constant there; so D_f ≥ 0 if p ≪ q, and in general D_f, which is that integral plus f′(∞) P(q = 0), is ≥ 0",
    statement=r"D_f(p\|q) = \int_{q>0} f(p/q)\,q + f'(\infty)\,P(q=0) \geq 0",
    source=(F_DIVERGENCE, BRUNA.slide("Different Probability Metrics")),
    primary="Csiszár 1967; Ali & Silvey 1966 (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("p ≪ q, or else the recession term f′(∞) P(q = 0)",),
)
def fdiv_nonneg(
    setting,
    *,
    divergence=lambda integral, recession: integral + recession,
    least=lambda f, covered: f(covered),
    code=estimated,
):
    """Six generators on pmfs with zeros: Jensen's bound of the printed integral, D_f by a second formula, the code."""
    with precision(128):
        parts = []
        for pair in pairs(setting.rng(), setting.size(180, deep=1000)):
            ratios = {a / b for a, b in zip(pair.p, pair.q, strict=True) if b}
            covered = 1 - off(pair)
            for name, f in KNOWN.items():
                told = {"generator": name, "p": pair.p, "q": pair.q}
                value = f.integral(pair)
                attained = f.strictly_convex and len(ratios) == 1
                parts.append(decide_bound(value, least(f.at, covered), attained, **told))
                whole = divergence(value, f.recession(pair))
                zero = pair.p == pair.q
                parts.append(decide_bound(whole, Q(0), zero, **told))
                parts.append(decide_same(whole, f.divergence(pair), **told))
        for pair in float_pairs(setting.rng(1), 18):
            parts += [
                decide_estimate(code(f.code, pair.p, pair.q), f.divergence(pair), generator=name, p=pair.p, q=pair.q)
                for name, f in KNOWN.items()
            ]
        return all_hold(parts, generators=len(KNOWN))


fdiv_nonneg.printed(
    "non-negative without p ≪ q",
    where=F_DIVERGENCE,
    printed="D_f(p‖q) = ∫ f(p/q) q ≥ f(∫ (p/q) q) = f(1) = 0",
    correct="the chain needs p ≪ q: in general D_f = ∫_{q>0} f(p/q) q + f′(∞) P(q = 0)",
    divergence=lambda integral, recession: integral,
)
fdiv_nonneg.mutant("at least f(0)", least=lambda f, covered: f(0))
fdiv_nonneg.mutant("at least f(1) = 0, whatever q covers", least=lambda f, covered: f(1))
fdiv_nonneg.equivalent("divergence = lambda recession, integral: integral + recession", "a sum has no order")
fdiv_nonneg.mutant("the code with p and q exchanged", code=lambda name, p, q: estimated(name, q, p))


@fdiv_nonneg.counterexample("s log s, p = (½, ½), q = (1, 0): the printed integral is −½ log 2, and KL is +∞")
def half_off() -> Outcome:
    pair = Pair([Q(1, 2), Q(1, 2)], [Q(1), Q(0)], "zeros")
    return decide_at_most(0, KNOWN["KL"].integral(pair), kl=KNOWN["KL"].divergence(pair))


@fdiv_nonneg.boundary("the Jensen–Shannon generator has f′(∞) = 0: its printed integral is right for every pair")
def no_recession(setting) -> Outcome:
    js = KNOWN["Jensen–Shannon"]
    with precision(128):
        return all_hold(decide_same(js.integral(pair), js.divergence(pair)) for pair in pairs(setting.rng(2), 30))


# Zero ----------------------------------------------------------------------------------------------------------------

#: Convex with f(1) = 0 and rational values. Kinks are away from 1 ± STEP, so that one step tells a kink at 1.
CONVEX = {
    "(s − 1)²": lambda s: (s - 1) ** 2,
    "s² − s": lambda s: s * s - s,
    "|s − 1|/2": lambda s: abs(s - 1) * Q(1, 2),
    "max(0, s − 1)": lambda s: max(Q(0), s - 1),
    "max(0, s − 2)": lambda s: max(Q(0), s - 2),
    "max(0, ½ − s)": lambda s: max(Q(0), Q(1, 2) - s),
    "s − 1": lambda s: s - 1,
    "1 − s": lambda s: 1 - s,
}
STEP = Q(1, 1000)


def small_laws(k: int = 3, whole: int = 4) -> Iterator[list[Any]]:
    """Every law on k points with masses in multiples of 1/whole."""
    for masses in product(range(whole + 1), repeat=k):
        if sum(masses) == whole:
            yield [Q(mass, whole) for mass in masses]


def dominated(p: list[Any], q: list[Any]) -> bool:
    """p ≪ q."""
    return all(b > 0 or a == 0 for a, b in zip(p, q, strict=True))


def on_the_support(f: Callable, p: list[Any], q: list[Any]) -> Any:
    """∫_{q>0} f(p/q) q."""
    return sum((b * f(a / b) for a, b in zip(p, q, strict=True) if b), Q(0))


@claim(
    "fdiv-zero-iff",
    says="For p ≪ q and convex f with f(1) = 0: D_f = 0 means p = q for all p and q if and only if f is strictly "
    "convex at 1, that is affine on no neighbourhood of 1",
    statement=r"(D_f(p\|q) = 0 \Leftrightarrow p = q)\ \Leftrightarrow\ f(1-h) + f(1+h) > 0\ \ \forall h > 0",
    source=F_DIVERGENCE,
    primary="Csiszár 1967; Liese & Vajda 2006 (recalled)",
    method=Exact,
    verdict="CONDITIONAL",
    hypotheses=("p ≪ q", "f strictly convex at 1; strictly convex everywhere, as printed, is more than is needed"),
    priority="P2",
    no_resolution="a criterion, not a number",
)
def fdiv_zero_iff(*, identifies=lambda f, h: f(1 - h) + f(1 + h) > 0, premise=dominated):
    """All laws in quarters on three points; where f is affine about 1, the laws ½ ± h/2 and ½ have D_f = 0."""
    laws = list(small_laws())
    for name, f in CONVEX.items():
        level, tilted = [Q(1, 2), Q(1, 2)], [(1 + STEP) / 2, (1 - STEP) / 2]
        if not identifies(f, STEP):
            value = on_the_support(f, tilted, level)
            if value != 0:
                return Refuted(f=name, p=tilted, q=level, divergence=value, said="does not identify")
            continue
        for p, q in [(tilted, level), *((p, q) for p in laws for q in laws if premise(p, q))]:
            value = on_the_support(f, p, q)
            if (value == 0) != (p == q):
                return Refuted(f=name, p=p, q=q, divergence=value, said="identifies")
    return Holds(laws=len(laws), generators=len(CONVEX))


fdiv_zero_iff.mutant("convex suffices: max(0, s − 2)", identifies=lambda f, h: True)
fdiv_zero_iff.mutant("without p ≪ q", premise=lambda p, q: True)
fdiv_zero_iff.mutant(
    "strict convexity is needed everywhere",
    identifies=lambda f, h: all(f(s - h) + f(s + h) > 2 * f(s) for s in (Q(1, 4), Q(1), Q(3))),
)


@fdiv_zero_iff.counterexample("max(0, s − 2) is convex and zero at 1, and D_f((¾, ¼)‖(½, ½)) = 0")
def flat_about_one() -> Outcome:
    value = on_the_support(CONVEX["max(0, s − 2)"], [Q(3, 4), Q(1, 4)], [Q(1, 2), Q(1, 2)])
    return Refuted(divergence=value) if value == 0 else Holds()


@fdiv_zero_iff.counterexample("without p ≪ q: f = s log s, p = (0, 1), q = (1, 0), where the printed D_f is f(0) = 0")
def not_dominated() -> Outcome:
    value = KNOWN["KL"].integral(Pair([Q(0), Q(1)], [Q(1), Q(0)], "disjoint"))
    return Refuted(divergence=value) if value == 0 else Holds()


@fdiv_zero_iff.boundary("|s − 1|/2 is nowhere strictly convex but at 1, and total variation is zero only for p = q")
def total_variation_identifies() -> Outcome:
    f, laws = CONVEX["|s − 1|/2"], list(small_laws())
    affine_elsewhere = f(Q(3)) + f(Q(5)) == 2 * f(Q(4))
    zero = all((on_the_support(f, p, q) == 0) == (p == q) for p in laws for q in laws if dominated(p, q))
    return Holds() if affine_elsewhere and zero else Refuted()
