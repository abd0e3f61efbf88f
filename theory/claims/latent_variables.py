"""Expectation–maximisation and its relatives: the chain rule of KL, the E-step, and the M-step by sampling."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from flint import arb

from theory.certified import Ball, ball, decide_at_most, decide_equal, decide_less, kl, precision
from theory.certified import total as ball_total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, dot, total
from theory.instances import Normal, pmf, points
from theory.setting import Setting
from theory.sources import YU

REVIEW = YU.slide("Review: Expectation-Maximization")
AUTO_ENCODER = YU.slide("Preview: Variational Auto-Encoder")
MONTE_CARLO = YU.slide("Monte Carlo EM")
BITS = 128
DISTANCE = 1e-20
ROWS, COLUMNS = 3, 4


def joint(law: list) -> list[list]:
    """A law on 3 × 4 points as rows p(x, ·)."""
    return [law[COLUMNS * x : COLUMNS * (x + 1)] for x in range(ROWS)]


def drawn_joints(setting: Setting) -> Iterator[tuple[list[list], list[list]]]:
    """(p, q): a third with zeros in p, a third with zeros in both, so that KL is infinite in some of them."""
    rng = setting.rng()
    for index in range(setting.size(60, deep=1000)):
        zeros = (0.0, 0.4, 0.3)[index % 3]
        yield joint(pmf(rng, 12, zeros=zeros)), joint(pmf(rng, 12, zeros=zeros if index % 3 == 2 else 0.0))


def marginal(law: list[list]) -> list:
    return [total(row) for row in law]


def conditional(row: list) -> list:
    return [entry / total(row) for entry in row]


def flat(law: list[list]) -> list:
    return [entry for row in law for entry in row]


def infinite(value: Ball) -> bool:
    return not value.is_finite()


@claim(
    "kl-chain-and-estep",
    says="KL(p(x)p(z|x)‖q(x, z)) = KL(p(x)‖q(x)) + E_p KL(p(z|x)‖q(z|x)), so it is least at p(z|x) = q(z|x), "
    "the E-step, where it is KL(p(x)‖q(x)); an encoder's gap to the log-likelihood is KL(encoder‖posterior); "
    "and EM never lowers the likelihood",
    statement=r"KL(p(x) p(z|x) \| q(x, z)) = KL(p(x) \| q(x)) + E_{p(x)} KL(p(z|x) \| q(z|x))",
    source=(REVIEW, AUTO_ENCODER),
    primary="Dempster, Laird & Rubin 1977; Neal & Hinton 1998; Kingma & Welling 2014 (recalled)",
    method=(Exact, Certified),
    limits="Finite spaces, a linear Gaussian auto-encoder on the line, and EM on a mixture of two coins.",
)
def chain_and_estep(
    setting,
    *,
    chain=lambda marginal, conditional: marginal + conditional,
    estep=lambda prior, posterior: posterior,
    gap=lambda encoder, posterior: encoder.kl_to(posterior),
    posterior=lambda x, w, noise: Normal(w * x / (w**2 + noise), (noise / (w**2 + noise)).sqrt()),
):
    """Drawn joint laws with zeros; the evidence bound of x = wz + ε by Gaussian moments; 40 EM steps, each compared."""
    with precision(BITS):
        parts = (chain_parts(setting, chain, estep), encoder_parts(gap, posterior), em_parts(setting, estep))
        return all_hold(part for some in parts for part in some)


def chain_parts(setting: Setting, chain, estep) -> Iterator[Outcome]:
    for p, q in drawn_joints(setting):
        of_x, of_joint = kl(marginal(p), marginal(q)), kl(flat(p), flat(q))
        inner = ball_total(
            ball(total(a)) * kl(conditional(a), conditional(b))
            for a, b in zip(p, q, strict=True) if total(a) > 0 and total(b) > 0
        )  # fmt: skip
        stated = chain(of_x, inner)
        if infinite(stated) or infinite(of_joint):
            yield (Holds if infinite(stated) and infinite(of_joint) else Refuted)(p=p, q=q, stated=stated)
            continue
        yield decide_equal(of_joint, stated, distance=DISTANCE, p=p, q=q)
        prior = [total(q[x][z] for x in range(ROWS)) for z in range(COLUMNS)]
        chosen = [estep(prior, conditional(row)) if total(row) > 0 else prior for row in q]
        completed = [[total(a) * share for share in law] for a, law in zip(p, chosen, strict=True)]
        yield decide_equal(kl(flat(completed), flat(q)), of_x, distance=DISTANCE, p=p, q=q)
        # The joint divergence exceeds the marginal one unless p(z|x) is the posterior already.
        if any(total(a) > 0 and conditional(a) != conditional(b) for a, b in zip(p, q, strict=True)):
            yield decide_less(of_x, stated, p=p, q=q)


def encoder_parts(gap, posterior) -> Iterator[Outcome]:
    """z ~ N(0, 1), x = wz + ε: log q(x) − ELBO(x) for the encoder N(m, s²), the ELBO by its moments."""
    for x, w, noise in ((Q(1), Q(2), Q(1, 2)), (Q(-3), Q(1, 3), Q(2))):
        variance = ball(w**2 + noise)
        evidence = -(2 * arb.pi() * variance).log() / 2 - ball(x) ** 2 / (2 * variance)
        for m, s in ((Q(1, 2), Q(1)), (Q(-1), Q(1, 5))):
            fit = -(2 * arb.pi() * ball(noise)).log() / 2 - ((x - w * m) ** 2 + w**2 * s**2) / (2 * noise)
            elbo = fit - Normal(m, s).kl_to(Normal(0, 1))
            stated = gap(Normal(m, s), posterior(ball(x), ball(w), ball(noise)))
            yield decide_equal(evidence - elbo, stated, distance=DISTANCE, x=x, w=w, m=m, s=s)


def em_parts(setting: Setting, estep) -> Iterator[Outcome]:
    """Two coins of biases a, b and weight w, 8 tosses a draw; each step starts from an exact point."""
    heads = [int(k) for k in np.concatenate([setting.rng(2).binomial(8, 0.8, 12), setting.rng(3).binomial(8, 0.3, 8)])]
    w, a, b = arb("0.5"), arb("0.6"), arb("0.45")
    before = None
    for step in range(setting.size(40, deep=200)):
        likelihoods = [(w * a**h * (1 - a) ** (8 - h), (1 - w) * b**h * (1 - b) ** (8 - h)) for h in heads]
        value = ball_total((one + other).log() for one, other in likelihoods)
        if before is not None:
            # Near the fixed point a step gains less than rounding the parameters loses: 2⁻¹²⁰ at most.
            yield decide_at_most(before - ball("1e-30"), value, step=step)
        before = value
        shares = [estep([w, 1 - w], [one / (one + other), other / (one + other)])[0] for one, other in likelihoods]
        whole = ball_total(shares)
        w = (whole / len(heads)).mid()
        a = (ball_total(r * h for r, h in zip(shares, heads, strict=True)) / (8 * whole)).mid()
        rest = len(heads) - whole
        b = (ball_total((1 - r) * h for r, h in zip(shares, heads, strict=True)) / (8 * rest)).mid()


chain_and_estep.mutant(
    "the marginal divergence is the larger", chain=lambda marginal, conditional: marginal - conditional
)
chain_and_estep.mutant("an E-step with the prior p(z)", estep=lambda prior, posterior: prior)
chain_and_estep.mutant("the gap is KL(posterior‖encoder)", gap=lambda encoder, posterior: posterior.kl_to(encoder))
chain_and_estep.equivalent(
    "chain = lambda conditional, marginal: marginal + conditional", "the terms are added, whatever their names"
)


@chain_and_estep.boundary("where q(x) = 0 < p(x), q(z|x) is undefined and both sides are infinite")
def no_support() -> Outcome:
    p, q = joint([Q(1, 12)] * 12), joint([Q(0)] * 4 + [Q(1, 8)] * 8)
    with precision(BITS):
        sides = [kl(flat(p), flat(q)), kl(marginal(p), marginal(q))]
    return Holds() if all(infinite(side) for side in sides) else Refuted(sides=sides)


def estimator_mean(posteriors: list[list], scores: list[list], m: int, factor: Any, shared: bool) -> Any:
    """E of factor · Σᵢ Σ_j log q(xᵢ, z): z_ij from each posterior, or one set z_j, from the first, for every datum."""
    found = Q(0)
    for i, own in enumerate(posteriors):
        law = posteriors[0] if shared else own
        for drawn in product(range(len(law)), repeat=m):
            chance = Q(1)
            for z in drawn:
                chance *= law[z]
            found += chance * factor * total(scores[i][z] for z in drawn)
    return found


@claim(
    "mcem-mstep",
    says="Σᵢ ∫ log q(xᵢ, z) p(z|xᵢ) dz is estimated without bias by (1/m) Σᵢ Σ_j log q(xᵢ, z_ij), z_ij ~ p(·|xᵢ): with "
    "the factor 1/m, and with samples of each datum's own posterior",
    statement=r"E\, \frac{1}{m} \sum_i \sum_{j=1}^m \log q_\theta(x_i, z_{ij}) = "
    r"\sum_i \int \log q_\theta(x_i, z)\, p(z|x_i)\, dz",
    source=MONTE_CARLO,
    primary="Wei & Tanner 1990 (recalled)",
    method=Exact,
    verdict="FALSE",
    hypotheses=("z_ij drawn anew for each datum, unless the posteriors agree",),
    limits="The missing 1/m changes the value and not the minimiser; the shared samples change both.",
)
def mcem_mstep(setting, *, factor=lambda m: Q(1) / m, shared=False):
    """All draws of m = 1, 2, 3 latents on three points, with rational numbers in place of log q."""
    rng = setting.rng()
    count = setting.size(15, deep=200)
    for _ in range(count):
        posteriors = [pmf(rng, 3, zeros=0.2) for _ in range(3)]
        scores = [points(rng, 3) for _ in range(3)]
        exact = total(dot(law, row) for law, row in zip(posteriors, scores, strict=True))
        for m in (1, 2, 3):
            mean = estimator_mean(posteriors, scores, m, factor(m), shared)
            if mean != exact:
                return Refuted(posteriors=posteriors, scores=scores, m=m, mean=mean, exact=exact)
    return Holds(instances=count)


mcem_mstep.printed(
    "no 1/m, and one z_j for every datum",
    where=MONTE_CARLO,
    printed="−(1/n) Σᵢ ∫ log q_θ(xᵢ, z) p(z|xᵢ) dz ≈ −(1/n) Σᵢ Σ_j log q_θ(xᵢ, z_j)",
    correct="−(1/n) Σᵢ (1/m) Σ_j log q_θ(xᵢ, z_ij), z_ij ~ p(·|xᵢ)",
    factor=lambda m: Q(1),
    shared=True,
)
mcem_mstep.mutant("without 1/m", factor=lambda m: Q(1))
mcem_mstep.mutant("the samples of one posterior for every datum", shared=True)


@mcem_mstep.counterexample("one datum, log q = 1 everywhere, m = 2: the printed sum is 2 where the integral is 1")
def twice() -> Outcome:
    mean = estimator_mean([[Q(1, 2), Q(1, 2)]], [[Q(1), Q(1)]], 2, Q(1), shared=True)
    return Holds() if mean == 1 else Refuted(printed=mean, integral=1)


@mcem_mstep.boundary("posteriors that do not depend on x: shared samples are unbiased")
def equal_posteriors(setting: Setting) -> Outcome:
    rng = setting.rng(1)
    law = pmf(rng, 3)
    scores = [points(rng, 3) for _ in range(3)]
    mean = estimator_mean([law] * 3, scores, 2, Q(1, 2), shared=True)
    exact = total(dot(law, row) for row in scores)
    return Holds(mean=mean) if mean == exact else Refuted(mean=mean, exact=exact)
