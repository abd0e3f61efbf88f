"""Adversarial models beyond the first two: values at the best critic, bounds at any other, and what each step keeps."""

import numpy as np
import pytest
import torch
from torch import nn

from estimators.fdivergences.generators import generators
from estimators.models.gans.clipped_wasserstein import ClippedWassersteinGAN
from estimators.models.gans.f_divergence import FENCHEL, FGAN, variational_bound
from estimators.models.gans.metropolis_hastings import MetropolisHastingsGAN, calibration, log_acceptance
from estimators.models.gans.minimax import saturating_loss
from estimators.models.gans.sobolev import SobolevGAN, mean_squared_gradient
from estimators.models.gans.stein import stein_direction
from estimators.models.gans.total_variation import bounded_gap
from estimators.models.kernel_density import kernel_density_loss
from estimators.models.nearest_datum import NearestNeighbourGAN, nearest_datum_loss
from tests.estimators import naive_models as naive

#: Relative agreement of two float64 sums of a few hundred terms, each through exp and log.
SUM_ROUNDING = 1000 * np.finfo(np.float64).eps
SIZES = {"steps": 7, "hidden": (8,), "batch_size": 16, "device": "cpu", "random_state": 0}


def laws(seed):
    """Counts of two laws on eight common atoms, as multiplicities."""
    return np.random.default_rng(seed).integers(1, 20, size=(2, 8))


def repeated(score, counts):
    return score.repeat_interleave(torch.from_numpy(counts))[:, None]


def test_every_registered_f_divergence_can_be_trained_on():
    assert set(FENCHEL) == set(generators)


@pytest.mark.parametrize("name", sorted(FENCHEL))
def test_the_bound_is_the_divergence_at_the_log_ratio_and_below_it_elsewhere(name):
    for seed in range(10):
        counts_p, counts_q = laws(seed)
        p, q = counts_p / counts_p.sum(), counts_q / counts_q.sum()
        exact = float(generators[name].terms(p, q).sum())
        ratio = torch.from_numpy(np.log(p / q))
        if name == "total-variation":
            best = 1e3 * torch.sign(ratio)  # the sign of p − q, which ½ tanh(v/2) reaches to the last bit
        else:
            best = ratio
        at_best = float(variational_bound(repeated(best, counts_p), repeated(best, counts_q), name))
        assert at_best == pytest.approx(exact, rel=SUM_ROUNDING, abs=SUM_ROUNDING)
        for other in range(10):
            v = ratio + torch.from_numpy(np.random.default_rng(other).normal(scale=0.5, size=8))
            value = float(variational_bound(repeated(v, counts_p), repeated(v, counts_q), name))
            assert value < exact + SUM_ROUNDING * (1 + exact)


@pytest.mark.parametrize("name", sorted(FENCHEL))
def test_the_conjugate_is_that_of_the_generator(name):
    v = torch.linspace(-5, 5, 101, dtype=torch.float64)
    fenchel = FENCHEL[name]
    conjugate = generators[name].conjugate(fenchel.witness(v).numpy())
    # exp and its inverse amplify an ulp of T by at most e⁵ ≈ 150 on this range, its square for chi-squared.
    assert fenchel.conjugate(v).numpy() == pytest.approx(conjugate, rel=3e4 * np.finfo(float).eps, abs=1e-11)


@pytest.mark.parametrize("objective", ["alternative", "minimax"])
@pytest.mark.parametrize("name", sorted(FENCHEL))
def test_the_generator_descends_the_stated_objective(name, objective):
    model = FGAN(divergence=name, generator_objective=objective, **SIZES).start(np.eye(20)[:, :3])
    samples = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    scores = model.critic_(samples)
    chosen = FENCHEL[name].conjugate if objective == "minimax" else FENCHEL[name].witness
    assert torch.equal(model._generator_loss(samples), -chosen(scores).mean())


def test_the_saturating_loss_is_log_of_one_minus_d():
    scores = torch.tensor([[0.3], [-2.0], [5.0]], dtype=torch.float64)
    expected = np.mean([np.log(1 - naive.sigmoid(s)) for s in scores[:, 0].tolist()])
    assert float(saturating_loss(scores)) == pytest.approx(expected, rel=SUM_ROUNDING)


def test_the_bounded_gap_is_total_variation_at_a_sure_critic():
    counts_p, counts_q = laws(3)
    p, q = counts_p / counts_p.sum(), counts_q / counts_q.sum()
    sure = 1e3 * torch.sign(torch.from_numpy(p - q))
    total_variation = 0.5 * np.abs(p - q).sum()
    found = float(bounded_gap(repeated(sure, counts_p), repeated(sure, counts_q)))
    assert found == pytest.approx(total_variation, rel=SUM_ROUNDING)
    for seed in range(10):
        v = torch.from_numpy(np.random.default_rng(seed).normal(size=8))
        assert float(bounded_gap(repeated(v, counts_p), repeated(v, counts_q))) < total_variation


def test_clipping_follows_each_step_of_the_critic():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = ClippedWassersteinGAN(clip=0.02, **SIZES).start(X)
    model.step()
    largest = max(float(weight.detach().abs().max()) for weight in model.critic_.parameters())
    assert largest == np.float32(0.02)


def test_the_sobolev_seminorm_of_a_linear_critic_is_its_squared_slope():
    critic = nn.utils.skip_init(nn.Linear, 3, 1).double()
    with torch.no_grad():
        critic.weight[:] = torch.tensor([[1.0, -2.0, 0.5]])
        critic.bias[:] = 1.0
    rng = np.random.default_rng(0)
    data, samples = torch.from_numpy(rng.normal(size=(6, 3))), torch.from_numpy(rng.normal(size=(4, 3)))
    found = mean_squared_gradient(critic, data, samples)
    assert float(found.detach()) == pytest.approx(5.25, rel=SUM_ROUNDING)
    curved = nn.Sequential(critic, nn.Tanh())
    slopes = [
        naive.central_differences(lambda s: float(curved(torch.from_numpy(s)[None]).detach()), x, step=2.0**-17)
        for x in (*data.numpy(), *samples.numpy())
    ]
    squared = [float((slope**2).sum()) for slope in slopes]
    expected = (np.mean(squared[:6]) + np.mean(squared[6:])) / 2
    # Central differences of a tanh are right to about 1e-10 at this step.
    assert float(mean_squared_gradient(curved, data, samples).detach()) == pytest.approx(expected, rel=1e-8)


def test_the_multiplier_rises_while_the_critic_is_too_steep():
    X = np.random.default_rng(0).normal(size=(40, 2))
    steep = nn.utils.skip_init(nn.Linear, 2, 1)
    with torch.no_grad():
        steep.weight[:] = 10.0
        steep.bias[:] = 0.0
    model = SobolevGAN(critic=steep, rho=0.5, critic_steps=1, **SIZES).start(X)
    assert model.multiplier_ == 0.0
    model.step()
    assert model.multiplier_ == pytest.approx(0.5 * (200 - 1), rel=1e-5)  # Ω = 10² + 10², in float32


def test_the_stein_direction_equals_its_definition():
    rng = np.random.default_rng(1)
    x, score = rng.normal(size=(7, 2)), rng.normal(size=(7, 2))
    median = np.median([np.sum((x[i] - x[j]) ** 2) for i in range(7) for j in range(i)])
    for bandwidth in (1.0, 0.3):
        h = bandwidth**2 * median / np.log(8)
        expected = np.zeros_like(x)
        for i in range(7):
            for j in range(7):
                kernel = np.exp(-np.sum((x[j] - x[i]) ** 2) / h)
                expected[i] += (kernel * score[j] - 2 * (x[j] - x[i]) / h * kernel) / 7
        found = stein_direction(torch.from_numpy(x), torch.from_numpy(score), bandwidth).numpy()
        assert found == pytest.approx(expected, rel=SUM_ROUNDING, abs=SUM_ROUNDING)
    alone = stein_direction(torch.zeros(1, 2), torch.tensor([[3.0, -1.0]]))
    assert alone.tolist() == [[3.0, -1.0]]  # one particle climbs the density


def test_the_losses_of_nearest_data_and_kernel_densities_equal_their_sums():
    rng = np.random.default_rng(2)
    samples, data = rng.normal(size=(5, 3)), rng.normal(size=(8, 3))
    squared = ((samples[:, None] - data[None]) ** 2).sum(axis=2)
    nearest = data[squared.argmin(axis=1)]
    found = float(nearest_datum_loss(torch.from_numpy(samples), torch.from_numpy(nearest)))
    assert found == pytest.approx(squared.min(axis=1).mean(), rel=SUM_ROUNDING)
    h = 0.7
    density = np.exp(-squared / (2 * h * h)).mean(axis=1) / (2 * np.pi * h * h) ** 1.5
    found = float(kernel_density_loss(torch.from_numpy(samples), torch.from_numpy(data), h))
    # The distances come from a matrix product at this size: a few ulps of the norms.
    assert found == pytest.approx(-np.log(density).mean(), rel=100 * SUM_ROUNDING)


def test_the_gradient_of_the_kernel_density_loss_is_that_of_its_value():
    rng = np.random.default_rng(8)
    samples, data = torch.from_numpy(rng.normal(size=(4, 2))), torch.from_numpy(rng.normal(size=(7, 2)))
    at = samples.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(kernel_density_loss(at, data, 0.4), at)
    expected = naive.central_differences(
        lambda x: float(kernel_density_loss(torch.from_numpy(x), data, 0.4)), samples.numpy(), step=2.0**-17
    )
    # h² = 2⁻³⁴ times a third derivative of at most some 10³, and 2⁻⁵³ of the value over h.
    assert np.abs(slope.numpy() - expected).max() < 2.0**-24


def test_a_sample_is_pulled_to_the_datum_that_the_index_finds():
    X = np.random.default_rng(0).normal(size=(50, 2))
    exact = NearestNeighbourGAN(**SIZES).fit(X)
    tree = NearestNeighbourGAN(index="kd-tree", **SIZES).fit(X)
    assert np.array_equal(exact.sample(9, random_state=0), tree.sample(9, random_state=0))
    assert not hasattr(exact, "_index")


def test_calibration_finds_the_odds_of_scores():
    """Scores s ~ N(±1, 1) of the two classes have log odds 2s exactly."""
    rng = np.random.default_rng(0)
    n = 20_000
    slope, intercept = calibration(
        torch.from_numpy(rng.normal(1, 1, n)).float(), torch.from_numpy(rng.normal(-1, 1, n)).float()
    )
    # Standard errors are about 0.02 and 0.015 at this n (inverse Fisher information); six of them.
    assert slope == pytest.approx(2, abs=0.12)
    assert intercept == pytest.approx(0, abs=0.09)


def test_the_acceptance_is_the_ratio_of_odds():
    now, proposed = torch.tensor([0.3, 2.0]).double(), torch.tensor([-1.0, 3.0]).double()
    d, d_new = torch.sigmoid(now), torch.sigmoid(proposed)
    expected = torch.clamp((1 / d - 1) / (1 / d_new - 1), max=1).log()
    assert log_acceptance(now, proposed).numpy() == pytest.approx(expected.numpy(), rel=SUM_ROUNDING)


def test_chains_reach_the_law_that_the_critic_knows():
    """Proposals uniform on 0 … 3 and the exact log odds of a target: the chains' frequencies are the target's."""
    target = torch.tensor([0.4, 0.3, 0.2, 0.1])

    class Proposals(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, z):
            uniform = torch.special.ndtr(z[:, :1])
            return (4 * uniform).floor().clamp(0, 3) + 0 * self.unused

    class Odds(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return (target / 0.25).log()[x[:, 0].round().long().clamp(0, 3)][:, None] + self.shift

    X = np.repeat([0.0, 1.0, 2.0, 3.0], [400, 300, 200, 100])[:, None]
    model = MetropolisHastingsGAN(
        generator=Proposals(), critic=Odds(), latent_dim=1, standardise=False, r1=0, chain_length=60, n_calibration=200,
        **{**SIZES, "steps": 1, "lr": 1e-9},
    )  # fmt: skip
    model.fit(X)
    model._calibration = lambda: (1.0, 0.0)  # the critic is exact; its calibration has a test of its own
    n = 20_000
    drawn = np.bincount(model.sample(n, random_state=1)[:, 0].astype(int), minlength=4) / n
    # Six standard errors of a share; 60 proposals of acceptance ≥ 1/4 leave less than 1e-7 of the start.
    assert drawn == pytest.approx(target.numpy(), abs=6 * np.sqrt(0.25 / n))


def test_calibration_rows_are_neither_trained_on_nor_returned():
    X = np.random.default_rng(0).normal(size=(100, 2))
    model = MetropolisHastingsGAN(n_calibration=10, standardise=False, **SIZES).start(X)
    held = {tuple(row) for row in model.calibration_rows_.tolist()}
    trained = {tuple(row) for row in model._data.tolist()}
    assert len(held) == 10
    assert not held & trained
    assert not held & {tuple(row) for row in model.sample(500, random_state=0).astype(np.float32).tolist()}
