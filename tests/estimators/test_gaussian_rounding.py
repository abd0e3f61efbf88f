"""What is proved of Gaussians with thin axes: closed forms against sixty digits, at any condition floats hold."""

import numpy as np
import pytest

from estimators import Gaussian, gaussian_entropic_bound, gaussian_wasserstein
from tests.estimators.naive_divergences import mp

DIGITS = 60


def thin(rng, d, condition):
    """A covariance with axes drawn, whose variances run from 1 to 1/condition."""
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    cov = axes @ np.diag(np.logspace(0, -np.log10(condition), d)) @ axes.T
    return (cov + cov.T) / 2


def near(rng, cov, kind):
    """Another covariance: of axes of its own, or the first with a variance added along a coordinate or a direction."""
    if kind == "apart":
        return thin(rng, len(cov), 1 / np.linalg.eigvalsh(cov)[0])
    along = np.eye(len(cov))[0] if kind == "coordinate" else rng.normal(size=len(cov))
    return cov + 10.0 ** rng.uniform(-12, -3) * cov[0, 0] * np.outer(along, along)


def square_root(matrix):
    values, vectors = mp.eigsy(matrix)
    return vectors * mp.diag([mp.sqrt(max(v, 0)) for v in values]) * vectors.T


def bures(first, second):
    """√tr(Σ₁ + Σ₂ − 2(Σ₁^½ Σ₂ Σ₁^½)^½)."""
    first, second = mp.matrix(first), mp.matrix(second)
    root = square_root(first)
    middle = square_root(root * second * root)
    return mp.sqrt(max(mp.fsum(first[i, i] + second[i, i] - 2 * middle[i, i] for i in range(first.rows)), 0))


def entropic(cov, slope, temperature):
    """log C − E loss/λ − KL at the best correlations, by the eigenvalues of AᵀΣA."""
    d, r = slope.shape
    cov, slope, temperature = mp.matrix(cov), mp.matrix(slope), mp.mpf(temperature)
    product = slope.T * cov * slope
    value = -mp.mpf(d) / 2 * mp.log(mp.pi * temperature)
    value -= mp.fsum(cov[i, i] for i in range(d)) / temperature
    value -= mp.fsum(slope[i, j] ** 2 for i in range(d) for j in range(r)) / temperature
    for square in mp.eigsy(product, eigvals_only=True):
        s = mp.sqrt(max(square, 0))
        kappa = 2 * s / temperature
        rho = 2 * kappa / (1 + mp.sqrt(1 + 4 * kappa**2))
        value += 2 * s * rho / temperature + mp.log(1 - rho**2) / 2
    return value


def assert_proved(found, truth):
    assert found.certificate.lower <= truth <= found.certificate.upper
    assert found.certificate.lower <= found.value <= found.certificate.upper


@pytest.mark.parametrize("condition", [1e2, 1e6, 1e10, 1e12, 1e14])
@pytest.mark.parametrize("kind", ["apart", "coordinate", "direction"])
def test_wasserstein_of_thin_gaussians_is_enclosed(kind, condition):
    rng = np.random.default_rng(0)
    with mp.workdps(DIGITS):
        for case in range(40):
            first = thin(rng, 2 + case % 2, condition)
            second = near(rng, first, kind)
            found = gaussian_wasserstein(Gaussian(np.zeros(len(first)), first), Gaussian(np.zeros(len(first)), second))
            assert_proved(found, bures(first, second))
            # Some hundred roundings of the largest axis, 1, each times the condition of the roots.
            assert found.certificate.gap <= 1e3 * np.finfo(float).eps * condition**0.5


def test_a_variance_that_grows_by_a_millionth():
    first = np.array([[0.11126944280323077, -0.3144655051044559], [-0.3144655051044559, 0.8887305571977692]])
    second = first.copy()
    second[0, 0] *= 1 + 1e-6
    found = gaussian_wasserstein(Gaussian(np.zeros(2), first), Gaussian(np.zeros(2), second))
    with mp.workdps(DIGITS):
        assert_proved(found, bures(first, second))


@pytest.mark.parametrize("temperature", [1e-6, 1e-2, 1.0])
@pytest.mark.parametrize("condition", [1e2, 1e8, 1e12, 1e14])
def test_the_entropic_bound_of_thin_gaussians_is_enclosed(condition, temperature):
    """Slopes along the thin axis, where sᵢ has the fewest digits, and drawn ones."""
    rng = np.random.default_rng(1)
    with mp.workdps(DIGITS):
        for case in range(30):
            cov = thin(rng, 2 + case % 2, condition)
            axis = np.linalg.eigh(cov)[1][:, :1]
            slope = axis if case % 3 else rng.normal(size=(len(cov), 2))
            found = gaussian_entropic_bound(Gaussian(np.zeros(len(cov)), cov), slope, temperature=temperature)
            assert_proved(found, entropic(cov, slope, temperature))
