"""Log-likelihoods estimated by Parzen windows: what they measure in high dimension."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from flint import arb

from theory.certified import Ball, ball, decide_equal, integrate, normal_pdf, precision
from theory.claim import Certified, Holds, Inconclusive, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q
from theory.instances import Normal
from theory.sequential import betting_log_wealth, refuted_at
from theory.setting import Setting
from theory.sources import TALK

BITS = 96
DIMENSION = 20
CENTRES, HELD_OUT, TESTS = 2000, 300, 1500
BANDWIDTHS = (0.5, 0.6, 0.7, 0.8, 0.9)
#: log p̂ is cut from below here, which can only raise its mean: about five standard deviations under it.
CUT = -45.0


def expected_score(variance: Any) -> Ball:
    """E log q(X) for X ~ N(0, 1) and q = N(0, variance), by quadrature: one coordinate's share."""
    law = Normal(0, ball(variance).sqrt())
    # Beyond 14 standard deviations less than 1e-40 is left.
    return integrate(lambda x, _: normal_pdf(x) * law.log_pdf(x), -14, 0, 14) + arb("0 +/- 1e-40")


def log_parzen(points: np.ndarray, centres: np.ndarray, bandwidth: float) -> np.ndarray:
    """log of the mean over centres of N(centre, h²I) at each point."""
    from scipy.special import logsumexp

    squared = (points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * points @ centres.T
    constant = -DIMENSION / 2 * np.log(2 * np.pi * bandwidth**2) - np.log(len(centres))
    return logsumexp(-squared / (2 * bandwidth**2), axis=1) + constant


def scores(setting: Setting, shrink: float) -> tuple[np.ndarray, float]:
    """log p̂ at fresh draws of N(0, I₂₀), with `shrink` × true samples for centres and h chosen on held-out draws."""
    rng = setting.rng(1)
    centres = shrink * rng.normal(size=(CENTRES, DIMENSION))
    held_out, fresh = rng.normal(size=(HELD_OUT, DIMENSION)), rng.normal(size=(TESTS, DIMENSION))
    bandwidth = max(BANDWIDTHS, key=lambda h: log_parzen(held_out, centres, h).mean())
    return log_parzen(fresh, centres, bandwidth), bandwidth


@claim(
    "parzen-loglik-bias",
    says="A Parzen estimate from samples of the true model scores below E log p, by 1.7 nats for N(0, I₂₀) and 2000 "
    "samples with the best bandwidth; a model collapsed to the single point 0 scores E log p itself. So a larger score "
    "is not a better model",
    statement=r"E_p \log \hat p_h \leq E_p \log p = -\frac{d}{2} (1 + \log 2\pi)",
    source=TALK.slide("Results"),
    primary="Theis, van den Oord & Bethge 2016 (recalled); Gibbs' inequality",
    method=(Certified, Statistical),
    verdict="CONDITIONAL",
    hypotheses=("a bandwidth that falls, and samples that grow exponentially with the dimension",),
    priority="P3",
    limits="The slide's table is not reproduced. The score's mean is tested for one draw of the centres.",
)
def parzen_bias(
    setting,
    *,
    bound=lambda d, log_2pi: -d / 2 * (1 + log_2pi),
    smoothing=lambda d, squared: d / 2 * ((1 + squared).log() - squared / (1 + squared)),
    biased=True,
    preferred=lambda score, divergence: -divergence,
):
    """The bound and what infinitely many samples lose, by quadrature; then fresh draws, bet against "unbiased"."""
    with precision(BITS):
        certified = all_hold(certified_parts(bound, smoothing))
    if not isinstance(certified, Holds):
        return certified
    reached = float(bound(ball(DIMENSION), (2 * arb.pi()).log()))
    drawn, bandwidth = scores(setting, 1.0)
    found = {"score": float(drawn.mean()), "bound": reached, "bandwidth": bandwidth}
    log_e = log_e_against(drawn, bandwidth, reached)
    below = refuted_at(log_e, setting.alpha / 2) is not None
    if below != biased:
        return (Refuted if below else Inconclusive)(**found, log_e=float(log_e.max()))
    # The single point 0 with h = 1 is N(0, I): its score is the bound, though KL from the point to p is infinite.
    with precision(BITS):
        wide = float(DIMENSION * expected_score(9)), float(DIMENSION * Normal(0, 3).kl_to(Normal(0, 1)))
    models = {"the true model": (drawn.mean(), 0.0), "the point 0": (reached, np.inf), "N(0, 9I)": wide}
    best = max(models, key=lambda name: preferred(*models[name]))
    return (Holds if best == "the true model" else Refuted)(**found, preferred=best, log_e=float(log_e.max()))


def certified_parts(bound, smoothing) -> Iterator[Outcome]:
    for d in (1, DIMENSION):
        yield decide_equal(d * expected_score(1), bound(ball(d), (2 * arb.pi()).log()), distance=1e-12, d=d)
        for h in (Q(1), Q(1, 10)):
            # With infinitely many samples p̂ is N(0, (1 + h²) I).
            loss = d * (expected_score(1) - expected_score(1 + h * h))
            yield decide_equal(loss, smoothing(ball(d), ball(h * h)), distance=1e-12, d=d, h=h)


def log_e_against(drawn: np.ndarray, bandwidth: float, bound: float) -> np.ndarray:
    """The wealth of a bet against E log p̂ ≥ bound: on (top − log p̂)/(top − cut), top the largest value of log p̂."""
    top = -DIMENSION / 2 * np.log(2 * np.pi * bandwidth**2)
    share = (top - np.maximum(drawn, CUT)) / (top - CUT)
    return betting_log_wealth(np.clip(share, 0, 1), (top - bound) / (top - CUT))


parzen_bias.mutant("the estimate is unbiased for the true model", biased=False)
parzen_bias.mutant("a larger Parzen score is a better model", preferred=lambda score, divergence: score)
parzen_bias.mutant("smoothing costs nothing", smoothing=lambda d, squared: 0 * d)


@parzen_bias.counterexample("samples shrunk to 0.6 X score higher than true ones: by more than half a nat in the mean")
def shrunken_samples(setting: Setting) -> Outcome:
    """The same noise for both: differences at fresh points are paired, cut to 8 about ½, and bet on."""
    true, _ = scores(setting, 1.0)
    shrunk, _ = scores(setting, 0.6)
    differences = np.clip((shrunk - true - 0.5) / 16 + 0.5, 0, 1)
    log_e = betting_log_wealth(differences, 0.5)
    found = {"true": float(true.mean()), "shrunk": float(shrunk.mean()), "log_e": float(log_e.max())}
    return Refuted(**found) if refuted_at(log_e, setting.alpha / 2) else Inconclusive(**found)


@parzen_bias.boundary("infinitely many samples and h → 0: the loss is h⁴ d/4 and vanishes")
def consistent() -> Outcome:
    with precision(BITS):
        losses = {h: expected_score(1) - expected_score(1 + Q(1, h * h)) for h in (10, 100, 1000)}
        vanish = all(0 < loss < ball(Q(1, 4 * h**4)) for h, loss in losses.items())
    return Holds(losses=losses) if vanish else Refuted(losses=losses)
