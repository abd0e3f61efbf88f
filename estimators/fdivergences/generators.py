"""Generators of f-divergences: the convex f, its value at 0, its slope at ∞ and its conjugate.

All are in standard form, f(1) = f′(1) = 0, so that f ≥ 0 and no term of a divergence is negative.
Adding c·(t−1) to f changes no divergence, and turns f*(u) into f*(u−c) + c: the books' t log t, with
conjugate e^(u−1), is "kl" here with c = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimators.fdivergences import terms
from knn.registry import Registry

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Generator:
    """A convex f on (0, ∞) with f(1) = 0, which makes D_f(P,Q) = Σ_{q>0} q f(p/q) + f′(∞)·P(q = 0).

    `f` and `conjugate` (f*(u) = sup_{t≥0} ut − f(t)) map arrays; `at_zero` = f(0⁺) and `slope` = f′(∞) =
    lim f(t)/t may be ∞. f* is finite below `slope`, and ∞ above. `term(p, q)` = q f(p/q) for positive
    arrays, where a form that is safe from rounding is known; `far(r)` = log(f(eʳ)/max(1, eʳ)) on the side
    where that grows, for |r| > 300, where eʳ may be no float64. `unit` is "nats" where log is meant.

    Raises ValueError if f(1) ≠ 0, or if `f` breaks convexity or contradicts `at_zero` or `slope` on a
    grid of 10⁻⁶ … 10⁶.
    """

    name: str
    f: Callable[[Array], Array]
    at_zero: float
    slope: float
    conjugate: Callable[[Array], Array] | None = None
    term: Callable[[Array, Array], Array] | None = None
    unit: str = ""
    far: Callable[[Array], Array] | None = None

    def __post_init__(self) -> None:
        if not float(self.f(np.ones(1))[0]) == 0.0:
            raise ValueError(f"generator {self.name!r}: f(1) is {float(self.f(np.ones(1))[0])}, not 0; subtract it")
        t = np.logspace(-6, 6, 1201)
        values = np.asarray(self.f(t), dtype=np.float64)
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise ValueError(f"generator {self.name!r}: f({t[row]:.3g}) is {values[row]}, where a convex f is finite")
        # Each bound below is met up to the rounding of f, at most 16 ulps of the terms that make it up.
        slack = 16 * np.finfo(np.float64).eps * (1 + t + np.abs(values))
        left, right = (t[2:] - t[1:-1]) / (t[2:] - t[:-2]), (t[1:-1] - t[:-2]) / (t[2:] - t[:-2])
        bent = values[1:-1] > left * values[:-2] + right * values[2:] + slack[2:]
        if bent.any():
            raise ValueError(f"generator {self.name!r}: f is not convex about t = {t[1:-1][bent][0]:.3g}")
        with np.errstate(invalid="ignore"):  # 0·∞ at t = 1
            chord = np.where(t <= 1, (1 - t) * self.at_zero, (t - 1) * self.slope)
        above = (values > chord + slack) & (t != 1)
        if above.any():
            declared = "at_zero" if t[above][0] < 1 else "slope"
            raise ValueError(f"generator {self.name!r}: f({t[above][0]:.3g}) lies above what {declared} allows")

    @property
    def bound(self) -> float:
        """f(0) + f′(∞), which is D_f of measures without a common atom and exceeds every other D_f."""
        return self.at_zero + self.slope

    def terms(self, p: Array, q: Array) -> Array:
        """q f(p/q) for each pair of positive masses."""
        return self.term(p, q) if self.term is not None else q * self.f(p / q)


generators: Registry[Generator] = Registry(
    "generator", group="implicitbench.generators", packages=("estimators.fdivergences",)
)


def _register(generator: Generator) -> Generator:
    return generators.register(generator.name)(generator)


def _of_ratio(term: Callable[[Array, Array], Array]) -> Callable[[Array], Array]:
    """f(t) = 1·f(t/1), so that a generator and its term are written once."""
    return lambda t: term(np.asarray(t, dtype=np.float64), np.ones(np.shape(t)))


def _below(bound: float, formula: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """`formula` where u < bound, ∞ elsewhere."""

    def conjugate(u: Array) -> Array:
        u = np.asarray(u, dtype=np.float64)
        inside = u < bound
        return np.where(inside, formula(np.where(inside, u, bound - 1)), np.inf)

    return conjugate


KL = _register(
    Generator(
        "kl", _of_ratio(terms.kl), 1.0, math.inf, conjugate=np.expm1, term=terms.kl, unit="nats", far=terms.far_kl
    ),
)
REVERSE_KL = _register(
    Generator(
        "reverse-kl",
        _of_ratio(terms.reverse_kl),
        math.inf,
        1.0,
        conjugate=_below(1.0, lambda u: -np.log1p(-u)),
        term=terms.reverse_kl,
        unit="nats",
        far=terms.far_reverse_kl,
    )
)
# Half the sum of both KLs to the mixture: at most log 2 (Lin 1991).
JSD = _register(
    Generator(
        "jsd",
        _of_ratio(terms.jsd),
        0.5 * math.log(2),
        0.5 * math.log(2),
        conjugate=_below(0.5 * math.log(2), lambda u: -0.5 * np.log1p(-np.expm1(2 * u))),
        term=terms.jsd,
        unit="nats",
    )
)
# Their sum, at most log 4: what Nowozin, Cseke & Tomioka 2016 (f-GAN) call Jensen-Shannon.
JSD_SUM = _register(
    Generator(
        "jsd-sum",
        _of_ratio(terms.jsd_sum),
        math.log(2),
        math.log(2),
        conjugate=_below(math.log(2), lambda u: -np.log1p(-np.expm1(u))),
        term=terms.jsd_sum,
        unit="nats",
    )
)
TOTAL_VARIATION = _register(
    Generator(
        "total-variation",
        _of_ratio(terms.total_variation),
        0.5,
        0.5,
        conjugate=lambda u: np.where(np.asarray(u) <= 0.5, np.maximum(u, -0.5), np.inf),
        term=terms.total_variation,
    )
)
CHI_SQUARED = _register(
    Generator(
        "chi-squared",
        _of_ratio(terms.chi_squared),
        1.0,
        math.inf,
        conjugate=lambda u: np.where(np.asarray(u) >= -2, u + np.square(u) / 4, -1.0),
        term=terms.chi_squared,
        far=terms.far_chi_squared,
    )
)
SQUARED_HELLINGER = _register(
    Generator(
        "squared-hellinger",
        _of_ratio(terms.squared_hellinger),
        0.5,
        0.5,
        conjugate=_below(0.5, lambda u: u / (1 - 2 * u)),
        term=terms.squared_hellinger,
    )
)
