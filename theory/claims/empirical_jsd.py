"""The Jensen–Shannon divergence between a finite sample and a continuous law says nothing: it is log 2."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from flint import arb

from theory.certified import Ball, ball, decide_at_most, integrate, jsd, log2, precision, total
from theory.claim import Certified, Holds, Inconclusive, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q, rationals
from theory.instances import Mixture, Normal
from theory.sequential import proportion_interval
from theory.setting import Setting
from theory.sources import POSTER, TALK

DATA = rationals(("-1.5", "-0.25", "0.125", "0.75", "2.5"))
#: Half-widths of the cells that isolate the data; at the last one the enclosure is narrower than WIDTH.
HALF_WIDTHS = tuple(Q(1, 10**k) for k in (1, 3, 10, 30))
WIDTH = arb("1e-25")
#: The cells' masses near 1e-31 are differences of cdfs of order 1.
BITS = 256


def cell_masses(half_width: Any, atom: Any) -> list[Ball]:
    """The masses of the cells [xᵢ − h, xᵢ + h] under (1 − a) N(0, 1) + a δ at the first datum."""
    law = Normal()
    masses = [(law.cdf(x + half_width) - law.cdf(x - half_width)) * ball(1 - atom) for x in DATA]
    return [masses[0] + ball(atom), *masses[1:]]


def jsd_of_partition(half_width: Any, atom: Any) -> Ball:
    """JSD of the laws of the cell, data against model: a lower bound of their JSD. The rest is one cell more.

    log 2 − ½ Σ [wᵢ log(1 + qᵢ/wᵢ) + qᵢ log(1 + wᵢ/qᵢ)], where the data give mass wᵢ = 1/n to each cell, 0 to the rest.
    """
    w = ball(Q(1, len(DATA)))
    deficit = total(w * (q / w).log1p() + q * (w / q).log1p() for q in cell_masses(half_width, atom))
    return log2() - deficit / 2


def jsd_by_definition(atom: Any) -> Ball:
    """JSD with densities against the counting measure on the data plus Lebesgue measure: the sharp form.

    It is log 2 if and only if the model gives no mass to the data.
    """
    n = len(DATA)
    return jsd([*[Q(1, n)] * n, Q(0)], [atom, *[Q(0)] * (n - 1), 1 - atom])


def jsd_of_densities(p: Any, q: Any, *ends: Any) -> Ball:
    """log 2 − ½ ∫ [p log(1 + q/p) + q log(1 + p/q)]; beyond the ends, ±12 of the mean, the integral is below 1e-28.

    Twenty digits are plenty to tell it from log 2, so the integral is taken at 64 bits.
    """

    def one_side(p: Any, q: Any) -> Ball:
        return integrate(lambda x, analytic: p.pdf(x) * (1 + q.pdf(x) / p.pdf(x)).log(analytic=analytic), *ends)

    with precision(64):
        return log2() - (one_side(p, q) + one_side(q, p)) / 2 + arb(0, arb("1e-28"))


PAIRS = {
    "two normal densities": lambda: jsd_of_densities(Normal(0), Normal(1), -12, 0, 1, 13),
    "two samples that share a point": lambda: jsd([Q(1, 2), Q(1, 2), Q(0)], [Q(0), Q(1, 2), Q(1, 2)]),
}


@claim(
    "jsd-empirical-continuous",
    says="JSD(p̂ₙ, q) = log 2 for every n and every law q without an atom at a datum, the true one included",
    statement=r"q(\{x_1, \ldots, x_n\}) = 0 \;\Leftrightarrow\; JSD(\hat{p}_n, q) = \log 2",
    source=(POSTER.slide("True vs. Empirical Data Distribution"), TALK.slide("Problems of GANs")),
    primary="Arora et al. 2017; Arjovsky & Bottou 2017; Li & Malik 2018",
    method=(Certified, Statistical),
    hypotheses=("“continuous” means without an atom at any datum; a density is more than enough",),
)
def jsd_empirical_continuous(
    setting,
    *,
    value=lambda log_2: log_2,
    deficit=lambda n, k, log_ratio: n * (1 + log_ratio) / (2 * k),
    atom=Q(0),
    pair="data and model",
    fresh_real_points=False,
):
    """Certified lower bounds by ever finer partitions; the value by its definition; then a 1-NN discriminator."""
    with precision(BITS):
        certified = all_hold(enclosed(value, deficit, atom, pair))
    if not isinstance(certified, Holds):
        return certified
    return all_hold((certified, *discriminated(setting, fresh_real_points)))


def enclosed(value, deficit, atom: Any, pair: str) -> Iterator[Outcome]:
    stated = value(log2())
    if pair in PAIRS:
        yield within(stated, PAIRS[pair](), PAIRS[pair](), pair=pair)
        return
    lower = [jsd_of_partition(h, atom) for h in HALF_WIDTHS]
    upper = jsd_by_definition(atom)
    yield within(stated, lower[-1], upper, atom=atom)
    if not all(low <= high for low, high in zip(lower, [*lower[1:], upper], strict=True)):
        yield Inconclusive(lower_bounds=lower, definition=upper)
    yield decide_at_most(upper - lower[-1], WIDTH, narrowest=upper - lower[-1], widest=upper - lower[0])
    for log2_k in (10, 20, 40):
        yield uniform_deficit(deficit, n=5, k=2**log2_k)


def within(stated: Any, low: Ball, high: Ball, **evidence: Any) -> Outcome:
    """Whether the stated JSD may lie in the enclosure: Refuted if it is proved to lie outside."""
    if stated < low or stated > high:
        return Refuted(stated=stated, at_least=low, at_most=high, **evidence)
    return Holds(jsd_at_least=low, **evidence)


def uniform_deficit(deficit, n: int, k: int) -> Outcome:
    """log 2 − JSD over k equal cells of U[0, 1], n data in n of them, is (n/2k)(1 + log(k/n)) within a share of n/k."""
    w, q = ball(Q(1, n)), ball(Q(1, k))
    exact = n * (w * (q / w).log1p() + q * (w / q).log1p()) / 2
    stated = deficit(n, k, ball(Q(k, n)).log())
    return decide_at_most(abs(exact - stated), exact * Q(n, k), n=n, k=k, exact=exact, stated=stated)


def discriminated(setting: Setting, fresh_real_points: bool) -> Iterator[Outcome]:
    """A 1-NN discriminator on 50 data and m samples of the true law: it never errs on the data, hardly ever on samples.

    If u bounds the share of fresh samples that it calls real, JSD ≥ JSD((1, 0), (u, 1 − u)), at level α.
    """
    n, fresh = 50, setting.size(20_000, deep=200_000)
    sizes = {50: 0.12, 2000: 0.59, 100_000: 0.67}
    for stream, (m, least) in enumerate(sizes.items()):
        rng = setting.rng(stream)
        data, samples = rng.standard_normal(n), rng.standard_normal(m)
        real_side = rng.standard_normal(fresh) if fresh_real_points else data
        errors = int(np.sum(~called_real(real_side, data, samples)))
        if errors:
            low, _ = proportion_interval(errors, len(real_side), setting.alpha / len(sizes))
            yield (Refuted if low > 0 else Inconclusive)(
                m=m, errors_on_the_real_side=errors, of=len(real_side), low=low
            )
        fooled = int(np.sum(called_real(rng.standard_normal(fresh), data, samples)))
        _, u = proportion_interval(fooled, fresh, setting.alpha / len(sizes))
        bound = binary_jsd(u)
        yield (Holds if bound >= least else Inconclusive)(**{f"jsd_at_least_m{m}": bound})


def called_real(points: np.ndarray, data: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Whether each point's nearest neighbour is a datum; on a tie it is."""
    return nearest_distance(points, data) <= nearest_distance(points, samples)


def nearest_distance(points: np.ndarray, among: np.ndarray) -> np.ndarray:
    line = np.concatenate([[-np.inf], np.sort(among), [np.inf]])
    above = np.searchsorted(line, points)
    return np.minimum(line[above] - points, points - line[above - 1])


def binary_jsd(u: float) -> float:
    """JSD((1, 0), (u, 1 − u))."""
    middle = (1 + u) / 2
    fake = 0.0 if u == 0 else u * np.log(u / middle)
    return float(-np.log(middle) + fake + (1 - u) * np.log(2)) / 2


jsd_empirical_continuous.mutant("log 2 − 0.01", value=lambda log_2: log_2 - ball("0.01"))
jsd_empirical_continuous.mutant("log 2 for two overlapping densities", pair="two normal densities")
jsd_empirical_continuous.mutant("log 2 for two samples that share a point", pair="two samples that share a point")
jsd_empirical_continuous.mutant("log 2 for a model with a tenth of its mass on a datum", atom=Q(1, 10))
jsd_empirical_continuous.mutant("log 2 for a model with half of its mass on a datum", atom=Q(1, 2))
jsd_empirical_continuous.mutant("the discriminator knows fresh real points as well", fresh_real_points=True)


@jsd_empirical_continuous.boundary("data smoothed by a normal of width ε: log 2 is left behind as ε grows")
def smoothed() -> Outcome:
    found = []
    for width in (Q(1, 10), Q(1, 2)):
        data = Mixture((Q(1, 5),) * 5, tuple(Normal(x, width) for x in DATA))
        found.append(log2() - jsd_of_smoothed(data, width))
    falls = ball("0.4") < found[0] and found[0] < found[1]
    return Holds(deficits=found) if falls else Inconclusive(deficits=found)


def jsd_of_smoothed(data: Mixture, width: Any) -> Ball:
    ends = sorted({x + k * width for x in DATA for k in range(-4, 5, 2)} | {Q(k) for k in range(-12, 13, 3)})
    return jsd_of_densities(data, Normal(), *ends)
