"""Laws in the plane whose modes are known: a ring, a grid, and a ring of which half of the modes are rare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import real_number, whole_number
from estimators.densities import Gaussian, Mixture


def ring(n_modes: int = 8, *, radius: float = 2.0, scale: float = 0.02) -> Mixture:
    """`n_modes` equal Gaussians of standard deviation `scale`, evenly spaced on a circle about 0 in the plane.

    In the units of `radius` and `scale`. Raises ValueError unless `n_modes` is a whole number ≥ 1, and `radius` and
    `scale` are positive. Source of the defaults: Metz, Poole, Pfau & Sohl-Dickstein 2017 (Unrolled GANs).
    """
    n_modes = whole_number(n_modes, "n_modes", 1)
    return _gaussians(_on_circle(n_modes, radius), scale)


def grid(side: int = 5, *, spacing: float = 2.0, scale: float = 0.05) -> Mixture:
    """`side`² equal Gaussians of standard deviation `scale` on a square lattice about 0 in the plane.

    In the units of `spacing` and `scale`. Raises ValueError unless `side` is a whole number ≥ 1, and `spacing` and
    `scale` are positive. Source of the defaults: Lin, Khetan, Fanti & Oh 2018 (PacGAN).
    """
    side = whole_number(side, "side", 1)
    line = real_number(spacing, "spacing", above=0) * (np.arange(side) - (side - 1) / 2)
    return _gaussians(np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2), scale)


def rare_modes(n_modes: int = 8, *, rare: float = 0.01, radius: float = 2.0, scale: float = 0.02) -> Mixture:
    """The ring with mass `rare` on every other mode, and the rest in equal parts on the others.

    Raises ValueError unless `n_modes` is even and 0 < `rare` < 1/`n_modes`: a mode as heavy as the others is not rare.
    """
    if whole_number(n_modes, "n_modes", 2, why=", and even") % 2:
        raise ValueError(f"n_modes is {n_modes}: pass an even number ≥ 2, half of which are rare")
    rare = real_number(rare, "rare", above=0, below=1 / n_modes, why=f": a mass below 1/n_modes = 1/{n_modes}")
    weights = np.where(np.arange(n_modes) % 2, rare, 2 / n_modes - rare)
    return _gaussians(_on_circle(n_modes, radius), scale, weights)


@dataclass(frozen=True)
class Toy:
    """A law of the plane with known modes, at any width: `law(width)` has modes of `width` times the published scale.

    Density, draws and mode masses are those of the mixture: `logpdf`, `sample`, `modes`, `scales`, `weights`.
    """

    make: Callable[..., Mixture]
    scale: float

    def law(self, width: float = 1.0) -> Mixture:
        return self.make(scale=width * self.scale)


#: The toy problems by name.
TOYS = MappingProxyType({"ring-8": Toy(ring, 0.02), "grid-25": Toy(grid, 0.05), "rare-8": Toy(rare_modes, 0.02)})


def _on_circle(n: int, radius: float) -> NDArray[np.float64]:
    radius = real_number(radius, "radius", above=0)
    angles = 2 * np.pi * np.arange(n) / n
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _gaussians(centres: NDArray[np.float64], scale: float, weights: NDArray[np.float64] | None = None) -> Mixture:
    variance = real_number(scale, "scale", above=0) ** 2
    masses = np.full(len(centres), 1 / len(centres)) if weights is None else weights
    return Mixture(masses, [Gaussian(centre, variance) for centre in centres])
