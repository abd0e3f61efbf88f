"""When maximum likelihood finds the truth as data accumulate, and when it does not."""

from collections.abc import Iterator
from itertools import product
from math import comb
from typing import Any

import numpy as np

from theory.certified import ball, decide_at_most, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q, dot, total
from theory.instances import pmf, points
from theory.sequential import decide_proportion, sample_size
from theory.setting import Setting
from theory.sources import POSTER

SOLUTION = POSTER.slide("Solution: Implicit Maximum Likelihood Estimation")
BIASES = (Q(1, 20), Q(1, 3), Q(1, 2), Q(2, 3))


def binomial(n: int, p: Any) -> list:
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def estimate_of_pairs(atoms: list, law: list, groups: int) -> Any:
    """E σ̂² for the MLE of a variance common to pairs, each with a mean of its own: over all draws of a finite law.

    The mean over all data of (x − x̄_pair)² is the mean over pairs of (x₁ − x₂)²/4.
    """
    found = Q(0)
    for drawn in product(range(len(atoms)), repeat=2 * groups):
        chance = Q(1)
        for k in drawn:
            chance *= law[k]
        estimate = total((atoms[drawn[2 * g]] - atoms[drawn[2 * g + 1]]) ** 2 for g in range(groups)) / (4 * groups)
        found += chance * estimate
    return found


def misses(p: Any, n: int, epsilon: Any) -> Any:
    """P(|p̂ − p| ≥ ε), p̂ the share of heads among n tosses."""
    return total(mass for k, mass in enumerate(binomial(n, p)) if abs(Q(k, n) - p) >= epsilon)


def most_likely(heads: int, n: int) -> int:
    """The k for which k/n makes `heads` of n tosses likeliest, found by trying all: k^h (n − k)^{n−h} in integers."""
    return max(range(n + 1), key=lambda k: k**heads * (n - k) ** (n - heads))


@claim(
    "ml-consistency",
    says="Maximum likelihood is consistent under Wald's conditions: a coin's MLE has E(p̂ − p)² = p(1 − p)/n and misses "
    "by ε with probability at most 2e^{−2nε²}. With a new parameter for each pair of data it is not: "
    "E σ̂² = σ²/2 for every number of pairs",
    statement=r"E(\hat p_n - p)^2 = \frac{p(1 - p)}{n}, \quad E\,\hat\sigma^2_{\mathrm{pairs}} = \sigma^2/2",
    source=SOLUTION,
    primary="Wald 1949; Neyman & Scott 1948 (recalled); Hoeffding 1963 for the tail",
    method=(Exact, Certified, Statistical),
    verdict="CONDITIONAL",
    hypotheses=(
        "the parameter is identifiable and of a dimension that does not grow with the data",
        "an integrable envelope of the log-likelihood, or a compact parameter space (Wald)",
    ),
    priority="P3",
    limits="One consistent family and one inconsistent one; Wald's theorem itself is cited, not checked.",
)
def consistency(
    setting,
    *,
    spread=lambda p, n: p * (1 - p) / n,
    expected=lambda variance: variance / 2,
    bias_of=lambda theta: theta,
    tail=misses,
):
    """The binomial law in rationals, its tail against Hoeffding's bound; pairs with drawn rational noise; and how
    often the likeliest of all parameters misses, on drawn tosses."""
    for p in BIASES:
        for n in (1, 2, 10, 40):
            mean_square = total(mass * (Q(k, n) - p) ** 2 for k, mass in enumerate(binomial(n, p)))
            if mean_square != spread(p, n):
                return Refuted(p=p, n=n, mean_square=mean_square, stated=spread(p, n))
    for one, other in product(BIASES, repeat=2):
        if one != other and bias_of(one) == bias_of(other):
            return Refuted(parameters=(one, other), reason="two parameters, one law")
    rng = setting.rng()
    for groups in (1, 2, setting.size(2, deep=4)):
        atoms, law = points(rng, 3), pmf(rng, 3)
        variance = dot(law, [x * x for x in atoms]) - dot(law, atoms) ** 2
        found = estimate_of_pairs(atoms, law, groups)
        if found != expected(variance):
            return Refuted(groups=groups, variance=variance, mean_of_estimate=found, stated=expected(variance))
    with precision(128):
        return all_hold((*tail_parts(tail), drawn_misses(setting, tail)))


def tail_parts(tail) -> Iterator[Outcome]:
    for p, n, epsilon in product(BIASES, (1, 10, 40, 200), (Q(1, 20), Q(1, 4), Q(1, 2))):
        bound = 2 * (-2 * n * ball(epsilon) ** 2).exp()
        yield decide_at_most(tail(p, n, epsilon), bound, n=n, p=p, epsilon=epsilon)


def drawn_misses(setting: Setting, tail) -> Outcome:
    """Tosses of a fair coin, 40 a time: 16 heads or 24 miss by just ε = 1/10, and a miss by more is rarer."""
    p, size, epsilon = Q(1, 2), 40, Q(1, 10)
    true, mutant = (float(misses(p, size, distance)) for distance in (epsilon, epsilon + Q(1, size)))
    n = 2 * sample_size(true, mutant, alpha=setting.alpha, beta=setting.beta)  # a whole interval between the two
    counts = np.bincount(setting.rng(2).binomial(size, 0.5, n), minlength=size + 1)
    off = [abs(Q(most_likely(heads, size), size) - p) >= epsilon for heads in range(size + 1)]
    hits = int(counts[off].sum())
    return decide_proportion(hits, n, float(tail(p, size, epsilon)), alpha=setting.alpha, distance=true - mutant)


consistency.mutant("E σ̂² = σ² with a mean for each pair", expected=lambda variance: variance)
consistency.mutant("a miss is more than ε", tail=lambda p, n, epsilon: misses(p, n, epsilon + Q(1, 10**6)))
consistency.mutant("a label that the law does not show", bias_of=lambda theta: theta * (1 - theta))
consistency.mutant("a spread that does not fall with n", spread=lambda p, n: p * (1 - p))


@consistency.counterexample("Neyman & Scott: a fair ±1 noise has σ² = 1, and E σ̂² = ½ for 1, 2 and 4 pairs alike")
def neyman_scott() -> Outcome:
    means = [estimate_of_pairs([Q(1), Q(-1)], [Q(1, 2), Q(1, 2)], groups) for groups in (1, 2, 4)]
    return Holds(means=means) if means[-1] == 1 else Refuted(means=means, variance=1)


@consistency.boundary("with one mean for all 2n data the bias is σ²/(2n): it vanishes")
def one_mean(setting: Setting) -> Outcome:
    rng = setting.rng(1)
    atoms, law = points(rng, 2), pmf(rng, 2)
    mean = dot(law, atoms)
    variance = dot(law, [(x - mean) ** 2 for x in atoms])
    for size in (2, 4, 8):
        found = Q(0)
        for k, mass in enumerate(binomial(size, law[1])):
            data_mean = atoms[0] + (atoms[1] - atoms[0]) * Q(k, size)
            spread = ((size - k) * (atoms[0] - data_mean) ** 2 + k * (atoms[1] - data_mean) ** 2) / size
            found += mass * spread
        if found != variance * (1 - Q(1, size)):
            return Refuted(size=size, mean_of_estimate=found, variance=variance)
    return Holds(variance=variance)
