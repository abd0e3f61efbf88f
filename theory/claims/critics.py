"""Integral probability metrics: what the class of critics must be, and what clipped networks make of it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from theory.certified import ball, decide_equal, integrate, normal_pdf
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, claim
from theory.claims.optimal_transport import area, best_critic, l1, table, transport
from theory.exact import Q, Unbounded, dot
from theory.instances import pmf, points
from theory.setting import Setting
from theory.sources import BRUNA, YU

ZOO = YU.slide("More GANs through IPM")
CLIPPED = BRUNA.slide("Wasserstein GAN")


class Network(NamedTuple):
    """x ↦ Σ vⱼ max(0, uⱼ x + bⱼ) on the line: one hidden layer, all weights in [−clip, clip]."""

    u: list[Any]
    b: list[Any]
    v: list[Any]

    def __call__(self, x: Any) -> Any:
        terms = [v * max(Q(0), u * x + b) for u, b, v in zip(self.u, self.b, self.v, strict=True)]
        return sum(terms, Q(0))


def drawn_networks(setting: Setting, width: int, clip: Any, count: int) -> Iterator[Network]:
    rng = setting.rng(width)
    for _ in range(count):
        yield Network(*([clip * Q(int(w), 8) for w in row] for row in rng.integers(-8, 9, size=(3, width))))


def steepest(width: int, clip: Any) -> Network:
    """The network that attains the largest slope to the right of 0: every weight at its bound."""
    return Network(*([clip] * width for _ in range(3)))


def difference(f: Any, at: list[Any], p: list[Any], q: list[Any]) -> Any:
    """E_p f − E_q f."""
    return dot([f(x) for x in at], [a - b for a, b in zip(p, q, strict=True)])


@claim(
    "ipm-needs-bounded-class",
    says="sup of E_P f − E_Q f over a class of critics is W₁ for the 1-Lipschitz ones, and 0 or ∞ for all Lipschitz or "
    "all differentiable ones; it is a pseudometric if −f belongs with f; networks of h units with weights clipped to "
    "[−c, c] have slopes up to h c², so that their sup is at most h c² W₁, and equal to it for two point masses",
    statement=r"\sup_{f \in F} E_P f - E_Q f \leq K\, W_1(P, Q), \quad F \subset Lip_K,\ K = h c^2",
    source=(ZOO, CLIPPED, BRUNA.slide("Adversarial Training with Implicit Models")),
    primary="Müller 1997; Arjovsky, Chintala & Bottou 2017 (recalled)",
    method=(Exact, Certified),
    verdict="FALSE",
    priority="P2",
    limits="Finite spaces; networks with one hidden layer on the line.",
)
def bounded_class(
    setting,
    *,
    slope=1,
    largest_slope=lambda width, clip: width * clip**2,
    closed_under_sign=lambda critics: critics + [[-value for value in f] for f in critics],
):
    """Linear programs over Lipschitz critics against transport; drawn and extreme clipped networks; drawn classes."""
    rng = setting.rng()
    for index in range(setting.size(6, deep=60)):
        at, p, q = points(rng, 4), pmf(rng, 4, zeros=0.3), pmf(rng, 4, zeros=0.3)
        distances = table(lambda d: d, l1, [(x,) for x in at])
        w1, told = transport(distances, p, q).value, {"at": at, "p": p, "q": q}
        bounds = [[slope * d for d in row] for row in distances] if slope is not None else None
        try:
            found = best_critic(bounds, p, q).value if bounds else unbounded_critic(p, q)
        except Unbounded:
            return Refuted(**told, sup="infinite", w1=w1)
        if found != w1:
            return Refuted(**told, sup=found, w1=w1)
        wrong = wrong_pseudometric(closed_under_sign, rng, at)
        if wrong:
            return Refuted(**wrong)
        width, clip = ((4, Q(1)), (3, Q(2)), (2, Q(1, 10)))[index % 3]
        sups = [difference(f, at, p, q) for f in drawn_networks(setting, width, clip, 10)]
        steep = largest_slope(width, clip)
        if max(sups) > steep * w1:
            return Refuted(**told, width=width, clip=clip, network=max(sups), stated=steep * w1)
        pair = [Q(0), Q(index + 1, 4)]
        attained = difference(steepest(width, clip), pair, [Q(0), Q(1)], [Q(1), Q(0)])
        if attained != steep * pair[1]:
            return Refuted(width=width, clip=clip, w1=pair[1], attained=attained, stated=steep * pair[1])
    return Holds()


def unbounded_critic(p: list[Any], q: list[Any]) -> Any:
    """The sup over all functions on a finite space; all are restrictions of smooth, Lipschitz functions."""
    if p == q:
        return Q(0)
    raise Unbounded("λ f does λ times as well as f")


def wrong_pseudometric(closed: Any, rng: Any, at: list[Any]) -> dict[str, Any]:
    """Which law of a pseudometric the sup over a drawn class of three functions breaks, for three laws."""
    critics = closed([[Q(int(v), 2) for v in row] for row in rng.integers(-6, 7, size=(3, len(at)))])
    laws = [pmf(rng, len(at), zeros=0.3) for _ in range(3)]
    ipm = [[max(dot(f, [a - b for a, b in zip(p, q, strict=True)]) for f in critics) for q in laws] for p in laws]
    told = {"critics": critics, "laws": laws, "ipm": ipm}
    for i in range(3):
        for j in range(3):
            if ipm[i][j] != ipm[j][i]:
                return {"reason": "not symmetric", **told}
            if ipm[i][j] < 0 or ipm[i][i] != 0:
                return {"reason": "negative", **told}
            if any(ipm[i][j] > ipm[i][k] + ipm[k][j] for k in range(3)):
                return {"reason": "no triangle inequality", **told}
    return {}


bounded_class.printed(
    "all Lipschitz critics",
    where=ZOO,
    printed="S is the class of Lipschitz continuous functions: Wasserstein GAN",
    correct="S is the class of functions with Lipschitz constant at most 1",
    slope=None,
)
bounded_class.printed(
    "all differentiable critics",
    where=ZOO,
    printed="S is the class of differential functions: Stein-GAN",
    correct="a unit ball of smooth functions: over all differentiable ones the sup is 0 or ∞",
    slope=None,
)
bounded_class.printed(
    "clipped networks compute W₁",
    where=CLIPPED,
    printed="W(p_r, p_m) = sup_{θ ∈ 𝒦} E_{x∼p_r} f_θ(x) − E_{x∼p_m} f_θ(x)",
    correct="sup over clipped networks ≤ K W₁, with K of architecture and clip; equal to W₁ for K = 1 and a rich class",
    largest_slope=lambda width, clip: 1,
)
bounded_class.mutant("K = c² whatever the width", largest_slope=lambda width, clip: clip**2)
bounded_class.mutant("Lip ≤ ½", slope=Q(1, 2))
bounded_class.mutant("a class without −f is a pseudometric too", closed_under_sign=lambda critics: critics)


@bounded_class.counterexample("all Lipschitz functions: λ x tells δ₀ from δ₁ by λ, for every λ")
def scaled_critics() -> Outcome:
    sups = [
        difference(lambda x, scale=scale: scale * x, [Q(0), Q(1)], [Q(0), Q(1)], [Q(1), Q(0)]) for scale in (1, 10, 100)
    ]
    return Refuted(sups=sups, w1=1) if sups != [1, 1, 1] else Holds()


@bounded_class.counterexample("linear critics see no difference between ½ δ₋₁ + ½ δ₁ and ½ δ₋₂ + ½ δ₂, where W₁ = 1")
def linear_critics() -> Outcome:
    at, half = [Q(-2), Q(-1), Q(1), Q(2)], Q(1, 2)
    p, q = [Q(0), half, half, Q(0)], [half, Q(0), Q(0), half]
    w1, seen = area(abs, at, p, q), difference(lambda x: x, at, p, q)
    return Holds() if w1 == seen else Refuted(w1=w1, sup_over_linear=seen)


@bounded_class.counterexample("a class of one function: the sup may be negative")
def one_function() -> Outcome:
    value = difference(lambda x: x, [Q(0), Q(1)], [Q(1), Q(0)], [Q(0), Q(1)])
    return Holds() if value >= 0 else Refuted(sup=value)


@bounded_class.boundary("N(0, 1) and N(0, 4): linear critics give 0, W₁ = E|Z| = √(2/π)")
def two_widths() -> Outcome:
    # Quantiles double, so W₁ = ∫ |2z − z| φ(z) dz; beyond 40 less than e^{−790} is left.
    w1 = 2 * integrate(lambda z, _: z * normal_pdf(z), 0, 40)
    mean = integrate(lambda z, _: z * normal_pdf(z), -40, 40)
    return decide_equal(w1, (2 / ball(1).pi()).sqrt(), distance=1e-6) if mean.contains(0) else Refuted(mean=mean)
