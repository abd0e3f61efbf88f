"""Precision and recall of one law for another: their curve, and what precision says about likelihood."""

from collections.abc import Iterator
from typing import Any

from theory.certified import ball, decide_at_most, decide_equal, decide_less, kl, precision, xlog
from theory.certified import total as ball_total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rationals, total
from theory.instances import pairs, pmf
from theory.setting import Setting
from theory.sources import TALK

CURVE = TALK.slide("Precision and Recall")
BETTER_WAY = TALK.slide("A Better Way")
BITS = 128
DISTANCE = 1e-20
SLOPES = rationals(("0.1", "0.5", "1", "1.5", "4", "60"))


def precision_at(slope: Any, p: list, q: list) -> Any:
    """α(λ) = Σ min(λp, q): the share of the model q that can be explained by p at this slope."""
    return total(min(slope * a, b) for a, b in zip(p, q, strict=True))


def recall_at(slope: Any, p: list, q: list) -> Any:
    """β(λ) = Σ min(p, q/λ)."""
    return total(min(a, b / slope) for a, b in zip(p, q, strict=True))


def support_precision(p: list, q: list) -> Any:
    """q(supp p): the share of samples that are realistic."""
    return total(b for a, b in zip(p, q, strict=True) if a > 0)


def covering_models(setting: Setting) -> Iterator[tuple[list, list]]:
    """(p, q) with full support-recall, some of q's mass off the support of p."""
    rng = setting.rng(1)
    for _ in range(setting.size(40, deep=500)):
        k = int(rng.integers(2, 5))
        p, q = pmf(rng, k), pmf(rng, k + 2)
        yield [*p, Q(0), Q(0)], q


@claim(
    "precision-recall",
    says="Along the curve α(λ) = Σ min(λp, q), β(λ) = α(λ)/λ, precision rises and recall falls in λ, and both are 1 at "
    "λ = 1 only if q = p. At full recall KL(p‖q) = log(1/precision) + KL(p‖q(·|supp p)): better precision makes a "
    "better model only if q on the support of p keeps its shape",
    statement=r"KL(p\|q) = \log\frac{1}{q(\mathrm{supp}\, p)} + KL(p \| q(\cdot | \mathrm{supp}\, p))",
    source=(CURVE, BETTER_WAY),
    primary="Sajjadi et al. 2018 (recalled) for the curve; Theis et al. 2016 for quality against likelihood",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("q(·|supp p) is unchanged while the precision improves",),
    limits="Finite spaces.",
    resolution_of="divergence",
)
def precision_and_recall(
    setting,
    *,
    recall=lambda alpha, slope: alpha / slope,
    trend=lambda earlier, later: earlier <= later,
    divergence=lambda support, inside, log: log(1 / support) + inside,
    better=lambda gain, shape_kept: shape_kept,
):
    """Drawn laws, many with zeros and ties: the curve in rationals; then divergences in balls, for pairs of models."""
    for pair in pairs(setting.rng(), setting.size(120, deep=2000)):
        curve = [precision_at(slope, pair.p, pair.q) for slope in SLOPES]
        recalls = [recall(alpha, slope) for alpha, slope in zip(curve, SLOPES, strict=True)]
        if recalls != [recall_at(slope, pair.p, pair.q) for slope in SLOPES]:
            return Refuted(p=pair.p, q=pair.q, recalls=recalls)
        for k in range(len(SLOPES) - 1):
            if not (trend(curve[k], curve[k + 1]) and trend(recalls[k + 1], recalls[k])):
                return Refuted(p=pair.p, q=pair.q, slope=SLOPES[k], precisions=curve, recalls=recalls)
        both = precision_at(Q(1), pair.p, pair.q)
        if (both == 1) != (pair.p == pair.q) or both != 1 - pair.total_variation:
            return Refuted(p=pair.p, q=pair.q, at_slope_one=both)
    with precision(BITS):
        return all_hold(likelihood_parts(setting, divergence, better))


def likelihood_parts(setting: Setting, divergence, better) -> Iterator[Outcome]:
    for p, q in covering_models(setting):
        support = support_precision(p, q)
        inside = [b / support if a > 0 else Q(0) for a, b in zip(p, q, strict=True)]
        stated = divergence(ball(support), kl(p, inside), lambda x: x.log())
        yield decide_equal(kl(p, q), stated, distance=DISTANCE, p=p, q=q)
        # The same shape with half of the stray mass brought back, and a skewed shape with all of it.
        kept = [b * (1 + support) / (2 * support) if a > 0 else b / 2 for a, b in zip(p, q, strict=True)]
        skewed = [(Q(99, 100) if k == 0 else Q(1, 100) / (len(p) - 3)) if a > 0 else Q(0) for k, a in enumerate(p)]
        for model, shape_kept in ((kept, True), (skewed, False)):
            gain = support_precision(p, model) - support
            if gain > 0 and better(gain, shape_kept):
                yield decide_less(kl(p, model), kl(p, q), p=p, precision_before=support, gain=gain)


precision_and_recall.printed(
    "at full recall, precision improves the model",
    where=BETTER_WAY,
    printed="when full recall is guaranteed, improving precision is guaranteed to improve the model",
    correct="only if q(·|supp p) keeps its shape: for p = (½, ½, 0), precision 0.90 → 0.99 from (.45, .45, .1) to "
    "(.94, .05, .01) takes KL(p‖q) from 0.105 to 0.836",
    better=lambda gain, shape_kept: gain > 0,
)
precision_and_recall.mutant("precision falls along the curve", trend=lambda earlier, later: earlier >= later)
precision_and_recall.mutant(
    "KL at full recall is log(1/precision)", divergence=lambda support, inside, log: -log(support)
)


@precision_and_recall.counterexample(
    "p = (½, ½, 0): from (.45, .45, .1) to (.94, .05, .01) precision rises and likelihood falls"
)
def precision_without_likelihood() -> Outcome:
    p = rationals(("1/2", "1/2", "0"))
    models = [rationals(text) for text in (("0.45", "0.45", "0.1"), ("0.94", "0.05", "0.01"))]
    precisions = [support_precision(p, q) for q in models]
    with precision(BITS):
        divergences = [kl(p, q) for q in models]
    worse = precisions[0] < precisions[1] and divergences[0] < divergences[1]
    return Refuted(precisions=precisions, divergences=divergences) if worse else Holds(divergences=divergences)


@precision_and_recall.boundary("one good sample in a hundred costs at most log 100 = 4.61 nats: q_ε ≥ εq everywhere")
def few_good_samples(setting: Setting) -> Outcome:
    epsilon = Q(1, 100)
    outcomes = []
    with precision(BITS):
        for p, q in covering_models(setting):
            junk = [Q(0)] * (len(p) - 1) + [Q(1)]
            mixed = [epsilon * a + (1 - epsilon) * b for a, b in zip(q, junk, strict=True)]
            scores = [ball_total(xlog(a, b) for a, b in zip(p, model, strict=True) if a > 0) for model in (q, mixed)]
            # The junk lies off the support of p, so the cost is log 100 exactly: compared with a hair to spare.
            outcomes.append(decide_at_most(scores[0] + ball(epsilon).log(), scores[1] + ball("1e-30")))
    return all_hold(outcomes)
