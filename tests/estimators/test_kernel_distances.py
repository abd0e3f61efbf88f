"""Energy distance and MMD: enclosed to fifty digits on hard data, over threads, and what is refused."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from estimators import Empirical, energy_distance, mmd
from estimators.bandwidth import median_distance
from estimators.kernel_distances import SCALES
from estimators.kernels.cpu_sorted import cdf_integrals, running_sum
from estimators.kernels.profiles import DISTANCE, GAUSSIAN, IMQ, LAPLACE
from estimators.kernels.vectors import add_row, squared_distances
from estimators.pairwise import Profile, cross_sums, self_sums
from tests.estimators import naive_divergences as naive

UNIT = np.finfo(float).eps / 2
KERNELS = ("gaussian", "laplace", "imq")
WIDE = (*KERNELS, "gaussians")


def hard(name, n=14, m=11, d=5):
    """A pair of samples that loses digits somewhere."""
    rng = np.random.default_rng(7)
    X, Y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5
    if name in ("offset 1e3", "offset 1e6"):
        return X + float(name.split()[1]), Y + float(name.split()[1])
    if name == "offset in float32":
        return (X + 1e3).astype(np.float32), (Y + 1e3).astype(np.float32)
    if name == "noise in float32":
        return X.astype(np.float32), (X + 1e-3 * rng.normal(size=X.shape)).astype(np.float32)
    if name == "noise":
        return X, X + 1e-3 * rng.normal(size=X.shape)
    if name == "clusters":
        centres = 10.0 * rng.integers(0, 20, size=(20, d))
        return (centres[rng.integers(0, 20, n)] + 1e-4 * X, centres[rng.integers(0, 20, m)] + 1e-4 * Y)
    if name == "one point":
        return X[:1], Y[:1]
    if name == "float32":
        return X.astype(np.float32), Y.astype(np.float32)
    if name == "line":
        return X[:, :1] + 1e6, Y[:, :1] + 1e6
    return X, Y


HARD = (
    "plain",
    "offset 1e3",
    "offset 1e6",
    "offset in float32",
    "noise in float32",
    "noise",
    "clusters",
    "one point",
    "float32",
    "line",
)


@pytest.mark.parametrize("case", HARD)
def test_energy_is_enclosed_by_its_certificate(case):
    X, Y = hard(case)
    truth = naive.squared_discrepancy(X, Y, "distance")
    found = energy_distance(X, Y, squared=True)
    assert found.certificate.lower <= truth <= found.certificate.upper
    assert abs(found.value - truth) <= found.certificate.gap
    root = energy_distance(X, Y)
    assert root.certificate.lower <= naive.mp.sqrt(truth) <= root.certificate.upper
    # Of what it is the difference of, no more than 40 ulps are lost: the stated d/2 + 12 and the result's own.
    assert found.certificate.gap <= 80 * UNIT * (2 * cdist(X, Y).mean() * 2)


@pytest.mark.parametrize("kernel", WIDE)
@pytest.mark.parametrize("case", HARD)
def test_mmd_is_enclosed_by_its_certificate(case, kernel):
    X, Y = hard(case)
    if kernel == "gaussians":
        truth = sum(naive.squared_discrepancy(X, Y, "gaussian", 0.7 * width) for width in SCALES) / len(SCALES)
    else:
        truth = naive.squared_discrepancy(X, Y, kernel, scale=0.7)
    found = mmd(X, Y, kernel=kernel, bandwidth=0.7, squared=True)
    assert found.certificate.lower <= truth <= found.certificate.upper


@pytest.mark.parametrize("d", [2, 3, 4, 7, 64])
@pytest.mark.parametrize(("n", "m"), [(2, 3), (64, 65), (63, 131), (130, 5)])
def test_blocks_meet_at_every_size(n, m, d):
    """Sizes about the blocks' 4 rows and 64 columns, against every pair at once."""
    rng = np.random.default_rng(n * m + d)
    X, Y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    direct = 2 * cdist(X, Y).mean() - cdist(X, X).mean() - cdist(Y, Y).mean()
    found = energy_distance(X, Y, squared=True)
    # Beside the certificate, SciPy's own rounding of the pairs and of NumPy's mean of them, some log₂(nm) deep.
    assert abs(found.value - direct) <= found.certificate.gap + (d + 20) * UNIT * 4 * cdist(X, Y).mean()
    np.testing.assert_array_equal(
        energy_distance(Y, X, squared=True).value, pytest.approx(found.value, abs=found.certificate.gap)
    )


@pytest.mark.parametrize("function", [energy_distance, mmd])
@pytest.mark.parametrize("shape", [(1700, 3), (150, 1)])
def test_no_bit_depends_on_the_threads(function, shape):
    rng = np.random.default_rng(10)
    X, Y = rng.normal(size=shape), rng.normal(size=shape) + 0.1
    assert len({function(X, Y, n_jobs=jobs) for jobs in (None, 1, 2, 3, 7)}) == 1


@pytest.mark.parametrize("exponent", [-1000, -600, -30, 30, 600, 1000])
def test_scales_that_squares_cannot_hold(exponent):
    X, Y = hard("plain")
    c = 2.0**exponent
    assert energy_distance(c * X, c * Y, squared=True).value == c * energy_distance(X, Y, squared=True).value
    assert mmd(c * X, c * Y).value == mmd(X, Y).value
    assert mmd(c * X, c * Y, bandwidth=c).value == mmd(X, Y, bandwidth=1.0).value


@pytest.mark.parametrize("kernel", KERNELS)
def test_bandwidths_that_squares_cannot_hold(kernel):
    X, Y = hard("plain")
    # Wider than all data by 10³⁰⁰: every kernel value is 1. Data of subnormal numbers put any bandwidth there.
    for c, bandwidth in ((1.0, 1e300), (2.0**-1060, 1.0)):
        assert mmd(c * X, c * Y, kernel=kernel, bandwidth=bandwidth).value == 0.0
    # Narrower than every gap: 1 between a point and itself, else 0.
    found = mmd(X, Y, kernel=kernel, bandwidth=1e-300 if kernel == "laplace" else 1e-160, squared=True)
    assert found.value == pytest.approx(1 / len(X) + 1 / len(Y), rel=4 * UNIT)
    for c, bandwidth in ((1.0, 1e-170), (2.0**1000, 1e-170)):
        if kernel == "laplace" and c == 1.0:  # divides by the bandwidth and not by its square
            continue
        with pytest.raises(ValueError, match=r"bandwidth is 1e-170, which vanishes .*: pass a larger one"):
            mmd(c * X, c * Y, kernel=kernel, bandwidth=bandwidth)


def test_a_median_that_one_far_point_hides_is_refused():
    X, Y = hard("plain")
    Y = Y.copy()
    Y[3, 0] = 1e300  # beside it all other distances square to 0, and a kernel of bandwidth 0 sees nothing
    with pytest.raises(ValueError, match="the median distance vanishes: drop that point, or clip it"):
        mmd(X, Y)


def test_identical_samples_are_at_distance_exactly_zero():
    X, _ = hard("plain")
    for other in (X, X[::-1], np.concatenate([X, X]), Empirical(X)):
        assert energy_distance(X, other).value == mmd(X, other).value == 0.0
        assert energy_distance(X[:, 0], X[::-1, 0]).value == 0.0
    assert mmd(X[:1], X[:1]).value == 0.0


def test_weights_are_multiplicities():
    X, Y = hard("plain")
    heavy = Empirical(X[:4], [0.5, 0.25, 0.125, 0.125])
    repeated = X[[0, 0, 0, 0, 1, 1, 2, 3]]
    for function in (energy_distance, mmd):
        one, other = function(heavy, Y, squared=True), function(repeated, Y, squared=True)
        assert one.value == pytest.approx(other.value, abs=one.certificate.gap + other.certificate.gap)


def test_the_median_is_that_of_all_pairs_and_of_a_part_beyond_a_thousand_atoms():
    rng = np.random.default_rng(11)
    X, Y = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    pooled = np.concatenate([X, Y])
    distances = np.sort(cdist(pooled, pooled)[np.triu_indices(80, 1)])
    assert median_distance(Empirical(X), Empirical(Y)) == distances[(len(distances) - 1) // 2]
    many = rng.normal(size=(4000, 2))
    # ‖X−X'‖²/2 is χ² with two degrees of freedom: the median is √(4 log 2); half a million pairs of 1000 points.
    assert median_distance(Empirical(many), Empirical(many)) == pytest.approx(math.sqrt(4 * math.log(2)), rel=0.05)
    assert median_distance(Empirical(many), Empirical(many)) == median_distance(Empirical(many[::-1]), Empirical(many))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda X: energy_distance(X, X, statistic="u"), ValueError, "squared=True"),
        (lambda X: energy_distance(X, X, statistic="w"), ValueError, "statistic is 'w'"),
        (lambda X: energy_distance(Empirical(X), X, squared=True, statistic="u"), ValueError, "P is a measure"),
        (lambda X: energy_distance(X, X[:1], squared=True, statistic="u"), ValueError, "Q has one point"),
        (lambda X: energy_distance(X, X[:, :2]), ValueError, "P has 5 coordinates a point and Q has 2"),
        (lambda X: energy_distance(X, X * np.nan), ValueError, "Q: row 0 is not finite"),
        (lambda X: energy_distance(X[:0], X), ValueError, "P is empty"),
        (lambda X: mmd(X, X, kernel="cubic"), ValueError, "gaussian, laplace, imq, gaussians, energy, triangular-gap"),
        (lambda X: mmd(X, X, bandwidth=0), ValueError, "bandwidth is 0"),
        (lambda X: mmd(X, X, bandwidth="mean"), ValueError, "bandwidth is 'mean'"),
        (lambda X: mmd(X, X, bandwidth=math.nan), ValueError, "bandwidth is nan"),
        (lambda X: mmd(X, X, kernel="energy", bandwidth=2.0), ValueError, "has none"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(hard("plain")[0])


def test_the_vector_kernels_are_what_their_python_says():
    rng = np.random.default_rng(12)
    x, block = rng.normal(size=(6, 9)), rng.normal(size=(9, 64))
    fast, plain = np.empty((4, 64)), np.empty((4, 64))
    compiled = _compiled()
    for i in (0, 2, 4):
        compiled[0](x, i, block, fast)
        squared_distances(x, i, block, plain)
        # One rounding a term less by fma, of 9 terms.
        np.testing.assert_allclose(fast, plain, rtol=10 * UNIT)
    fast, plain = np.ones(8), np.ones(8)
    compiled[1](block[0], block[1], fast)
    add_row(block[0], block[1], plain)
    np.testing.assert_allclose(fast, plain, rtol=0, atol=9 * UNIT * np.abs(block[0] * block[1]).sum())


def _compiled():
    import numba

    return (
        numba.njit(lambda x, i, block, values: squared_distances(x, i, block, values)),
        numba.njit(lambda values, weights, lanes: add_row(values, weights, lanes)),
    )


def test_sums_over_many_pairs_lose_nothing():
    """20 000 equal terms: a plain running sum of them is off by hundreds of ulps, the compensated one by none."""
    x, y = np.zeros((20_000, 2)), np.array([[0.1, 0.7]])
    ones = np.ones(20_000), np.ones(1)
    sums = cross_sums(x, ones[0], y, ones[1], Profile(DISTANCE, 1.0))
    assert sums.total == 20_000 * Fraction(sums.rows[0])
    assert (sums.rows == sums.rows[0]).all()
    assert running_sum(np.full(99_999, 1e-5))[-1] == float(99_999 * Fraction(1e-5))
    assert np.cumsum(np.full(99_999, 1e-5))[-1] != float(99_999 * Fraction(1e-5))  # so the line above can fail
    # On the line: 10⁵ gaps of one width, where F and G differ by one half throughout.
    points = np.arange(100_001) * 2.0**-17
    halves = np.full(100_001, 0.5)
    found = cdf_integrals(points, halves, points[:1], np.array([1.0]))
    assert found[0] == points[-1] / 2
    assert found[1] == points[-1] / 4


def test_own_pairs_are_those_of_a_sample_with_itself():
    rng = np.random.default_rng(13)
    x, w = rng.normal(size=(300, 3)), rng.dirichlet(np.ones(300))
    for kind in (DISTANCE, GAUSSIAN, LAPLACE, IMQ):
        own, cross = self_sums(x, w, Profile(kind, 0.8)), cross_sums(x, w, x, w, Profile(kind, 0.8))
        # Weights multiply in another order: one rounding a term, of terms that sum to the total.
        assert abs(float(own.total - cross.total)) <= 4 * UNIT * float(cross.total)
        np.testing.assert_allclose(own.rows, cross.rows, rtol=40 * UNIT)


@pytest.mark.parametrize("jobs", [1, 3])
def test_progress_over_threads_ends_at_one_and_may_stop_the_sum(jobs):
    X, Y = np.random.default_rng(17).normal(size=(2, 1500, 2))
    told = []
    assert energy_distance(X, Y, n_jobs=jobs, progress=told.append) == energy_distance(X, Y)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) >= 6
    told.clear()
    mmd(X, Y, kernel="gaussians", bandwidth=1.0, n_jobs=jobs, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(_share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        energy_distance(X, Y, n_jobs=jobs, progress=stop)


def test_the_mean_of_several_kernels_counts_all_of_them():
    shares, X = [], np.random.default_rng(0).normal(size=(2, 40, 3))
    mmd(*X, kernel="gaussians", progress=shares.append)
    assert shares == sorted(shares)
    assert sum(share == 1.0 for share in shares) == 1
