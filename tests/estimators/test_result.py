"""An estimate prints the digits it has, and a partial one cannot pass for a number."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimators import (
    Gaussian,
    energy_distance,
    frechet_distance,
    jsd,
    kl_knn,
    max_sliced_wasserstein,
    mmd,
    sinkhorn_divergence,
    sliced_wasserstein,
    unbalanced_transport,
    wasserstein,
)
from estimators.result import Certificate, Estimate, NotConverged


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (0.69314, 0.001, "0.693 ± 0.001"),
        (0.69314, 0.00095, "0.693 ± 0.001"),
        (0.69314, 0.0012, "0.6931 ± 0.0012"),
        (0.69314, 0.0041, "0.693 ± 0.005"),
        (123456.0, 3200.0, "123000 ± 4000"),
        (1.234567e-7, 2e-9, "(1.23 ± 0.02)e-07"),
        (1e9, 1e5, "(1.0000 ± 0.0001)e+09"),
        (-0.5, 0.03, "-0.50 ± 0.03"),
        (12.3, 45.0, "10 ± 50"),
        (0.0, 0.01, "0.00 ± 0.01"),
        (5.0, 1e-9, "5"),
        (5e-324, 5e-324, "(5 ± 5)e-324"),
        (1 / 3, None, "0.333333"),
        (math.inf, None, "∞"),
    ],
)
def test_the_error_decides_the_digits(value, stderr, text):
    assert str(Estimate(value, stderr)) == text
    assert f"{Estimate(value, stderr, unit='nats')}" == f"{text} nats"


def test_an_interval_or_a_certificate_is_printed_where_no_standard_error_is():
    assert str(Estimate(0.5, interval=(0.25, 0.75), unit="nats")) == "0.5 [0.25, 0.75] nats"
    assert str(Estimate(0.5, certificate=Certificate("gap", 0.375, 0.515625))) == "0.5 in [0.37, 0.516]"
    assert f"{Estimate(0.123456, 0.1):.3f}" == "0.123"


@pytest.mark.parametrize(
    ("value", "lower", "upper", "text"),
    [
        (0.0465058, 0.04650572, 0.04650648, "0.0465058 in [0.04650572, 0.04650649]"),
        (1.0, 1 - 1e-15, 1 + 1e-15, "1"),
        (0.0, 0.0, 2.0**-50, "0 in [0, 8.9e-16]"),
        (-2.0, -math.inf, -1.5, "-2 in [−∞, -1.5]"),
        (0.494724, 0.4947239, 1.7, "0.494724 in [0.49472389, 1.7]"),
        (1.57544267, 1.575435, 1.5754471, "1.5754427 in [1.5754349, 1.5754472]"),
        (9.0, 9 - 8.9e-6, 9 + 8.9e-6, "9 in [8.9999911, 9.0000089]"),
        (0.0, 0.0, 1e-323, "0 in [0, 9.9e-324]"),
        (1e308, -1.7e308, 1.7e308, "1e+308 in [-1.7e+308, 1.7e+308]"),
        (np.float32(0.5), np.float32(0.25), np.float32(0.75), "0.5 in [0.25, 0.75]"),
        (123456.0, 123399.0, 123500.5, "123456 in [123399, 123501]"),
        (math.inf, math.inf, math.inf, "∞"),
    ],
)
def test_a_certificate_is_printed_as_an_enclosure_that_still_holds(value, lower, upper, text):
    assert str(Estimate(value, certificate=Certificate("gap", lower, upper))) == text


@given(st.floats(-1e300, 1e300), st.floats(0, 1e300), st.floats(0, 1e300))
def test_a_printed_enclosure_holds_the_proved_one(value, below, above):
    proof = Certificate("gap", value - below, value + above)
    shown, printed, ends = str(Estimate(value, certificate=proof)).partition(" in [")
    reaches = [abs(Fraction(end) - Fraction(value)) for end in (proof.lower, proof.upper)]
    if not printed:
        assert max(reaches) <= abs(Fraction(value)) * Fraction(5, 10**6)
        return
    low, high = map(Fraction, ends.removesuffix("]").split(", "))
    assert low <= Fraction(shown) <= high
    coarsest = min(abs(Fraction(value)) / 10**6, max(reaches))
    for gained, reach in zip((Fraction(proof.lower) - low, high - Fraction(proof.upper)), reaches, strict=True):
        assert 0 <= gained <= max(reach, coarsest) / 10


def test_only_a_standard_error_of_sampling_stands_after_the_sign():
    X = np.random.default_rng(0).normal(size=(40, 2))
    Y = X[::-1] * 2 + 1
    proved = "no standard error of sampling"
    for found, words in (
        (unbalanced_transport(X, Y, marginal=1.0), proved),
        (sinkhorn_divergence(X, Y, tolerance=0.01), proved),
        (wasserstein(X, Y), proved),
        (sliced_wasserstein(X, Y), "standard error over directions"),
        (sliced_wasserstein(X, X), proved),
        (max_sliced_wasserstein(X, Y), " in ["),
        (mmd(X, X + 1e-3), "no standard error of the root so near 0"),
        (energy_distance(X[:1], Y[:1]), "no standard error from fewer than 3 points"),
        (kl_knn(X[:8], Y[:8]), "no standard error: too few points"),
        (frechet_distance(X, Y, extrapolate=True), "no standard error: bias"),
        (Estimate(0.5, detail="closed form; no error but rounding"), "0.5"),
    ):
        assert "±" not in str(found)
        assert words in str(found)
    assert " in [" in str(sinkhorn_divergence(X, Y, tolerance=0.01))
    drawn = jsd(Gaussian([0.0] * 3), Gaussian([1.0] * 3))
    assert (drawn.error_over, "±" in str(drawn), "±" in str(energy_distance(X, Y))) == ("draws", True, True)
    with pytest.raises(ValueError, match="error_over is 'seeds'"):
        Estimate(1.0, error_over="seeds")


def test_a_partial_estimate_has_no_float():
    partial = Estimate(1.5, converged=False, unit="length")
    assert str(partial) == "1.5 length (not converged)"
    with pytest.raises(NotConverged, match="partial"):
        float(partial)
    assert float(Estimate(1.5)) == 1.5


def test_not_converged_crosses_processes_with_what_it_carries():
    error = pickle.loads(pickle.dumps(NotConverged("stopped", Estimate(1.5, converged=False))))
    assert (error.message, error.partial.value) == ("stopped", 1.5)
    assert str(error) == "stopped; partial: 1.5 (not converged)"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Estimate(math.nan),
        lambda: Estimate(1.0, stderr=-0.1),
        lambda: Estimate(1.0, stderr=math.nan),
        lambda: Estimate(1.0, interval=(2.0, 1.0)),
        lambda: Certificate("gap", 2.0, 1.0),
        lambda: Certificate("gap", math.nan, 1.0),
    ],
)
def test_no_failure_is_an_estimate(make):
    with pytest.raises(ValueError, match=r"NaN|stderr|interval|certificate"):
        make()


def test_a_certificate_says_what_it_encloses():
    assert 1.0 in Certificate("gap", 1.0, 2.0)
    assert 2.5 not in Certificate("gap", 1.0, 2.0)
    assert Certificate("rounding", math.inf, math.inf).gap == 0


def test_the_fields_go_out_as_scalars():
    cells = Estimate(1.0, 0.1, (0.8, 1.2), "sum", Certificate("gap", 0.5, 1.5), "nats").as_dict()
    assert (cells["low"], cells["high"], cells["lower"], cells["upper"]) == (0.8, 1.2, 0.5, 1.5)


def test_a_bound_keeps_its_side_however_it_is_told():
    for bound, sign in (("lower", "≥"), ("upper", "≤")):
        found = Estimate(1.25, bound=bound)
        assert (str(found), f"{found:.1f}", found.as_dict()["bound"]) == (f"{sign} 1.25", f"{sign} 1.2", bound)
    with pytest.raises(ValueError, match="bound is 'left'"):
        Estimate(1.0, bound="left")
