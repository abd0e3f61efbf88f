"""Laws with a known truth: density, samples, moments, entropy where it is known, and modes of mixtures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from estimators.arguments import random_generator
from estimators.points import as_points

_LOG_2PI = math.log(2 * math.pi)


class Density(Protocol):
    """A law on ℝᵈ with a density."""

    @property
    def dimension(self) -> int: ...

    @property
    def mean(self) -> NDArray[np.float64]: ...

    @property
    def cov(self) -> NDArray[np.float64]: ...

    def logpdf(self, x: ArrayLike) -> NDArray[np.float64]: ...

    def sample(self, n: int, random_state: Any = None) -> NDArray[np.float64]: ...


def landmarks(law: Density) -> list[NDArray[np.float64]]:
    """On each axis, the places where the density is not smooth or has its mass: where quadrature must look.

    A law of one's own may have the property `landmarks`; else they are its mean and 1, 3 and 8 standard deviations.
    """
    own = getattr(law, "landmarks", None)
    if own is not None:
        return [np.asarray(axis, dtype=np.float64) for axis in own]
    return _about(law.mean, np.sqrt(np.diag(law.cov)))


def _about(mean: NDArray[np.float64], scale: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    steps = np.array([-8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0])
    return [centre + width * steps for centre, width in zip(mean, scale, strict=True)]


def _checked_draws(n: Any) -> int:
    """`n` as a number of draws; raises TypeError or ValueError naming it."""
    if isinstance(n, (bool, np.bool_)) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"n must be a whole number of draws, not {n!r}")
    if n < 0:
        raise ValueError(f"n={n} draws cannot be: n must be at least 0")
    return int(n)


class Gaussian:
    """N(mean, cov) on ℝᵈ: log density −½(d log 2π + log det Σ + (x−μ)ᵀΣ⁻¹(x−μ)).

    Parameters: `mean`, a number or (d,); `cov`, a variance common to all coordinates, (d,) variances
    or a (d, d) matrix. Raises ValueError unless `cov` is symmetric and positive definite.
    """

    def __init__(self, mean: ArrayLike = 0.0, cov: ArrayLike = 1.0):
        self.mean: NDArray[np.float64] = as_points(np.atleast_1d(np.asarray(mean)), "mean")[:, 0]
        self.cov: NDArray[np.float64] = _covariance(cov, len(self.mean))
        self._root = _cholesky(self.cov)

    @property
    def dimension(self) -> int:
        return len(self.mean)

    @property
    def entropy(self) -> float:
        """½ log det(2πe Σ), in nats."""
        return 0.5 * self.dimension * (1 + _LOG_2PI) + float(np.log(np.diag(self._root)).sum())

    def tail(self, side: int) -> tuple[float, float, float]:
        """(a, b, c) of log density −a x² + b|x| − c log|x| + O(1) as x → side·∞; of one dimension."""
        variance = float(self.cov[0, 0])
        return (0.5 / variance, side * float(self.mean[0]) / variance, 0.0)

    def logpdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Log density at each row of `x` (n, d), in nats, shape (n,)."""
        centred = as_points(x, "x", dimension=self.dimension) - self.mean
        whitened = solve_triangular(self._root, centred.T, lower=True)
        log_det = 2 * np.log(np.diag(self._root)).sum()
        return -0.5 * (self.dimension * _LOG_2PI + log_det + np.einsum("ij,ij->j", whitened, whitened))

    def sample(self, n: int, random_state: Any = None) -> NDArray[np.float64]:
        """`n` independent draws, shape (n, d); `random_state` as for `numpy.random.default_rng`."""
        n = _checked_draws(n)
        rng = random_generator(random_state)
        return self.mean + rng.standard_normal((n, self.dimension)) @ self._root.T

    def __repr__(self) -> str:
        return f"Gaussian(mean={self.mean.tolist()}, cov={self.cov.tolist()})"


class Uniform:
    """The uniform law on the box Π [lowᵢ, highᵢ]: log density −Σ log(highᵢ − lowᵢ) inside, −∞ outside.

    Parameters: `low` and `high`, numbers or (d,). Raises ValueError unless low < high in each coordinate.
    """

    def __init__(self, low: ArrayLike = 0.0, high: ArrayLike = 1.0):
        lows, highs = np.broadcast_arrays(np.atleast_1d(np.asarray(low)), np.atleast_1d(np.asarray(high)))
        self.low: NDArray[np.float64] = as_points(lows, "low")[:, 0]
        self.high: NDArray[np.float64] = as_points(highs, "high")[:, 0]
        if not (self.low < self.high).all():
            row = int(np.argmin(self.low < self.high))
            raise ValueError(f"low: coordinate {row} is {self.low[row]}, which is not below high ({self.high[row]})")

    @property
    def dimension(self) -> int:
        return len(self.low)

    @property
    def mean(self) -> NDArray[np.float64]:
        return self.low + (self.high - self.low) / 2

    @property
    def cov(self) -> NDArray[np.float64]:
        return np.diag((self.high - self.low) ** 2 / 12)

    @property
    def entropy(self) -> float:
        """Σ log(highᵢ − lowᵢ), in nats."""
        return float(np.log(self.high - self.low).sum())

    @property
    def landmarks(self) -> list[NDArray[np.float64]]:
        return list(np.stack([self.low, self.high], axis=1))

    def tail(self, side: int) -> None:
        """None: there is none."""

    def logpdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Log density at each row of `x` (n, d), in nats, shape (n,); the faces of the box are inside."""
        points = as_points(x, "x", dimension=self.dimension)
        inside = ((points >= self.low) & (points <= self.high)).all(axis=1)
        return np.where(inside, -self.entropy, -np.inf)

    def sample(self, n: int, random_state: Any = None) -> NDArray[np.float64]:
        """`n` independent draws, shape (n, d); `random_state` as for `numpy.random.default_rng`."""
        n = _checked_draws(n)
        return random_generator(random_state).uniform(self.low, self.high, (n, self.dimension))

    def __repr__(self) -> str:
        return f"Uniform(low={self.low.tolist()}, high={self.high.tolist()})"


class Mixture:
    """Σₖ wₖ Pₖ of densities Pₖ on one space.

    `modes` (k, d) are the components' means, and `scales` (k,) the largest standard deviation of each
    along any direction; the means are the density's modes up to the overlap of the components.

    Parameters: `weights` (k,), positive and summing to 1 within rounding; `components`, k densities.
    """

    def __init__(self, weights: ArrayLike, components: Sequence[Density]):
        self.components: tuple[Density, ...] = tuple(components)
        self.weights: NDArray[np.float64] = as_points(weights, "weights", dimension=1)[:, 0]
        self._check()

    def _check(self) -> None:
        if len(self.weights) != len(self.components):
            raise ValueError(f"weights has {len(self.weights)} entries for {len(self.components)} components")
        if not (self.weights > 0).all():
            row = int(np.argmin(self.weights > 0))
            raise ValueError(f"weights: row {row} is {self.weights[row]}; drop the components without mass")
        total = math.fsum(self.weights)
        # As for Empirical: rounding of the weights, and of the sum that they may have been divided by.
        if abs(total - 1) > (len(self.weights) + 2) * np.finfo(np.float64).eps:
            raise ValueError(f"weights sum to {total!r}, not to 1: pass weights / weights.sum()")
        dimensions = sorted({component.dimension for component in self.components})
        if len(dimensions) > 1:
            raise ValueError(f"components live in dimensions {dimensions}: they must share one space")

    @property
    def dimension(self) -> int:
        return self.components[0].dimension

    @property
    def mean(self) -> NDArray[np.float64]:
        return self.weights @ self.modes

    @property
    def cov(self) -> NDArray[np.float64]:
        """Σₖ wₖ (Σₖ + (μₖ−μ)(μₖ−μ)ᵀ): the mean within plus the spread between."""
        spread = self.modes - self.mean
        within = sum(weight * component.cov for weight, component in zip(self.weights, self.components, strict=True))
        return within + (spread * self.weights[:, None]).T @ spread

    @cached_property
    def modes(self) -> NDArray[np.float64]:
        return np.stack([component.mean for component in self.components])

    @cached_property
    def scales(self) -> NDArray[np.float64]:
        return np.array([math.sqrt(np.linalg.eigvalsh(component.cov)[-1]) for component in self.components])

    @property
    def landmarks(self) -> list[NDArray[np.float64]]:
        axes = zip(*(landmarks(component) for component in self.components), strict=True)
        return [np.unique(np.concatenate(places)) for places in axes]

    def tail(self, side: int) -> tuple[float, float, float] | None:
        """The heaviest component's; AttributeError where one does not know its own."""
        known = [component.tail(side) for component in self.components]  # type: ignore[attr-defined]
        tails = [tail for tail in known if tail is not None]
        return min(tails, key=lambda tail: (tail[0], -tail[1], tail[2])) if tails else None

    def logpdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Log density at each row of `x` (n, d), in nats, shape (n,)."""
        points = as_points(x, "x", dimension=self.dimension)
        per_component = np.stack([component.logpdf(points) for component in self.components], axis=1)
        return logsumexp(per_component + np.log(self.weights), axis=1)

    def sample(self, n: int, random_state: Any = None) -> NDArray[np.float64]:
        """`n` independent draws, shape (n, d); `random_state` as for `numpy.random.default_rng`."""
        n = _checked_draws(n)
        rng = random_generator(random_state)
        chosen = np.searchsorted(np.cumsum(self.weights)[:-1], rng.random(n), side="right")
        draws = np.empty((n, self.dimension))
        for index, component in enumerate(self.components):
            members = chosen == index
            draws[members] = component.sample(int(members.sum()), rng)
        return draws

    def __repr__(self) -> str:
        return f"Mixture({len(self.components)} components in dimension {self.dimension})"


def _covariance(cov: ArrayLike, dimension: int) -> NDArray[np.float64]:
    values = as_points(np.atleast_1d(np.asarray(cov)), "cov")
    if np.ndim(cov) < 2:
        if len(values) not in (1, dimension):
            raise ValueError(f"cov has {len(values)} variances where the mean has {dimension} coordinates")
        values = np.diag(np.broadcast_to(values[:, 0], dimension))
    if values.shape != (dimension, dimension):
        raise ValueError(f"cov has shape {values.shape} where the mean has {dimension} coordinates")
    # A product A Aᵀ is symmetric only up to the rounding of d terms.
    slack = dimension * np.finfo(np.float64).eps * np.abs(values).max()
    if not (np.abs(values - values.T) <= slack).all():
        raise ValueError("cov is not symmetric: pass (cov + cov.T) / 2")
    return values


def _cholesky(cov: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        return np.asarray(np.linalg.cholesky(cov), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        least = np.linalg.eigvalsh(cov)[0]
        raise ValueError(f"cov is not positive definite (least eigenvalue {least:.3g}): add to its diagonal") from error
