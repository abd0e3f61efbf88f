"""Lower bounds on the log-likelihood of a generator, from entropic couplings; neither is the likelihood itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from scipy.special import xlogy

from estimators.densities import Gaussian
from estimators.measures import weighted_pair
from estimators.points import as_points
from estimators.result import Certificate, Estimate, NotConverged
from estimators.transport_gaussian import UNIT_ROUNDOFF, product_error, root_error
from estimators.transport_solvers import refuse_too_large

Array = NDArray[np.float64]

#: Sweeps between two certificates, each of which costs about two.
_SWEEPS = 10


@dataclass(frozen=True, eq=False)
class EntropicBound:
    """What `entropic_bound` found: `estimate`, a lower bound on the mean log-likelihood, and a bound for each point.

    `images` (m, d) are G(x₁) … G(x_m), `weights` (m,) the law of x, `potential` (m,) is D₂/λ up to its sign, and
    `sweeps` is how many updates of both potentials there were.
    """

    estimate: Estimate
    images: Array
    weights: Array
    temperature: float
    potential: Array
    sweeps: int

    def log_lower_bounds(self, points: ArrayLike) -> Array:
        """A lower bound on log Σⱼ bⱼ f(y|xⱼ) at each row y of `points` (n, d), in nats, shape (n,); also held-out ones.

        log C − (1/λ) Σⱼ π(j|y) ‖y − G(xⱼ)‖² − KL(π(·|y)‖b), where π(j|y) ∝ bⱼ exp(γⱼ − ‖y − G(xⱼ)‖²/λ) and γ is the
        potential. It bounds for every γ; with the fitted one π is the entropic coupling, carried to new points.
        """
        y = as_points(points, "points", dimension=self.images.shape[1])
        losses = _scaled_losses(y, self.images, self.temperature)
        row_potential, conditional = _rows(losses, self.weights, self.potential)
        return _log_constant(y.shape[1], self.temperature) - row_potential - conditional @ self.potential


def entropic_bound(
    Y: Any, images: Any, *, temperature: float, tolerance: float = 1e-6, max_iter: int = 2000
) -> EntropicBound:
    """The sample-likelihood surrogate of an entropic GAN: a lower bound on E log f_Y(Y), in nats.

    f_Y(y) = Σⱼ bⱼ f(y|xⱼ), f(y|x) = C e^{−‖y − G(x)‖²/λ}, C = (πλ)^{−d/2}, and for every coupling π of Y and X

        E log f_Y(Y) ≥ log C − (1/λ) E_π ‖Y − G(X)‖² − KL(π‖P_Y ⊗ P_X),

    where π is the entropic-optimal one, which makes the right side largest among the couplings of the two laws given.
    `Y`: (n, d) or an Empirical; `images`: G at the m latents, (m, d), or an Empirical; `temperature`: λ > 0, in
    squared units of Y. The gap is E KL(π(x|y)‖f(x|y)), and is not known here.

    f_Y is the mixture over the latents given. Over latents that are drawn, independently of a point y, its mean
    log f_Y(y) is at most that of the generator (Jensen), so that there the bound holds on average, not for each draw.

    Found by Sinkhorn's updates of both potentials in the log domain. The certificate encloses the best coupling's
    value: from below by a coupling with both marginals, from above by the dual. Converged means that it is narrower
    than `tolerance`, in nats, or than rounding allows; a bound it is at any sweep. No standard error is claimed: the
    coupling is fitted to the very points. Raises NotConverged, with the partial Estimate, after `max_iter` sweeps,
    MemoryError where the losses would not fit, ValueError for λ ≤ 0 or so small that losses overflow.

    Source: Balaji, Hassani, Chellappa & Feizi 2019, theorem 1 (recalled); Cuturi 2013; rounding to a coupling as in
    Altschuler, Weed & Rigollet 2017, algorithm 2.
    """
    for name, value in (("temperature", temperature), ("tolerance", tolerance)):
        _require_positive(name, value)
    if not (isinstance(max_iter, Integral) and max_iter >= 1):
        raise ValueError(f"max_iter is {max_iter!r}: pass a whole number of sweeps ≥ 1")
    data, latents = weighted_pair(Y, images, ("Y", "images"))
    refuse_too_large(len(data.points), len(latents.points))
    temperature = float(temperature)
    losses = _scaled_losses(data.points, latents.points, temperature)
    # The weights sum to 1 up to rounding; couplings want equal sums.
    a, b = data.weights / data.weights.sum(), latents.weights / latents.weights.sum()
    potential = np.zeros(len(b))
    for sweep in range(1, int(max_iter) + 1):
        if sweep % _SWEEPS == 1 or sweep == max_iter:
            estimate = _certified(losses, a, b, potential, _log_constant(data.points.shape[1], temperature), tolerance)
            if estimate.converged:
                return EntropicBound(estimate, latents.points, b, temperature, potential, sweep)
        row_potential = -_log_mean_exp(potential - losses, b[None, :], axis=1)
        potential = -_log_mean_exp(row_potential[:, None] - losses, a[:, None], axis=0)
    assert estimate.certificate is not None
    raise NotConverged(
        f"after {max_iter} sweeps the coupling's value is known to {estimate.certificate.gap:.3g} nats: raise "
        "max_iter, temperature or tolerance",
        estimate,
    )


def gaussian_entropic_bound(P: Gaussian, slope: ArrayLike, offset: ArrayLike = 0.0, *, temperature: float) -> Estimate:
    """`entropic_bound` in closed form, for Y ~ P = N(μ, Σ), X ~ N(0, I) on ℝʳ and G(x) = A x + c; in nats.

    −(d/2) log(πλ) − (1/λ)(‖μ − c‖² + tr Σ + ‖A‖² − 2 Σᵢ sᵢρᵢ) + ½ Σᵢ log(1 − ρᵢ²), where s₁, s₂, … are the singular
    values of Σ^½ A, and ρᵢ = (−1 + √(1 + 4κᵢ²))/(2κᵢ), κᵢ = 2sᵢ/λ, are the correlations of the best coupling.

    A lower bound on E log f_Y(Y), f_Y = N(c, AAᵀ + (λ/2) I), whose gap is 0 exactly if Aᵀ(Σ − AAᵀ − (λ/2) I)A = 0 and
    μ − c is orthogonal to A's columns. `slope`: A, (d, r) or (d,); `offset`: c, a number or (d,). The certificate is
    for rounding. Raises TypeError unless P is a `Gaussian`, ValueError for wrong shapes or λ ≤ 0.
    Source: Balaji et al. 2019; Janati et al. 2020 (recalled).
    """
    if not isinstance(P, Gaussian):
        raise TypeError(f"P is {type(P).__name__}: pass a Gaussian, or samples to entropic_bound(Y, images)")
    _require_positive("temperature", temperature)
    A = as_points(slope, "slope")
    if len(A) != P.dimension:
        raise ValueError(f"slope has {len(A)} rows where P has dimension {P.dimension}: pass (d, r)")
    centre = as_points(np.atleast_1d(np.asarray(offset)), "offset", dimension=1)[:, 0]
    if len(centre) not in (1, P.dimension):
        raise ValueError(f"offset has {len(centre)} entries where P has dimension {P.dimension}: pass a number or (d,)")
    temperature, root = float(temperature), np.linalg.cholesky(P.cov)
    singular = np.linalg.svd(root.T @ A, compute_uv=False)
    kappa = 2 * singular / temperature
    one_more = 1 + np.hypot(1, 2 * kappa)
    rho = 2 * kappa / one_more  # the same as in the formula, without its cancellation and its 0/0
    loss = float(np.sum((P.mean - centre) ** 2) + np.trace(P.cov) + np.sum(A**2) - 2 * singular @ rho) / temperature
    divergence = 0.5 * float(np.log(one_more / 2).sum())  # 1 − ρ² = ρ/κ
    value = _log_constant(P.dimension, temperature) - loss - divergence
    # The sums and what stands in them, each to some d roundings of its own size.
    norm, slopes = float(np.linalg.norm(root)), float(np.linalg.norm(A))
    size = norm**2 + slopes**2 + 2 * norm * slopes
    size += float(np.sum(P.mean**2) + np.sum(np.broadcast_to(centre, P.mean.shape) ** 2))
    size = size / temperature + abs(_log_constant(P.dimension, temperature)) + divergence + 1
    slack = 16 * (P.dimension + A.shape[1]) * UNIT_ROUNDOFF * size
    # The value is the largest over ρ, so that its slope in sᵢ is 2ρᵢ/λ < 2/λ. In all the sᵢ move by the nuclear norm of
    # what moves Σ^½A (Mirsky 1960): ‖δΣ^½‖‖A‖ for the root, which grows with its condition, and √d times the product's.
    r = max(A.shape)
    slack += 2 / temperature * slopes * (root_error(root) + math.sqrt(r) * product_error(r) * norm)
    bounds = Certificate("rounding", value - slack, value + slack)
    detail = "a lower bound on E log f_Y(Y), not the likelihood"
    return Estimate(value, None, None, "lower bound: Gaussian entropic coupling", bounds, "nats", detail, bound="lower")


def _certified(losses: Array, a: Array, b: Array, potential: Array, log_constant: float, tolerance: float) -> Estimate:
    """The bound of the coupling that the potential makes, whose rows are right, between a coupling's and the dual's."""
    row_potential, conditional = _rows(losses, b, potential)
    plan = a[:, None] * conditional
    value = log_constant - float(a @ row_potential) - float(plan.sum(axis=0) @ potential)
    upper = log_constant - float(a @ row_potential) - float(b @ potential)
    plan *= np.minimum(1, b / np.maximum(plan.sum(axis=0), np.finfo(float).tiny))
    lacks_row, lacks_column = np.maximum(a - plan.sum(axis=1), 0), np.maximum(b - plan.sum(axis=0), 0)
    if lacks_row.sum() > 0:
        plan += np.outer(lacks_row / lacks_row.sum(), lacks_column)
    mean_loss = float(np.einsum("ij,ij->", plan, losses))
    divergence = float((xlogy(plan, plan) - plan * (np.log(a)[:, None] + np.log(b))).sum())
    lower = log_constant - mean_loss - divergence
    # Sums of as many terms as the plan has rows and columns; mass lacked by rounding counts by the potential's height.
    heights = float(np.abs(row_potential).max() + np.abs(potential).max())
    slack = (sum(losses.shape) + 16) * UNIT_ROUNDOFF * (heights + mean_loss + abs(log_constant) + 1)
    low, high = min(value, lower) - slack, max(value, upper) + slack
    return Estimate(
        value,
        None,
        None,
        "lower bound: entropic coupling of samples",
        Certificate("coupling and dual", low, high),
        "nats",
        "a lower bound on the mean log f_Y(Y) of the latents given, not the likelihood; the certificate is the best "
        "coupling's; no standard error of sampling",
        converged=high - low <= max(tolerance, 4 * slack),
        bound="lower",
    )


def _rows(losses: Array, b: Array, potential: Array) -> tuple[Array, Array]:
    """The row potentials and the conditional laws π(j|i) = bⱼ exp(φᵢ + γⱼ − lossesᵢⱼ), whose rows sum to 1."""
    row_potential = -_log_mean_exp(potential - losses, b[None, :], axis=1)
    return row_potential, b * np.exp(row_potential[:, None] + potential - losses)


def _log_mean_exp(exponents: Array, weights: Array, *, axis: int) -> Array:
    """log Σ wⱼ e^{xⱼ} along an axis, w > 0, without overflow."""
    top = exponents.max(axis=axis, keepdims=True)
    return np.log((weights * np.exp(exponents - top)).sum(axis=axis)) + top.squeeze(axis)


def _scaled_losses(y: Array, images: Array, temperature: float) -> Array:
    """‖yᵢ − G(xⱼ)‖²/λ by differences."""
    with np.errstate(over="ignore"):
        losses = cdist(y, images, "sqeuclidean") / temperature
    if not np.isfinite(losses).all():
        row = int(np.argmin(np.isfinite(losses).all(axis=1)))
        raise ValueError(f"temperature {temperature} is too small for row {row} of Y, whose loss/λ overflows: raise it")
    return losses


def _log_constant(dimension: int, temperature: float) -> float:
    """log C = −(d/2) log(πλ): the same at every x, since the loss depends on y − G(x) alone."""
    return -0.5 * dimension * math.log(math.pi * temperature)


def _require_positive(name: str, value: float) -> None:
    if not (isinstance(value, Real) and 0 < value < math.inf):
        raise ValueError(f"{name} is {value!r}: pass a finite number > 0")
