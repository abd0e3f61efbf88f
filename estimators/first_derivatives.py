"""Functions with first derivatives alone, which say so where a second one is asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import torch

Backward = Callable[..., tuple[torch.Tensor | None, ...]]


def first_derivatives_alone(remedy: str) -> Callable[[Backward], Backward]:
    """Decorator of a `backward` whose result is held: a graph of it (create_graph=True) raises RuntimeError, `remedy`.

    torch's `once_differentiable` raises only where the slope that comes in has a graph itself. Where it is the constant
    1, as of f(x) alone, the gradient would pass for a constant, and the derivative of f(x) + ‖∇f(x)‖² lack a term.
    """

    def refusing(method: Backward) -> Backward:
        @functools.wraps(method)
        def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            if torch.is_grad_enabled():
                raise RuntimeError(f"create_graph=True asks for second derivatives, and there are first ones: {remedy}")
            return method(ctx, *slopes)

        return backward

    return refusing


def followed(at: torch.Tensor, value: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """`value` (…,), whose gradient in `at` (…) or (…, d) is `slope`, of the shape of `at`: both of them held.

    A function of `at` whose graph is one product. Second derivatives raise RuntimeError.
    """
    return cast(torch.Tensor, _Followed.apply(at, value, slope))


class _Followed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, at: torch.Tensor, value: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        del at
        ctx.save_for_backward(slope)
        return value

    @staticmethod
    @first_derivatives_alone("write the loss out in torch")
    def backward(ctx: Any, weight: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return slope * weight.reshape(*weight.shape, *[1] * (slope.dim() - weight.dim())), None, None
