"""“max” where a sup is meant: which of the suprema behind f-GANs are attained."""

from collections.abc import Iterator
from typing import Any

from theory.certified import ball, decide_at_most, decide_equal, decide_less, jsd, log2, precision, total, xlog
from theory.claim import Certified, Holds, Outcome, Refuted, all_hold, claim
from theory.claims.variational import singular
from theory.exact import Q
from theory.instances import Pair, pairs
from theory.setting import Setting
from theory.sources import YU

GAN = YU.slide("Putting things together")
CONJUGATE = YU.slide("Fenchel Conjugate")


def objective(pair: Pair, D: list[Any]) -> Any:
    """E_p log D + E_q log(1 − D), 0 log 0 = 0; −∞ where D is 0 under p or 1 under q."""
    return total(xlog(a, d) + xlog(b, 1 - d) for a, b, d in zip(pair.p, pair.q, D, strict=True))


def best_discriminator(pair: Pair) -> list[Any]:
    """p/(p + q), and ½ where both are 0."""
    return [a / (a + b) if a + b else Q(1, 2) for a, b in zip(pair.p, pair.q, strict=True)]


def clipped(D: list[Any], margin: Any) -> list[Any]:
    return [min(max(d, margin), 1 - margin) for d in D]


def discriminators(setting: Setting, size: int, count: int) -> Iterator[list[Any]]:
    """With values strictly between 0 and 1."""
    for row in setting.rng(1).integers(1, 32, size=(count, size)):
        yield [Q(int(v), 32) for v in row]


@claim(
    "mapping-sup-vs-max-conventions",
    says="The printed maxima are suprema: that of E_p log D + E_q log(1 − D) over 0 ≤ D ≤ 1 is always attained, over "
    "0 < D < 1 (a sigmoid of real scores) if and only if p ≪ q ≪ p; that of st − eˢ over s if and only if t > 0",
    statement=r"\sup_{0<D<1} E_p \log D + E_q \log(1 - D) = 2\,\mathrm{JSD}(p, q) - \log 4,\quad "
    r"\mathrm{attained} \Leftrightarrow p \ll q \ll p",
    source=(GAN, CONJUGATE, YU.slide("Preview: Generative Adversarial Network"), YU.slide("f-divergence")),
    primary="Goodfellow et al. 2014, proposition 1; Rockafellar 1970 (recalled)",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=("sup for max, unless the class of discriminators is compact, or p ≪ q ≪ p",),
    priority="P3",
    limits="Finite spaces; the other suprema of the deck are the claims on conjugates and on the variational form.",
)
def sup_and_max(
    setting,
    *,
    supremum=lambda divergence: 2 * divergence - 2 * log2(),
    attained=lambda singular_mass, closed: closed or singular_mass == 0,
    exponential_attained=lambda t: t > 0,
):
    """The value at p/(p + q), which is in the open class or not; clipped ones come near, drawn ones stay below."""
    with precision(128):
        parts: list[Outcome] = []
        for pair in pairs(setting.rng(), setting.size(60, deep=600)):
            best, top = best_discriminator(pair), supremum(jsd(pair.p, pair.q))
            told = {"p": pair.p, "q": pair.q}
            # The objective is strictly concave where p + q > 0, so that p/(p + q) is its only maximiser.
            parts.append(decide_equal(objective(pair, best), top, distance=1e-15, **told))
            near = objective(pair, clipped(best, Q(1, 10**12)))
            parts.append(decide_less(top - ball(Q(1, 10**9)), near, **told))
            inside = all(0 < d < 1 for d in best)
            for closed in (True, False):
                if attained(singular(pair), closed) != (closed or inside):
                    return Refuted(**told, closed=closed, said_attained=attained(singular(pair), closed))
            if not inside:
                parts += [decide_less(objective(pair, D), top, **told) for D in discriminators(setting, len(best), 4)]
        parts += [decide_exponential(t, exponential_attained(t)) for t in (Q(0), Q(1, 100), Q(1), Q(3))]
        return all_hold(parts)


def decide_exponential(t: Any, said_attained: bool) -> Outcome:
    """sup of st − eˢ: t log t − t, at s = log t for t > 0; 0 at t = 0, where −eˢ < 0 for every s."""
    top = xlog(t, t) - ball(t)
    grid = [ball(Q(s, 4)) for s in range(-80, 13)]
    if said_attained:
        if t == 0:
            return Refuted(t=t, sup=top, largest_seen=max(-s.exp() for s in grid))
        s = ball(t).log()
        parts = [decide_equal(s * t - s.exp(), top, distance=1e-15, t=t)]
        # At t = 1 the maximiser s = 0 is on the grid, and a tie in balls is not decided.
        return all_hold([*parts, *(decide_at_most(u * t - u.exp(), top) for u in grid if not (u - s).contains(0))])
    return all_hold(decide_less(s * t - s.exp(), top, t=t) for s in grid) if t == 0 else Refuted(t=t, maximiser="log t")


sup_and_max.printed(
    "a maximum over S, also for disjoint supports",
    where=GAN,
    printed="min_θ D_f(p‖q_θ) = max_{S ∈ 𝒮} ∫ S p − ∫ f*(S) q_θ",
    correct="min_θ sup_S; a maximum over real scores exists exactly if p ≪ q ≪ p",
    attained=lambda singular_mass, closed: True,
)
sup_and_max.mutant("never attained over 0 < D < 1", attained=lambda singular_mass, closed: closed)
sup_and_max.mutant("not attained over 0 ≤ D ≤ 1 either", attained=lambda singular_mass, closed: singular_mass == 0)
sup_and_max.mutant("the sup is 2 JSD, without − log 4", supremum=lambda divergence: 2 * divergence)
sup_and_max.mutant("st − eˢ has a maximum at t = 0 too", exponential_attained=lambda t: t >= 0)

DISJOINT = Pair([Q(1), Q(0)], [Q(0), Q(1)], "disjoint")


@sup_and_max.counterexample(
    "disjoint supports: D = 1 − ε under p and ε under q brings 2 log(1 − ε), and never the sup 0"
)
def approached() -> Outcome:
    values = [objective(DISJOINT, [1 - Q(1, n), Q(1, n)]) for n in (10, 100, 10**6)]
    return Holds(values=values) if any(not value < 0 for value in values) else Refuted(values=values, sup=0)


@sup_and_max.boundary("0 ≤ D ≤ 1 is compact: disjoint supports attain 0 at D = 1 under p and 0 under q")
def compact_class() -> Outcome:
    return decide_equal(objective(DISJOINT, [Q(1), Q(0)]), 0, distance=1e-15)
