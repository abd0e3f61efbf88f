"""Energy distance and MMD as statistics: U and V, their errors, blocks, Cramér's, other libraries' conventions."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist

from estimators import Empirical, energy_distance, mmd
from estimators.cramer import cramer_distance
from estimators.kernel_blocks import block_mmd
from estimators.kernel_distances import SCALES
from tests.estimators import naive_divergences as naive
from tests.estimators.test_kernel_distances import KERNELS, UNIT


@pytest.mark.parametrize("statistic", ["u", "v"])
@pytest.mark.parametrize("kernel", ["distance", *KERNELS])
@pytest.mark.parametrize("d", [1, 3])
def test_statistics_and_their_jackknife_agree_with_leaving_out_by_hand(statistic, kernel, d):
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(9, d)), rng.normal(size=(7, d)) + 1

    def ours(X, Y):
        if kernel == "distance":
            return energy_distance(X, Y, squared=True, statistic=statistic)
        return mmd(X, Y, kernel=kernel, bandwidth=1.3, squared=True, statistic=statistic)

    found = ours(X, Y)
    truth = naive.squared_discrepancy(X, Y, kernel, 1.3, statistic)
    assert found.certificate.lower <= truth <= found.certificate.upper
    by_hand = naive.jackknife(X, Y, lambda x, y: ours(x, y).value)
    # Leave-one-out values are differences of some 20 sums near 1, each of n + m terms.
    assert found.stderr == pytest.approx(by_hand, rel=1000 * UNIT / by_hand)


def test_the_root_has_the_error_of_the_delta_method_or_none():
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(80, 2)), rng.normal(size=(70, 2))
    far, square = energy_distance(X, Y + 2), energy_distance(X, Y + 2, squared=True)
    assert far.stderr == pytest.approx(square.stderr / (2 * far.value), rel=8 * UNIT)
    near = energy_distance(X, X + 1e-9)
    assert near.stderr is None
    assert "so near 0" in near.detail
    assert energy_distance(Empirical(X), Empirical(Y)).stderr is None
    assert "fewer than 3" in energy_distance(X[:2], Y[:2]).detail


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("measure", [energy_distance, mmd])
def test_standard_errors_are_those_of_repetition(measure, d):
    """Over 300 repetitions the reported error is the actual spread, up to the noise of both and its bias."""
    rng = np.random.default_rng(5)
    options = {"squared": True, "statistic": "u"} | ({"bandwidth": 1.0} if measure is mmd else {})
    found = [measure(rng.normal(size=(60, d)), rng.normal(size=(50, d)) + 1, **options) for _ in range(300)]
    spread = np.std([e.value for e in found], ddof=1)
    # A standard deviation from 300 draws is off by 4 % (one sigma), the mean of the reported ones by less: six sigma.
    assert 0.76 <= np.mean([e.stderr for e in found]) / spread <= 1.24


def test_the_u_statistic_is_unbiased_where_the_v_statistic_is_not():
    rng = np.random.default_rng(6)
    u, v = [], []
    for _ in range(400):
        X, Y = rng.normal(size=(12, 2)), rng.normal(size=(10, 2))
        u.append(energy_distance(X, Y, squared=True, statistic="u").value)
        v.append(energy_distance(X, Y, squared=True).value)
    assert abs(np.mean(u)) <= 6 * np.std(u) / 20
    # E‖X−X'‖ = √π in the plane, and the bias of V is that times 1/12 + 1/10.
    assert abs(np.mean(v) - math.sqrt(math.pi) * (1 / 12 + 1 / 10)) <= 6 * np.std(v) / 20


@pytest.mark.parametrize("d", [1, 3])
def test_energy_is_twice_the_squared_mmd_of_its_kernel(d):
    rng = np.random.default_rng(8)
    X, Y = rng.normal(size=(20, d)), rng.normal(size=(30, d)) + 1
    for statistic in ("u", "v"):
        energy = energy_distance(X, Y, squared=True, statistic=statistic)
        assert energy.value == 2 * mmd(X, Y, kernel="energy", squared=True, statistic=statistic).value
    assert mmd(X, Y, kernel="energy").value == pytest.approx(energy_distance(X, Y).value / math.sqrt(2), rel=4 * UNIT)


def test_what_the_other_libraries_return_is_what_the_docstring_says():
    rng = np.random.default_rng(9)
    X, Y = rng.normal(size=(40, 3)), rng.normal(size=(30, 3)) + 1
    line = energy_distance(X[:, 0], Y[:, 0])
    # Their sums are plain: n + m roundings.
    assert line.value == pytest.approx(scipy.stats.energy_distance(X[:, 0], Y[:, 0]), rel=70 * UNIT)
    geomloss = pytest.importorskip("geomloss", reason="a peer; [peers] brings it")
    import torch

    theirs = geomloss.SamplesLoss("energy", backend="tensorized")(torch.as_tensor(X), torch.as_tensor(Y))
    # It adds 1e-8 or so under the root of each distance, to have a gradient at 0.
    assert energy_distance(X, Y, squared=True).value / 2 == pytest.approx(float(theirs), rel=1e-3)


@pytest.mark.deep  # dcor compiles for half a minute when it is imported
def test_dcor_returns_the_square():
    dcor = pytest.importorskip("dcor", reason="a peer; [peers] brings it")
    rng = np.random.default_rng(9)
    X, Y = rng.normal(size=(40, 3)), rng.normal(size=(30, 3)) + 1
    assert energy_distance(X, Y, squared=True).value == pytest.approx(dcor.energy_distance(X, Y), rel=2000 * UNIT)


def test_a_multi_scale_kernel_is_the_mean_of_its_scales_with_the_error_of_the_whole():
    rng = np.random.default_rng(14)
    X, Y = rng.normal(size=(9, 3)), rng.normal(size=(8, 3)) + 1
    for statistic in ("u", "v"):
        options = {"squared": True, "statistic": statistic}
        found = mmd(X, Y, kernel="gaussians", bandwidth=1.3, **options)
        each = [mmd(X, Y, bandwidth=1.3 * width, **options) for width in SCALES]
        assert abs(found.value - np.mean([e.value for e in each])) <= found.certificate.gap
        by_hand = naive.jackknife(X, Y, lambda x, y: mmd(x, y, kernel="gaussians", bandwidth=1.3, **options).value)  # noqa: B023
        assert found.stderr == pytest.approx(by_hand, rel=1000 * UNIT / by_hand)


def test_the_gap_of_the_triangle_is_the_kernel_of_the_energy():
    """Σ ½(‖x‖ + ‖y‖ − ‖x−y‖) written out, about the origin and about another point."""
    rng = np.random.default_rng(15)
    X, Y = rng.normal(size=(9, 3)), rng.normal(size=(8, 3)) + 1
    for centre in (np.zeros(3), np.array([3.0, -1.0, 2.0])):

        def k(a, b):
            ends = [np.linalg.norm(part - centre, axis=1) for part in (a, b)]  # noqa: B023
            return ((ends[0][:, None] + ends[1] - cdist(a, b)) / 2).mean()

        direct = k(X, X) + k(Y, Y) - 2 * k(X, Y)
        for name in ("energy", "triangular-gap"):
            assert mmd(X, Y, kernel=name, squared=True).value == pytest.approx(direct, rel=1e-12)


def test_conventions_go_by_the_names_of_their_libraries():
    rng = np.random.default_rng(16)
    X, Y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2)) + 1
    root, square = energy_distance(X, Y), energy_distance(X, Y, squared=True)
    assert energy_distance(X, Y, convention="scipy").value == root.value
    assert energy_distance(X, Y, convention="dcor").value == square.value
    assert energy_distance(X, Y, convention="geomloss").value == square.value / 2
    assert energy_distance(X, Y, convention="geomloss").stderr == square.stderr / 2
    for bad in ({"convention": "pot"}, {"convention": "dcor", "squared": True}):
        with pytest.raises(ValueError, match="convention is"):
            energy_distance(X, Y, **bad)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_cramer_is_the_mean_over_directions_of_what_lies_between_distribution_functions(d):
    rng = np.random.default_rng(18)
    X, Y = rng.normal(size=(15, d)), rng.normal(size=(12, d)) + 0.7
    found = cramer_distance(X, Y, squared=True)
    if d == 1:
        shares = [Fraction(1, 15)] * 15, [Fraction(1, 12)] * 12
        truth = naive.cdf_integral(X[:, 0], shares[0], Y[:, 0], shares[1], 2)
        assert found.certificate.lower <= truth <= found.certificate.upper
        return
    directions = rng.standard_normal((3000, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    each = [energy_distance(X @ t, Y @ t, squared=True).value / 2 for t in directions]
    # A mean of 3000 draws: five standard errors.
    assert abs(found.value - np.mean(each)) <= 5 * np.std(each) / math.sqrt(3000)
    assert cramer_distance(X, Y).value == pytest.approx(math.sqrt(found.value), rel=8 * UNIT)


@pytest.mark.parametrize("block", [2, 10, None])
def test_block_statistics_are_unbiased_with_the_error_of_repetition(block):
    rng = np.random.default_rng(19)
    whole = mmd(*_shifted(rng, 4000), bandwidth=1.0, squared=True, statistic="u")
    found = [block_mmd(*_shifted(rng, 160), block=block, bandwidth=1.0) for _ in range(60)]
    errors = np.array([(e.value - whole.value) / e.stderr for e in found])
    # 60 of them: the mean within five standard errors, the coverage of 95 % intervals within five (3 % each).
    assert abs(errors.mean()) <= 5 / math.sqrt(60) + whole.stderr / np.mean([e.stderr for e in found])
    assert np.mean([e.interval[0] <= whole.value <= e.interval[1] for e in found]) >= 0.8


def _shifted(rng, n):
    return rng.normal(size=(n, 2)), rng.normal(size=(n + 3, 2)) + 0.5


def test_a_block_statistic_is_the_mean_of_the_u_statistics_of_its_blocks():
    rng = np.random.default_rng(20)
    X, Y = _shifted(rng, 100)
    found = block_mmd(X, Y, block=10, kernel="energy", random_state=3)
    order = np.random.default_rng(3)
    x, y = X[order.permutation(100)], Y[order.permutation(103)]
    spans = [slice(i, i + 10) for i in range(0, 100, 10)]
    each = [energy_distance(x[s], y[s], squared=True, statistic="u").value / 2 for s in spans]
    assert found.value == pytest.approx(np.mean(each), rel=100 * UNIT)
    assert found.stderr == pytest.approx(np.std(each, ddof=1) / math.sqrt(10), rel=1e-12)
    assert found.detail == "3 points left out"
    assert "bandwidth" in block_mmd(X, Y).detail
    for bad, message in (
        ({"block": 1}, "block is 1"),
        ({"block": 20}, "make 5 blocks of 20"),
        ({"confidence_level": 1.0}, "confidence_level is 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            block_mmd(X, Y, **bad)
    with pytest.raises(ValueError, match="X is a measure"):
        block_mmd(Empirical(X), Y)
