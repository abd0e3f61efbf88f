"""Entropic and unbalanced transport: bounds that hold, limits on either side, and no answer without convergence."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import kl_div, logsumexp

from estimators import (
    Empirical,
    NotConverged,
    energy_distance,
    entropic_transport,
    sinkhorn_divergence,
    unbalanced_transport,
    wasserstein,
)


def drawn(seed, n=12, m=9, d=2):
    rng = np.random.default_rng(seed)
    P = Empirical(rng.normal(size=(n, d)), rng.dirichlet(np.ones(n)))
    return P, Empirical(rng.normal(size=(m, d)) + 0.5, rng.dirichlet(np.ones(m)))


def slow(P, Q, p, epsilon, sweeps=3000):
    """OT_ε by plain sweeps over the whole matrix, to the fixed point."""
    cost, g = cdist(P.atoms, Q.atoms) ** p, np.zeros(len(Q))
    for _ in range(sweeps):
        f = -epsilon * logsumexp((g - cost) / epsilon, b=Q.weights, axis=1)
        before, g = g, -epsilon * logsumexp((f[:, None] - cost) / epsilon, b=P.weights[:, None], axis=0)
        if P is Q:  # plain sweeps hardly move here
            g = f = (f + before) / 2
        if np.abs(g - before).max() <= 1e-15:
            break
    plan = P.weights[:, None] * Q.weights * np.exp((f[:, None] + g - cost) / epsilon)
    return (plan * cost).sum() + epsilon * kl_div(plan, P.weights[:, None] * Q.weights).sum()


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("epsilon", [0.3, 2.0, 30.0])
def test_values_are_those_of_plain_sweeps_and_lie_in_their_bounds(p, epsilon):
    P, Q = drawn(p)
    truth = slow(P, Q, p, epsilon)
    found = entropic_transport(P, Q, p=p, epsilon=epsilon)
    assert found.certificate.lower - 1e-13 * truth <= truth <= found.certificate.upper + 1e-13 * truth
    assert found.certificate.gap <= 1e-6 * truth
    debiased = sinkhorn_divergence(P, Q, p=p, epsilon=epsilon)
    truth -= (slow(P, P, p, epsilon) + slow(Q, Q, p, epsilon)) / 2
    assert debiased.certificate.lower - 1e-12 <= truth <= debiased.certificate.upper + 1e-12
    assert f"ε = {epsilon:.4g}" in debiased.method


def test_the_two_limits():
    P, Q = drawn(3)
    far = entropic_transport(P, Q, epsilon=1e6)
    mean = P.weights @ cdist(P.atoms, Q.atoms, "sqeuclidean") @ Q.weights
    assert far.value == pytest.approx(mean, rel=1e-5)  # within var(c)/2ε of the independent coupling
    near = entropic_transport(P, Q, epsilon=0.1, max_iter=100_000)
    exact = wasserstein(P, Q, p=2).value ** 2
    # KL(π | a ⊗ b) is at most the entropy of a measure on 9 atoms.
    assert exact <= near.certificate.upper
    assert near.certificate.lower <= exact + 0.1 * math.log(9)
    square = energy_distance(P, Q, squared=True).value
    assert sinkhorn_divergence(P, Q, p=1, epsilon=1e5).value == pytest.approx(square / 2, rel=1e-3)


def test_what_geomloss_returns_is_what_the_docstring_says():
    geomloss = pytest.importorskip("geomloss", reason="a peer; [peers] brings it")
    import torch

    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(40, 3)), rng.normal(size=(30, 3)) + 1
    loss = geomloss.SamplesLoss("sinkhorn", p=2, blur=0.8, scaling=0.98, backend="tensorized")
    theirs = 2 * float(loss(torch.as_tensor(X), torch.as_tensor(Y)))
    # It stops annealing when ε is reached and takes one more step, with no check of convergence.
    assert sinkhorn_divergence(X, Y, epsilon=2 * 0.8**2).value == pytest.approx(theirs, rel=1e-3)


def test_pot_agrees_on_the_plan():
    import ot

    P, Q = drawn(5)
    cost = cdist(P.atoms, Q.atoms, "sqeuclidean")
    plan = ot.sinkhorn(P.weights, Q.weights, cost, 0.5, method="sinkhorn_log", stopThr=1e-12, numItermax=10_000)
    theirs = (plan * cost).sum() + 0.5 * kl_div(plan, P.weights[:, None] * Q.weights).sum()
    assert entropic_transport(P, Q, epsilon=0.5).value == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_hard_data(offset):
    rng = np.random.default_rng(6)
    X = rng.integers(-1000, 1000, size=(30, 3)) / 1024
    Y = X + rng.integers(-8, 8, size=X.shape) / 2**13
    near, far = sinkhorn_divergence(X, Y), sinkhorn_divergence(X + offset, Y + offset)
    assert abs(near.value - far.value) <= near.certificate.gap
    clusters = 10.0 * rng.integers(0, 20, size=(20, 3))
    places = rng.integers(0, 20, size=30)
    A, B = (clusters[places] + 1e-4 * rng.normal(size=(30, 3)) for _ in range(2))
    found = sinkhorn_divergence(A, B)
    assert found.certificate.lower <= found.value <= found.certificate.upper
    assert sinkhorn_divergence(A, A[::-1]).value == 0.0
    assert sinkhorn_divergence([[1.0, 2.0]], [[1.0, 5.0]]).value == pytest.approx(9.0, rel=1e-7)


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_float32_far_from_the_origin_is_answered_as_its_float64_values_near_it(offset):
    rng = np.random.default_rng(11)
    ulp = float(np.spacing(np.float32(offset)))  # what float32 resolves there: all places are exact
    X = 16 * ulp * rng.integers(-1000, 1000, size=(30, 3))
    Y = X + ulp * rng.integers(-8, 8, size=X.shape)
    far = [(rows + offset).astype(np.float32) for rows in (X, Y)]
    assert all((rows.astype(float) - offset == known).all() for rows, known in zip(far, (X, Y), strict=True))
    for call in (sinkhorn_divergence, entropic_transport, lambda *pair: unbalanced_transport(*pair, marginal=ulp)):
        truth, found = call(X, Y), call(*far)
        assert abs(truth.value - found.value) <= truth.certificate.gap + found.certificate.gap
        assert found.certificate.lower <= found.value <= found.certificate.upper
    assert unbalanced_transport(far[0], far[0][::-1], marginal=1.0).value == 0.0


@pytest.mark.parametrize("call", [sinkhorn_divergence, entropic_transport])
def test_no_answer_without_convergence(call):
    P, Q = drawn(7, n=30, m=30)
    with pytest.raises(NotConverged, match="raise max_iter or epsilon") as caught:
        call(P, Q, epsilon=0.01, max_iter=3)
    partial = caught.value.partial
    whole = call(P, Q, epsilon=0.01, max_iter=200_000)
    assert partial.certificate.lower <= whole.certificate.upper
    assert whole.certificate.lower <= partial.certificate.upper
    with pytest.raises(NotConverged):
        float(partial)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda P, Q: sinkhorn_divergence(P, Q, p=3), "p is 3"),
        (lambda P, Q: sinkhorn_divergence(P, Q, epsilon=0), "epsilon is 0"),
        (lambda P, Q: sinkhorn_divergence(P, Q, epsilon="small"), "epsilon is 'small'"),
        (lambda P, Q: sinkhorn_divergence(P, Q, epsilon=1e-20), "vanishes beside the largest cost"),
        (lambda P, Q: sinkhorn_divergence(P, Q, tolerance=0), "tolerance is 0"),
        (lambda P, Q: sinkhorn_divergence(P, Q, max_iter=0), "max_iter is 0"),
        (lambda P, Q: unbalanced_transport(P, Q, marginal=0), "marginal is 0"),
        (lambda P, Q: unbalanced_transport(P, Q, marginal=1e30), "beyond"),
        (lambda P, Q: unbalanced_transport(P, Q, marginal=1.0, p=3), "p is 3"),
        (lambda P, Q: unbalanced_transport(P, Q, marginal=1.0, max_iter=0), "max_iter is 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(*drawn(8))


def test_costs_that_would_not_fit_are_refused(monkeypatch):
    from types import SimpleNamespace

    import psutil

    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(MemoryError, match="12 and 9 atoms"):
        sinkhorn_divergence(*drawn(9))


@pytest.mark.parametrize("marginal", [0.1, 1.0, 10.0])
def test_unbalanced_transport_is_enclosed_and_agrees_with_a_general_optimiser(marginal):
    P, Q = drawn(10, n=5, m=4)
    cost = cdist(P.atoms, Q.atoms)
    found = unbalanced_transport(P, Q, marginal=marginal)

    def objective(roots):
        plan = roots.reshape(cost.shape) ** 2
        left = kl_div(plan.sum(axis=1), P.weights).sum() + kl_div(plan.sum(axis=0), Q.weights).sum()
        return (plan * cost).sum() + marginal * left

    start = np.sqrt(np.outer(P.weights, Q.weights)).ravel()
    best = minimize(objective, start, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-9}).fun
    assert found.certificate.lower <= best * (1 + 1e-12)  # what it found is a plan's cost, above the minimum
    assert found.value <= best * (1 + 2e-3)  # twice the tolerance of the one and the other's
    assert found.certificate.gap <= 1.1e-3 * found.value


def test_unbalanced_transport_lies_below_w1_and_forgets_outliers():
    P, Q = drawn(11)
    values = [unbalanced_transport(P, Q, marginal=rho) for rho in (0.1, 1.0, 10.0)]
    assert values[0].value < values[1].value < values[2].value
    assert values[2].certificate.lower <= wasserstein(P, Q).value
    X = np.random.default_rng(12).normal(size=(20, 2))
    Y = X.copy()
    Y[0] = [1e6, 0]
    assert unbalanced_transport(X, Y, marginal=1.0).value <= 2 / 20 * (1 + 1e-3)
    assert unbalanced_transport(X, X[::-1], marginal=1.0).value == 0.0
    with pytest.raises(NotConverged, match="raise max_iter or tolerance"):
        unbalanced_transport(P, Q, marginal=1.0, tolerance=1e-9, max_iter=5)


def test_an_epsilon_that_is_no_number_is_named():
    with pytest.raises(ValueError, match="epsilon is None: pass a positive number"):
        sinkhorn_divergence([0.0, 1.0], [0.0, 2.0], epsilon=None)


@pytest.mark.parametrize("p", [1, 1.5, 2])
def test_equal_measures_have_the_unit_of_unequal_ones(p):
    X, Y = np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]])
    units = {unbalanced_transport(X, other, marginal=1.0, p=p).unit for other in (X, Y)}
    assert units == {"length" if p == 1 else f"length^{p:g}"}
