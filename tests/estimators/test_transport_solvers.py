"""The solvers behind the Wasserstein distances: they agree, and one that stops, lies or would not fit is told."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from estimators import Empirical, NotConverged, wasserstein
from tests.estimators.test_transport import UNIT, drawn


@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_the_line_and_the_plane_agree(p):
    """The monotone coupling and the network simplex are two routes to one number."""
    P, Q = drawn(3, n=60, m=45, d=1)
    line = wasserstein(P, Q, p=p)
    plane = wasserstein(*(Empirical(np.c_[R.atoms, 0 * R.atoms], R.weights) for R in (P, Q)), p=p)
    assert (line.method, plane.method) == ("monotone coupling", "network simplex")
    assert abs(line.value - plane.value) <= line.certificate.gap + plane.certificate.gap


@pytest.mark.parametrize("pivots", [1, 5, 40])
def test_a_solver_that_was_stopped_raises_and_encloses_the_truth_all_the_same(pivots):
    P, Q = drawn(9, n=60, m=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # POT's warning is read from its log, not left to the reader
        with pytest.raises(NotConverged, match=r"stopped with code 3.*raise max_iter") as caught:
            wasserstein(P, Q, max_iter=pivots)
    partial = caught.value.partial
    assert wasserstein(P, Q).value in partial.certificate
    with pytest.raises(NotConverged):
        float(partial)


def _lying(solver, **lies):
    """POT's emd with some of its answer replaced: what a wrong solver that reports success would return."""

    def emd(a, b, cost, **options):
        plan, log = solver(a, b, cost, **options)
        return lies.get("plan", lambda _: plan)(plan), log | {k: f(log[k]) for k, f in lies.items() if k != "plan"}

    return emd


@pytest.mark.parametrize(
    "lies",
    [
        {"plan": lambda plan: np.outer(plan.sum(axis=1), plan.sum(axis=0))},  # feasible, not optimal
        {"plan": lambda plan: plan * (1 - 1e-6)},  # cheaper, because it moves less than all
        {"plan": lambda plan: 0 * plan},
        {"u": lambda u: u + np.linspace(0, 1, len(u))},  # potentials of another problem
        {"u": lambda u: 0 * u},
        {"result_code": lambda _: 3},
        {"result_code": lambda _: 0},
    ],
)
def test_a_solver_that_claims_success_is_not_believed(monkeypatch, lies):
    import ot

    P, Q = drawn(10, n=30, m=20)
    truth = wasserstein(P, Q)
    monkeypatch.setattr(ot, "emd", _lying(ot.emd, **lies))
    with pytest.raises(NotConverged) as caught:
        wasserstein(P, Q)
    assert caught.value.partial.certificate.lower <= truth.value <= caught.value.partial.certificate.upper


def test_sizes_that_would_not_fit_are_refused_with_numbers(monkeypatch):
    import psutil

    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    X = np.random.default_rng(11).normal(size=(6000, 2))
    with pytest.raises(MemoryError, match=r"6000 and 6000 atoms needs 1.3 GiB .* 1.0 GiB are free.*\(about 5181 fit\)"):
        wasserstein(X, X + 1, p=1.5)
    assert wasserstein(X[:, 0], X[:, 0] + 1).value == pytest.approx(1, rel=1e-12)  # the line needs no matrix


@pytest.mark.parametrize("p", [1, 2])
def test_costs_that_would_not_fit_are_computed_when_needed(monkeypatch, p):
    import psutil

    P, Q = drawn(14, n=300, m=280, d=3)
    whole = wasserstein(P, Q, p=p)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**20))
    lazy = wasserstein(P, Q, p=p)
    assert lazy.method == "network simplex without the cost matrix"
    assert abs(lazy.value - whole.value) <= lazy.certificate.gap + whole.certificate.gap
    assert lazy.certificate.gap <= 1e-10 * lazy.value
    with pytest.raises(NotConverged, match="raise max_iter"):
        wasserstein(P, Q, p=p, max_iter=3)


@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_assignments_carry_a_proof(p):
    rng = np.random.default_rng(15)
    X, Y = rng.normal(size=(90, 40)), rng.normal(size=(90, 40)) + 0.1
    found, simplex = wasserstein(X, Y, p=p), wasserstein(Empirical(X), Empirical(Y), p=p)
    assert (found.method, simplex.method) == ("assignment", "network simplex")
    assert abs(found.value - simplex.value) <= found.certificate.gap + simplex.certificate.gap
    assert found.certificate.gap <= 1e-10 * found.value
    assert wasserstein(X, X[::-1], p=p).value == 0.0


def test_an_assignment_that_is_not_optimal_has_no_potentials(monkeypatch):
    from estimators import transport_solvers

    rng = np.random.default_rng(16)
    X, Y = rng.normal(size=(40, 32)), rng.normal(size=(40, 32))
    truth = wasserstein(Empirical(X), Empirical(Y)).value

    def nearly(cost):
        rows, columns = linear_sum_assignment(cost)
        columns[[0, 1]] = columns[[1, 0]]
        return rows, columns

    monkeypatch.setattr(transport_solvers, "linear_sum_assignment", nearly)
    with pytest.raises(NotConverged, match="the solver's answer is wrong") as caught:
        wasserstein(X, Y)
    assert truth in caught.value.partial.certificate


@pytest.mark.parametrize("p", [1, 2, 3])
def test_the_line_agrees_with_pot(p):
    import ot

    P, Q = drawn(17, n=40, m=30, d=1)
    found = wasserstein(P, Q, p=p)
    metric = {"metric": "euclidean"} if p == 1 else {"metric": "minkowski", "p": p}
    theirs = float(ot.emd2_1d(P.atoms, Q.atoms, P.weights, Q.weights, **metric)) ** (1 / p)
    # Their sums are plain: n + m terms, each of a few roundings.
    assert found.value == pytest.approx(theirs, rel=200 * p * UNIT)
    X, Y = np.random.default_rng(18).normal(size=(2, 50))
    assert wasserstein(X, Y, p=p).method == "sorting"
    assert wasserstein(X, Y, p=p).value == pytest.approx(wasserstein(Empirical(X), Y, p=p).value, rel=200 * p * UNIT)
