"""Enclosures: what is decided, what stays undecided, and logarithms of zero weights."""

from fractions import Fraction

import pytest
from flint import arb, fmpq

from theory.certified import (
    ball,
    balls,
    decide_at_most,
    decide_equal,
    decide_less,
    integrate,
    jsd,
    kl,
    log2,
    normal_cdf,
    normal_pdf,
    precision,
    xlog,
)  # fmt: skip
from theory.instances import Cauchy, Laplace, Mixture, Normal, Uniform
from theory.outcome import Holds, Inconclusive, Refuted

WIDE = arb(1, 0.5)  # [0.5, 1.5], its radius rounded up
LEAST = WIDE.mid() - WIDE.rad()


@pytest.mark.parametrize(
    ("decide", "a", "b", "verdict"),
    [
        (decide_less, 1, 2, Holds),
        (decide_less, 2, 2, Refuted),
        (decide_less, WIDE, 1, Inconclusive),
        (decide_at_most, 2, 2, Holds),
        (decide_at_most, 3, 2, Refuted),
        (decide_at_most, 1, WIDE, Inconclusive),
        (decide_at_most, WIDE, LEAST, Inconclusive),  # no number of the ball is less, and one is equal
        (decide_less, LEAST, WIDE, Inconclusive),
        (decide_less, WIDE, LEAST, Refuted),
    ],
)
def test_an_order_is_proved_refuted_or_undecided(decide, a, b, verdict):
    assert type(decide(a, b)) is verdict


def test_an_equality_holds_only_if_the_nearest_mutant_would_have_been_seen():
    assert type(decide_equal(arb(1) / 3, fmpq(1, 3), distance=1e-9)) is Holds
    assert type(decide_equal(WIDE, 1, distance=0.9)) is Inconclusive
    assert type(decide_equal(WIDE, 2, distance=0.9)) is Refuted


def test_zero_weights_follow_their_conventions_without_a_comparison_of_balls():
    assert xlog(0, 0) == 0
    assert xlog(fmpq(1, 2), 0) == arb("-inf")
    half = fmpq(1, 2)
    assert kl([half, half, 0], [half, 0, half]) == arb("inf")
    assert kl([1, 0], [half, half]).overlaps(log2())
    assert (jsd([1, 0], [0, 1]) - log2()).contains(0)
    assert jsd([half, half], [half, half]) == 0


def test_integrals_enclose_what_is_known():
    assert integrate(lambda z, analytic: z.log(analytic=analytic), 1, 2).overlaps(2 * log2() - 1)
    assert integrate(lambda z, _: normal_pdf(z), -3, 0, 2).overlaps(normal_cdf(2) - normal_cdf(-3))
    with pytest.raises(ValueError, match="two ends"):
        integrate(lambda z, _: z, 1)


def test_an_integrand_that_is_not_analytic_gives_no_finite_enclosure_of_a_wrong_value():
    value = integrate(lambda z, analytic: z.sqrt(analytic=analytic), -1, 1)
    assert not value.is_finite() or value.overlaps(arb(fmpq(2, 3)))


@pytest.mark.parametrize(
    "law", [Normal(fmpq(1, 3), 2), Cauchy(1, 2), Mixture((fmpq(1, 4), fmpq(3, 4)), (Normal(), Normal(2, fmpq(1, 2))))]
)
def test_a_density_integrates_to_its_cdf(law):
    assert integrate(lambda z, _: law.pdf(z), -2, 1).overlaps(law.cdf(1) - law.cdf(-2))


def test_densities_with_kinks_are_integrated_between_them():
    laplace = Laplace(0, 2)
    half = integrate(lambda z, _: (-z / 2).exp() / 4, 0, 3)
    assert half.overlaps(laplace.cdf(3) - laplace.cdf(0))
    assert laplace.pdf(3).overlaps((-arb(3) / 2).exp() / 4)
    assert laplace.cdf(-3).overlaps(1 - laplace.cdf(3))
    with pytest.raises(ValueError, match="encloses the location"):
        laplace.cdf(arb(0, 1))
    assert Uniform(0, 4).cdf(1) == Uniform(0, 4).pdf(2) == ball(fmpq(1, 4))
    assert Uniform(0, 4).pdf(5) == 0
    assert Uniform(1, 5).cdf(2) == Uniform(1, 5).pdf(2) == ball(fmpq(1, 4))
    assert [Uniform(1, 5).cdf(x) for x in (0, 9)] == [0, 1]


def test_kl_between_normals_agrees_with_its_integral():
    p, q = Normal(0, 1), Normal(1, 2)
    value = integrate(lambda z, _: p.pdf(z) * (p.log_pdf(z) - q.log_pdf(z)), -12, 0, 12)
    # The tails beyond 12 hold less than e^{-70} of it.
    assert abs(value - p.kl_to(q)) < 1e-14


def test_a_list_of_numbers_becomes_balls():
    assert balls([1, fmpq(1, 2)]) == [arb(1), arb(0.5)]


def test_precision_is_restored():
    wide = (arb(1) / 3).rad()
    with precision(200):
        narrow = (arb(1) / 3).rad()
    assert narrow < wide * 1e-40
    assert (arb(1) / 3).rad() == wide


def test_a_ball_is_made_of_every_exact_number():
    assert ball(Fraction(1, 4)) == ball(fmpq(1, 4)) == ball(0.25)
    assert ball("0.3").overlaps(ball(fmpq(3, 10)))
