"""Sliced distances: the mean over directions with its error, and a maximum that is a bound and says so."""

import math

import numpy as np
import pytest

from estimators import Empirical, max_sliced_wasserstein, sliced_wasserstein, wasserstein

UNIT = np.finfo(float).eps / 2


def drawn(seed, n=30, m=25, d=3):
    rng = np.random.default_rng(seed)
    P = Empirical(rng.normal(size=(n, d)), rng.dirichlet(np.ones(n)))
    return P, Empirical(rng.normal(size=(m, d)) + 0.5, rng.dirichlet(np.ones(m)))


@pytest.mark.parametrize("p", [1, 2])
def test_it_is_the_mean_of_exact_distances_on_the_line(p):
    P, Q = drawn(0)
    found = sliced_wasserstein(P, Q, p=p, n_directions=40, random_state=3)
    directions = np.random.default_rng(3).standard_normal((40, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    each = np.array([wasserstein(*(Empirical(R.atoms @ t, R.weights) for R in (P, Q)), p=p).value for t in directions])
    assert found.value == pytest.approx((each**p).mean() ** (1 / p), rel=1e-12)
    assert found.stderr == pytest.approx(
        np.std(each**p, ddof=1) / math.sqrt(40) / (p * found.value ** (p - 1)), rel=1e-9
    )
    assert found.certificate.gap <= 1e-11 * found.value


@pytest.mark.parametrize("p", [1, 2])
def test_translations_have_a_closed_form_and_the_error_is_that_of_repetition(p):
    """SW_p(P, P + v)ᵖ = E|θ·v|ᵖ: for p = 2 it is ‖v‖²/d, for p = 1 in three dimensions ‖v‖/2."""
    X = np.random.default_rng(1).normal(size=(20, 3))
    shift = np.array([3.0, 4.0, 12.0])
    truth = 13 / math.sqrt(3) if p == 2 else 6.5
    found = [sliced_wasserstein(X, X + shift, p=p, n_directions=60, random_state=s) for s in range(150)]
    errors = np.array([(e.value - truth) / e.stderr for e in found])
    # 150 standardised errors: their mean is within 5 standard errors of 0 and their spread within 5 of 1 (1/√300).
    assert (
        abs(errors.mean()) <= 5 / math.sqrt(150) + 0.1
    )  # the root of a mean is biased by about 1/60 of its error's square
    assert 0.7 <= errors.std() <= 1.35


def test_on_the_line_all_are_one():
    P, Q = drawn(2, d=1)
    exact = wasserstein(P, Q)
    for function in (sliced_wasserstein, max_sliced_wasserstein):
        assert function(P, Q).value == pytest.approx(exact.value, rel=1e-12)
    assert sliced_wasserstein(P, Q).stderr is None


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_order_of_the_three(p, seed):
    P, Q = drawn(seed)
    mean, most, full = sliced_wasserstein(P, Q, p=p), max_sliced_wasserstein(P, Q, p=p), wasserstein(P, Q, p=p)
    assert mean.value <= most.certificate.upper
    assert mean.value - 6 * mean.stderr <= most.value <= full.certificate.upper
    assert most.certificate.lower <= full.value <= most.certificate.upper
    # No direction of a fine net beats the climb by more than a hair.
    rng = np.random.default_rng(9)
    net = rng.standard_normal((500, 3))
    net /= np.linalg.norm(net, axis=1, keepdims=True)
    best = max(wasserstein(*(Empirical(R.atoms @ t, R.weights) for R in (P, Q)), p=p).value for t in net)
    assert most.value >= 0.999 * best
    assert "lower bound" in most.method


def test_the_direction_of_a_translation_is_found_and_proved():
    X = np.random.default_rng(4).normal(size=(40, 20))
    shift = np.linspace(1, 2, 20)
    found = max_sliced_wasserstein(X, X + shift)
    assert found.value == pytest.approx(np.linalg.norm(shift), rel=1e-12)
    assert found.certificate.gap <= 1e-9 * found.value


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_an_offset_and_small_noise_cost_no_digits(offset):
    rng = np.random.default_rng(5)
    X = rng.integers(-1000, 1000, size=(50, 4)) / 1024
    Y = X + rng.integers(-8, 8, size=X.shape) / 2**13
    near, far = sliced_wasserstein(X, Y), sliced_wasserstein(X + offset, Y + offset)
    assert abs(near.value - far.value) <= near.certificate.gap + far.certificate.gap
    assert near.certificate.gap <= 1e-9 * near.value


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_float32_far_from_the_origin_is_answered_as_its_float64_values_near_it(offset):
    rng = np.random.default_rng(11)
    ulp = float(np.spacing(np.float32(offset)))  # what float32 resolves there: all places are exact
    X = 16 * ulp * rng.integers(-1000, 1000, size=(30, 3))
    Y = X + ulp * rng.integers(-8, 8, size=X.shape)
    far = [(rows + offset).astype(np.float32) for rows in (X, Y)]
    assert all((rows.astype(float) - offset == known).all() for rows, known in zip(far, (X, Y), strict=True))
    for function in (sliced_wasserstein, max_sliced_wasserstein):
        truth, found = function(X, Y), function(*far)
        assert abs(truth.value - found.value) <= truth.certificate.gap + found.certificate.gap
        assert 0 < found.value <= 16 * ulp  # a noise of eight in each of three coordinates
        assert function(far[0], far[0][::-1]).value == 0.0


def test_the_same_seed_gives_the_same_value_and_bad_input_is_refused():
    P, Q = drawn(6)
    assert sliced_wasserstein(P, Q) == sliced_wasserstein(P, Q)
    assert sliced_wasserstein(P, Q, random_state=1).value != sliced_wasserstein(P, Q).value
    for bad in ({"p": 0.5}, {"n_directions": 1}, {"n_directions": 2.5}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            sliced_wasserstein(P, Q, **bad)
    for bad in ({"p": math.inf}, {"n_starts": 0}, {"max_iter": 0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            max_sliced_wasserstein(P, Q, **bad)


def test_the_best_direction_found_is_told_as_a_lower_bound():
    X = np.random.default_rng(0).normal(size=(2, 9, 3))
    assert str(max_sliced_wasserstein(*X)).startswith("≥ ")
