"""How wide IMLE makes a model: a point with one sample, too wide with many."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from flint import arb

from theory.certified import Ball, ball, decide_equal, decide_less, integrate, normal_cdf, normal_pdf, precision
from theory.claim import Certified, Exact, Holds, Inconclusive, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q, dot, total
from theory.instances import pmf, points
from theory.location_family import nearest
from theory.sequential import decide_mean_at_most
from theory.setting import Setting
from theory.sources import POSTER, TALK

SOLUTION = POSTER.slide("Solution: Implicit Maximum Likelihood Estimation")
BITS = 96


def nearest_mean(atoms: list, law: list, datum: Any, m: int) -> Any:
    """E min_{j ≤ m} (x̃_j − x)², over all mᵗʰ powers of a finite law."""
    found = Q(0)
    for drawn in product(range(len(atoms)), repeat=m):
        chance = Q(1)
        for j in drawn:
            chance *= law[j]
        found += chance * min((atoms[j] - datum) ** 2 for j in drawn)
    return found


def drawn_problems(setting: Setting) -> Iterator[tuple[list, list, list]]:
    """Data with a finite model law: two atoms about ±1's mean first, close together, then drawn ones."""
    yield [Q(1), Q(-1)], [Q(1, 10), Q(-1, 10)], [Q(1, 2), Q(1, 2)]
    rng = setting.rng()
    for _ in range(setting.size(60, deep=600)):
        n, k = (int(i) for i in rng.integers(1, 5, size=2))
        yield points(rng, n), points(rng, k), pmf(rng, k, zeros=0.3)


@claim(
    "imle-variance-collapse-m1",
    says="With one sample E R = ‖E x̃ − x‖² + tr Cov: over all models the mean of the data as a point mass is best, "
    "so m = 1 never learns a spread, and conditional IMLE with m = 1 is least-squares regression to E[y|x]",
    statement=r"m = 1: \quad E\, R_i^\theta = \|E\tilde x - x_i\|^2 + \mathrm{tr}\, \mathrm{Cov}(\tilde x)",
    source=(TALK.slide("Method"), TALK.slide("Conditional IMLE")),
    primary="Li & Malik 2018 (recalled) leave m free; the decomposition of mean squared error into bias and variance",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("m ≥ 2, and at least the number of modes, for modes to be kept: the slides set no lower bound on m",),
    limits="Finite laws on the line; each coordinate of a vector adds its own terms.",
    resolution_of="loss",
)
def collapse(
    setting,
    *,
    loss=lambda bias, variance: bias**2 + variance,
    best_centre=lambda data: total(data) / len(data),
    best_variance=lambda data_variance: 0 * data_variance,
    m=1,
):
    """The identity on drawn finite laws; the point mass at the mean against every drawn law; then a scale family."""
    for data, atoms, law in drawn_problems(setting):
        mean = dot(law, atoms)
        variance = dot(law, [(atom - mean) ** 2 for atom in atoms])
        losses = [nearest_mean(atoms, law, x, m) for x in data]
        if m == 1 and losses != [loss(mean - x, variance) for x in data]:
            return Refuted(data=data, atoms=atoms, law=law, losses=losses)
        centre = best_centre(data)
        at_point = total(nearest_mean([centre], [Q(1)], x, m) for x in data)
        same = variance == 0 and mean == centre
        if not (at_point == total(losses) if same else at_point < total(losses)):
            return Refuted(data=data, atoms=atoms, law=law, m=m, loss=total(losses), loss_of_point=at_point)
        # ±σ about the mean, E R by the identity: no smaller σ² may do better than the stated one.
        data_variance = total((x - centre) ** 2 for x in data) / len(data)
        stated = best_variance(data_variance)
        for other in (Q(0), Q(1, 9), data_variance):
            if loss(centre - data[0], other) < loss(centre - data[0], stated):
                return Refuted(data=data, stated_variance=stated, better_variance=other)
    return Holds(problems=setting.size(61, deep=601))


collapse.mutant("two samples collapse too", m=2)
collapse.mutant("the best variance is that of the data, as for maximum likelihood", best_variance=lambda v: v)
collapse.mutant("the median in place of the mean", best_centre=lambda data: sorted(data)[len(data) // 2])


@collapse.counterexample(
    "two samples, N(0, s²) and data ±1: the slope of E R at s = 0 is −2/√π, so a spread is learned"
)
def two_samples() -> Outcome:
    """min_j (s z_j − 1)² = 1 − 2 s max z + O(s²), and E max(z₁, z₂) = ∫ 2 z φ(z) Φ(z) dz = 1/√π."""
    with precision(BITS):
        top = integrate(lambda z, _: 2 * z * normal_pdf(z) * (2 - (z / arb(2).sqrt()).erfc()) / 2, -30, 0, 30)
        slope = -2 * top
        known = decide_equal(slope, -2 / arb.pi().sqrt(), distance=1e-10)
    return Refuted(slope_at_0=slope) if isinstance(known, Holds) and slope < 0 else Inconclusive(slope=slope)


@collapse.boundary(
    "with m ≥ 2 samples two modes are kept: the fair law on ±1 loses 2^{1−m} · 2 per datum, a point mass 1"
)
def two_modes() -> Outcome:
    losses = {m: nearest_mean([Q(1), Q(-1)], [Q(1, 2), Q(1, 2)], Q(1), m) for m in (1, 2, 3, 6)}
    right = all(loss == 4 * Q(1, 2**m) for m, loss in losses.items()) and losses[1] > 1 >= losses[2] and losses[3] < 1
    return Holds(losses=losses) if right else Refuted(losses=losses)


def limit_loss(v: Any, d: int) -> Ball:
    """∫ p q^{−2/d} for p = N(0, I_d), q = N(0, v I_d), v > 2/d: the d-th power of a one-dimensional integral.

    The integrand is a constant times e^{−c x²}, c = ½ − 1/(dv); beyond √(80/c) it leaves less than e^{−80}/c of it.
    """
    c = Q(1, 2) - 1 / (d * v)
    front = (2 * arb.pi()).sqrt() ** -1 * (2 * arb.pi() * ball(v)) ** Q(1, d)
    end = Q(int(float(80 / c) ** 0.5) + 1)
    one = integrate(lambda x, _: (-ball(c) * x * x).exp(), -end, 0, end) + arb(0, 1) * (arb(-80).exp() / ball(c))
    return (front * one) ** d


@claim(
    "imle-overdispersion",
    says="With n → ∞ first, then m → ∞, plain IMLE minimises ∫ p q_θ^{−2/d}; over all densities the minimiser is "
    "q ∝ p^{d/(d+2)}, not p, and over N(0, s²I) with p = N(0, I) it is s² = (d + 2)/d: not consistent",
    statement=r"\arg\min_{s^2} \int p\, q_s^{-2/d} = \frac{d + 2}{d}, \quad q^* \propto p^{d/(d+2)}",
    source=SOLUTION,
    primary="Zador 1982; Bucklew & Wise 1982 (recalled) for the limit; the conclusion is drawn here",
    method=(Certified, Statistical),
    verdict="FALSE",
    hypotheses=("the weights of the repaired theorem, which need θ*, or equal densities at the data",),
    limits="The consistency of IMLE is implied on the slide, not printed. The joint limit is taken in the order n, m.",
    resolution_of="best_variance",
)
def overdispersion(
    setting,
    *,
    closed=lambda d, v, pi: 2 * pi * v * (1 - 2 / (d * v)) ** (-d / 2),
    best_variance=lambda d: (d + 2) / d,
    shape=lambda p, d: p ** (d / (d + 2)),
):
    """The closed form by quadrature, its minimum by comparisons on both sides, the shape by Lagrange's condition."""
    with precision(BITS):
        return all_hold(spread_parts(setting, closed, best_variance, shape))


def spread_parts(setting: Setting, closed, best_variance, shape) -> Iterator[Outcome]:
    for d in (1, 2, 4, 10):
        for v in (Q(5, 2), Q(4)):
            stated = closed(Q(d), ball(v), arb.pi())
            yield decide_equal(limit_loss(v, d), stated, distance=1e-12, d=d, v=v)
        v = best_variance(Q(d))
        if d * v <= 2:
            yield Refuted(d=d, best=v, loss="infinite")
        for factor in (1 - Q(1, 10**6), 1 + Q(1, 10**6), Q(3, 2)):
            yield decide_less(limit_loss(v, d), limit_loss(v * factor, d), d=d, best=v, factor=factor)
    rng = setting.rng()
    for d in (1, 2, 5):
        p = [Q(int(k), 60) for k in rng.integers(1, 60, size=5)]
        q = [shape(ball(a), Q(d)) for a in p]
        # ∂/∂qᵢ of Σ p q^{−2/d} is the same multiplier λ at each i; the sum is strictly convex in q.
        slopes = [ball(a) * b ** (-Q(2, d) - 1) for a, b in zip(p, q, strict=True)]
        for slope in slopes[1:]:
            yield decide_equal(slope / slopes[0], 1, distance=1e-12, d=d, p=p)


overdispersion.printed(
    "consistent: the best variance is 1",
    where=(SOLUTION, TALK.slide("Main Result")),
    printed="implied: IMLE maximises likelihood, which is consistent, so s² → 1",
    correct="s² → (d + 2)/d: plain IMLE is over-dispersed unless the densities at the data are equal",
    best_variance=lambda d: d / d,
)
overdispersion.mutant("d/(d + 2): too narrow", best_variance=lambda d: d / (d + 2))
overdispersion.mutant("q ∝ p^{(d+2)/d}", shape=lambda p, d: p ** ((d + 2) / d))
overdispersion.mutant("q = p", shape=lambda p, d: p)


def mean_advantage(setting: Setting, *, m: int, v: float, cut: float, batches: int, stream: int) -> np.ndarray:
    """Per batch, ½ + (mean of R∧cut at s² = 1 − the same at s² = v)/(2 cut), in [0, 1]: fresh data, shared latents."""
    rng, n = setting.rng(stream), 100
    found = np.empty(batches)
    for batch in range(batches):
        latents, data = np.sort(rng.normal(size=m)), rng.normal(size=n)
        losses = []
        for scale in (1.0, v**0.5):
            ends = np.concatenate([[-np.inf], scale * latents, [np.inf]])
            after = np.searchsorted(ends[1:-1], data)
            gap = np.minimum(data - ends[after], ends[after + 1] - data)
            losses.append(np.minimum(gap**2, cut).mean())
        found[batch] = 0.5 + (losses[0] - losses[1]) / (2 * cut)
    return found


@overdispersion.counterexample(
    "drawn end to end, d = 1, m = 64: the loss R∧0.1 at the true s² = 1 exceeds that at s² = 2.7"
)
def end_to_end(setting: Setting) -> Outcome:
    advantage = mean_advantage(setting, m=64, v=2.7, cut=0.1, batches=3500, stream=1)
    return decide_mean_at_most(advantage, 0.5, alpha=setting.alpha, hypothesis="s² = 1 loses no more than s² = 2.7")


def slope_in_scale(m: int) -> Ball:
    """d/ds of E R at s = 1 for x ~ N(0, 1) and m samples of N(0, s²): E h(x), h(x) = 2 g(x) − x g′(x), g as in nearest.

    On cells of width 1/8, φ times the Taylor polynomial of h at the middle, h″ = −x g‴ enclosed over the cell. Beyond
    x = 5, |h| ≤ 2 (x² + 1) + 2x (x + 1) since g ≤ x² + 1 and |g′| ≤ 2√g: less than 1e-4 in all.
    """
    found, width = arb("0 +/- 1e-4"), Q(1, 8)
    for k in range(40):
        low, high = ball(k * width), ball((k + 1) * width)
        middle = (low + high) / 2
        cell = middle + arb("0 +/- 1") * (high - low) / 2
        mass = normal_cdf(high) - normal_cdf(low)
        first = normal_pdf(low) - normal_pdf(high) - middle * mass
        square = low * normal_pdf(low) - high * normal_pdf(high) + mass
        second = square - 2 * middle * first - middle**2 * mass
        g, slope, curvature = (nearest(middle, m, derivative=order) for order in range(3))
        third = nearest(cell, m, derivative=3)
        found += 2 * (
            (2 * g - middle * slope) * mass + (slope - middle * curvature) * first - cell * third * second / 2
        )
    return found


@overdispersion.boundary("few samples make it under-dispersed: for d = 1 the best s² passes 1 between m = 4 and 5")
def few_samples() -> Outcome:
    with precision(60):
        slopes = {m: slope_in_scale(m) for m in (4, 5)}
    right = slopes[4] > 0 and slopes[5] < 0
    return Holds(slopes_at_1=slopes) if right else Inconclusive(slopes_at_1=slopes)


@overdispersion.boundary("as d grows the excess vanishes: (d + 2)/d − 1 = 2/d")
def high_dimension() -> Outcome:
    with precision(BITS):
        d = 1000
        losses = [limit_loss(v, d) for v in (Q(1002, 1000), Q(1), Q(1004, 1000))]
        return all_hold(decide_less(losses[0], other) for other in losses[1:])
