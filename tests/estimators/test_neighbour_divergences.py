"""KL by nearest neighbours: its formula by hand, its truth by repetition, and samples that no densities gave."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import psi

from estimators import Gaussian, Uniform, jsd, jsd_knn, kl, kl_knn
from knn import KDTree

UNIT = np.finfo(float).eps / 2


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize(("n", "m", "d"), [(30, 20, 1), (25, 40, 3), (8, 7, 10)])
def test_it_is_its_formula(n, m, d, k):
    rng = np.random.default_rng(n * m)
    X, Y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5
    own, other = np.sort(cdist(X, X), axis=1)[:, k], np.sort(cdist(X, Y), axis=1)[:, k - 1]
    by_hand = d * np.log(other / own).mean() + math.log(m / (n - 1))
    # Each logarithm is of a distance with d roundings; n of them are averaged.
    assert kl_knn(X, Y, k=k).value == pytest.approx(by_hand, abs=d * (d + 20) * UNIT)


@pytest.mark.parametrize(
    ("p", "q", "truth"),
    [
        (Gaussian(0.0, 1.0), Gaussian(1.0, 1.0), 0.5),
        (Gaussian([0.0, 0.0], 1.0), Gaussian([0.0, 0.0], 4.0), math.log(4) - 0.75),
        (Uniform([0.0], [0.5]), Uniform([0.0], [1.0]), math.log(2)),
        (Gaussian([0.0, 0.0], 1.0), Gaussian([0.0, 0.0], 1.0), 0.0),
    ],
)
def test_it_converges_to_the_divergence_of_the_laws(p, q, truth):
    """Forty repetitions at n = 1000: their mean is within six standard errors and the known order of the bias."""
    found = [kl_knn(p.sample(1000, seed), q.sample(1000, 1000 + seed)).value for seed in range(40)]
    # The bias of a k-NN density is of order (k/n)^(2/d) inside and (k/n)^(1/d)/1 at a jump of the density.
    bias = (5 / 1000) ** (1 / p.dimension)
    assert abs(np.mean(found) - truth) <= 6 * np.std(found) / math.sqrt(40) + bias


def test_what_densities_cannot_see_does_not_change_it():
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(60, 3)), rng.normal(size=(50, 3)) + 1
    value = kl_knn(X, Y).value
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert kl_knn(1024 * X, 1024 * Y).value == pytest.approx(value, abs=64 * UNIT)
    assert kl_knn(X @ rotation, Y @ rotation).value == pytest.approx(value, abs=500 * UNIT)
    assert kl_knn(X[::-1], Y[::-1]).value == pytest.approx(value, abs=64 * UNIT)


def test_it_is_no_divergence_between_empirical_measures():
    X = np.random.default_rng(2).normal(size=(50, 2))
    assert kl_knn(X, X + 1e-3).value < 0  # an estimate: 0 is no bound of it
    with pytest.raises(TypeError, match=r"Empirical\(X\).*kl_knn\(X, Y\)"):
        kl(X, X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: kl_knn(X, X, k=0), "k is 0: pass a whole number from 1 to 9"),
        (lambda X: kl_knn(X, X, k=10), "k is 10"),
        (lambda X: kl_knn(X, X[:4], k=5), "from 1 to 4, what 10 and 4 points allow"),
        (lambda X: kl_knn(X, X, k=2.5), "k is 2.5"),
        (lambda X: kl_knn(X[:1], X, k=1), r"X has one row, .*: pass k \+ 1 rows or more"),
        (lambda X: kl_knn(X, X[:, :1]), "X has 2 coordinates a point and Y has 1"),
        (lambda X: kl_knn(X * np.nan, X), "X: row 0 is not finite"),
        (lambda X: kl_knn(X, X + 1, k=1), None),
        (lambda X: kl_knn(X, X, k=1), "row 0 has 1 equal points in Y"),
        (lambda X: kl_knn(np.repeat(X, 2, axis=0), X + 1, k=1), "has 1 equal points in X"),
    ],
)
def test_bad_samples_are_refused(call, message):
    X = np.arange(20.0).reshape(10, 2) ** 1.5
    if message is None:
        assert math.isfinite(call(X).value)
        return
    with pytest.raises(ValueError, match=message):
        call(X)


def naive_adaptive(X, Y, k):
    """The formula of equal radii, point by point."""
    n, m, d = len(X), len(Y), X.shape[1]
    total = 0.0
    for i in range(n):
        own, other = np.sort(cdist(X[i : i + 1], np.delete(X, i, axis=0))[0]), np.sort(cdist(X[i : i + 1], Y)[0])
        radius = max(own[k - 1], other[k - 1])
        inside_own, inside_other = own[own <= radius], other[other <= radius]
        total += d * math.log(inside_other[-1] / inside_own[-1]) + psi(len(inside_own)) - psi(len(inside_other))
    return total / n + math.log(m / (n - 1))


@pytest.mark.parametrize(("n", "m", "d", "k"), [(30, 20, 1, 1), (25, 40, 3, 3), (40, 40, 2, 5)])
def test_equal_radii_are_their_formula_on_any_exact_index(n, m, d, k):
    rng = np.random.default_rng(n)
    X, Y = rng.normal(size=(n, d)), 2 * rng.normal(size=(m, d)) + 1
    found = kl_knn(X, Y, k=k, method="adaptive")
    assert found.value == pytest.approx(naive_adaptive(X, Y, k), abs=d * (d + 20) * 4 * UNIT)
    assert kl_knn(X, Y, k=k, method="adaptive", index=KDTree()).value == found.value


def test_label_information_is_that_of_scikit_learn():
    """Ross's estimator on the line is scikit-learn's, which leaves out the k-th neighbour and counts the point."""
    from sklearn.feature_selection._mutual_info import _compute_mi_cd

    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=200), rng.normal(size=200) + 1
    theirs = _compute_mi_cd(np.concatenate([X, Y]), np.repeat([0, 1], 200), 4)
    assert jsd_knn(X, Y, k=4).value == pytest.approx(theirs, abs=1e-12)  # 400 digammas, each to some ulps
    P, Q = Gaussian([0.0, 0.0], 1.0), Gaussian([1.5, 0.0], 1.0)
    found = jsd_knn(P.sample(2000, 0), Q.sample(2000, 1))
    assert abs(found.value - jsd(P, Q).value) <= 6 * found.stderr + (5 / 2000) ** 0.5


def test_the_standard_error_is_the_spread_over_repetitions():
    P, Q = Gaussian([0.0, 0.0], 1.0), Gaussian([0.5, 0.0], 1.5)
    found = [kl_knn(P.sample(400, seed), Q.sample(400, 100 + seed), k=3) for seed in range(40)]
    spread = np.std([f.value for f in found], ddof=1)
    stated = math.sqrt(np.mean([f.stderr**2 for f in found]))
    # 40 values know their spread to 11 % and 40 · 9 degrees of freedom the mean square to 4 %: six of each, and the
    # parts' own spread at n = 40 may differ from the limit by some tens of percent.
    assert 0.5 <= stated / spread <= 2.0
    assert kl_knn(P.sample(50, 0), Q.sample(50, 1)).stderr is None
    assert "too few points" in kl_knn(P.sample(50, 0), Q.sample(50, 1)).detail


def test_options_of_neighbours_are_refused_by_name():
    X = np.arange(20.0).reshape(10, 2) ** 1.5
    with pytest.raises(ValueError, match="method is 'exact'"):
        kl_knn(X, X + 1, k=1, method="exact")
    with pytest.raises(TypeError, match="index is int"):
        kl_knn(X, X + 1, k=1, index=3)
    with pytest.raises(ValueError, match="metric is 'cosine'"):
        kl_knn(X, X + 1, k=1, index=KDTree(metric="cosine"))
    with pytest.raises(ValueError, match="batches is 1"):
        kl_knn(X, X + 1, k=1, batches=1)
    with pytest.raises(ValueError, match="equally many"):
        jsd_knn(X, X[:9] + 1, k=1)
