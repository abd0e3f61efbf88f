"""Variants of IMLE: what each changes in the assignment or the weights, and what it leaves alone."""

import numpy as np
import pytest
import torch

from estimators.models.adaptive_imle import AdaptiveIMLE
from estimators.models.imle import IMLE, imle_loss
from estimators.models.rejection_sampling_imle import RejectionSamplingIMLE
from estimators.models.weighted_imle import WeightedIMLE, likelihood_weights, weighted_imle_loss

SIZES = {
    "steps": 20, "hidden": (8,), "batch_size": 16, "n_samples": 32, "inner_steps": 5, "device": "cpu",
    "random_state": 0, "standardise": False,
}  # fmt: skip
#: Relative agreement of two float64 sums of fewer than 100 terms.
SUM_ROUNDING = 100 * np.finfo(np.float64).eps


def data(n=40, d=2):
    return np.random.default_rng(3).normal(size=(n, d))


def samples_of(model, z):
    with torch.no_grad():
        return model.generator_(z).numpy().astype(np.float64)


def test_the_number_of_samples_grows_geometrically_to_its_last():
    model = IMLE(**{**SIZES, "n_samples": 10, "n_samples_last": 1000}).start(data())
    assert model.n_samples_now == 10
    model.step_ = 10
    assert model.n_samples_now == 100
    model.step_ = 20
    assert model.n_samples_now == 1000
    assert IMLE(**SIZES).start(data()).n_samples_now == 32


def test_equal_weights_are_plain_imle():
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(6, 3))), torch.from_numpy(rng.normal(size=(6, 3)))
    assert float(weighted_imle_loss(x, y, torch.ones(6).double())) == pytest.approx(
        float(imle_loss(x, y, 1)), rel=SUM_ROUNDING
    )
    weights = torch.from_numpy(rng.random(6))
    expected = np.mean([float(w) * float(((a - b) ** 2).sum()) for w, a, b in zip(weights, x, y, strict=True)])
    assert float(weighted_imle_loss(x, y, weights)) == pytest.approx(expected, rel=SUM_ROUNDING)


def test_the_weights_are_inverse_distances_of_mean_one_and_bounded():
    squared = torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64)
    weights = likelihood_weights(squared, 1e-12)
    assert float(weights.mean()) == pytest.approx(1, rel=SUM_ROUNDING)
    assert (weights * squared).numpy() == pytest.approx(float(weights[0]), rel=1e-10)  # the floor moves them by 1e-11
    # An exact hit weighs at most (1 + floor)/floor times a datum at the mean.
    hit = likelihood_weights(torch.tensor([0.0, 1.0, 1.0, 2.0], dtype=torch.float64), 0.05)
    assert float(hit[0] / hit[1]) == pytest.approx(1.05 / 0.05, rel=SUM_ROUNDING)
    assert torch.isfinite(likelihood_weights(torch.zeros(3, dtype=torch.float64), 0.05)).all()


def test_the_weighted_gradient_is_that_of_the_sum_of_logarithms():
    """With wᵢ = 1/Rᵢ held fixed, ∇ Σ wᵢ Rᵢ = ∇ Σ log Rᵢ, up to the factor that makes the weights' mean 1."""
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.normal(size=(5, 2)))
    shift = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    y = torch.from_numpy(rng.normal(size=(5, 2)))
    squared = (y + shift - x).square().sum(dim=1)
    weights = likelihood_weights(squared.detach(), 1e-15)
    (weighted,) = torch.autograd.grad(weighted_imle_loss(x, y + shift, weights), shift, retain_graph=True)
    (logarithm,) = torch.autograd.grad(squared.log().sum(), shift)
    assert (weighted / weighted.norm()).numpy() == pytest.approx((logarithm / logarithm.norm()).numpy(), rel=1e-10)


def test_the_mean_squares_are_averaged_over_the_outer_steps_of_each_datum():
    model = WeightedIMLE(n_assigned=10, memory=0.75, **SIZES).start(data())
    model.step()
    first = model.mean_squared_.clone()
    assert int((~first.isnan()).sum()) == 10
    model.mean_squared_[:] = 8.0
    model.outer_step()
    rows = model.assigned_
    x = model._data[rows].numpy().astype(np.float64)
    # The latents are those of the nearest samples, so their distances are the new Rᵢ.
    squared = ((samples_of(model, model.latents_) - x) ** 2).sum(axis=1)
    assert model.mean_squared_[rows].numpy() == pytest.approx(0.75 * 8 + 0.25 * squared, rel=1e-5)  # float32 samples
    others = np.setdiff1d(np.arange(40), rows.numpy())
    assert (model.mean_squared_[torch.from_numpy(others)] == 8.0).all()


def test_the_weights_turn_the_gradient_towards_maximum_likelihood():
    """N(θ, 1) and the data 0 (three times) and 2, m = 16: between both roots the two gradients have opposite signs.

    Plain IMLE has its root at .802 and the weighted one at .418, by quadrature; the MLE is the mean, .5.
    """
    rng = np.random.default_rng(0)
    at, X, n = 0.6, np.array([0.0, 0.0, 0.0, 2.0]), 200_000
    drawn = at + rng.standard_normal((n, 16))
    residuals = np.stack([drawn[np.arange(n), np.abs(drawn - x).argmin(axis=1)] - x for x in X], axis=1)
    weights = likelihood_weights(torch.from_numpy((residuals**2).mean(axis=0)), 1e-12).numpy()
    for each, sign in ((residuals.mean(axis=1), -1), ((residuals * weights).mean(axis=1), 1)):
        # The quadrature puts the means 50 and 10 standard errors from 0; the three equal data share their samples.
        assert sign * each.mean() > 6 * each.std() / np.sqrt(n)


def test_rejected_samples_are_within_the_radius_of_a_datum_and_no_others():
    model = RejectionSamplingIMLE(radius=0.4, least_kept=0.01, **SIZES).start(data())
    rng = np.random.default_rng(5)
    samples = rng.normal(size=(32, 2)).astype(np.float32)
    z = torch.arange(32.0)[:, None]
    kept_z, kept = model._candidates(z, samples)
    X = model._data.numpy().astype(np.float64)
    nearest = np.sqrt(((samples[:, None].astype(np.float64) - X[None]) ** 2).sum(axis=2)).min(axis=1)
    expected = np.flatnonzero(nearest > 0.4)
    assert 0 < len(expected) < 32
    assert kept_z[:, 0].tolist() == expected.tolist()
    assert np.array_equal(kept, samples[expected])


def test_where_too_many_are_rejected_the_farthest_stay():
    model = RejectionSamplingIMLE(radius=1e6, least_kept=0.25, **SIZES).start(data())
    samples = np.random.default_rng(5).normal(size=(32, 2)).astype(np.float32)
    kept_z, _ = model._candidates(torch.arange(32.0)[:, None], samples)
    X = model._data.numpy().astype(np.float64)
    nearest = np.sqrt(((samples[:, None].astype(np.float64) - X[None]) ** 2).sum(axis=2)).min(axis=1)
    assert kept_z[:, 0].int().tolist() == sorted(np.argsort(-nearest)[:8].tolist())


def test_a_datum_keeps_its_sample_until_it_reaches_its_threshold():
    model = AdaptiveIMLE(shrink=0.5, **SIZES).start(data())
    model.outer_step()
    held, threshold = model.held_.clone(), model.threshold_.clone()
    x = model._data.numpy().astype(np.float64)
    distances = np.sqrt(((samples_of(model, held) - x) ** 2).sum(axis=1))
    assert threshold.numpy() == pytest.approx(0.5 * distances, rel=1e-5)  # float32 samples
    # Two data are told that they have arrived; the weights have not moved, so no other has.
    model.threshold_[[4, 11]] = 1e6
    model.outer_step()
    changed = torch.nonzero((model.held_ != held).any(dim=1))[:, 0].tolist()
    assert set(changed) <= {4, 11}
    assert changed
    assert float(model.threshold_[4]) < 1e6
    assert torch.equal(model.assigned_, torch.arange(40))


def test_where_none_has_arrived_the_nearest_to_its_threshold_moves_on():
    model = AdaptiveIMLE(shrink=0.5, **SIZES).start(data())
    model.outer_step()
    model.threshold_[:] = 1e-9
    model.threshold_[7] = 1e-3
    assert model._to_assign(32).tolist() == [7]


@pytest.mark.parametrize(
    ("model", "parameter", "value"),
    [
        (WeightedIMLE, "memory", 1.0), (WeightedIMLE, "floor", 0.0), (RejectionSamplingIMLE, "radius", -1.0),
        (RejectionSamplingIMLE, "least_kept", 1.5), (AdaptiveIMLE, "shrink", 1.0), (AdaptiveIMLE, "n_assigned", 5),
        (IMLE, "n_samples_last", 0),
    ],
)  # fmt: skip
def test_bad_parameters_of_their_own_are_refused_by_name(model, parameter, value):
    with pytest.raises(ValueError, match=parameter):
        model(**{**SIZES, parameter: value}).fit(data())
