"""f-divergences on atoms, held to fifty digits; their generators, held to convex analysis."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from estimators import (
    Empirical,
    chi_squared,
    energy_distance,
    f_divergence,
    hellinger,
    jsd,
    kl,
    reverse_kl,
    total_variation,
)
from estimators.fdivergences.generators import Generator, generators
from tests.estimators import naive_divergences as naive

UNIT = np.finfo(float).eps / 2

#: Pairs of masses on common atoms: near, far, tiny, and one against many.
HARD = {
    "near": (np.full(64, 1 / 64), (1 + 2.0**-30 * (-1.0) ** np.arange(64)) / 64),
    "one ulp": (np.array([0.5, 0.5]), np.array([np.nextafter(0.5, 1), np.nextafter(0.5, 0)])),
    "half": (np.array([0.25, 0.75]), np.array([0.5, 0.5])),
    "far": (np.array([1e-12, 1 - 1e-12]), np.array([1 - 1e-12, 1e-12])),
    "tiny": (np.array([1e-300, 1.0]), np.array([1e-8, 1 - 1e-8])),
    "subnormal": (np.array([1.0, 5e-324]), np.array([0.5, 0.5])),
}


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("name", sorted(naive.TERMS))
def test_every_named_divergence_is_right_to_its_last_digits(name, case):
    p, q = HARD[case]
    found = f_divergence(Empirical(np.arange(len(p)), p), Empirical(np.arange(len(q)), q), name)
    truth = naive.f_divergence(name, p, q)
    # What the module states: 16 units roundoff a term, none of which is negative, and the sum's one.
    assert abs(found.value - truth) <= 17 * UNIT * truth
    assert found.certificate.lower <= truth <= found.certificate.upper


@given(st.data())
def test_drawn_rational_measures_agree_with_fifty_digits(data):
    k = data.draw(st.integers(1, 12))
    p, q = (data.draw(st.lists(st.integers(1, 10**6), min_size=k, max_size=k)) for _ in range(2))
    p, q = ([Fraction(a, sum(c)) for a in c] for c in (p, q))
    P, Q = Empirical(range(k), p), Empirical(range(k), q)
    for name in naive.TERMS:
        truth = naive.f_divergence(name, P.weights, Q.weights)
        assert abs(f_divergence(P, Q, name).value - truth) <= 17 * UNIT * truth, name


def test_recession_decides_where_atoms_are_missing():
    P, Q, R = Empirical([0, 1]), Empirical([1, 2], [0.25, 0.75]), Empirical([5.0])
    assert kl(P, Q).value == reverse_kl(P, Q).value == chi_squared(P, Q).value == math.inf
    assert kl(R, Empirical([5.0, 6.0])).value == math.log(2)
    assert reverse_kl(R, Empirical([5.0, 6.0])).value == math.inf
    assert total_variation(P, Q).value == 0.75
    assert total_variation(P, R).value == hellinger(P, R).value == 1.0
    assert jsd(P, R).value == math.log(2)
    assert jsd(P, R, base=2).value == 1.0
    assert jsd(P, R, normalisation="sum").value == math.log(4)
    # ½·½·log 2 for what P has alone, ½·¾·log 2 for what Q has, and the shared atom.
    shared = (0.5 * math.log(2 * 0.5 / 0.75) + 0.25 * math.log(2 * 0.25 / 0.75)) / 2
    assert jsd(P, Q).value == pytest.approx(0.625 * math.log(2) + shared, rel=4 * UNIT)


def test_no_bounded_divergence_passes_its_bound():
    for k in range(1, 200):
        P, Q = Empirical(np.arange(k)), Empirical(-1.0 - np.arange(k), np.full(k, 1 / k))
        assert jsd(P, Q).value <= math.log(2)
        assert max(total_variation(P, Q).value, hellinger(P, Q).value) <= 1.0
    # Masses that sum to 1 + 2u, which is within their rounding.
    heavy = [np.nextafter(0.5, 1)] * 2
    P, Q = Empirical([0, 1], heavy), Empirical([2, 3], heavy)
    assert (total_variation(P, Q).value, jsd(P, Q).value, hellinger(P, Q).value) == (1.0, math.log(2), 1.0)


def test_units_follow_the_base():
    P, Q = Empirical([0, 1], [0.5, 0.5]), Empirical([0, 1], [0.25, 0.75])
    assert (kl(P, Q).unit, kl(P, Q, base=2).unit) == ("nats", "bits")
    assert kl(P, Q, base=2).value == pytest.approx(kl(P, Q).value / math.log(2), rel=2 * UNIT)
    for name in ("kl", "jsd"):
        bounds = {"kl": kl, "jsd": jsd}[name](P, Q, base=2).certificate
        truth = naive.f_divergence(name, P.weights, Q.weights) / naive.mp.log(2)
        assert bounds.lower <= truth <= bounds.upper
        # The stated 32 units either way, and the three roundings of a change of base.
        assert bounds.gap <= 67 * UNIT * truth
    assert hellinger(P, Q, squared=True).value == pytest.approx(hellinger(P, Q).value ** 2, rel=4 * UNIT)
    assert str(kl(P, Q)) == "0.143841 nats"


@pytest.mark.parametrize("function", [kl, reverse_kl, jsd, total_variation, chi_squared, hellinger])
def test_bare_arrays_are_refused_and_told_what_to_do(function):
    with pytest.raises(TypeError, match=r"P is ndarray.*Empirical\(X\)"):
        function(np.zeros(3), Empirical([0.0]))
    with pytest.raises(TypeError, match="Q is list"):
        function(Empirical([0.0]), [0.0])
    with pytest.raises(ValueError, match="P has 1 coordinates a point and Q has 2"):
        function(Empirical([0.0]), Empirical([[0.0, 1.0]]))


def test_bad_options_are_refused():
    P = Empirical([0, 1])
    with pytest.raises(ValueError, match=r"'mean' .* or 'sum'"):
        jsd(P, P, normalisation="half")
    for base in (0, 1, -2, math.inf, math.nan):
        with pytest.raises(ValueError, match="base is"):
            kl(P, P, base=base)
    with pytest.raises(KeyError, match="unknown generator 'kullback'; known: chi-squared"):
        f_divergence(P, P, "kullback")


def test_a_finite_divergence_beyond_float64_raises_and_names_the_atom():
    with pytest.raises(OverflowError, match=r"chi-squared at atom \[3.\]"):
        chi_squared(Empirical([3, 4], [0.5, 0.5]), Empirical([3, 4], [5e-324, 1.0]))


@pytest.mark.parametrize("name", sorted(generators))
def test_generators_are_in_standard_form(name):
    f = generators[name]
    t = np.logspace(-8, 8, 500)
    assert (f.f(t) >= 0).all()
    assert f.f(np.ones(1)) == 0
    # f′(1) = 0, and f″ is bounded about 1: only the kink of TV leaves f there larger than of order h².
    h = 2.0**-17  # 1 + h is then a float
    assert float(f.f(np.array([1 + h]))[0]) <= (0.5 * h if name == "total-variation" else 2 * h**2)
    # Both limits are from below; √t is the slowest way there, 1e-10 at t = 1e±20.
    for limit, reached in ((f.at_zero, f.f(np.array([1e-20]))[0]), (f.slope, f.f(np.array([1e20]))[0] / 1e20)):
        assert reached >= 40 if limit == math.inf else limit - 3e-10 <= reached <= limit * (1 + 4 * UNIT)


@pytest.mark.parametrize("name", sorted(generators))
def test_conjugates_are_the_supremum_that_they_stand_for(name):
    f = generators[name]
    for u in (-5.0, -2.5, -1.0, -0.3, 0.0, 0.1, 0.3, 0.49, 0.68, 0.9, 3.0):
        found = float(f.conjugate(np.array([u]))[0])
        if u >= f.slope:
            assert found == math.inf, u
            continue
        best = minimize_scalar(
            lambda s, u=u: float(f.f(np.exp([s]))[0]) - u * math.exp(s),
            bounds=(-40, 40),
            method="bounded",
            options={"xatol": 1e-10},
        )
        # The optimum is flat: an argument off by 1e-10 moves the value by its square, under the rounding of f.
        supremum = max(-best.fun, -f.at_zero, float(-f.f(np.array([1.0]))[0] + u))
        assert found == pytest.approx(supremum, abs=1e-12 * (1 + abs(found))), u
    assert float(f.conjugate(np.zeros(1))[0]) == 0


def test_a_generator_of_ones_own():
    """Le Cam's triangular discrimination ½ Σ (p−q)²/(p+q), without a safe term and without a conjugate."""
    le_cam = Generator("le-cam", lambda t: 0.5 * (t - 1) ** 2 / (t + 1), at_zero=0.5, slope=0.5)
    P, Q = Empirical([0, 1, 2], [0.5, 0.25, 0.25]), Empirical([0, 1, 3], [0.25, 0.25, 0.5])
    assert f_divergence(P, Q, le_cam).value == pytest.approx(0.5 * (0.0625 / 0.75 + 0.25 + 0.5), rel=8 * UNIT)


@pytest.mark.parametrize(
    ("f", "at_zero", "slope", "message"),
    [
        (lambda t: t * np.log(t) + 1, 1.0, math.inf, r"f\(1\) is 1.0"),
        (lambda t: np.log(t), -math.inf, 0.0, "not convex"),
        (lambda t: np.minimum((t - 1) ** 2, 1.0), 1.0, 0.0, "not convex"),
        (lambda t: (t - 1) ** 2, 0.5, math.inf, "at_zero allows"),
        (lambda t: (t - 1) ** 2, 1.0, 5.0, "slope allows"),
        (lambda t: np.where(t > 2, np.inf, np.abs(t - 1)), 1.0, math.inf, r"is inf"),
    ],
)
def test_what_is_no_generator_is_refused(f, at_zero, slope, message):
    with pytest.raises(ValueError, match=message):
        Generator("mine", f, at_zero, slope)


def test_sampling_tells_nothing_to_an_f_divergence_and_something_to_energy():
    """Two samples of one law share no atom: JSD is log 2 whatever the law, and says so of each pair."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(50, 2)), rng.normal(size=(50, 2))
    assert jsd(Empirical(X), Empirical(Y)).value == math.log(2)
    assert energy_distance(X, Y).value < energy_distance(X, Y + 3).value
