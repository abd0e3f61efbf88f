"""What maximum likelihood promises about each datum, and when it is consistent."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from flint import arb

from theory.certified import ball, decide_equal, normal_pdf, precision
from theory.claim import Certified, Exact, Holds, Inconclusive, Outcome, Refuted, all_hold, claim
from theory.exact import Q, multiplied, total
from theory.instances import points
from theory.setting import Setting
from theory.sources import POSTER, TALK

BETTER_WAY = TALK.slide("A Better Way")
SOLUTION = POSTER.slide("Solution: Implicit Maximum Likelihood Estimation")
BITS = 128


COMBINED = {"product": multiplied, "sum": total}


def compositions(n: int, k: int) -> Iterator[tuple[int, ...]]:
    """All counts of n data on k points."""
    return (counts for counts in product(range(n + 1), repeat=k) if sum(counts) == n)


@claim(
    "likelihood-zero-density",
    says="∏ p_θ(xᵢ) = 0 if and only if some p_θ(xᵢ) = 0, so a maximiser of a positive likelihood gives every datum a "
    "positive density: for a free law on finitely many points its share of the data, so 1/n or more",
    statement=r"\prod_i p_\theta(x_i) = 0 \Leftrightarrow \exists i: p_\theta(x_i) = 0",
    source=BETTER_WAY,
    primary="Li & Malik 2018 (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=(
        "a maximiser with positive likelihood exists",
        "“full recall” in this qualitative sense only: the density at a datum may be as small as its share",
    ),
)
def zero_density(
    *,
    combine="product",
    mle=lambda count, n: Q(count) / n,
    floor=lambda n: Q(1) / n,
    cost=lambda count, log_weight: count * log_weight,
):
    """All counts of up to 6 data on 3 points: the likelihood of the shares against a grid of rival laws."""
    grid = [tuple(Q(part, 12) for part in parts) for parts in compositions(12, 3)]
    for densities in product((Q(0), Q(1, 3), Q(2)), repeat=3):
        if (COMBINED[combine](densities) == 0) != (0 in densities):
            return Refuted(densities=densities, combined=COMBINED[combine](densities))
    least: dict[int, Any] = {}
    for n in range(1, 7):
        for counts in compositions(n, 3):
            best = [mle(count, n) for count in counts]
            if total(best) != 1 or min(best) < 0:
                return Refuted(counts=counts, stated=best)
            top = multiplied(p**count for p, count in zip(best, counts, strict=True))
            for rival in grid:
                value = multiplied(p**count for p, count in zip(rival, counts, strict=True))
                if value > top or (value == top and list(rival) != best):
                    return Refuted(counts=counts, stated=best, likelihood=top, rival=rival, rival_likelihood=value)
            seen = [p for p, count in zip(best, counts, strict=True) if count > 0]
            least[n] = min(min(seen), least.get(n, Q(1)))
    for n, smallest in least.items():
        if smallest != floor(n):
            return Refuted(n=n, stated_floor=floor(n), smallest=smallest)
    with precision(BITS):
        return all_hold(cost_parts(cost))


def cost_parts(cost) -> Iterator[Outcome]:
    """Giving the weight ε instead of 1 to n_k data costs n_k log(1/ε) nats, and no more however bad they look."""
    for count, epsilon in ((1, Q(1, 100)), (7, Q(1, 3))):
        loss = -ball(epsilon**count).log()
        yield decide_equal(loss, cost(count, -ball(epsilon).log()), distance=1e-20, count=count)


zero_density.mutant("a sum instead of the product", combine="sum")
zero_density.mutant("a density of at least 1/10, whatever the data", floor=lambda n: Q(1, 10))
zero_density.equivalent("cost = lambda log_weight, count: count * log_weight", "a product knows no order")


@zero_density.counterexample(
    "two normal components, σ free: the likelihood of five data is unbounded, so there is no MLE"
)
def unbounded() -> Outcome:
    """½N(0, 1) + ½N(x₁, σ²) with σ = e^{−1100}: a density near e^{1100} at x₁, while N(0, 1) covers the rest."""
    data = [Q(0), Q(1), Q(-1), Q(2), Q(1, 2)]
    with precision(BITS):
        sigma = arb(-1100).exp()
        peak = (normal_pdf(0) / sigma + normal_pdf(data[0])) / 2
        rest = [normal_pdf(x) / 2 for x in data[1:]]  # a lower bound: the narrow component adds to it
        bound = sum((value.log() for value in rest), peak.log())
    return Refuted(log_likelihood_at_least=bound) if bound > 1000 else Inconclusive(bound=bound)


def samples(setting: Setting) -> Iterator[list]:
    """Data on the line: the recipe's 9 at −1 and 1 at 5, symmetric ones, drawn ones."""
    yield [Q(-1)] * 9 + [Q(5)]
    yield [Q(-2), Q(0), Q(2)]
    rng = setting.rng()
    for _ in range(setting.size(60, deep=1000)):
        yield points(rng, int(rng.integers(2, 9)))


def log_densities(theta: Any, data: list) -> list:
    """log of the N(θ, 1) densities up to their constant: −(x − θ)²/2."""
    return [-((x - theta) ** 2) / 2 for x in data]


@claim(
    "likelihood-equals-near-samples",
    says="The maximiser of the product of densities and the maximiser of the least of them differ: for N(θ, 1) they "
    "are the mean and the midrange of the data. A large likelihood is not a high density at each datum",
    statement=r"\arg\max_\theta \prod_i p_\theta(x_i) = \bar x, \quad "
    r"\arg\max_\theta \min_i p_\theta(x_i) = (\min x + \max x)/2",
    source=SOLUTION,
    primary="Li & Malik 2018 (recalled)",
    method=(Exact, Certified),
    verdict="FALSE",
    hypotheses=("equal for symmetric data, where mean and midrange agree",),
    limits="The family N(θ, 1).",
    resolution_of="of_least",
)
def not_each_factor(
    setting, *, of_product=lambda data: total(data) / len(data), of_least=lambda data: (min(data) + max(data)) / 2
):
    """Strictly concave functions of θ in rationals, compared at the stated maximiser and on both sides of it."""
    count = 0
    for data in samples(setting):
        count += 1
        for name, score, best in (("product", total, of_product(data)), ("least", min, of_least(data))):
            here = score(log_densities(best, data))
            for step in (Q(-1), Q(-1, 10**15), Q(1, 10**15), Q(1)):
                if score(log_densities(best + step, data)) >= here:
                    return Refuted(data=data, maximised=name, stated=best, better=best + step)
    return Holds(data_sets=count)


not_each_factor.printed(
    "maximum likelihood is a high density at each datum",
    where=SOLUTION,
    printed="Maximize likelihood ⇔ High density at each data point ⇔ Samples likely to be near data points",
    correct="the product is maximised, not each factor: with nine data at −1 and one at 5 the MLE −0.4 of N(θ, 1) "
    "gives 5 the density 1.9e-7, θ = 2 gives every datum 4.4e-3",
    of_least=lambda data: total(data) / len(data),
)
not_each_factor.mutant("the product is maximised at the midrange", of_product=lambda data: (min(data) + max(data)) / 2)


@not_each_factor.counterexample(
    "nine data at −1, one at 5: the MLE gives 5 a density below 2e-7, θ = 2 gives each above 4e-3"
)
def far_datum() -> Outcome:
    with precision(BITS):
        at_mle, at_two = normal_pdf(Q(5) + Q(2, 5)), normal_pdf(3)
    found = {"density_at_5_of_the_mle": at_mle, "least_density_of_theta_2": at_two}
    return Refuted(**found) if at_mle < ball("2e-7") and at_two > ball("4e-3") else Inconclusive(**found)


@not_each_factor.boundary("symmetric data: mean and midrange agree")
def symmetric() -> Outcome:
    data = [Q(-3), Q(-1), Q(0), Q(1), Q(3)]
    specs = not_each_factor.specs
    same = specs["of_product"](data) == specs["of_least"](data)
    return Holds(both=specs["of_least"](data)) if same else Refuted()
