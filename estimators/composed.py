"""Laws made of laws: products, and images under a map that can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import block_diag

from estimators.arguments import random_generator
from estimators.densities import Density, _checked_draws
from estimators.points import as_array, as_points

Array = NDArray[np.float64]


class Product:
    """The law of independent blocks (X₁, …, Xₖ), Xᵢ ~ `factors`[i]: log densities and entropies add up.

    Raises ValueError without a factor.
    """

    def __init__(self, factors: Sequence[Density]):
        self.factors: tuple[Density, ...] = tuple(factors)
        if not self.factors:
            raise ValueError("factors is empty: pass at least one density")
        self._ends = np.cumsum([factor.dimension for factor in self.factors])

    @property
    def dimension(self) -> int:
        return int(self._ends[-1])

    @property
    def mean(self) -> Array:
        return np.concatenate([factor.mean for factor in self.factors])

    @property
    def cov(self) -> Array:
        return np.asarray(block_diag(*(factor.cov for factor in self.factors)))

    @property
    def entropy(self) -> float:
        """The sum of the factors' entropies, in nats; AttributeError where one does not know its own."""
        return float(sum(factor.entropy for factor in self.factors))  # type: ignore[attr-defined]

    @property
    def landmarks(self) -> list[Array]:
        from estimators.densities import landmarks

        return [axis for factor in self.factors for axis in landmarks(factor)]

    def logpdf(self, x: ArrayLike) -> Array:
        """Log density at each row of `x` (n, d), in nats, shape (n,)."""
        points = as_points(x, "x", dimension=self.dimension)
        blocks = np.split(points, self._ends[:-1], axis=1)
        return np.sum([factor.logpdf(block) for factor, block in zip(self.factors, blocks, strict=True)], axis=0)

    def sample(self, n: int, random_state: Any = None) -> Array:
        """`n` independent draws, shape (n, d); `random_state` as for `numpy.random.default_rng`."""
        n = _checked_draws(n)
        rng = random_generator(random_state)
        return np.concatenate([factor.sample(n, rng) for factor in self.factors], axis=1)

    def __repr__(self) -> str:
        return f"Product({list(self.factors)})"


class Diffeomorphism:
    """A smooth map y = T(x) of ℝᵈ onto its image that can be undone: `forward`, `inverse` and log|det J_T|.

    Each takes points (n, d); `forward` and `inverse` return (n, d), `log_det` (n,), at x. `landmarks`, optional, maps
    an array of places on an axis to those of its image; without it the map is taken to act on each axis alone.
    """

    def __init__(
        self,
        forward: Callable[[Array], Array],
        inverse: Callable[[Array], Array],
        log_det: Callable[[Array], Array],
        name: str = "map",
    ):
        self.forward, self.inverse, self.log_det, self.name = forward, inverse, log_det, name

    def __repr__(self) -> str:
        return self.name


def affine(matrix: ArrayLike, shift: ArrayLike = 0.0) -> Diffeomorphism:
    """x ↦ A x + b with `matrix` A, a number or (d, d), and `shift` b, a number or (d,).

    Raises TypeError for what is no array of real numbers, ValueError for other shapes, NaN, ∞ and singular A.
    """
    A = _finite(matrix, "matrix")
    A = A[None, None] if A.ndim == 0 else A
    if A.ndim != 2 or A.shape[0] != A.shape[1] or not A.size:
        raise ValueError(f"matrix has shape {A.shape}: pass a number or a square matrix, (d, d)")
    sign, log_det = np.linalg.slogdet(A)
    if sign == 0 or not np.isfinite(log_det):
        raise ValueError("matrix is singular: its image has no density")
    b = _finite(shift, "shift")
    if b.shape not in ((), (1,), (len(A),)):
        raise ValueError(f"shift has shape {b.shape}: pass a number or ({len(A)},), as the matrix has rows")
    b = np.broadcast_to(b, (len(A),))
    return Diffeomorphism(
        lambda x: x @ A.T + b,
        lambda y: np.asarray(np.linalg.solve(A, (y - b).T).T, dtype=np.float64),
        lambda x: np.full(len(x), log_det),
        f"affine({A.tolist()}, {b.tolist()})",
    )


def _finite(values: ArrayLike, name: str) -> Array:
    """`values`, of any shape, as float64."""
    found = as_points(np.ravel(as_array(values, name)), name)[:, 0] if np.size(values) else np.empty(0)
    return found.reshape(np.shape(values))


def exponential() -> Diffeomorphism:
    """x ↦ eˣ in each coordinate, onto (0, ∞)ᵈ: the image of a Gaussian is log-normal."""

    def inverse(y: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(y)

    return Diffeomorphism(np.exp, inverse, lambda x: x.sum(axis=1), "exp")


class PushForward:
    """The law of T(X), X ~ `law`: log density log p(T⁻¹y) − log|det J_T(T⁻¹y)|, −∞ off the image.

    An f-divergence between two images under one and the same map object is that of the laws themselves. `mean` and
    `cov` are known for an affine map (`affine`); else they raise AttributeError. A point is off the image where the
    inverse is not finite.
    """

    def __init__(self, law: Density, map: Diffeomorphism):
        self.law, self.map = law, map

    @property
    def dimension(self) -> int:
        return self.law.dimension

    @property
    def mean(self) -> Array:
        self._require_affine("mean")
        return self.map.forward(self.law.mean[None])[0]

    @property
    def cov(self) -> Array:
        self._require_affine("cov")
        linear = (self.map.forward(np.eye(self.dimension)) - self.map.forward(np.zeros((1, self.dimension)))).T
        return linear @ self.law.cov @ linear.T

    @property
    def entropy(self) -> float:
        """h(X) + log|det A| of an affine map, in nats."""
        self._require_affine("entropy")
        return float(self.law.entropy + self.map.log_det(np.zeros((1, self.dimension)))[0])  # type: ignore[attr-defined]

    def _require_affine(self, what: str) -> None:
        if not self.map.name.startswith("affine("):
            raise AttributeError(f"{what} of an image under {self.map} is not known: draw a sample of it")

    @property
    def landmarks(self) -> list[Array]:
        from estimators.densities import landmarks

        axes = landmarks(self.law)
        if self.dimension == 1:
            image = self.map.forward(axes[0][:, None])[:, 0]
            # The end of the image, such as 0 of exp, is where the density leaves 0.
            with np.errstate(over="ignore"):
                ends = [float(self.map.forward(np.array([[far]]))[0, 0]) for far in (-1e300, 1e300)]
            return [np.unique([*image, *(end for end in ends if abs(end) < 1e100)])]
        corners = np.stack([axis[np.linspace(0, len(axis) - 1, 5).astype(int)] for axis in axes], axis=1)
        return list(self.map.forward(corners).T)

    def logpdf(self, y: ArrayLike) -> Array:
        """Log density at each row of `y` (n, d), in nats, shape (n,)."""
        points = as_points(y, "y", dimension=self.dimension)
        x = self.map.inverse(points)
        on = np.isfinite(x).all(axis=1)
        found = np.full(len(points), -np.inf)
        if on.any():
            found[on] = self.law.logpdf(x[on]) - self.map.log_det(x[on])
        return found

    def sample(self, n: int, random_state: Any = None) -> Array:
        """`n` independent draws, shape (n, d); `random_state` as for `numpy.random.default_rng`."""
        n = _checked_draws(n)
        return self.map.forward(self.law.sample(n, random_state))

    def __repr__(self) -> str:
        return f"PushForward({self.law!r}, {self.map!r})"
