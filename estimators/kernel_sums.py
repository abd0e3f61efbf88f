"""Means of a kernel over pairs of rows, and their gradients by formula, in place of a graph of n × m matrices."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

from estimators.first_derivatives import first_derivatives_alone

F = TypeVar("F", bound=Callable[..., Any])
#: k as a function of s = ‖x − y‖², then dk/ds, then, where `pull` is asked for, d²k/ds²: elementwise, in new tensors.
Kernel = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]

_OF_MEANS = "take the gradient of a mean by `pull`, which has a derivative, or write the mean out in torch"
_OF_PULL = "write the gradient out in torch"


def mean_kernel(kernel: Kernel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """1/(nm) Σᵢⱼ k(‖xᵢ − yⱼ‖²), for x (…, n, s) and y (…, m, s), ↦ (…,). First derivatives alone: others raise.

    Squares are those of `squared_distances`; pairs that these do not tell apart have no gradient.
    """
    value: torch.Tensor = _Mean.apply(_wide(x), _wide(y), kernel)
    return value


def mean_kernel_within(kernel: Kernel, x: torch.Tensor) -> torch.Tensor:
    """1/(n(n−1)) Σ_{i≠j} k(‖xᵢ − xⱼ‖²), for x (…, n, s), n ≥ 2, ↦ (…,). First derivatives alone, as `mean_kernel`."""
    if x.shape[-2] < 2:
        raise ValueError(f"x has {x.shape[-2]} rows; give at least 2, of which there are pairs")
    value: torch.Tensor = _MeanWithin.apply(_wide(x), kernel)
    return value


def pull(kernel: Kernel, at: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """∇ of h ↦ 1/m Σⱼ k(‖h − rowsⱼ‖²) at every row of `at`: (…, n, s) and (…, m, s) ↦ (…, n, s).

    It is differentiable in both, once; second derivatives raise RuntimeError. Pairs that `squared_distances` does not
    tell apart have no part in it.
    """
    value: torch.Tensor = _Pull.apply(_wide(at), _wide(rows), kernel)
    return value


def squared_distances(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """‖xᵢ − yⱼ‖², (…, n, m), for x (…, n, s) and y (…, m, s), by one product; and which pairs are not told apart.

    What lies under (s + 1) ε (‖x‖² + ‖y‖²), ε = 2u, which rounding of the three sums can reach, is that bound: rows
    that near are the same row, and a root of what is left of them would send its gradient anywhere. Without a graph.
    """
    with torch.no_grad():
        norms = x.square().sum(dim=-1)[..., :, None] + y.square().sum(dim=-1)[..., None, :]
        kind = torch.finfo(norms.dtype)
        floor = (norms * ((x.shape[-1] + 1) * kind.eps)).clamp_min_(kind.tiny)
        squared = norms.add_((-2 * x) @ y.mT)
        return torch.maximum(squared, floor), squared <= floor


def _unrounded(method: F) -> F:
    """`method` without autocast: products in half precision would tell few rows apart."""

    @functools.wraps(method)
    def called(ctx: Any, first: torch.Tensor, *rest: Any) -> Any:
        with torch.autocast(first.device.type, enabled=False):
            return method(ctx, first, *rest)

    return cast(F, called)


class _Mean(torch.autograd.Function):
    """Value and gradients are made together, from one product of the rows."""

    @staticmethod
    @_unrounded
    def forward(ctx: Any, x: torch.Tensor, y: torch.Tensor, kernel: Kernel) -> torch.Tensor:
        x, y = _centred(x, y)
        squared, near = squared_distances(x, y)
        k, slope = kernel(squared)[:2]
        slope = slope.masked_fill_(near, 0).mul_(2 / (x.shape[-2] * y.shape[-2]))
        asked = ctx.needs_input_grad
        ctx.save_for_backward(
            _moments(slope, x, y) if asked[0] else None, _moments(slope.mT, y, x) if asked[1] else None
        )
        return k.mean(dim=(-2, -1))

    @staticmethod
    @first_derivatives_alone(_OF_MEANS)
    @_unrounded
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        of_x, of_y = (None if own is None else slope[..., None, None] * own for own in ctx.saved_tensors)
        return of_x, of_y, None


class _MeanWithin(torch.autograd.Function):
    """As `_Mean`, of a sample with itself; each pair counts twice, and none with itself."""

    @staticmethod
    @_unrounded
    def forward(ctx: Any, x: torch.Tensor, kernel: Kernel) -> torch.Tensor:
        (x,) = _centred(x)
        squared, near = squared_distances(x, x)
        k, slope = kernel(squared)[:2]
        pairs = x.shape[-2] * (x.shape[-2] - 1)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(_moments(slope.masked_fill_(near, 0).mul_(4 / pairs), x, x))
        return (k.sum(dim=(-2, -1)) - k.diagonal(dim1=-2, dim2=-1).sum(dim=-1)) / pairs

    @staticmethod
    @first_derivatives_alone(_OF_MEANS)
    @_unrounded
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return slope[..., None, None] * ctx.saved_tensors[0], None


class _Pull(torch.autograd.Function):
    """Σⱼ wᵢⱼ (hᵢ − rⱼ), w = 2k′/m. With v the slope of what it goes into, dw moves it by (hᵢ − rⱼ)·vᵢ of 4k″/m."""

    @staticmethod
    @_unrounded
    def forward(ctx: Any, at: torch.Tensor, rows: torch.Tensor, kernel: Kernel) -> torch.Tensor:
        rows, at = _centred(rows, at)
        squared, near = squared_distances(at, rows)
        _, weights, bend = kernel(squared)
        weights, bend = (part.masked_fill_(near, 0) for part in (weights, bend))
        weights.mul_(2 / rows.shape[-2])
        ctx.save_for_backward(at, rows, weights, bend)
        return _moments(weights, at, rows)

    @staticmethod
    @first_derivatives_alone(_OF_PULL)
    @_unrounded
    def backward(ctx: Any, v: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        at, rows, weights, bend = ctx.saved_tensors
        along = (v * at).sum(dim=-1, keepdim=True) - v @ rows.mT
        turned = along.mul_(bend).mul_(4 / rows.shape[-2])
        of_at = weights.sum(dim=-1, keepdim=True) * v + _moments(turned, at, rows)
        of_rows = _moments(turned.mT, rows, at) - weights.mT @ v
        return of_at, of_rows, None


def _wide(rows: torch.Tensor) -> torch.Tensor:
    """Half precision as float32."""
    return rows if rows.dtype in (torch.float32, torch.float64) else rows.float()


def _centred(*samples: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """All less the mean of the first: a shared offset would take the digits of what tells rows apart."""
    centre = samples[0].mean(dim=-2, keepdim=True)
    return tuple(rows - centre for rows in samples)


def _moments(weights: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Σⱼ weightsᵢⱼ (xᵢ − yⱼ), (…, n, s)."""
    return weights.sum(dim=-1, keepdim=True) * x - weights @ y
