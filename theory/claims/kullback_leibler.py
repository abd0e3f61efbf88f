"""Kullback–Leibler divergence: what makes it finite, and what an empirical measure does to it in both directions."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from flint import arb

from theory.agreement import decide_estimate, estimated, float_pairs
from theory.certified import ball, decide_less, integrate, kl, precision, total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.instances import Cauchy, Normal, pairs
from theory.setting import Setting
from theory.sources import POSTER, TALK

REVERSE = TALK.slide("Is Reverse KL even defined in this setting?")
DATA = (Q(-1), Q(1, 5), Q(17, 10))


@dataclass(frozen=True)
class Case:
    """A pair of laws with what is known of KL(p‖q): p ≪ q, supp p ⊂ supp q, and whether it is finite."""

    name: str
    dominated: bool
    supported: bool
    finite: bool


def known_cases(setting: Setting) -> list[Case]:
    """Drawn pmfs, on which both inclusions are one, and four pairs on the line."""
    found = []
    for pair in pairs(setting.rng(), setting.size(60, deep=600)):
        dominated = all(b > 0 or a == 0 for a, b in zip(pair.p, pair.q, strict=True))
        found.append(Case(f"{pair.p} ‖ {pair.q}", dominated, dominated, kl(pair.p, pair.q).is_finite()))
    return [
        *found,
        Case("Cauchy ‖ N(0, 1)", dominated=True, supported=True, finite=False),
        Case("N(0, 1) ‖ Cauchy", dominated=True, supported=True, finite=True),
        Case("three atoms ‖ N(0, 1)", dominated=False, supported=True, finite=False),
        Case("U(0, 2) ‖ U(0, 1)", dominated=False, supported=False, finite=False),
    ]


@cache
def truncated_kl(reach: int) -> Any:
    """∫ c log(c/φ) over [−reach, reach], c the Cauchy density and φ that of N(0, 1)."""
    p, q = Cauchy(), Normal()

    def integrand(z: Any, analytic: bool) -> Any:
        return p.pdf(z) * (p.pdf(z).log(analytic=analytic) - q.log_pdf(z))

    with precision(96):
        return 2 * integrate(integrand, 0, reach)


@claim(
    "kl-finite-needs-ac",
    says="KL(p‖q) < ∞ implies p ≪ q; p ≪ q does not imply KL(p‖q) < ∞: for Cauchy against N(0, 1) the part in [−T, T] "
    "is (T − arctan T)/π + ½ log 2π − log 4π up to O(log T/T)",
    statement=r"KL(p\|q) < \infty \Rightarrow p \ll q, \quad "
    r"\int_{-T}^{T} c\,\log(c/\varphi) \approx \frac{T - \arctan T}{\pi} + \frac{1}{2} \log 2\pi - \log 4\pi",
    source=REVERSE,
    primary="Li & Malik 2018",
    method=(Exact, Certified),
    priority="P2",
)
def kl_needs_domination(
    setting,
    *,
    truncated=lambda T: (T - T.atan()) / arb.pi() + (2 * arb.pi()).log() / 2 - (4 * arb.pi()).log(),
    agrees=lambda case: case.dominated or not case.finite,
    code="kl",
):
    """Exactly on pmfs and four pairs on the line; the certified Cauchy integral outgrows every bound; the code."""
    wrong = [case for case in known_cases(setting) if not agrees(case)]
    if wrong:
        return Refuted(case=wrong[0].name, dominated=wrong[0].dominated, finite=wrong[0].finite)
    parts = []
    with precision(96):
        for reach in (100, 1000, 10000):
            T = ball(reach)
            # Beyond T are the entropy's tails, at most (2/πT)(log πT² + 2 + 1/T²), and ½ log 2π of mass 2/πT.
            tail = (2 * (arb.pi() * T**2).log() + 8) / (arb.pi() * T)
            value = truncated_kl(reach)
            told = {"T": reach, "value": value}
            parts += [decide_less(abs(value - truncated(T)), tail, **told), decide_less(ball(reach) / 4, value, **told)]
        for pair in float_pairs(setting.rng(1), 24):
            parts.append(decide_estimate(estimated(code, pair.p, pair.q), kl(pair.p, pair.q), p=pair.p, q=pair.q))
    return all_hold(parts)


kl_needs_domination.mutant("p ≪ q suffices", agrees=lambda case: case.finite or not case.dominated)
kl_needs_domination.mutant("supp p ⊂ supp q suffices", agrees=lambda case: case.finite or not case.supported)
kl_needs_domination.mutant("the Cauchy integral stays bounded", truncated=lambda T: (4 * arb.pi()).log())
kl_needs_domination.mutant("the code's KL(q‖p)", code="reverse-kl")


@kl_needs_domination.counterexample("the converse: Cauchy ≪ N(0, 1), and the integral passes 3000 within 10⁴")
def dominated_and_infinite() -> Outcome:
    value = truncated_kl(10000)
    # Outside, p log(p/q) ≥ p − q integrates to −1 at the least.
    return Refuted(at_least=value - 1) if value - 1 > 3000 else Holds()


@kl_needs_domination.boundary("supp p̂ₙ ⊂ ℝ = supp N(0, 1), and KL(p̂ₙ‖N) = ∞: support inclusion is weaker than p ≪ q")
def supported_and_not_dominated() -> Outcome:
    bounds = [partition_bound(digits) for digits in (10, 100, 1000)]
    growing = all(second - first > 100 for first, second in pairwise(bounds))
    return Holds(bounds=bounds) if growing else Refuted(bounds=bounds)


@cache
def partition_bound(digits: int) -> Any:
    """KL(p̂‖N(0, 1)) ≥ Σ (1/n) log((1/n)/N(cell)), with a cell of half-width 10^−digits about each datum."""
    with precision(4 * digits + 64):
        half_width, law = ball(10) ** -digits, Normal()
        cells = [law.cdf(x + half_width) - law.cdf(x - half_width) for x in DATA]
        return total(-(len(DATA) * cell).log() / len(DATA) for cell in cells)


# The model against the data ------------------------------------------------------------------------------------------


def mass_away(radius: Any, noise: Any, data: tuple = DATA) -> Any:
    """p̂_ε of the points farther than `radius` from every datum, by the gaps between; no two nearly equal numbers."""
    edges = [(arb("-inf"), data[0] - radius)]
    edges += [(a + radius, b - radius) for a, b in pairwise(data)] + [(data[-1] + radius, arb("inf"))]
    law = Normal()
    mass = ball(0)
    for low, high in edges:
        for x in data:
            near, far = sorted([abs(ball(low) - x), abs(ball(high) - x)], key=lambda end: float(end.mid()))
            beyond = law.cdf(-far / noise) if far.is_finite() else ball(0)
            mass += (law.cdf(-near / noise) - beyond) / len(data)
    return mass


def lives_on(pair: Any) -> bool:
    return all(b > 0 or a == 0 for a, b in zip(pair.p, pair.q, strict=True))


@claim(
    "reverse-kl-empirical",
    says="KL(p_θ‖p̂ₙ) = +∞ unless p_θ lives on the data; with noise ε on the data it grows like q(A) r²/(2ε²), A the "
    "points farther than r from every datum",
    statement=r"KL(p_\theta \| \hat p_n * N(0, \epsilon^2)) \geq p_\theta(A)\,\frac{r^2}{2\epsilon^2} - \log 2",
    source=(POSTER.slide("True vs. Empirical Data Distribution"), REVERSE),
    primary="Li & Malik 2018",
    method=(Exact, Certified),
    limits="The decks say undefined; the value is +∞, which is defined in [0, ∞].",
)
def reverse_kl_empirical(
    setting,
    *,
    exponent=lambda r, noise: r**2 / (2 * noise**2),
    finite=lives_on,
    code="reverse-kl",
):
    """Exactly on pmfs, p̂ in the second place; −log p̂_ε(A) lies within log(r/ε) + 1 above r²/2ε², by Mills' ratio."""
    parts = []
    for pair in pairs(setting.rng(), setting.size(150, deep=1500)):
        if finite(pair) != kl(pair.p, pair.q).is_finite():
            return Refuted(model=pair.p, data=pair.q, said_finite=finite(pair), kl=kl(pair.p, pair.q))
    with precision(128):
        r = Q(3, 10)
        away = 1 - total(Normal().cdf(x + r) - Normal().cdf(x - r) for x in DATA)
        for noise in (Q(1, 10), Q(1, 100), Q(1, 1000)):
            surprise = -mass_away(r, noise).log()
            stated = exponent(ball(r), ball(noise))
            told = {"noise": noise, "surprise": surprise}
            parts += [decide_less(stated, surprise, **told), decide_less(surprise, stated + ball(r / noise).log() + 1)]
            # The two-cell partition {A, not A} has entropy ≤ log 2.
            parts.append(decide_less(away * stated - ball(2).log(), two_cells(away, mass_away(r, noise)), **told))
        for pair in float_pairs(setting.rng(1), 24):
            parts.append(
                decide_estimate(estimated(code, pair.q, pair.p), kl(pair.p, pair.q), model=pair.p, data=pair.q)
            )
    return all_hold(parts)


def two_cells(p: Any, q: Any) -> Any:
    """KL of the two masses p and q with their complements, a lower bound of KL by data processing."""
    return p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()


reverse_kl_empirical.mutant(
    "finite if the model covers the data",
    finite=lambda pair: all(a > 0 or b == 0 for a, b in zip(pair.p, pair.q, strict=True)),
)
reverse_kl_empirical.mutant("bounded for smoothed data, whatever the noise", exponent=lambda r, noise: ball(1) / 2)
reverse_kl_empirical.mutant("growth like r/ε", exponent=lambda r, noise: r / noise)
reverse_kl_empirical.mutant("the code's forward KL", code="kl")


@reverse_kl_empirical.boundary("a model on two of three data has a finite reverse KL: the memoriser that drops a mode")
def memoriser() -> Outcome:
    third = Q(1, 3)
    value = kl([Q(1, 4), Q(3, 4), Q(0)], [third, third, third])
    return Holds(reverse_kl=value) if value.is_finite() else Refuted(reverse_kl=value)
