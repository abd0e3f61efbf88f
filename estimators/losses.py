"""Divergences as differentiable functions of samples: pure, in torch, the gradient in either argument."""

from __future__ import annotations

import torch

from estimators.entropic_cost import entropic_cost
from estimators.first_derivatives import followed

#: Coordinates from which on products take the place of differences in distances, and in the squares of kernels.
WIDE, NARROW = 128, 16


def mmd_loss(data: torch.Tensor, samples: torch.Tensor, widest: float | torch.Tensor, n_widths: int) -> torch.Tensor:
    """The unbiased estimate of MMD² for the mean of Gaussian kernels exp(−‖x−y‖²/2h²), h = widest/2ᵏ, k < n_widths.

    1/(n(n−1)) Σ_{i≠j} k(xᵢ, xⱼ) + 1/(m(m−1)) Σ_{i≠j} k(yᵢ, yⱼ) − 2/(nm) Σ k(xᵢ, yⱼ), for `data` (…, n, d)
    and `samples` (…, m, d), n, m ≥ 2, and `widest` a number or (…). It may be negative. First derivatives in data and
    samples alone: second ones raise RuntimeError. In float32 each halving multiplies the rounding of an exponent by
    four, some 2⁻²³ of it at first; beyond 16 coordinates squares are off by some 2⁻²³ (‖x‖² + ‖y‖²), which narrow
    kernels of tight clusters feel.
    Source: Gretton et al. 2012, equation 3.
    """

    wide = widest.to(data)[..., None, None] if isinstance(widest, torch.Tensor) else widest

    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        squared = _products(x, y)  # for its gradient, which cancellation does not touch
        with torch.no_grad():
            # A kernel of half the width is the fourth power, four times as steep: one exponential serves them all.
            rate = -0.5 / (wide * wide)
            if x.shape[-1] <= NARROW:
                exact = _distances(x, y).square_()
            else:
                exact = squared.clamp_min(0)
            power = exact.mul_(rate).exp_()
            value, steep, fourfold = power.clone(), power.clone(), 1.0
            for _ in range(n_widths - 1):
                power, fourfold = power.square_().square_(), 4 * fourfold
                value, steep = value.add_(power), steep.add_(power, alpha=fourfold)
        return followed(squared, value / n_widths, steep * (rate / n_widths))

    among = mean_over_pairs(kernel(data, data)) + mean_over_pairs(kernel(samples, samples))
    return among - 2 * kernel(data, samples).mean(dim=(-2, -1))


def energy_loss(data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """The unbiased estimate of ℰ² = 2E‖X−Y‖ − E‖X−X'‖ − E‖Y−Y'‖, for `data` (…, n, d), `samples` (…, m, d), n, m ≥ 2.

    Twice the MMD² of the distance-induced kernel. It may be negative. Source: Székely & Rizzo 2013;
    Sejdinovic et al. 2013, theorem 22.
    """
    between = _distances(data, samples).mean(dim=(-2, -1))
    return 2 * between - mean_over_pairs(_distances(data, data)) - mean_over_pairs(_distances(samples, samples))


def sliced_loss(data: torch.Tensor, samples: torch.Tensor, directions: torch.Tensor, p: float = 2.0) -> torch.Tensor:
    """SW_pᵖ = the mean over `directions` (k, d) of the mean of |sorted(θ·x) − sorted(θ·y)|ᵖ, for (n, d) and (n, d).

    The directions are the caller's, of norm 1, and drawn anew for each step of a descent. Raises ValueError unless the
    samples have one size. Source: Bonneel et al. 2015; Deshpande, Zhang & Schwing 2018.
    """
    if data.shape != samples.shape:
        raise ValueError(f"data is {tuple(data.shape)} and samples {tuple(samples.shape)}: pass as many of each")
    x, y = (torch.sort(points @ directions.T, dim=0).values for points in (data, samples))
    return (x - y).abs().pow(p).mean()


def sinkhorn_loss(
    data: torch.Tensor,
    samples: torch.Tensor,
    epsilon: float,
    p: int = 2,
    tolerance: float = 1e-4,
    max_iter: int = 1000,
) -> torch.Tensor:
    """S_ε = OT_ε(x, y) − ½OT_ε(x, x) − ½OT_ε(y, y), cost ‖x−y‖ᵖ, p 1 or 2, `data` (…, n, d) and `samples` (…, m, d).

    As `estimators.sinkhorn_divergence`, with the gradient at the best couplings, held (`entropic_cost`). Raises
    NotConverged when `max_iter` sweeps leave more than `tolerance` of the mass of a marginal missing.
    Source: Feydy et al. 2019, section 3.
    """

    def cost(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        distances = _distances(x, y)
        return distances if p == 1 else (x[..., :, None, :] - y[..., None, :, :]).square().sum(dim=-1)

    if p not in (1, 2):
        raise ValueError(f"p is {p!r}: pass 1 or 2")
    whole = entropic_cost(cost(data, samples), epsilon, tolerance, max_iter)
    own = [entropic_cost(cost(x, x), epsilon, tolerance, max_iter, same=True) for x in (data, samples)]
    return whole - (own[0] + own[1]) / 2


def entropic_loss(
    data: torch.Tensor, samples: torch.Tensor, epsilon: float, tolerance: float = 1e-4, max_iter: int = 1000
) -> torch.Tensor:
    """OT_ε(x, y) = min over couplings π of E_π ‖x − y‖² + ε KL(π‖uniform), `data` (…, n, d), `samples` (…, m, d).

    `sinkhorn_loss` without what debiases it; the gradient is that at the best π, held (Danskin). Raises NotConverged
    as `sinkhorn_loss` does. Source: Cuturi 2013.
    """
    # By products: a cost is wanted to a small share of ε, and differences would fill n·m·d numbers a step.
    with torch.autocast(data.device.type, enabled=False):  # nor in half precision, which would lose that share
        squares = data.square().sum(dim=-1)[..., :, None] + samples.square().sum(dim=-1)[..., None, :]
        return entropic_cost(squares - 2 * data @ samples.mT, epsilon, tolerance, max_iter)


def _distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """‖xᵢ − yⱼ‖ by differences, (…, n, m), with gradient 0 where two points coincide.

    The matrix-product form would lose the small distances, on which narrow kernels live. In more than `WIDE`
    coordinates, where distances are of the size of the rows, it serves: some 2⁻²³ (‖x‖² + ‖y‖²) of error in the square.
    """
    mode = "use_mm_for_euclid_dist" if x.shape[-1] > WIDE else "donot_use_mm_for_euclid_dist"
    return torch.cdist(x, y, compute_mode=mode)


def mean_over_pairs(values: torch.Tensor) -> torch.Tensor:
    """The mean of values (…, n, n) off the diagonal, (…)."""
    n = values.shape[-1]
    diagonal = values.diagonal(dim1=-2, dim2=-1)
    return (values.sum(dim=(-2, -1)) - diagonal.sum(dim=-1)) / (n * (n - 1))


def _products(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """‖xᵢ − yⱼ‖² by one product, about the mean of y; it may be below 0, and is float32 at least."""
    with torch.autocast(x.device.type, enabled=False):  # products in half precision would tell few rows apart
        centre = y.detach().mean(dim=-2, keepdim=True)  # a shared offset would take the digits of what tells apart
        x, y = x - centre, y - centre
        return x.square().sum(dim=-1)[..., :, None] + y.square().sum(dim=-1)[..., None, :] - 2 * x @ y.mT
