"""The OT-GAN: its loss against a slow twin, its couplings held, its turns, and Sinkhorn's sweeps for many at once."""

import numpy as np
import pytest
import torch

from estimators import OTGAN
from estimators import entropic_cost as transport
from estimators.entropic_cost import entropic_cost
from estimators.models.gans.optimal_transport import cosine_cost, minibatch_energy_loss
from estimators.result import NotConverged
from tests.estimators import naive_models, naive_transport

SIZES = {"steps": 8, "hidden": (8,), "batch_size": 8, "device": "cpu", "random_state": 0}
#: Sweeps end within this share of a marginal; values err by ε times it squared, gradients by about it.
TIGHT = 1e-12
#: Relative agreement of float64 sums of some hundred terms.
SUM_ROUNDING = 1000 * np.finfo(np.float64).eps


def features(n, seed, shift=0.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 3)) + shift)


def test_the_loss_is_the_slow_twins():
    data, samples = features(10, 0), features(10, 1, 0.5)
    expected = naive_transport.minibatch_energy_loss(data.numpy(), samples.numpy(), 0.3)
    assert float(minibatch_energy_loss(data, samples, 0.3, TIGHT, 5000)) == pytest.approx(expected, abs=SUM_ROUNDING)


@pytest.mark.parametrize("which", [0, 1])
def test_the_gradient_is_that_of_the_value(which):
    pair = [features(6, 2), features(6, 3, 0.5)]
    at = pair[which].clone().requires_grad_(True)
    moved = [at if which == i else part for i, part in enumerate(pair)]
    (slope,) = torch.autograd.grad(minibatch_energy_loss(*moved, 0.3, TIGHT, 5000), at)

    def value(x):
        parts = [torch.from_numpy(x) if which == i else part for i, part in enumerate(pair)]
        return float(minibatch_energy_loss(*parts, 0.3, TIGHT, 5000))

    expected = naive_models.central_differences(value, pair[which].numpy(), step=2.0**-15)
    # h² = 2⁻³⁰ times a third derivative, of at most some 10³ at ε = 0.3 and rows of norm 1.
    assert np.abs(slope.numpy() - expected).max() < 2.0**-20


def test_equal_laws_are_at_distance_zero_in_the_mean():
    """What a minibatch's transport is too large by cancels: the mean of 400 lies within 5 standard errors of 0."""
    values = minibatch_energy_loss(
        torch.randn(400, 12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
        torch.randn(400, 12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64),
        0.2, 1e-6, 5000,
    )  # fmt: skip
    assert abs(float(values.mean())) < 5 * float(values.std()) / 20
    apart = minibatch_energy_loss(features(12, 4).abs(), -features(12, 5).abs(), 0.2, 1e-6, 5000)
    assert float(apart) > 5 * float(values.std())  # beyond what one loss of equal laws scatters by


def test_a_row_of_zeros_costs_one_and_has_a_finite_gradient():
    x = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    cost = cosine_cost(x, features(4, 6))
    assert torch.equal(cost.detach(), torch.ones_like(cost))
    assert bool(torch.isfinite(torch.autograd.grad(cost.sum(), x)[0]).all())


@pytest.mark.parametrize("sizes", [(7, 7), (9, 5)])
@pytest.mark.parametrize("epsilon", [1.0, 0.05])
def test_costs_of_many_problems_are_those_of_each(sizes, epsilon):
    """They end after different numbers of sweeps; a value errs by ε times the mass that is missing, at most 1e-9."""
    costs = torch.stack([torch.from_numpy(np.random.default_rng(s).random(sizes)) * 2.0**s for s in range(2)])
    together = entropic_cost(costs, epsilon, 1e-9, 20_000)
    for cost, found in zip(costs, together, strict=True):
        assert float(entropic_cost(cost, epsilon, 1e-9, 20_000)) == pytest.approx(float(found), rel=SUM_ROUNDING)
    assert float(together[0]) == pytest.approx(naive_transport.transport(costs[0].numpy(), epsilon), abs=2e-9)


def test_scalings_that_would_overflow_are_absorbed(monkeypatch):
    """A tenth of the mass crosses between clusters 40 ε apart, for which scalings must grow beyond `LARGEST`."""
    built = []
    build = transport._balanced
    monkeypatch.setattr(transport, "_balanced", lambda *given: built.append(given) or build(*given))
    x, y = (torch.zeros(10, 2, dtype=torch.float64) for _ in range(2))
    x[7:], y[6:] = 2.0, 2.0  # √8 apart
    cost, epsilon, tolerance = (x[:, None] - y[None]).square().sum(dim=-1), 0.2, 1e-9
    found = float(entropic_cost(cost, epsilon, tolerance, 1000))
    assert len(built) == 2
    # The dual is concave with the missing mass as its gradient, and potentials, like costs, differ by at most max c.
    expected = naive_transport.transport(cost.numpy(), epsilon)
    assert abs(found - expected) <= (tolerance + SUM_ROUNDING) * float(cost.max())


def test_the_critic_has_its_turn_after_the_generators_steps():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = OTGAN(generator_steps=3, **SIZES).start(X)
    for step in range(8):
        before = [[w.clone() for w in net.parameters()] for net in (model.generator_, model.critic_)]
        model.step()
        after = [list(net.parameters()) for net in (model.generator_, model.critic_)]
        moved = [
            any(not torch.equal(a, b) for a, b in zip(*pair, strict=True)) for pair in zip(before, after, strict=True)
        ]
        assert moved == ([True, False] if step % 4 < 3 else [False, True])


def test_what_cannot_be_is_refused():
    X = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(NotConverged, match="max_iter"):
        OTGAN(epsilon=1e-3, tolerance=1e-6, max_iter=1, **SIZES).fit(X)
    for name, value in (
        ("epsilon", 0.0),
        ("n_critic_features", 1),
        ("generator_steps", 0),
        ("tolerance", 0.0),
        ("tolerance", 1.0),
    ):
        with pytest.raises(ValueError, match=name):
            OTGAN(**SIZES | {name: value}).fit(X)
    for name, rows in (("data", (5, 4)), ("samples", (4, 5)), ("samples", (4, 6))):
        with pytest.raises(ValueError, match=f"{name} has .* rows"):
            minibatch_energy_loss(*(features(n, 0) for n in rows), 0.3)
