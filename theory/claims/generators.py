"""The generators of KL and of Jensen–Shannon with their conjugates, certified, and the divergences they generate."""

from collections.abc import Callable
from typing import Any

from flint import arb, arb_series

from theory.agreement import decide_estimate, decide_same, estimated, float_pairs
from theory.certified import ball, decide_equal, decide_less, jsd, kl, log2, precision, total
from theory.claim import Certified, Exact, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.instances import pairs
from theory.sources import YU


def derivatives(f: Callable, s: Any) -> tuple[Any, Any]:
    """f′(s) and f″(s) by a power series in balls."""
    taylor = f(arb_series([ball(s), 1], prec=3))
    return taylor[1], 2 * taylor[2]


def decide_conjugate(f: Callable, t: Any, s: Any, stated: Any) -> Outcome:
    """Whether f*(t) is as stated, where f is convex and s solves t = f′(s): then st − f(s) is the sup."""
    slope, bend = derivatives(f, s)
    if not stated.is_finite():
        return Refuted(t=t, stated=stated, reason="the stated conjugate is no number")
    return all_hold(
        [
            decide_equal(slope, t, distance=1e-3, t=t, s=s, what="t = f′(s)"),
            decide_less(0, bend, t=t, s=s, what="f″ > 0"),
            # The nearest mutants change f* by a hundredth of its terms, 1e-6 at the least over these t.
            decide_equal(s * ball(t) - f(s), stated, distance=1e-9, t=t, what="f*(t)"),
        ]
    )


def decide_young(f: Callable, star: Callable, below: Any = None) -> Outcome:
    """Fenchel–Young, f(s) + f*(t) > st, certified on a grid of rationals that misses the curve t = f′(s)."""
    grid = [(Q(a, 7), Q(b, 5)) for a in range(1, 22, 4) for b in range(-17, 18, 3) if below is None or b < below]
    return all_hold(decide_less(ball(s) * t, f(ball(s)) + star(ball(t)), s=s, t=t) for s, t in grid)


def divergence(f: Callable, at_zero: Any, slope: Any, p: list, q: list) -> Any:
    """D_f = Σ_{q>0} q f(p/q) + f′(∞) P(q = 0) in balls."""
    lost = sum((a for a, b in zip(p, q, strict=True) if b == 0), Q(0))
    terms = [ball(b) * (f(ball(a / b)) if a else ball(at_zero)) for a, b in zip(p, q, strict=True) if b]
    return total(terms) + (ball(slope) * lost if lost else 0)


@claim(
    "fstar-kl",
    says="f(s) = s log s has f″ = 1/s and f*(t) = e^{t−1} for every real t; its divergence is KL(p‖q), which is "
    "infinite unless p ≪ q",
    statement=r"f(s) = s\,\log s, \quad f^*(t) = e^{t-1}, \quad D_f(p\|q) = KL(p\|q)",
    source=YU.slide("Kullback–Leibler"),
    primary="Nowozin, Cseke & Tomioka 2016, table of generators (recalled)",
    method=(Exact, Certified),
)
def fstar_kl(
    setting,
    *,
    conjugate=lambda t: (t - 1).exp(),
    second_derivative=lambda s: 1 / s,
    of_laws=lambda p, q: kl(p, q),
    code="kl",
):
    """At s = e^{t−1} the derivative of st − f(s) vanishes and f″ > 0: the sup is read off; D_f and the code on pmfs."""

    def f(s):
        return s * s.log()

    with precision(128):
        parts = [decide_equal(f(ball(1)), 0, distance=1e-9, what="f(1)")]
        for t in (Q(k, 3) for k in range(-9, 10)):
            s = (ball(t) - 1).exp()
            parts.append(decide_conjugate(f, t, s, conjugate(ball(t))))
            parts.append(decide_equal(derivatives(f, s)[1], second_derivative(s), distance=1e-6, s=s, what="f″"))
        parts.append(decide_young(f, conjugate))
        for pair in pairs(setting.rng(), setting.size(60, deep=600)):
            found, stated = divergence(f, 0, arb("inf"), pair.p, pair.q), of_laws(pair.p, pair.q)
            parts.append(decide_same(found, stated, p=pair.p, q=pair.q))
        parts += [
            decide_estimate(estimated(code, pair.p, pair.q), kl(pair.p, pair.q), p=pair.p, q=pair.q)
            for pair in float_pairs(setting.rng(1), 30)
        ]
        return all_hold(parts)


fstar_kl.mutant("eᵗ", conjugate=lambda t: t.exp())
fstar_kl.mutant("eᵗ − 1, the conjugate of s log s − s + 1", conjugate=lambda t: t.exp() - 1)
fstar_kl.mutant("D_f = KL(q‖p)", of_laws=lambda p, q: kl(q, p))
fstar_kl.mutant("the code's reverse KL in place of its KL", code="reverse-kl")


@fstar_kl.boundary("s log s − s + 1 has conjugate eᵗ − 1, no negative term, and the same divergence where p ≪ q")
def standard_form() -> Outcome:
    def f(s):
        return s * s.log() - s + 1

    p, q = [Q(1, 4), Q(3, 4)], [Q(1, 2), Q(1, 2)]
    with precision(128):
        negative = f(ball(Q(1, 2))) > 0 and Q(1, 2) * ball(Q(1, 2)).log() < 0
        parts = [decide_conjugate(f, t, ball(t).exp(), ball(t).exp() - 1) for t in (Q(-2), Q(1, 3), Q(2))]
        parts.append(decide_equal(divergence(f, 1, arb("inf"), p, q), kl(p, q), distance=1e-9))
        return all_hold(parts) if negative else Refuted(reason="the integrand of s log s is nowhere negative")


@claim(
    "fstar-js",
    says="f(s) = s log s − (s + 1) log(s + 1) + log 4 has f″ = 1/(s(s + 1)), and f*(t) = −log(1 − eᵗ) − log 4 for "
    "t < 0, +∞ for t ≥ 0; its divergence is KL(p‖m) + KL(q‖m) = 2 JSD",
    statement=r"f^*(t) = -\log(1 - e^t) - \log 4\ (t < 0), \quad f^*(t) = \infty\ (t \geq 0)",
    source=(YU.slide("Jensen–Shannon"), YU.slide("Example: JS-GAN")),
    primary="Nowozin, Cseke & Tomioka 2016, table of generators (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("t < 0: from 0 on the conjugate is +∞",),
)
def fstar_js(
    setting,
    *,
    conjugate=lambda t: -(1 - t.exp()).log() - 2 * log2(),
    finite_at=lambda t: t < 0,
    second_derivative=lambda s: 1 / (s * (s + 1)),
    of_jsd=lambda value: 2 * value,
    code="jsd-sum",
):
    """At s = eᵗ/(1 − eᵗ) the derivative of st − f(s) vanishes; for t ≥ 0 st − f(s) grows at least like log s."""
    with precision(128):
        parts = [decide_equal(js_generator(ball(1)), 0, distance=1e-9, what="f(1)")]
        for t in (Q(k, 12) for k in range(-36, 7, 2)):
            if finite_at(t) != (t < 0):
                # st − f(s) ≥ log(s + 1) − log 4 for t ≥ 0: past every bound.
                objective = [ball(10) ** k * ball(t) - js_generator(ball(10) ** k) for k in (10, 20, 30)]
                return Refuted(t=t, said_finite=finite_at(t), objective_at_powers_of_ten=objective)
            if t < 0:
                s = ball(t).exp() / (1 - ball(t).exp())
                parts.append(decide_conjugate(js_generator, t, s, conjugate(ball(t))))
                bend = derivatives(js_generator, s)[1]
                parts.append(decide_equal(bend, second_derivative(s), distance=1e-6, s=s, what="f″"))
            else:
                parts += [
                    decide_less(k, ball(10) ** k * ball(t) - js_generator(ball(10) ** k), t=t) for k in (10, 20, 30)
                ]
        parts.append(decide_young(js_generator, conjugate, below=0))
        for pair in pairs(setting.rng(), setting.size(60, deep=600)):
            found, stated = divergence(js_generator, 2 * log2(), 0, pair.p, pair.q), of_jsd(jsd(pair.p, pair.q))
            parts.append(decide_same(found, stated, p=pair.p, q=pair.q))
        parts += [
            decide_estimate(estimated(code, pair.p, pair.q), 2 * jsd(pair.p, pair.q), p=pair.p, q=pair.q)
            for pair in float_pairs(setting.rng(1), 30)
        ]
        return all_hold(parts)


def js_generator(s: Any) -> Any:
    return s * s.log() - (s + 1) * (s + 1).log() + 2 * log2()


fstar_js.mutant("log 4 left out", conjugate=lambda t: -(1 - t.exp()).log())
fstar_js.mutant("plus log 4", conjugate=lambda t: -(1 - t.exp()).log() + 2 * log2())
fstar_js.mutant("−log(1 + eᵗ)", conjugate=lambda t: -(1 + t.exp()).log() - 2 * log2())
fstar_js.mutant("D_f = JSD", of_jsd=lambda value: value)
fstar_js.mutant("the code's JSD of at most log 2", code="jsd")
fstar_js.printed(
    "without a domain",
    where=YU.slide("Jensen–Shannon"),
    printed="f*(t) = −log(1 − exp(t)) − log 4",
    correct="f*(t) = −log(1 − exp(t)) − log 4 for t < 0, and +∞ for t ≥ 0",
    finite_at=lambda t: True,
)
fstar_js.printed(
    "finite at t = 0",
    where=YU.slide("Example: JS-GAN"),
    printed="f*(t) = −log(1 − exp(t)) − log 4, t ≤ 0",
    correct="the same for t < 0; f*(0) = +∞",
    finite_at=lambda t: t <= 0,
)
fstar_js.counterexample("at t = 0 and beyond the objective passes every bound", finite_at=lambda t: t < Q(1, 100))
