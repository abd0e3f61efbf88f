"""The entropic transport that models descend: its gradient is the coupling, which misses at most what it is told."""

import numpy as np
import pytest
import torch

from estimators import NotConverged
from estimators import entropic_cost as transport
from estimators.entropic_cost import balance_together, entropic_cost
from estimators.kernels.cpu_scalings import DONE, FAILED, GROWN, balance

EPSILON = 0.1


def costs(problems=6, n=7, m=5, seed=0):
    """Problems that ask for very different numbers of sweeps: costs from 0.3 to 30 times ε."""
    rng = np.random.default_rng(seed)
    return torch.as_tensor(rng.random((problems, n, m)) * np.geomspace(0.03, 3, problems)[:, None, None])


def coupling(cost, tolerance, max_iter=10_000, **options):
    cost = cost.clone().requires_grad_(True)
    value = entropic_cost(cost, EPSILON, tolerance, max_iter, **options)
    return value.detach(), torch.autograd.grad(value.sum(), cost)[0]


@pytest.mark.parametrize("tolerance", [0.3, 0.05, 1e-10])
@pytest.mark.parametrize("size", [(7, 5), (5, 7), (6, 6)])
def test_rows_are_exact_and_columns_miss_at_most_the_tolerance(tolerance, size):
    plan = coupling(costs(n=size[0], m=size[1]), tolerance)[1]
    n, m = size
    assert torch.allclose(plan.sum(dim=2), torch.full((6, n), 1 / n, dtype=torch.float64), rtol=1e-12)
    missed = (plan.sum(dim=1) * m - 1).abs().mean(dim=1)
    assert (missed <= tolerance * (1 + 1e-9)).all()
    if tolerance == 0.3:
        assert missed.max() > 1e-6, "it went on far beyond what was asked"


def test_the_value_is_that_of_the_coupling():
    """At the optimum ⟨π, c⟩ + ε KL(π ‖ uniform)."""
    cost = costs()
    value, plan = coupling(cost, 1e-12)
    divergence = (plan * (plan * 35).clamp_min(torch.finfo(torch.float64).tiny).log()).sum(dim=(1, 2))
    torch.testing.assert_close(value, (plan * cost).sum(dim=(1, 2)) + EPSILON * divergence, rtol=1e-9, atol=1e-12)


def test_each_problem_is_that_alone_whatever_stands_beside_it():
    cost = costs()
    together = coupling(cost, 1e-9)
    for place, alone in enumerate(cost):
        value, plan = coupling(alone, 1e-9)
        torch.testing.assert_close(together[0][place], value, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(together[1][place], plan, rtol=1e-9, atol=1e-14)
    turned = cost.reshape(2, 3, 7, 5).transpose(0, 1)
    torch.testing.assert_close(entropic_cost(turned, EPSILON, 1e-9, 10_000)[2, 1], together[0][5])
    assert entropic_cost(cost[:0], EPSILON, 1e-9, 10).shape == (0,)


def test_the_sweep_that_is_allowed_last_may_be_the_one_that_ends():
    cost = costs(1)
    ends = [sweeps for sweeps in range(1, 200) if _ends(cost, sweeps)]
    assert ends[0] > 1
    assert ends == list(range(ends[0], 200))


def _ends(cost, sweeps):
    try:
        entropic_cost(cost, EPSILON, 1e-6, sweeps)
    except NotConverged:
        return False
    return True


def test_one_problem_that_does_not_end_is_no_answer_for_any():
    with pytest.raises(NotConverged, match="after 8 sweeps: raise max_iter or epsilon"):
        entropic_cost(costs(), EPSILON, 1e-9, 8)
    broken = costs()
    for wrong in (torch.nan, torch.inf):
        broken[3, 2] = wrong
        with pytest.raises(NotConverged, match=r"left the range of torch\.float64 after 1 sweeps: give a"):
            entropic_cost(broken, EPSILON, 1e-3, 50)


@pytest.mark.parametrize("wrong", [{"epsilon": 0.0}, {"epsilon": -0.1}, {"tolerance": float("nan")}, {"max_iter": 0}])
def test_what_cannot_be_asked_for_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
        entropic_cost(costs(), **{"epsilon": EPSILON, "tolerance": 1e-3, "max_iter": 50} | wrong)


def test_a_pair_may_be_forbidden():
    cost = costs(1)
    cost[0, 2, 1] = torch.inf
    high = cost.clone()
    high[0, 2, 1] = 1e4
    (value, plan), (truth, _) = (coupling(one, 1e-10) for one in (cost, high))
    torch.testing.assert_close(value, truth)
    assert plan[0, 2, 1] == 0


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("tolerance", [0.3, 1e-8])
@pytest.mark.parametrize("size", [(9, 6), (4, 4), (1, 3)])
def test_the_kernel_does_what_its_twin_does(size, tolerance, same):
    """Problem by problem, or all at once: the same sweeps, states, scalings and couplings, whatever becomes of each."""
    if same:
        size = (size[0], size[0])
    cost = 60 * costs(5, *size)
    cost = cost + cost.mT if same else cost
    cost[3] += 700.0 * torch.eye(*size, dtype=torch.float64)  # far from the potentials: scalings grow
    kernel = (-cost).exp()
    kernel[4] = torch.nan
    swept = torch.tensor([0, 5, 190, 0, 0])
    found = []
    for solve in (balance, balance_together):
        state, missed = torch.tensor([GROWN, FAILED, GROWN, GROWN, GROWN]), torch.zeros(5, dtype=torch.float64)
        given = [kernel.clone(), torch.ones(5, size[0]).double(), torch.ones(5, size[1]).double(), swept.clone()]
        given += [missed, state]
        solve(*(part.numpy() if solve is balance else part for part in given), tolerance, 400, same)
        found.append(given)
    states = found[0][-1].tolist()
    assert states[4] == FAILED
    assert GROWN in states or 1 in size
    assert DONE in states
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours[:4], theirs[:4], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_that_lie_far_apart_converge_in_either_type(dtype):
    """Cosines of clusters of features at ε = 0.01, where e^(cost/ε) spans e^200: scalings grow, and leave float32."""
    rng = np.random.default_rng(1)
    unit = rng.normal(size=(24, 2, 64, 1)) * rng.normal(size=(24, 2, 1, 6)) + 0.1 * rng.normal(size=(24, 2, 64, 6))
    unit = torch.as_tensor(unit / np.linalg.norm(unit, axis=-1, keepdims=True))
    cost = 1 - unit[:, 0] @ unit[:, 1].mT
    truth = entropic_cost(cost, 0.01, 1e-3, 100_000)
    found = entropic_cost(cost.to(dtype), 0.01, 0.01, 5000)
    # The dual is concave: a value errs by the mass that is missing times the range of costs at most.
    assert float((found.double() - truth).abs().max()) <= 2 * (0.01 + 1e-3)


def test_scalings_that_leave_the_range_begin_again_without_overshooting(monkeypatch):
    """Once from the last potentials; a second time nothing is left to be tried."""
    true, given = transport._balanced, []
    truth = entropic_cost(costs(), EPSILON, 1e-9, 10_000)

    def losing(times):
        def balanced(kernel, swept, state, *how):
            given.append(state.clone())
            u, v, missed = true(kernel, swept, state, *how)
            if len(given) <= times:
                state[-1], u[-1], v[-1] = FAILED, torch.nan, torch.inf
            return u, v, missed

        return balanced

    monkeypatch.setattr(transport, "_balanced", losing(1))
    torch.testing.assert_close(entropic_cost(costs(), EPSILON, 1e-9, 10_000), truth, rtol=1e-8, atol=1e-10)
    assert given[0].tolist() == [GROWN] * 6
    assert FAILED in given[1].tolist()
    given.clear()
    monkeypatch.setattr(transport, "_balanced", losing(2))
    with pytest.raises(NotConverged, match="left the range"):
        entropic_cost(costs()[:2], EPSILON, 1e-9, 10_000)
