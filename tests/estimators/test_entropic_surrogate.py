"""Entropic bounds lie below the likelihood, are those of the best coupling, and never pass for what they are not."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from estimators import Empirical, Gaussian, NotConverged, entropic_bound, gaussian_entropic_bound

UNIT = np.finfo(float).eps / 2


def drawn(seed, n=7, m=5, d=2):
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    return Empirical(rng.normal(size=(n, d)), a), Empirical(1.2 * rng.normal(size=(m, d)) + 0.3, b)


def log_likelihoods(points, images, temperature):
    """log Σⱼ bⱼ N(y; G(xⱼ), (λ/2) I), a density at a time."""
    laws = [Gaussian(x, temperature / 2) for x in images.atoms]
    return np.log(sum(b * np.exp(law.logpdf(points)) for b, law in zip(images.weights, laws, strict=True)))


def naive_bound(Y, images, temperature, sweeps):
    """Sinkhorn by scaling rows and columns of a matrix in turn, then the bound of the coupling term by term."""
    losses = np.array([[((y - x) ** 2).sum() for x in images.atoms] for y in Y.atoms])
    plan = np.outer(Y.weights, images.weights) * np.exp(-losses / temperature)
    for _ in range(sweeps):
        plan *= (Y.weights / plan.sum(axis=1))[:, None]
        plan *= images.weights / plan.sum(axis=0)
    value = -Y.dimension / 2 * math.log(math.pi * temperature)
    for i, a in enumerate(Y.weights):
        for j, b in enumerate(images.weights):
            value -= plan[i, j] * (losses[i, j] / temperature + math.log(plan[i, j] / (a * b)))
    return value


@pytest.mark.parametrize("temperature", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_best_couplings_and_below_the_likelihood(seed, temperature):
    Y, images = drawn(seed)
    found = entropic_bound(Y, images, temperature=temperature, tolerance=1e-9)
    naive = naive_bound(Y, images, temperature, sweeps=3000)
    # The twin's coupling is converged to rounding; its sums have 35 terms of size 10.
    assert found.estimate.certificate.lower - 1e4 * UNIT <= naive <= found.estimate.certificate.upper + 1e4 * UNIT
    assert found.estimate.certificate.gap <= 1e-9
    exact = Y.weights @ log_likelihoods(Y.atoms, images, temperature)
    assert found.estimate.value < exact
    assert "lower bound" in found.estimate.method
    assert "not the likelihood" in found.estimate.detail


@pytest.mark.parametrize("seed", range(3))
def test_each_point_has_a_bound_of_its_own_held_out_ones_too(seed):
    Y, images = drawn(seed, n=30, m=20)
    found = entropic_bound(Y, images, temperature=0.7)
    each = found.log_lower_bounds(Y.atoms)
    # Two routes to one number of size 10: some hundred roundings.
    assert Y.weights @ each == pytest.approx(found.estimate.value, rel=1e3 * UNIT)
    held_out = np.random.default_rng(9).normal(size=(50, 2)) * 2
    for points, bounds in ((Y.atoms, each), (held_out, found.log_lower_bounds(held_out))):
        exact = log_likelihoods(points, images, 0.7)
        assert (bounds <= exact + 1e3 * UNIT * np.abs(exact)).all()
        assert (bounds < exact - 1e-6).any()


def test_the_gap_is_the_divergence_between_the_conditional_laws():
    Y, images = drawn(5)
    found = entropic_bound(Y, images, temperature=1.0)
    losses = ((Y.atoms[:, None] - images.atoms) ** 2).sum(axis=2)
    posterior = images.weights * np.exp(-losses)
    posterior /= posterior.sum(axis=1, keepdims=True)
    coupled = images.weights * np.exp(found.potential - losses)
    coupled /= coupled.sum(axis=1, keepdims=True)
    gap = Y.weights @ (coupled * np.log(coupled / posterior)).sum(axis=1)
    exact = Y.weights @ log_likelihoods(Y.atoms, images, 1.0)
    assert exact - found.estimate.value == pytest.approx(gap, rel=1e5 * UNIT)  # a difference loses some digits


def test_one_latent_leaves_one_coupling_whose_bound_is_tight():
    found = entropic_bound([[1.0, 2.0], [0.0, 0.5]], [[0.5, 0.5]], temperature=2.0)
    exact = Gaussian([0.5, 0.5], 1.0).logpdf([[1.0, 2.0], [0.0, 0.5]]).mean()
    assert found.estimate.value == pytest.approx(exact, rel=10 * UNIT)


def test_an_offset_and_weights_of_zero_change_nothing():
    Y, images = drawn(2)
    plain = entropic_bound(Y, images, temperature=1.0, tolerance=1e-9).estimate
    moved = entropic_bound(
        Empirical(Y.atoms + 2.0**20, Y.weights), Empirical(images.atoms + 2.0**20, images.weights),
        temperature=1.0, tolerance=1e-9,
    ).estimate  # fmt: skip
    # Coordinates lose 20 of their 53 bits.
    assert moved.value == pytest.approx(plain.value, abs=2.0**-27)


def test_a_coupling_that_is_not_found_is_not_returned():
    rng = np.random.default_rng(0)
    Y, images = rng.normal(size=(40, 2)), rng.normal(size=(30, 2)) + 1
    with pytest.raises(NotConverged, match="raise max_iter, temperature or tolerance") as caught:
        entropic_bound(Y, images, temperature=0.01, max_iter=20)
    partial = caught.value.partial
    exact = log_likelihoods(Y, Empirical(images), 0.01).mean()
    assert partial.value <= exact + 1e3 * UNIT * abs(exact)
    assert not partial.converged
    with pytest.raises(NotConverged):
        float(partial)


def test_many_samples_come_to_the_gaussian_closed_form():
    rng = np.random.default_rng(1)
    law, slope, temperature = Gaussian([0.5], 2.0), 1.2, 1.5
    exact = gaussian_entropic_bound(law, [slope], temperature=temperature)
    found = entropic_bound(law.sample(700, rng), slope * rng.normal(size=700), temperature=temperature)
    # y² has standard error √(2·2² + …)/√700 ≈ 0.13 in the loss; the gap to the likelihood is 0.03 at this law.
    assert found.estimate.value == pytest.approx(exact.value, abs=5 * 0.13 / temperature)


@pytest.mark.parametrize(
    ("g", "s", "temperature"), [(1.0, 4.0, 1.0), (3.0, 0.2, 0.1), (0.01, 1.0, 5.0), (2.0, 4.5, 1.0)]
)
def test_the_closed_form_is_the_largest_over_correlations(g, s, temperature):
    def loss(rho):
        mean = s + g * g - 2 * g * rho * math.sqrt(s)
        return mean / temperature + 0.5 * math.log(math.pi * temperature) - 0.5 * math.log1p(-rho * rho)

    best = minimize_scalar(loss, bounds=(0, 1 - 1e-12), method="bounded", options={"xatol": 1e-12})
    found = gaussian_entropic_bound(Gaussian(0.0, s), [g], temperature=temperature)
    # The minimum is flat: an error of 1e-6 in ρ is one of 1e-12 · curvature there, which κ² bounds.
    assert found.value == pytest.approx(-best.fun, rel=1e-9)
    exact = -0.5 * math.log(2 * math.pi * (g * g + temperature / 2)) - s / (2 * g * g + temperature)
    assert found.certificate.lower <= exact
    assert found.value in found.certificate


def test_the_closed_form_in_space_is_turned_with_the_data_and_sees_the_means():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(3, 3))
    law, A = Gaussian([1.0, 0.0, -1.0], root @ root.T + np.eye(3)), rng.normal(size=(3, 2))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    spin, _ = np.linalg.qr(rng.normal(size=(2, 2)))
    there = gaussian_entropic_bound(law, A, [0.0, 1.0, 0.0], temperature=0.8)
    turned = gaussian_entropic_bound(
        Gaussian(turn @ law.mean, turn @ law.cov @ turn.T), turn @ A @ spin, turn @ [0.0, 1.0, 0.0], temperature=0.8
    )
    assert abs(there.value - turned.value) <= there.certificate.gap + turned.certificate.gap
    centred = gaussian_entropic_bound(law, A, law.mean, temperature=0.8)
    assert centred.value - there.value == pytest.approx(((law.mean - [0, 1, 0]) ** 2).sum() / 0.8, rel=1e3 * UNIT)


def test_the_closed_form_is_tight_where_the_theory_says():
    # Aᵀ(Σ − AAᵀ − (λ/2)I)A = 0: Σ = diag(1, 3), λ = 1 and A along the diagonal, at no maximum of the likelihood.
    along = np.ones(2) / math.sqrt(2)
    A = math.sqrt(along @ np.diag([1.0, 3.0]) @ along - 0.5) * along
    found = gaussian_entropic_bound(Gaussian([0.0, 0.0], [1.0, 3.0]), A, temperature=1.0)
    v = np.outer(A, A) + np.eye(2) / 2
    exact = -0.5 * (np.linalg.slogdet(2 * np.pi * v)[1] + np.trace(np.linalg.solve(v, np.diag([1.0, 3.0]))))
    assert abs(found.value - exact) <= found.certificate.gap


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: entropic_bound([[0.0]], [[0.0]], temperature=0), "temperature is 0"),
        (lambda: entropic_bound([[0.0]], [[0.0]], temperature=1, tolerance=-1), "tolerance is -1"),
        (lambda: entropic_bound([[0.0]], [[0.0]], temperature=1, max_iter=0), "max_iter is 0"),
        (lambda: entropic_bound([[0.0]], [[0.0, 1.0]], temperature=1), "must agree"),
        (lambda: entropic_bound([[0.0], [9e99]], [[0.0]], temperature=1e-200), "too small for row 1"),
        (lambda: gaussian_entropic_bound(Gaussian(0.0, 1.0), [[1.0], [2.0]], temperature=1), "slope has 2 rows"),
        (lambda: gaussian_entropic_bound(Gaussian([0.0] * 3, 1.0), [1, 2, 3], [1, 2], temperature=1), "offset has 2"),
        (lambda: gaussian_entropic_bound(Gaussian(0.0, 1.0), [1.0], temperature=math.nan), "temperature is nan"),
    ],
)
def test_what_cannot_be_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_samples_in_place_of_a_law_are_refused():
    with pytest.raises(TypeError, match="entropic_bound"):
        gaussian_entropic_bound([[0.0]], [[1.0]], temperature=1.0)


def test_both_print_as_lower_bounds():
    assert str(entropic_bound([[0.0], [1.0]], [[0.0], [2.0]], temperature=1.0).estimate).startswith("≥ ")
    assert str(gaussian_entropic_bound(Gaussian(0.0, 1.0), [1.0], temperature=1.0)).startswith("≥ ")
