"""MMD GAN, Cramér GAN and the Sinkhorn model: their distances are the defined ones, and the penalty has derivatives."""

import numpy as np
import pytest
import torch

from estimators import energy_distance
from estimators.kernel_sums import mean_kernel, mean_kernel_within, pull, squared_distances
from estimators.models.gans.cramer import CramerGAN
from estimators.models.gans.mmd import ALPHAS, MMDGAN, rational_quadratic, summed_over_shapes
from estimators.models.sinkhorn import SinkhornGAN
from estimators.result import NotConverged

#: Relative agreement of float64 sums of a few hundred terms.
SUM_ROUNDING = 1000 * np.finfo(np.float64).eps
SIZES = {"steps": 6, "hidden": (8,), "batch_size": 16, "device": "cpu", "random_state": 0}


def features(n, seed):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 3)))


DEFINITIONS = {
    MMDGAN: lambda squared: sum((1 + squared / (2 * alpha)) ** -alpha for alpha in ALPHAS),
    CramerGAN: lambda squared: -(squared**0.5),
}


def kernel_of(model, x, y):
    """k of every row with every row, through `squared_distances`."""
    return model._kernel(squared_distances(x, y)[0])[0]


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_kernels_equal_their_definitions(kind):
    x, y = features(4, 0), features(5, 1)
    found = kernel_of(kind(**SIZES), x, y)
    for i in range(4):
        for j in range(5):
            expected = DEFINITIONS[kind](float(((x[i] - y[j]) ** 2).sum()))
            assert float(found[i, j]) == pytest.approx(expected, rel=SUM_ROUNDING)


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_slopes_and_bends_are_those_of_the_kernel(kind):
    at, step = torch.linspace(0.1, 4, 20, dtype=torch.float64), 2.0**-13
    ahead, here, behind = (kind(**SIZES)._kernel(at + move) for move in (step, 0.0, -step))
    for order in (0, 1):
        # h² = 2⁻²⁶ times a third derivative, of at most some 10³ at 0.1; rounding is 2⁻⁵³/h.
        apart = (ahead[order] - behind[order]) / (2 * step) - here[order + 1]
        assert float(apart.abs().max()) < 2.0**-26 * 2000


def test_rows_that_nearly_coincide_have_no_gradient():
    """In float32 the product form of a distance that small is all rounding, and a root would send it anywhere."""
    x = torch.tensor([[7.0] * 3, [-7.0] * 3], requires_grad=True)  # about 0, so that their own digits are those of 7
    near, far = x.detach()[:1] * (1 + 2.0**-22), torch.tensor([[0.0, 20.0, 0.0]])
    rows = torch.cat([near, far])
    squared, same = squared_distances(x.detach(), rows)
    assert same.tolist() == [[True, False], [False, False]]
    assert (squared > 0).all()
    kernel = CramerGAN(**SIZES)._kernel
    alone, both = (
        torch.autograd.grad(count * mean_kernel(kernel, x, part), x)[0][0] for count, part in ((1, far), (2, rows))
    )
    torch.testing.assert_close(both, alone)
    assert alone.abs().min() > 0
    torch.testing.assert_close(2 * pull(kernel, x, rows)[0], pull(kernel, x, far)[0])


@pytest.mark.parametrize("kind", DEFINITIONS)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_means_and_pulls_are_those_of_a_graph(kind, shape):
    """Values, gradients, and the gradients of a pull, against autograd through the definition in float64."""
    rng = np.random.default_rng(5)
    x, y = (torch.from_numpy(rng.normal(size=(*shape, n, 3)) + 40).requires_grad_(True) for n in (5, 4))
    kernel = kind(**SIZES)._kernel

    def defined(a, b):
        return DEFINITIONS[kind]((a[..., :, None, :] - b[..., None, :, :]).square().sum(dim=-1))

    def check(found, expected, inputs):
        # Centred squares of size 1 out of rows of size 40 are formed from differences: a few hundred roundings.
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)
        weights = torch.from_numpy(rng.normal(size=tuple(expected.shape)))
        ours, theirs = (torch.autograd.grad((weights * value).sum(), inputs) for value in (found, expected))
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)

    check(mean_kernel(kernel, x, y), defined(x, y).mean(dim=(-2, -1)), (x, y))
    apart = ~torch.eye(5, dtype=torch.bool)
    halves = x.transpose(-2, -1)[..., None].expand(*shape, 3, 5, 5)
    own = (halves - halves.mT).square().sum(dim=-3)[..., apart]
    check(mean_kernel_within(kernel, x), DEFINITIONS[kind](own).mean(dim=-1), (x,))
    differences = x[..., :, None, :] - y[..., None, :, :]
    slope = kernel_slope(kind, differences.square().sum(dim=-1))
    check(pull(kernel, x, y), (2 * slope[..., None] * differences).mean(dim=-2), (x, y))


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_autocast_rounds_no_product(kind):
    """In bfloat16 products of rows of size 40 would be off by a tenth."""
    rng = np.random.default_rng(6)
    x, y = (torch.from_numpy(rng.normal(size=(n, 3)).astype("f4") + 40).requires_grad_(True) for n in (5, 4))
    kernel = kind(**SIZES)._kernel

    def found():
        value = mean_kernel(kernel, x, y) + mean_kernel_within(kernel, x) + pull(kernel, x, y).square().sum()
        return value, *torch.autograd.grad(value, (x, y))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = found()
    for ours, exact in zip(rounded, found(), strict=True):
        assert torch.equal(ours, exact)


def kernel_slope(kind, squared):
    """dk/ds by autograd, with a graph of its own."""
    value = DEFINITIONS[kind](squared)
    return torch.autograd.grad(value.sum(), squared, create_graph=True)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_compiled_kernel_is_the_one_shape_by_shape(dtype):
    """From 0 to beyond what any features are apart, over more than one block; a dozen roundings."""
    squared = torch.cat([torch.zeros(1), torch.logspace(-30, 12, 2500)]).to(dtype).reshape(41, 61)
    for found, expected in zip(rational_quadratic(squared), summed_over_shapes(squared.double()), strict=True):
        assert float((found / expected - 1).abs().max()) < 12 * torch.finfo(dtype).eps


def test_the_distance_of_cramer_features_is_the_energy_distance():
    x, y = features(9, 2), features(11, 3) + 1
    model = CramerGAN(**SIZES)
    expected = float(energy_distance(x.numpy(), y.numpy(), squared=True, statistic="u"))
    assert float(model._squared_distance(x, y)) == pytest.approx(expected, rel=SUM_ROUNDING)


@pytest.mark.parametrize("kind", [MMDGAN, CramerGAN])
def test_the_squared_distance_is_the_mean_of_the_unbiased_terms(kind):
    x, y = features(5, 4), features(6, 5)
    model = kind(**SIZES)
    within = [
        float(kernel_of(model, a, a)[i, j]) for a in (x, y) for i in range(len(a)) for j in range(len(a)) if i != j
    ]
    among = np.mean(within[:20]) + np.mean(within[20:])
    expected = among - 2 * np.mean(kernel_of(model, x, y).numpy())
    assert float(model._squared_distance(x, y)) == pytest.approx(expected, rel=SUM_ROUNDING)


@pytest.mark.parametrize("kind", [MMDGAN, CramerGAN])
def test_the_penalty_is_that_of_the_witness_and_reaches_the_weights(kind):
    """Loss = penalty·P − D²: two penalties give P, which is recomputed from central differences of the witness."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    losses = []
    for penalty in (1.0, 2.0):
        model = kind(penalty=penalty, n_critic_features=4, **SIZES).start(X)
        model.critic_.double()
        data = model._data[:16].double()
        samples = torch.from_numpy(np.random.default_rng(1).normal(size=(16, 2)))
        model._rng = torch.Generator().manual_seed(3)
        loss = model._critic_loss(data, samples)
        gradients = torch.autograd.grad(loss, list(model.critic_.parameters()))
        assert all(bool(torch.isfinite(g).all()) for g in gradients)
        losses.append(float(loss.detach()))
    mixing = torch.rand(16, 1, generator=torch.Generator().manual_seed(3)).double()
    between = mixing * data + (1 - mixing) * samples
    with torch.no_grad():
        h, g = model.critic_(data), model.critic_(samples)

        def witness(at):
            features_at = model.critic_(at)
            return (kernel_of(model, features_at, h).mean(dim=1) - kernel_of(model, features_at, g).mean(dim=1)).numpy()

        step = 2.0**-20
        slopes = np.stack(
            [(witness(between + step * e) - witness(between - step * e)) / (2 * step) for e in torch.eye(2).double()]
        )
    expected = np.mean((np.sqrt((slopes**2).sum(axis=0)) - 1) ** 2)
    # Central differences at 2⁻²⁰ of a piecewise smooth function of order 1: 1e-10 of rounding; kinks are rare.
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("parameter", "value"), [("penalty", 0.0), ("n_critic_features", 0), ("batch_size", 1)])
def test_bad_parameters_are_refused_by_name(parameter, value):
    with pytest.raises(ValueError, match=parameter):
        MMDGAN(**{**SIZES, parameter: value}).fit(np.eye(5)[:, :3])


def test_a_sinkhorn_step_that_has_not_converged_stops_the_run():
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(NotConverged, match="max_iter"):
        SinkhornGAN(epsilon=1e-3, max_iter=2, **SIZES).fit(X)
    with pytest.raises(ValueError, match="p is 3"):
        SinkhornGAN(p=3, **SIZES).fit(X)
