"""KL by nearest neighbours: its formula by hand, its truth by repetition, and samples that no densities gave."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from estimators import Gaussian, Uniform, kl, kl_knn

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
