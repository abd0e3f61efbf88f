"""Plain IMLE, without weights, against maximum likelihood: a bias that more samples do not remove."""

from collections.abc import Iterator
from typing import Any

from theory.certified import Ball, ball, decide_equal, decide_less, precision, total
from theory.claim import Certified, Holds, Inconclusive, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rational, rationals
from theory.location_family import nearest
from theory.sources import POSTER, TALK

#: The maximum-likelihood location of N(θ, 1) is the mean, 0.3; the midrange is 0.6.
DATA = rationals(("-1.1", "-0.2", "0.1", "0.4", "2.3"))
SYMMETRIC = rationals((-2, 0, 2))
BITS = 100
#: The radius of a root's stated digits, and the least distance at which a derivative counts as nonzero.
DIGITS = Q(1, 10**9)
DISTANCE = 1e-3


def plain_slope(data: list, theta: Any, m: int) -> Ball:
    """d/dθ Σ E Rᵢ for N(θ, 1) and m samples."""
    return total(-nearest(x - theta, m, derivative=1) for x in data)


def limit_slope(data: list, theta: Any) -> Ball:
    """Half of d/dθ Σ p_θ(xᵢ)⁻² without its constant: what Σ E Rᵢ tends to, up to a factor, as m grows (d = 1)."""
    return total(ball(theta - x) * ball((theta - x) ** 2).exp() for x in data)


def mean(data: list) -> Any:
    return sum(data, Q(0)) / len(data)


def root_within_digits(slope, root: Any, **evidence: Any) -> Outcome:
    """Whether an increasing slope changes its sign within `DIGITS` of the stated root."""
    return all_hold(
        (decide_less(slope(root - DIGITS), 0, root=root, **evidence), decide_less(0, slope(root + DIGITS), root=root))
    )


@claim(
    "imle-unweighted-bias",
    says="Where densities at the data differ, plain IMLE need not be the MLE for any m ≥ 2, and m → ∞ does not help: "
    "its argmin goes to that of Σ p_θ(xᵢ)^(−2/d)",
    statement=r"\arg\min_\theta \sum_i E[R_i^\theta] \neq \arg\max_\theta \sum_i \log p_\theta(x_i), \quad m \geq 2",
    source=(POSTER.slide("Solution: Implicit Maximum Likelihood Estimation"), TALK.slide("Main Result")),
    primary="the limit is derived here from m^{2/d} E R → c p^{−2/d}",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=("the MLE has equal densities at all data",),
    limits="N(θ, 1) with five data; the limit is tested as an order of roots, for m = 16, 64, 1024, and its own root.",
    resolution_of="root_16",
)
def unweighted_bias(
    *,
    biased=lambda m, symmetric: m != 1 and not symmetric,
    root_16=rational("0.5737306231"),
    root_limit=rational("0.590581485308"),
    falls_towards_the_mle=False,
):
    """Signs of certified derivatives: at the MLE, around the stated roots, and between the roots of growing m."""
    with precision(BITS):
        return all_hold(bias_parts(biased, root_16, root_limit, falls_towards_the_mle))


def bias_parts(biased, root_16: Any, root_limit: Any, falls_towards_the_mle: bool) -> Iterator[Outcome]:
    yield root_within_digits(lambda theta: plain_slope(DATA, theta, 16), root_16, m=16)
    yield root_within_digits(lambda theta: limit_slope(DATA, theta), root_limit)
    for m in (1, 2, 16, 64):
        for data in (DATA, SYMMETRIC):
            yield bias_as_stated(data, m, biased(m, data == SYMMETRIC))
    # The slope increases in θ, so its sign at a point says on which side of it the root lies.
    for m in (64, 1024):
        if falls_towards_the_mle:
            yield decide_less(0, plain_slope(DATA, root_16, m), m=m)
        else:
            yield decide_less(plain_slope(DATA, root_16, m), 0, m=m, below_the_root=root_16)
            yield decide_less(0, plain_slope(DATA, root_limit, m), m=m, above_the_root=root_limit)


def bias_as_stated(data: list, m: int, stated: bool) -> Outcome:
    slope = plain_slope(data, mean(data), m)
    zero = decide_equal(slope, 0, distance=DISTANCE, data=data, m=m)
    if isinstance(zero, Inconclusive):
        return zero
    found = {"data": data, "m": m, "slope_at_mle": slope}
    return Holds(**found) if isinstance(zero, Refuted) == bool(stated) else Refuted(**found, said_biased=bool(stated))


unweighted_bias.printed(
    "plain IMLE is maximum likelihood",
    where=(POSTER.slide("Solution: Implicit Maximum Likelihood Estimation"), TALK.slide("Main Result")),
    printed="argmax Σ log p_θ(x_i) = argmin Σ E[R_i], used without the condition on the densities",
    correct="only where the densities p_θ*(x_i) are equal (or with the theorem's weights); else biased for m ≥ 2",
    biased=lambda m, symmetric: False,
)
unweighted_bias.mutant("no bias for m = 2", biased=lambda m, symmetric: m not in (1, 2) and not symmetric)
unweighted_bias.mutant("the bias falls to 0 as m grows", falls_towards_the_mle=True)
unweighted_bias.mutant("biased for m = 1", biased=lambda m, symmetric: not symmetric)
unweighted_bias.mutant("unequal densities always give a bias", biased=lambda m, symmetric: m != 1)


@unweighted_bias.counterexample("without equal densities: five data, m = 2, the slope at the MLE is not 0")
def five_data() -> Outcome:
    with precision(BITS):
        slope = plain_slope(DATA, mean(DATA), 2)
    return Refuted(slope_at_mle=slope) if slope < 0 else Inconclusive(slope_at_mle=slope)


@unweighted_bias.boundary("equal densities: two data, every m gives the MLE")
def equal_densities() -> Outcome:
    two = rationals((-1, 2))
    with precision(BITS):
        return all_hold(
            decide_equal(plain_slope(two, mean(two), m), 0, distance=DISTANCE, m=m) for m in (1, 2, 16, 1024)
        )
