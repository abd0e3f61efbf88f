"""FID against independent formulas, on singular covariances too, its error and its bias."""

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from estimators import Gaussian, frechet_distance, gaussian_wasserstein

RNG = np.random.default_rng(0)


def by_eigenvalues(x, y):
    """As torchmetrics computes it: the real parts of the roots of the eigenvalues of ΣT."""
    s, t = np.atleast_2d(np.cov(x.T)), np.atleast_2d(np.cov(y.T))
    gap = x.mean(axis=0) - y.mean(axis=0)
    roots = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real
    return gap @ gap + np.trace(s) + np.trace(t) - 2 * roots.sum()


def test_three_formulas_agree():
    x, y = RNG.normal(size=(300, 5)) @ RNG.normal(size=(5, 5)) + 1, RNG.normal(size=(200, 5))
    found = frechet_distance(x, y).value
    s, t, gap = np.cov(x.T), np.cov(y.T), x.mean(axis=0) - y.mean(axis=0)
    assert found == pytest.approx(by_eigenvalues(x, y), rel=1e-12)
    assert found == pytest.approx(gap @ gap + np.trace(s + t - 2 * sqrtm(s @ t).real), rel=1e-12)
    fitted = gaussian_wasserstein(Gaussian(x.mean(axis=0), s), Gaussian(y.mean(axis=0), t))
    assert found == pytest.approx(fitted.value**2, rel=1e-10)
    assert found == pytest.approx(frechet_distance(y, x).value, rel=1e-13)


def test_on_the_line_it_is_the_gap_of_means_and_of_deviations():
    x, y = RNG.normal(size=50), 3 * RNG.normal(size=70) + 2
    truth = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet_distance(x, y).value == pytest.approx(truth, rel=1e-13)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_fewer_rows_than_features_are_served_with_all_digits(offset):
    """Against the covariances' roots in full, which the eigenvalues of their singular product lose digits of."""
    x, y = RNG.normal(size=(6, 40)) + offset, RNG.normal(size=(9, 40)) + offset
    a, b = (part - part.mean(axis=0) for part in (x, y))
    a, b = a / math.sqrt(5), b / math.sqrt(8)
    gap = x.mean(axis=0) - y.mean(axis=0)
    truth = gap @ gap + (a**2).sum() + (b**2).sum() - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum()
    # An offset of 10⁶ leaves 1e-10 of each coordinate, that is 40 · 1e-10 of what is added up.
    assert frechet_distance(x, y).value == pytest.approx(truth, rel=1e-12 if offset == 0 else 1e-8)


def test_equal_samples_are_at_0_and_constant_ones_at_their_gap():
    x = RNG.normal(size=(30, 4))
    # Σ − 2 (ΣΣ)^½ + Σ cancels: ulps of the trace, which is near 8.
    assert frechet_distance(x, x[::-1]).value <= 64 * np.finfo(float).eps * 8
    assert frechet_distance(np.zeros((5, 2)), np.ones((4, 2))).value == 2


def test_the_error_is_the_spread():
    """Standard deviation over 150 draws against the mean stated: such a ratio is within a fifth of 1."""
    found = [frechet_distance(RNG.normal(size=(200, 3)), RNG.normal(size=(200, 3)) * [1, 2, 3] + 1) for _ in range(150)]
    assert np.std([e.value for e in found]) == pytest.approx(np.mean([e.stderr for e in found]), rel=0.2)
    # Means (1, 1, 1) and deviations (0, 1, 2) apart: 3 + 5, and the bias upwards that is told.
    assert 8 < np.mean([e.value for e in found]) < 8.4
    assert "biased upwards" in found[0].detail


def test_extrapolation_takes_the_bias_away():
    values = []
    for seed in range(12):
        x, y = np.random.default_rng(seed).normal(size=(2, 400, 20))
        values.append((frechet_distance(x, y).value, frechet_distance(x, y, extrapolate=True, random_state=seed).value))
    plain, extrapolated = np.mean(values, axis=0)
    assert plain > 0.4
    assert abs(extrapolated) < plain / 3


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="P has 1 rows"):
        frechet_distance([[1.0, 2.0]], np.eye(2))
    with pytest.raises(ValueError, match="20 to extrapolate"):
        frechet_distance(np.eye(5), np.eye(5), extrapolate=True)
