"""Where a derivative is made by formula, a second one is refused and never 0 in silence."""

import pytest
import torch

from estimators.entropic_cost import entropic_cost
from estimators.first_derivatives import followed
from estimators.kernel_sums import mean_kernel, mean_kernel_within, pull
from estimators.losses import entropic_loss, mmd_loss, sinkhorn_loss
from estimators.models.kernel_density import kernel_density_loss

Y = torch.linspace(-1, 1, 8, dtype=torch.float64).reshape(4, 2)


def gaussian(squared):
    power = (-squared).exp()
    return power, -power, power


FORMULAS = {
    "mean_kernel": lambda x: mean_kernel(gaussian, x, Y),
    "mean_kernel_within": lambda x: mean_kernel_within(gaussian, x),
    "pull": lambda x: pull(gaussian, x, Y).square().sum(),
    "entropic_cost": lambda x: entropic_cost(torch.cdist(x, Y).square(), 0.5, 1e-8, 1000),
    "followed": lambda x: followed(x, x.detach().sum(dim=-1), torch.ones_like(x)).sum(),
    "mmd_loss": lambda x: mmd_loss(Y, x, 1.0, 2),
    "sinkhorn_loss": lambda x: sinkhorn_loss(Y, x, 0.5, tolerance=1e-8),
    "entropic_loss": lambda x: entropic_loss(Y, x, 0.5, tolerance=1e-8),
    "kernel_density_loss": lambda x: kernel_density_loss(x, Y, 0.5),
}


def rows():
    return (Y[:3] + torch.tensor([0.3, 0.1], dtype=torch.float64)).requires_grad_(True)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_first_derivative_is_that_of_small_steps(name):
    x, step = rows(), 1e-5
    (gradient,) = torch.autograd.grad(FORMULAS[name](x), x)
    for place in range(x.numel()):
        moved = torch.zeros(x.numel(), dtype=x.dtype)
        moved[place] = step
        ends = [float(FORMULAS[name](x.detach() + sign * moved.reshape(x.shape))) for sign in (1, -1)]
        if name != "followed":  # whose value is given, and does not move
            assert float(gradient.flatten()[place]) == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-4)
    assert gradient.abs().max() > 1e-3, "a gradient of 0 would agree with anything flat"


@pytest.mark.parametrize("name", FORMULAS)
def test_a_penalty_on_the_gradient_is_refused(name):
    """The derivative of f(x) + ‖∇f(x)‖² would lack its second term."""
    x = rows()
    with pytest.raises(RuntimeError, match="create_graph=True asks for second derivatives, and there are first ones: "):
        penalised(FORMULAS[name](x), x).backward()


def penalised(value, x):
    (gradient,) = torch.autograd.grad(value, x, create_graph=True)
    return value + gradient.square().sum()


@pytest.mark.parametrize("shape", [(2,), (2, 3), (4, 2, 3)])
def test_what_is_followed_has_the_value_and_the_slope(shape):
    """Of every entry, or of rows of d."""
    drawn = torch.Generator().manual_seed(0)
    at, slope = (torch.randn(shape, generator=drawn) for _ in range(2))
    at.requires_grad_(True)
    for value, weight in (
        (torch.randn(shape, generator=drawn), slope),
        (torch.randn(shape[:-1], generator=drawn), slope),
    ):
        found = followed(at, value, slope)
        assert torch.equal(found, value)
        assert torch.equal(torch.autograd.grad(3 * found.sum(), at)[0], 3 * weight)
