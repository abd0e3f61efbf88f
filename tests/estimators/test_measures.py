"""Measures: one representation each, the truth they claim, and the input they refuse."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from estimators.measures import Empirical, Gaussian, Mixture, Uniform, common_support, grid, rare_modes, ring
from estimators.toys import TOYS

ULP = np.finfo(float).eps


def test_equal_atoms_are_merged_and_order_does_not_matter():
    P = Empirical([[1, 2], [0, 5], [1, 2], [-0.0, 5]], [0.25, 0.125, 0.5, 0.125])
    assert P.atoms.tolist() == [[0, 5], [1, 2]]
    assert P.weights.tolist() == [0.25, 0.75]
    assert Empirical([[0, 5], [1, 2]], [0.25, 0.75]) == P
    assert hash(Empirical([[1, 2], [0, 5]], [0.75, 0.25])) == hash(P)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_a_sample_is_its_counts_whatever_its_order(values, random):
    shuffled = random.sample(values, len(values))
    assert Empirical(values) == Empirical(shuffled)
    assert Empirical(values).weights.tolist() == [values.count(v) / len(values) for v in sorted(set(values))]


def test_atoms_without_mass_are_no_atoms():
    assert Empirical([0, 1, 2], [0.5, 0, 0.5]) == Empirical([0, 2])


def test_weights_may_be_rationals_and_are_rounded_once():
    weights = [Fraction(1, 3), Fraction(1, 6), Fraction(1, 2)]
    assert Empirical([0, 1, 2], weights).weights.tolist() == [1 / 3, 1 / 6, 1 / 2]


def test_weights_divided_by_their_own_sum_pass_in_float32_too():
    for n in (1000, 10**6):
        raw = np.random.default_rng(0).random(n).astype(np.float32)
        raw = np.maximum(raw, raw.dtype.type(1e-3))
        assert len(Empirical(np.arange(n), raw / raw.sum())) == n


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_many_weights_of_a_narrow_type_must_sum_to_one_too(kind):
    with pytest.raises(ValueError, match=r"weights sum to 0\.9"):
        Empirical(np.arange(10_000), np.full(10_000, 0.9 / 10_000).astype(kind))


def test_a_measure_is_read_only():
    P = Empirical([0.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        P.weights[0] = 1.0


@pytest.mark.parametrize(
    ("atoms", "weights", "error", "message"),
    [
        ([], None, ValueError, "atoms is empty"),
        ([0.0, np.nan], None, ValueError, r"atoms: row 1 is not finite \(\[nan\]\)"),
        ([[0.0, 1.0], [np.inf, 0.0]], None, ValueError, "atoms: row 1"),
        (np.zeros((2, 2, 2)), None, ValueError, r"pass \(n, d\)"),
        (["a", "b"], None, TypeError, "atoms has dtype"),
        ([1j], None, TypeError, "complex"),
        ([[1, 2], [3]], None, TypeError, "cannot be read"),
        (scipy.sparse.eye(3), None, TypeError, r"toarray\(\)"),
        ([0, 2**53 + 1], None, ValueError, r"2\*\*53"),
        ([0, 1], [0.5, -0.5], ValueError, "row 1 is negative"),
        ([0, 1], [0.5, np.nan], ValueError, "weights: row 1 is not finite"),
        ([0, 1], [0.5, 0.25], ValueError, r"weights sum to 0.75, not to 1: pass weights / weights.sum\(\)"),
        ([0, 1], [0.5, 0.5 + 1e-12], ValueError, "weights sum to"),
        ([0, 1], [1.0], ValueError, "weights has 1 entries for 2 atoms"),
        ([0, 1], [[0.5, 0.5]], ValueError, "weights has 2 coordinates"),
    ],
)
def test_bad_measures_are_refused_by_name(atoms, weights, error, message):
    with pytest.raises(error, match=message):
        Empirical(atoms, weights)


def test_a_tensor_is_read_and_one_with_a_gradient_says_so():
    torch = pytest.importorskip("torch", reason="without [models] there is no tensor to read")
    assert Empirical(torch.arange(3.0)) == Empirical([0, 1, 2])
    with pytest.raises(TypeError, match=r"atoms cannot be read.*grad"):
        Empirical(torch.zeros(3, requires_grad=True))


def test_the_common_support_aligns_masses():
    atoms, p, q = common_support(Empirical([2, 0]), Empirical([1, 2], [0.25, 0.75]))
    assert atoms.ravel().tolist() == [0, 1, 2]
    assert p.tolist() == [0.5, 0, 0.5]
    assert q.tolist() == [0, 0.25, 0.75]
    with pytest.raises(ValueError, match="P has 1 coordinates a point and Q has 2"):
        common_support(Empirical([0]), Empirical([[0, 1]]))


def test_resampling_and_mean_of_a_measure_far_from_the_origin():
    P = Empirical([1e6, 1e6 + 1], [0.25, 0.75])
    assert P.mean == [1e6 + 0.75]
    draws = P.sample(20_000, random_state=0)
    # Six standard errors of a share: one failure in 10⁹ seeds, and the seed is fixed.
    assert abs((draws == 1e6 + 1).mean() - 0.75) <= 6 * math.sqrt(0.75 * 0.25 / 20_000)


COV = np.array([[2.0, 0.5], [0.5, 1.0]])
LAWS = {
    "gaussian": Gaussian([1.0, -2.0], COV),
    "isotropic": Gaussian([0.0, 3.0], 0.25),
    "diagonal": Gaussian([0.0, 3.0], [0.25, 4.0]),
    "uniform": Uniform([-1.0, 0.0], [1.0, 0.5]),
    "mixture": Mixture([0.3, 0.7], [Gaussian([0.0, 0.0], COV), Gaussian([3.0, -1.0], 0.5)]),
    "ring": ring(),
    "grid": grid(),
    "rare modes": rare_modes(),
}


@pytest.mark.parametrize("name", LAWS)
def test_samples_have_the_mean_and_covariance_of_their_law(name):
    law, n = LAWS[name], 40_000
    draws = law.sample(n, random_state=1)
    assert draws.shape == (n, law.dimension)
    assert np.array_equal(draws, law.sample(n, random_state=1))
    # Six standard errors; those of a second moment are at most √3 of a Gaussian's variance here.
    scale = np.sqrt(np.diag(law.cov))
    assert (np.abs(draws.mean(axis=0) - law.mean) <= 6 * scale / math.sqrt(n)).all()
    assert (np.abs(np.cov(draws.T) - law.cov) <= 6 * math.sqrt(3 / n) * np.outer(scale, scale)).all()


@pytest.mark.parametrize("name", LAWS)
def test_densities_integrate_to_one(name):
    """By importance sampling from a law that covers it: the mean of the ratio is 1 within six standard errors."""
    law, n = LAWS[name], 60_000
    cover = Mixture([0.5, 0.5], [law, Gaussian(law.mean, 4 * law.cov)])
    draws = cover.sample(n, random_state=2)
    ratio = np.exp(law.logpdf(draws) - cover.logpdf(draws))
    assert abs(ratio.mean() - 1) <= 6 * ratio.std() / math.sqrt(n)


@pytest.mark.parametrize("name", ["gaussian", "isotropic", "diagonal", "uniform"])
def test_the_entropy_is_minus_the_mean_log_density(name):
    law = LAWS[name]
    surprise = -law.logpdf(law.sample(40_000, random_state=3))
    assert abs(surprise.mean() - law.entropy) <= 6 * surprise.std() / math.sqrt(40_000) + 8 * ULP


def test_log_densities_agree_with_scipy():
    x = np.random.default_rng(4).normal(size=(50, 2)) * 3
    gaussian = scipy.stats.multivariate_normal([1, -2], COV)
    # A Cholesky factor of a matrix of condition 2.6 and some ten operations: 32 ulps of the terms, which reach 30.
    np.testing.assert_allclose(LAWS["gaussian"].logpdf(x), gaussian.logpdf(x), rtol=0, atol=32 * 30 * ULP)
    assert LAWS["gaussian"].entropy == pytest.approx(gaussian.entropy(), abs=8 * ULP)
    assert Uniform(0, 2).logpdf([-0.1, 0, 1, 2, 2.1]).tolist() == [-np.inf, *3 * [-math.log(2)], -np.inf]
    assert Mixture([1.0], [LAWS["gaussian"]]).logpdf(x) == pytest.approx(LAWS["gaussian"].logpdf(x), abs=8 * ULP)


def test_ring_and_grid_have_their_modes_where_they_say():
    eight = ring(8, radius=3, scale=0.1)
    assert np.linalg.norm(eight.modes, axis=1) == pytest.approx(np.full(8, 3.0), abs=8 * ULP)
    assert eight.scales == pytest.approx(np.full(8, 0.1), abs=ULP)
    # Of a component that is longer one way than another, the scale is the longer one's.
    assert Mixture([1.0], [Gaussian([0.0, 0.0], [0.25, 4.0])]).scales.tolist() == [2.0]
    assert sorted(map(tuple, grid(3, spacing=2).modes)) == [(a, b) for a in (-2, 0, 2) for b in (-2, 0, 2)]


def test_every_other_mode_of_the_rare_ring_has_one_percent_and_widths_are_multiples_of_the_published_ones():
    law = rare_modes()
    assert law.modes.tolist() == ring().modes.tolist()
    assert law.weights.tolist() == [0.24, 0.01] * 4
    for toy in TOYS.values():
        assert toy.law().scales == pytest.approx(np.full(len(toy.law().modes), toy.scale), abs=ULP)
        assert toy.law(4.0).scales == pytest.approx(4 * toy.law().scales, rel=2 * ULP)
        assert toy.law(4.0).modes.tolist() == toy.law().modes.tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gaussian([0, 0], [[1, 0.5], [0, 1]]), "not symmetric"),
        (lambda: Gaussian([0, 0], [[1, 2], [2, 1]]), "not positive definite"),
        (lambda: Gaussian([0, 0], np.eye(3)), "cov has shape"),
        (lambda: Gaussian(0, -1), "not positive definite"),
        (lambda: Gaussian(np.nan), "mean: row 0"),
        (lambda: Uniform([0, 1], [1, 1]), "coordinate 1"),
        (lambda: Mixture([0.5, 0.5], [Gaussian(), Gaussian([0, 0])]), r"dimensions \[1, 2\]"),
        (lambda: Mixture([1.0], [Gaussian(), Gaussian()]), "1 entries for 2 components"),
        (lambda: Mixture([0.0, 1.0], [Gaussian(), Gaussian()]), "row 0"),
        (lambda: Mixture([0.5, 0.6], [Gaussian(), Gaussian()]), "sum to"),
        (lambda: Gaussian().logpdf([[0, 1]]), "x has 2 coordinates"),
        (lambda: Gaussian([0, 0], [1, 1, 1]), "cov has 3 variances where the mean has 2 coordinates"),
        (lambda: Gaussian([0, 0], np.inf), "cov: row 0 is not finite"),
        (lambda: Gaussian([0, 0], [[1, np.nan], [np.nan, 1]]), "cov: row 0 is not finite"),
        (lambda: ring(0), "n_modes is 0"),
        (lambda: grid(0), "side is 0"),
        (lambda: ring(2.5), "n_modes is 2.5: pass a whole number"),
        (lambda: grid(2.5), "side is 2.5: pass a whole number"),
        (lambda: grid("3"), "side is '3': pass a whole number"),
        (lambda: grid(True), "side is True"),
        (lambda: rare_modes(4.0), "n_modes is 4.0"),
        (lambda: grid(5, spacing=0), "spacing is 0: pass a finite number above 0"),
        (lambda: ring(radius=-1), "radius is -1"),
        (lambda: rare_modes(radius=-1), "radius is -1"),
        (lambda: ring(scale=0), "scale is 0"),
        (lambda: grid(scale="a"), "scale is 'a'"),
        (lambda: rare_modes(7), "n_modes is 7: pass an even number"),
        (
            lambda: rare_modes(8, rare=0.125),
            "rare is 0.125: pass .* below 0.125: a mass below",
        ),
    ],
)
def test_bad_laws_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
