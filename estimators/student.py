"""Student's t on the line: the law with heavy tails and known truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, psi

from estimators.arguments import random_generator
from estimators.densities import _checked_draws
from estimators.points import as_points


class StudentT:
    """Student's t on the line: log density log c − ½(ν+1) log(1 + (x−m)²/(νs²)), c = Γ((ν+1)/2)/(Γ(ν/2) s√(νπ)).

    Parameters: `df` ν > 0, `loc` m, `scale` s > 0. The mean exists for ν > 1 and the variance, s²ν/(ν−2), for ν > 2;
    asked for where they do not exist, they raise ValueError. ν = 1 is Cauchy's law.
    """

    dimension = 1

    def __init__(self, df: float, loc: float = 0.0, scale: float = 1.0):
        for name, value in (("df", df), ("scale", scale)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value!r}: pass a finite number > 0")
        if not math.isfinite(loc):
            raise ValueError(f"loc is {loc!r}: pass a finite number")
        self.df, self.loc, self.scale = float(df), float(loc), float(scale)

    @property
    def mean(self) -> NDArray[np.float64]:
        """loc, shape (1,)."""
        if self.df <= 1:
            raise ValueError(f"Student's t of df {self.df:g} has no mean: it needs df > 1")
        return np.array([self.loc])

    @property
    def cov(self) -> NDArray[np.float64]:
        """s²ν/(ν−2), shape (1, 1)."""
        if self.df <= 2:
            raise ValueError(f"Student's t of df {self.df:g} has no variance: it needs df > 2")
        return np.array([[self.scale**2 * self.df / (self.df - 2)]])

    @property
    def entropy(self) -> float:
        """½(ν+1)(ψ(½(ν+1)) − ψ(½ν)) − log c, in nats."""
        half = (self.df + 1) / 2
        return float(half * (psi(half) - psi(self.df / 2))) - self.log_constant

    @property
    def log_constant(self) -> float:
        """log c."""
        log_gammas = float(gammaln((self.df + 1) / 2) - gammaln(self.df / 2))
        return log_gammas - math.log(self.scale) - 0.5 * math.log(self.df * math.pi)

    @property
    def landmarks(self) -> list[NDArray[np.float64]]:
        return [self.loc + self.scale * np.array([-30.0, -3.0, -1.0, 0.0, 1.0, 3.0, 30.0])]

    def tail(self, side: int) -> tuple[float, float, float]:  # noqa: ARG002 (both sides are alike)
        """(0, 0, ν+1): log density −(ν+1) log|x| + O(1)."""
        return (0.0, 0.0, self.df + 1)

    def logpdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Log density at each of `x` (n,) or (n, 1), in nats, shape (n,)."""
        centred = (as_points(x, "x", dimension=1)[:, 0] - self.loc) / self.scale
        return self.log_constant - 0.5 * (self.df + 1) * np.log1p(centred * centred / self.df)

    def sample(self, n: int, random_state: Any = None) -> NDArray[np.float64]:
        """`n` independent draws, shape (n, 1); `random_state` as for `numpy.random.default_rng`."""
        n = _checked_draws(n)
        rng = random_generator(random_state)
        return (self.loc + self.scale * rng.standard_t(self.df, n))[:, None]

    def __repr__(self) -> str:
        return f"StudentT(df={self.df:g}, loc={self.loc:g}, scale={self.scale:g})"
