"""The nearest of m normal samples: closed forms for one sample, and derivatives by the mean-value theorem."""

import numpy as np
import pytest
from flint import arb, fmpq

from theory.certified import ball, precision
from theory.location_family import nearest, weight_slope


@pytest.mark.parametrize("a", [0, fmpq(1, 3), 2, 9, -2])
def test_one_sample_is_at_the_squared_offset_plus_one(a):
    assert nearest(a, 1).overlaps(ball(a) ** 2 + 1)
    assert nearest(a, 1, derivative=1).overlaps(2 * ball(a))
    assert nearest(a, 1, derivative=2).overlaps(arb(2))
    assert nearest(a, 1, derivative=3).contains(0)


@pytest.mark.parametrize("m", [2, 3, 16, 1024])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_each_derivative_encloses_the_difference_quotients_of_the_one_before(m, order):
    low, high = fmpq(7, 5), fmpq(7, 5) + fmpq(1, 100)
    between = arb(ball((low + high) / 2).mid(), arb(fmpq(1, 199)))
    with precision(100):
        rise = nearest(high, m, derivative=order - 1) - nearest(low, m, derivative=order - 1)
        quotient = rise / ball(high - low)
        enclosure = nearest(between, m, derivative=order)
        assert enclosure.overlaps(quotient)
        # The enclosure over the whole step is not so wide that it would contain anything.
        assert not enclosure.overlaps(quotient + 100)


def test_the_value_agrees_with_draws():
    draws = np.random.default_rng(0).standard_normal((100_000, 4))
    nearest_of_four = ((draws - 0.7) ** 2).min(axis=1)
    # Six standard errors of the mean.
    slack = 6 * nearest_of_four.std() / np.sqrt(len(draws))
    assert abs(nearest_of_four.mean() - float(nearest(fmpq(7, 10), 4).mid())) < slack


def test_the_weight_is_two_for_one_sample_and_an_offset_out_of_reach_is_refused():
    assert weight_slope(fmpq(1, 2), 1).overlaps(arb(2))
    for far in (17, arb(3, 2)):
        with pytest.raises(ValueError, match="must lie in"):
            nearest(far, 2)
