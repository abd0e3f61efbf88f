"""The project's `entropic_bound` and `gaussian_entropic_bound`, held to certified values where the answer is known.

With two data and two images, half of the mass at each, a coupling is one number p, the mass on equal indices: the
best one is p = 1/(1 + e^{−⟨y₁ − y₀, G(x₁) − G(x₀)⟩/λ}), where dπ = e^{v/λ} dP_Y dP_X.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb

from theory import entropic_gaussian as scalar
from theory.agreement import decide_estimate
from theory.certified import Ball, ball, decide_at_most, total
from theory.exact import Q
from theory.outcome import Outcome, Refuted
from theory.setting import Setting

#: Nats to which the code is asked to find its best coupling; what it says of it is certified all the same.
TOLERANCE = 1e-9

Points = list[list[Any]]


def decide_code(setting: Setting, bound: Callable[..., Any], samples: Any, gaussian: Any) -> Iterator[Outcome]:
    """Drawn pairs of points and drawn Gaussians: the certificate holds the value of the best coupling, as `bound`
    has it, and the value does not exceed the likelihood. `samples` and `gaussian` stand in for the code unless None.
    """
    from estimators import Gaussian, entropic_bound, gaussian_entropic_bound

    samples, gaussian = samples or entropic_bound, gaussian or gaussian_entropic_bound
    rng = setting.rng(2)
    for _ in range(setting.size(12, deep=200)):
        dimension, temperature = int(rng.integers(1, 4)), Q(int(rng.integers(2, 17)), 4)
        data, images = ([[Q(int(k), 4) for k in row] for row in rng.integers(-8, 9, (2, dimension))] for _ in range(2))
        # A sweep leaves tanh²(|agreement|/4λ) of the error (Franklin & Lorenz 1989), here at most 0.58, and 0.93 where
        # a mutant halves λ: some 300 sweeps then find the coupling, of the 2000 that are allowed.
        temperature = max(temperature, abs(_agreement(data, images)) / 4)
        found = samples(_floats(data), _floats(images), temperature=float(temperature), tolerance=TOLERANCE)
        told = {"data": data, "images": images, "temperature": temperature}
        yield from decide_pairs(found, data, images, temperature, bound, told)
    for _ in range(setting.size(30, deep=1000)):
        g, s, temperature = (Q(int(k), 8) for k in rng.integers(1, 33, size=3))
        estimate = gaussian(Gaussian(0.0, float(s)), [[float(g)]], temperature=float(temperature))
        rho = scalar.best_correlation(g, s, temperature)
        loss, divergence = scalar.mean_loss(g, s, rho), scalar.divergence_from_product(rho)
        told = {"g": g, "s": s, "temperature": temperature}
        yield decide_estimate(
            estimate, bound(scalar.log_constant(temperature), loss, ball(temperature), divergence), **told
        )
        yield decide_at_most(arb(estimate.certificate.lower), scalar.log_likelihood(g, s, temperature), **told)
    for _ in range(setting.size(30, deep=1000)):
        yield from decide_plane(rng, bound, gaussian)


def decide_plane(rng: Any, bound: Callable[..., Any], gaussian: Any) -> Iterator[Outcome]:
    """Gaussians in the plane, most as thin as floats can hold, under a slope along the thin axis, one drawn, a matrix.

    Σ = B Bᵀ/4⁸ with whole B of determinant ±1, a product of shears: Σ is exact in floats, its factors are not, and
    Bᵀ(c, −a) = (0, ∓1) for B's first column (a, c). As s₁² + s₂² = ‖BᵀA‖² and s₁s₂ = |det BᵀA| are rational, s₁ ± s₂
    are roots of rationals.
    """
    from estimators import Gaussian

    (a, b), (c, e) = ([Q(k, 2**8) for k in row] for row in shears(rng))
    covariance = [[a * a + b * b, a * c + b * e], [a * c + b * e, c * c + e * e]]
    temperature = Q(1, 2 ** int(rng.integers(14, 21)))  # of the least sᵢ's size, where the bound moves with it the most
    drawn = [[Q(int(k), 8) for k in row] for row in rng.integers(-16, 17, size=(2, 2))]
    for slope in ([[c, Q(0)], [-a, Q(0)]], [[row[0], Q(0)] for row in drawn], drawn):
        columns: list[tuple[Any, ...]] = list(zip(*slope, strict=True))
        image = [[a * x + c * y for x, y in columns], [b * x + e * y for x, y in columns]]
        squares = sum((x * x for row in image for x in row), Q(0))
        product = abs(image[0][0] * image[1][1] - image[0][1] * image[1][0])
        larger = (ball(squares + 2 * product).sqrt() + ball(squares - 2 * product).sqrt()) / 2
        sizes = sum((x * x for row in slope for x in row), covariance[0][0] + covariance[1][1])
        loss, divergence = ball(sizes), arb(0)
        for singular in (larger, ball(product) / larger if product else arb(0)):
            kappa = 2 * singular / ball(temperature)
            rho = 2 * kappa / (1 + (1 + 4 * kappa**2).sqrt())
            loss -= 2 * singular * rho
            divergence += scalar.divergence_from_product(rho)
        estimate = gaussian(Gaussian([0.0, 0.0], _floats(covariance)), _floats(slope), temperature=float(temperature))
        told = {"covariance": covariance, "slope": slope, "temperature": temperature}
        log_c = 2 * scalar.log_constant(temperature)
        yield decide_estimate(estimate, bound(log_c, loss, ball(temperature), divergence), **told)
        yield decide_at_most(arb(estimate.certificate.lower), _plane_likelihood(covariance, slope, temperature), **told)


def shears(rng: Any) -> list[list[int]]:
    """A whole matrix of determinant ±1, by shears in turn. Its entries stay below 2¹²·⁵: where they are larger, what
    Cholesky's second pivot, det Σ/Σ₁₁, is left with is rounding. Two of three are that thin."""
    first, second, most = (1, 0), (0, 1), 1448 // 2 ** max(0, int(rng.integers(-20, 11)))
    while max(second) < most:
        step = int(rng.integers(1, 3))
        first, second = second, (first[0] + step * second[0], first[1] + step * second[1])
    return [list(first), list(second)]


def _plane_likelihood(covariance: Points, slope: Points, temperature: Any) -> Ball:
    """E log f_Y(Y) for Y ~ N(0, Σ), f_Y = N(0, V), V = AAᵀ + (λ/2) I: −½ log det 2πV − ½ tr(V⁻¹Σ)."""
    (p, q), (x, y) = slope
    v, w, u = p * p + q * q + temperature / 2, x * x + y * y + temperature / 2, p * x + q * y
    volume = v * w - u * u
    spread = (w * covariance[0][0] + v * covariance[1][1] - 2 * u * covariance[0][1]) / volume
    return -(4 * arb.pi() ** 2 * ball(volume)).log() / 2 - ball(spread) / 2


def decide_pairs(
    found: Any, data: Points, images: Points, temperature: Any, bound: Callable[..., Any], told: dict[str, Any]
) -> Iterator[Outcome]:
    """What the code says of two data and two images against the closed form, as a whole and point by point."""
    estimate, log_c = found.estimate, len(data[0]) * scalar.log_constant(temperature)
    losses, agreement = [[_squared(y, x) for x in images] for y in data], _agreement(data, images)
    p = 1 / (1 + (-ball(agreement) / (2 * ball(temperature))).exp())
    shares = [[p, 1 - p], [1 - p, p]]
    mean_loss = total(shares[i][j] * losses[i][j] / 2 for i in range(2) for j in range(2))
    divergence = total(shares[i][j] * (2 * shares[i][j]).log() / 2 for i in range(2) for j in range(2))
    yield decide_estimate(estimate, bound(log_c, mean_loss, ball(temperature), divergence), **told)
    if estimate.certificate.gap > 2 * TOLERANCE:
        yield Refuted(reason="a certificate too wide for what was asked", gap=estimate.certificate.gap, **told)
    # What floats lose between the two routes is far below the tolerance.
    allowed, each = ball("1e-12"), [float(b) for b in found.log_lower_bounds(_floats(data))]
    likelihoods = [log_likelihood(row, log_c, temperature) for row in losses]
    for of_point, likelihood in zip(each, likelihoods, strict=True):
        yield decide_at_most(arb(of_point), likelihood + allowed, **told)
    yield decide_at_most(abs(total(map(arb, each)) / 2 - arb(estimate.value)), allowed, **told)


def log_likelihood(losses: list[Any], log_c: Ball, temperature: Any) -> Ball:
    """log Σⱼ bⱼ C e^{−ℓ/λ} with equal weights."""
    return log_c + (total((-ball(loss) / ball(temperature)).exp() for loss in losses) / len(losses)).log()


def _floats(points: Points) -> list[list[float]]:
    return [[float(c) for c in row] for row in points]


def _agreement(data: Points, images: Points) -> Any:
    """2⟨y₁ − y₀, G(x₁) − G(x₀)⟩: what crossing the pairs costs."""
    (y, other), (x, another) = data, images
    return _squared(y, another) + _squared(other, x) - _squared(y, x) - _squared(other, another)


def _squared(y: list[Any], x: list[Any]) -> Any:
    return sum(((a - b) ** 2 for a, b in zip(y, x, strict=True)), Q(0))


def likelihood_itself(data: Any, images: Any, *, temperature: float, tolerance: float) -> Any:
    """`entropic_bound` without its potential: each point has its posterior, which is no coupling's conditional law."""
    from estimators import Certificate, entropic_bound

    found = entropic_bound(data, images, temperature=temperature, tolerance=tolerance)
    unfitted = replace(found, potential=0 * found.potential)
    value = float(unfitted.log_lower_bounds(data).mean())
    certificate = Certificate("rounding", value - 1e-12, value + 1e-12)
    return replace(unfitted, estimate=replace(found.estimate, value=value, certificate=certificate))


def colder(data: Any, images: Any, *, temperature: float, tolerance: float) -> Any:
    """`entropic_bound` at λ/2."""
    from estimators import entropic_bound

    return entropic_bound(data, images, temperature=temperature / 2, tolerance=tolerance)


def without_entropy(law: Any, slope: Any, *, temperature: float) -> Any:
    """`gaussian_entropic_bound` without ½ log(1 − ρ²)."""
    from estimators import Certificate, gaussian_entropic_bound

    found = gaussian_entropic_bound(law, slope, temperature=temperature)
    singular = np.linalg.svd(np.linalg.cholesky(law.cov).T @ np.asarray(slope), compute_uv=False)
    value = found.value + float(np.log((1 + np.hypot(1, 4 * singular / temperature)) / 2).sum()) / 2
    return replace(found, value=value, certificate=Certificate("rounding", value - 1e-12, value + 1e-12))


def narrow_margin(law: Any, slope: Any, *, temperature: float) -> Any:
    """`gaussian_entropic_bound`, its margin for rounding by the square root of the factor's condition, which is too
    little: what rounding moves the factor by grows with the condition itself."""
    from estimators import Certificate, gaussian_entropic_bound

    found, root = gaussian_entropic_bound(law, slope, temperature=temperature), np.linalg.cholesky(law.cov)
    norm, slopes = np.linalg.norm(root), np.linalg.norm(slope)
    size = (norm**2 + slopes**2 + 2 * norm * slopes * np.sqrt(np.linalg.cond(root))) / temperature
    slack = float(16 * sum(np.shape(slope)) * 2.0**-53 * (size + abs(found.value) + 1))
    return replace(found, certificate=Certificate("rounding", found.value - slack, found.value + slack))


def half_the_slope(law: Any, slope: Any, *, temperature: float) -> Any:
    """`gaussian_entropic_bound` of half the generator."""
    from estimators import gaussian_entropic_bound

    return gaussian_entropic_bound(law, np.asarray(slope) / 2, temperature=temperature)
