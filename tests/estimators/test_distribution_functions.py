"""KL from empirical distribution functions: its formula by hand, its truth by repetition, what is no such sample."""

import math

import numpy as np
import pytest

from estimators import Gaussian, StudentT, Uniform, kl, kl_cdf

UNIT = np.finfo(float).eps / 2


def by_hand(X, Y):
    """The definition: both functions by interpolation, and their rise over the same small step to the left."""
    low, high = min(X.min(), Y.min()), max(X.max(), Y.max())
    spacing = (high - low) / (len(X) + len(Y) - 1)
    step = min(np.diff(np.sort(np.concatenate([X, Y]))).min(), spacing) / 2

    def rise(sample, at):
        knots = [low - spacing, *np.sort(sample), high + spacing]
        heights = [0.0, *((np.arange(len(sample)) + 0.5) / len(sample)), 1.0]
        return np.interp(at, knots, heights) - np.interp(at - step, knots, heights)

    return float(np.mean(np.log(rise(X, X) / rise(Y, X)))) - 1


@pytest.mark.parametrize(("n", "m"), [(2, 2), (30, 20), (25, 60)])
def test_it_is_its_definition(n, m):
    # Dyadic places at least 2⁻¹⁰ apart: the rises of the definition lose some 2¹⁶ roundings to their difference.
    places = np.random.default_rng(n).permutation(4096)[: n + m] / 1024
    X, Y = places[:n], places[n:] + 1.0 + 2.0**-12
    assert kl_cdf(X, Y).value == pytest.approx(by_hand(X, Y), abs=2**16 * UNIT)


@pytest.mark.parametrize(
    ("p", "q", "truth"),
    [
        (Gaussian(0.0, 1.0), Gaussian(1.0, 1.0), 0.5),
        (Gaussian(0.0, 1.0), Gaussian(0.0, 4.0), math.log(2) - 0.375),
        (Uniform(0.0, 0.5), Uniform(0.0, 1.0), math.log(2)),
        (Gaussian(0.0, 1.0), Gaussian(0.0, 1.0), 0.0),
        (Gaussian(0.0, 1.0), StudentT(3.0), None),
    ],
)
def test_it_converges_to_the_divergence_of_the_laws(p, q, truth):
    """Sixty repetitions at n = 2000: their mean is within six standard errors and the stated order of the bias."""
    n = 2000
    truth = kl(p, q).value if truth is None else truth
    found = [kl_cdf(p.sample(n, seed), q.sample(n, 1000 + seed), batches=None).value for seed in range(60)]
    # Four times (log n)/n, which holds the x beyond all y where p/q is unbounded (a shift) too.
    assert abs(np.mean(found) - truth) <= 6 * np.std(found) / math.sqrt(60) + 4 * math.log(n) / n
    # Without the correction it is 1 above.
    assert abs(np.mean(found) + 1 - truth) > 0.9


def test_the_spread_falls_as_one_over_the_root_of_n_and_is_the_standard_error_stated():
    p, q = Gaussian(0.0, 1.0), Gaussian(0.0, 2.0)
    spreads = {}
    for n in (400, 6400):
        found = [kl_cdf(p.sample(n, seed), q.sample(n, 500 + seed)) for seed in range(60)]
        spreads[n] = np.std([f.value for f in found], ddof=1)
        stated = math.sqrt(np.mean([f.stderr**2 for f in found]))
        # 60 values know their spread to 9 %, six of which are 55 %; parts of 40 points may add some tens of percent.
        assert 0.5 <= stated / spreads[n] <= 2.0
        assert all(low < f.value < high for f in found for low, high in [f.interval])
    # A ratio of 4, of two spreads each known to 9 %.
    assert 2.0 <= spreads[400] / spreads[6400] <= 8.0


def test_what_densities_cannot_see_does_not_change_it():
    rng = np.random.default_rng(1)
    X, Y = (
        rng.integers(-(2**20), 2**20, size=60) / 2**18,
        rng.integers(-(2**20), 2**20, size=(50, 1)) / 2**18 + 2.0**-20,
    )
    value = kl_cdf(X, Y).value
    assert kl_cdf(1024 * X, 1024 * Y).value == pytest.approx(value, abs=64 * UNIT)
    assert kl_cdf(X[::-1], Y[::-1], batches=None).value == value
    # The gaps stay exact under a shift of few bits, the two ends are rounded: 2²⁰ over the least gap, 2⁻²⁰.
    assert kl_cdf(X + 2.0**20, Y + 2.0**20).value == pytest.approx(value, abs=2**40 * UNIT)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: kl_cdf(X[:, None] * [1.0, 2.0], X), "X has 2 coordinates a point where 1 are needed"),
        (lambda X: kl_cdf(X, X[:1]), "Y has 1 point: pass at least 2"),
        (lambda X: kl_cdf([3.0, 1.0, 3.0], X), "X: rows 0 and 2 are equal"),
        (lambda X: kl_cdf(X, np.repeat(X, 2)), "Y: rows 0 and 1 are equal"),
        (lambda X: kl_cdf(X * np.nan, X), "X: row 0 is not finite"),
        (lambda X: kl_cdf(X, X + 1, batches=1), "batches is 1"),
    ],
)
def test_bad_samples_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.arange(10.0) ** 1.5)


def test_few_points_have_no_standard_error_and_points_of_both_samples_are_no_fault():
    X = np.arange(10.0) ** 1.5
    found = kl_cdf(X, X)
    assert found.stderr is None
    assert "too few points" in found.detail
    assert math.isfinite(found.value)
