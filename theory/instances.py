"""Problems drawn together with their known answers: rational laws with many zeros and ties, and densities in balls.

Most false statements survive strictly positive generic instances, so at least 30 % of the rational
pairs have zeros, at least 30 % ties, and at least 30 % disjoint supports or equal laws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import acb, arb, fmpq

from theory.certified import Ball, ball, normal_cdf, normal_pdf, total

#: The largest denominator of a drawn probability.
DENOMINATOR = 60
CASES = ("generic", "zeros", "ties", "disjoint", "equal", "point masses")


def pmf(rng: np.random.Generator, size: int, *, zeros: float = 0.0, ties: bool = False) -> list[fmpq]:
    """A law on `size` points with rational probabilities of denominator ≤ 60, Σ = 1.

    `zeros`: the chance of each point to have none. `ties`: masses take two positive values at most
    before they are normalised, so that equal ones occur.
    """
    while True:
        masses = rng.integers(1, 3 if ties else DENOMINATOR // max(size, 1) + 1, size=size)
        masses[rng.random(size) < zeros] = 0
        whole = int(masses.sum())
        if 0 < whole <= DENOMINATOR:
            return [fmpq(int(mass), whole) for mass in masses]


@dataclass(frozen=True)
class Pair:
    """Two laws on the same points; `case` says how they were drawn and so what is known of them.

    "disjoint": total variation 1, JSD log 2; "equal": every divergence 0; "point masses": the same
    or disjoint. `total_variation` = ½ Σ|p − q|, exactly.
    """

    p: list[fmpq]
    q: list[fmpq]
    case: str

    @property
    def total_variation(self) -> fmpq:
        return sum((abs(a - b) for a, b in zip(self.p, self.q, strict=True)), fmpq(0)) / 2


def pairs(rng: np.random.Generator, count: int, *, sizes: tuple[int, int] = (2, 6)) -> Iterator[Pair]:
    """`count` pairs that go through `CASES` in turn, on between sizes[0] ≥ 2 and sizes[1] points."""
    for index in range(count):
        yield _pair(rng, CASES[index % len(CASES)], int(rng.integers(sizes[0], sizes[1] + 1)))


def _pair(rng: np.random.Generator, case: str, size: int) -> Pair:
    zeros, ties = (0.4 if case in ("zeros", "disjoint") else 0.0), case in ("ties", "equal")
    p, q = (pmf(rng, size, zeros=zeros, ties=ties) for _ in range(2))
    if case == "equal":
        q = list(p)
    elif case == "disjoint":
        cut = int(rng.integers(1, size))
        p = pmf(rng, cut) + [fmpq(0)] * (size - cut)
        q = [fmpq(0)] * cut + pmf(rng, size - cut)
    elif case == "point masses":
        places = rng.integers(0, size, size=2)
        p, q = ([fmpq(int(j == place)) for j in range(size)] for place in places)
    return Pair(p, q, case)


def probabilities(rng: np.random.Generator, count: int) -> list[fmpq]:
    """`count` probabilities of denominator ≤ 60, not a law: about a third are 0 or 1, and ties occur."""
    found = []
    for _ in range(count):
        denominator = int(rng.integers(1, 13)) if rng.random() < 0.5 else int(rng.integers(1, DENOMINATOR + 1))
        found.append(fmpq(int(rng.integers(0, denominator + 1)), denominator))
    return found


def points(rng: np.random.Generator, count: int, *, spread: int = 6) -> list[fmpq]:
    """`count` rational points of [−spread, spread] with denominators ≤ 4, so that equal points occur."""
    return [fmpq(int(rng.integers(-4 * spread, 4 * spread + 1)), 4) for _ in range(count)]


# Densities in balls --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Normal:
    """N(mean, sd²)."""

    mean: Any = 0
    sd: Any = 1

    def pdf(self, x: Any) -> Any:
        return normal_pdf(self._standard(x)) / ball(self.sd)

    def log_pdf(self, x: Any) -> Any:
        z = self._standard(x)
        return -z * z / 2 - ball(self.sd).log() - (2 * arb.pi()).log() / 2

    def cdf(self, x: Any) -> Any:
        return normal_cdf(self._standard(x))

    def kl_to(self, other: Normal) -> Ball:
        """KL(self‖other) = log(σ₂/σ₁) + (σ₁² + (μ₁ − μ₂)²)/(2σ₂²) − ½."""
        s, t = ball(self.sd), ball(other.sd)
        shift = ball(self.mean) - ball(other.mean)
        # Products, because flint's power of a ball around 0 is NaN.
        return (t / s).log() + (s * s + shift * shift) / (2 * t * t) - arb(1) / 2

    def _standard(self, x: Any) -> Any:
        x = x if isinstance(x, acb) else ball(x)
        return (x - ball(self.mean)) / ball(self.sd)


@dataclass(frozen=True)
class Mixture:
    """Σ wᵢ Lᵢ of laws with exact weights."""

    weights: tuple[Any, ...]
    laws: tuple[Any, ...]

    def pdf(self, x: Any) -> Any:
        return total(ball(w) * law.pdf(x) for w, law in zip(self.weights, self.laws, strict=True))

    def cdf(self, x: Any) -> Any:
        return total(ball(w) * law.cdf(x) for w, law in zip(self.weights, self.laws, strict=True))


@dataclass(frozen=True)
class Uniform:
    """Uniform on [low, high]; for exact arguments only, because its density has kinks."""

    low: Any = 0
    high: Any = 1

    def pdf(self, x: Any) -> Ball:
        return 1 / ball(self.high - self.low) if self.low <= x <= self.high else arb(0)

    def cdf(self, x: Any) -> Ball:
        return ball(min(max(x, self.low), self.high) - self.low) / ball(self.high - self.low)


@dataclass(frozen=True)
class Cauchy:
    """The Cauchy law of location and scale: P(|X| > r) ~ 2 scale/(π r), tail index 1."""

    location: Any = 0
    scale: Any = 1

    def pdf(self, x: Any) -> Any:
        z = self._standard(x)
        return 1 / (arb.pi() * ball(self.scale) * (1 + z * z))

    def cdf(self, x: Any) -> Any:
        return self._standard(x).atan() / arb.pi() + arb(1) / 2

    def _standard(self, x: Any) -> Any:
        x = x if isinstance(x, acb) else ball(x)
        return (x - ball(self.location)) / ball(self.scale)


@dataclass(frozen=True)
class Laplace:
    """Density e^{−|x − location|/scale}/(2 scale), for real balls; split integrals at the location."""

    location: Any = 0
    scale: Any = 1

    def pdf(self, x: Any) -> Ball:
        return (-abs(ball(x) - ball(self.location)) / ball(self.scale)).exp() / (2 * ball(self.scale))

    def cdf(self, x: Any) -> Ball:
        """Needs the side of the location on which x lies to be decided."""
        z = (ball(x) - ball(self.location)) / ball(self.scale)
        if z >= 0:
            return 1 - (-z).exp() / 2
        if z <= 0:
            return z.exp() / 2
        raise ValueError("x encloses the location; split there")
