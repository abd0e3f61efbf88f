"""Wasserstein distances: closed forms and fifty digits lie in their certificates, on hard data too."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from estimators import Empirical, Gaussian, NotConverged, gaussian_wasserstein, wasserstein
from tests.estimators import naive_divergences as naive

UNIT = np.finfo(float).eps / 2


def drawn(seed, n=12, m=9, d=2):
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    return Empirical(rng.normal(size=(n, d)), a), Empirical(rng.normal(size=(m, d)) + 0.5, b)


@pytest.mark.parametrize("p", [1, 1.5, 2, 4])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_weighted_measures_agree_with_the_linear_program(d, p):
    P, Q = drawn(d, d=d)
    found = wasserstein(P, Q, p=p)
    truth = naive.transport_cost(P.atoms, P.weights, Q.atoms, Q.weights, p) ** (1 / p)
    # HiGHS stops at a feasibility of 1e-7, which is what its optimum may be off by, relative to the masses.
    assert found.value == pytest.approx(truth, rel=1e-7)
    assert found.value in found.certificate
    assert found.certificate.gap <= 1e-9 * found.value


@pytest.mark.parametrize(("n", "d"), [(40, 2), (40, 30), (7, 3)])
def test_samples_of_one_size_agree_with_the_assignment(n, d):
    rng = np.random.default_rng(n + d)
    X, Y = rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 0.2
    cost = cdist(X, Y)
    found = wasserstein(X, Y)
    assert abs(found.value - cost[linear_sum_assignment(cost)].mean()) <= found.certificate.gap


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=12),
    st.lists(st.integers(-50, 50), min_size=1, max_size=12),
)
def test_on_the_line_w1_is_the_area_between_the_distribution_functions(x, y):
    P, Q = Empirical(x), Empirical(y)
    share = [naive.Fraction(1, len(x))] * len(x), [naive.Fraction(1, len(y))] * len(y)
    truth = naive.cdf_integral(x, share[0], y, share[1], 1)
    for found in (wasserstein(P, Q), wasserstein(np.array(x), np.array(y))):
        assert found.certificate.lower <= truth <= found.certificate.upper
        assert abs(found.value - truth) <= 8 * UNIT * 128  # twice the stated 8u of the span, scaled to 128 at most
    assert wasserstein(x, y).value == pytest.approx(scipy.stats.wasserstein_distance(x, y), abs=100 * 40 * UNIT)


def test_closed_forms():
    X = np.random.default_rng(0).normal(size=(50, 3))
    shift = np.array([3.0, -4.0, 12.0])
    for p in (1, 2, 3):
        moved = wasserstein(X, X + shift, p=p)  # a translation costs its length
        assert moved.value == pytest.approx(13, rel=1e-12)
        assert 13 == pytest.approx(moved.certificate.lower, rel=1e-9)
    # A point against a measure: the p-norm of the distances.
    assert wasserstein(np.zeros((1, 3)), X, p=2).value == pytest.approx(np.sqrt((X**2).sum(axis=1).mean()), rel=1e-12)
    # Scaling one measure about its mean by 2: E‖X‖² by Brenier's map x → 2x, a gradient of a convex function.
    assert wasserstein(X, 2 * X, p=2).value == pytest.approx(np.sqrt((X**2).sum(axis=1).mean()), rel=1e-12)


def test_wp_grows_with_p_to_the_largest_displacement():
    P, Q = drawn(5, d=3)
    values = [wasserstein(P, Q, p=p).value for p in (1, 1.5, 2, 4, 8)]
    assert values == sorted(values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
@pytest.mark.parametrize("d", [1, 4, 40])
def test_hard_data_is_enclosed(d, offset, dtype):
    """On the line, by the simplex and by the assignment: points as they are in `dtype`, moved a little."""
    rng = np.random.default_rng(6)
    # Of float32 at 10⁶ a unit has 16 steps: points 64 apart, moved by up to 1/2.
    apart = 64.0 * rng.permutation(80) if d == 1 else 64.0 * rng.integers(-9, 9, size=80)
    X = (64 * rng.normal(size=(80, d)) + apart[:, None] + offset) if d > 1 else apart[:, None] + offset
    X = X.astype(dtype)
    Y = (X + rng.integers(-4, 5, size=X.shape) / 8).astype(dtype)
    found = wasserstein(X, Y)
    # So small a displacement moves no point past another: the identity is optimal, by 100 times its length.
    truth = float(naive.mp.fsum(naive.distance(a, b) for a, b in zip(X, Y, strict=True)) / 80)
    assert found.certificate.lower <= truth <= found.certificate.upper
    assert abs(found.value - truth) <= 1e-11 * truth


@pytest.mark.parametrize("d", [3, 40])
def test_clusters_far_narrower_than_apart(d):
    """Twenty clusters of width 1e-4 some ten apart, as many points of either sample in each: solved one by one."""
    rng = np.random.default_rng(21)
    centres = 10.0 * rng.permutation(20)[:, None] * np.ones(d)
    X, Y = (np.concatenate([c + 1e-4 * rng.normal(size=(4, d)) for c in centres]) for _ in range(2))
    found = wasserstein(X, Y)
    parts = [cdist(X[i : i + 4], Y[i : i + 4]) for i in range(0, 80, 4)]
    truth = math.fsum(cost[linear_sum_assignment(cost)].sum() for cost in parts) / 80
    assert found.certificate.lower <= truth <= found.certificate.upper
    # The bounds are of the largest cost, 190√d; the plan's own cost has each term's digits.
    assert found.value == pytest.approx(truth, rel=1e-12)


def test_identical_measures_are_at_distance_exactly_zero():
    X = np.random.default_rng(7).normal(size=(30, 2))
    for other in (X, X[::-1], np.concatenate([X, X]), Empirical(X)):
        for p in (1, 2):
            found = wasserstein(X, other, p=p)
            assert (found.value, found.certificate.upper) == (0.0, 0.0)
    assert wasserstein([5.0], [5.0]).value == 0.0
    assert wasserstein([[5.0, 1.0]], [[5.0, 2.0]]).value == pytest.approx(1.0, rel=8 * UNIT)


@pytest.mark.parametrize("exponent", [-1000, -500, 500, 1000])
@pytest.mark.parametrize("d", [1, 2])
def test_scales_that_powers_cannot_hold(d, exponent):
    P, Q = drawn(8, d=d)
    c = 2.0**exponent
    scaled = [Empirical(c * R.atoms, R.weights) for R in (P, Q)]
    for p in (1, 2):
        assert wasserstein(*scaled, p=p).value == c * wasserstein(P, Q, p=p).value


def test_powers_of_any_size():
    """On the line every p; elsewhere one that lets the far pairs drown the others is refused with the right remedy."""
    P, Q = drawn(19, n=30, m=20, d=1)
    values = [wasserstein(P, Q, p=p) for p in (1, 10, 100, 1000, 1e5)]
    assert all(found.certificate.gap <= 1e-10 * found.value for found in values)
    assert sorted(found.value for found in values) == [found.value for found in values]
    # W_∞ is the largest displacement of the monotone coupling, which p = 10⁵ is near to: the masses are 1e-4 or more.
    levels = np.sort(np.concatenate([np.cumsum(P.weights), np.cumsum(Q.weights)]))
    middles = (levels[:-1] + levels[1:]) / 2
    at = [R.atoms[np.minimum(np.searchsorted(np.cumsum(R.weights), middles), len(R) - 1), 0] for R in (P, Q)]
    largest = np.abs(at[0] - at[1])[np.diff(levels) > 1e-12].max()
    assert values[-1].value == pytest.approx(largest, rel=30 / 1e5)
    P, Q = drawn(20, n=30, m=20, d=3)
    for p in (200, 1000, 1e5):
        with pytest.raises(NotConverged, match=r"p is so large .*: pass a smaller p"):
            wasserstein(P, Q, p=p)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("exponent", [-1074, -1060, 1020])
def test_certificates_hold_among_subnormal_and_at_the_largest_numbers(d, exponent):
    X, Y = np.zeros((4, d)), np.zeros((4, d))
    X[:, 0], Y[:, 0] = [0, 1, 4, 5], [2, 3, 3, 5]  # W₁ = 1¼
    c = 2.0**exponent
    found = wasserstein(c * X, c * Y)
    exact = naive.Fraction(5, 4) * naive.Fraction(c)
    assert naive.Fraction(found.certificate.lower) <= exact <= naive.Fraction(found.certificate.upper)
    assert found.certificate.gap <= 1e-9 * found.value + 2 * 5e-324
    with pytest.raises(ValueError, match="farther apart than the largest float64"):
        wasserstein(np.full((3, d), -1.7e308), np.full((3, d), 1.7e308))


def test_numbers_of_numpy_are_numbers():
    P, Q = drawn(12)
    assert wasserstein(P, Q, p=np.int64(2), max_iter=np.int32(10_000)) == wasserstein(P, Q, p=2)
    assert wasserstein(P, Q, p=np.float32(1.5)) == wasserstein(P, Q, p=1.5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda X: wasserstein(X, X, p=0.5), ValueError, "p is 0.5"),
        (lambda X: wasserstein(X, X, p=math.inf), ValueError, "p is inf"),
        (lambda X: wasserstein(X, X, p="2"), ValueError, "p is '2'"),
        (lambda X: wasserstein(X, X, max_iter=0), ValueError, "max_iter is 0"),
        (lambda X: wasserstein(X, X[:, :1]), ValueError, "P has 2 coordinates a point and Q has 1"),
        (lambda X: wasserstein(X, np.nan * X), ValueError, "Q: row 0 is not finite"),
        (lambda X: wasserstein(X[:0], X), ValueError, "P is empty"),
        (lambda X: wasserstein(X.astype(str), X), TypeError, "P has dtype"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((4, 2)))


def _bures(P, Q):
    """The textbook form, in fifty digits."""
    mp, first, second = naive.mp, naive.mp.matrix(P.cov), naive.mp.matrix(Q.cov)

    def root(matrix):
        values, vectors = mp.eigsy(matrix)
        return vectors * mp.diag([mp.sqrt(max(v, 0)) for v in values]) * vectors.T

    middle = root(root(first) * second * root(first))
    trace = mp.fsum(first[i, i] + second[i, i] - 2 * middle[i, i] for i in range(P.dimension))
    return mp.sqrt(mp.fsum((mp.mpf(a) - mp.mpf(b)) ** 2 for a, b in zip(P.mean, Q.mean, strict=True)) + max(trace, 0))


@pytest.mark.parametrize("d", [1, 2, 6])
@pytest.mark.parametrize("closeness", [1.0, 1e-3, 1e-9, 0.0])
def test_gaussians_agree_with_fifty_digits_however_close(d, closeness):
    rng = np.random.default_rng(d)
    A, B = rng.normal(size=(2, d, d))
    P = Gaussian(rng.normal(size=d), A @ A.T + np.eye(d))
    bent = A + closeness * B
    Q = Gaussian(P.mean + closeness, bent @ bent.T + np.eye(d))
    found, truth = gaussian_wasserstein(P, Q), _bures(P, Q)
    assert found.certificate.lower <= truth <= found.certificate.upper
    assert found.certificate.gap <= 1e-12 * (1 + float(np.linalg.norm(A)) ** 2)


def test_gaussians_that_commute_and_samples_of_gaussians():
    P, Q = Gaussian([0.0, 3.0], [1.0, 4.0]), Gaussian([1.0, 3.0], [9.0, 16.0])
    assert gaussian_wasserstein(P, Q).value == pytest.approx(math.sqrt(1 + 4 + 4), rel=8 * UNIT)
    sampled = wasserstein(P.sample(800, 0), Q.sample(800, 1), p=2)
    # Of 800 points in the plane: the bias upward is about √(log n / n) of the scale, 3 %, and so is the spread.
    assert sampled.value == pytest.approx(3, rel=0.15)
    with pytest.raises(TypeError, match="Q is ndarray: pass a Gaussian"):
        gaussian_wasserstein(P, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="P has dimension 2 and Q has 1"):
        gaussian_wasserstein(P, Gaussian())
