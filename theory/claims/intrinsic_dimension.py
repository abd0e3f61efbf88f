"""The expansion dimension: how fast balls of a point set fill as they grow, on grids and under embeddings."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise, product
from math import isqrt
from typing import Any

import numpy as np

from theory.certified import Ball, ball, decide_less, log2, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.setting import Setting
from theory.sources import TALK

SLIDE = TALK.slide("Intrinsic Dimensionality")
BITS = 64
#: Squared radii up to which the grids' balls are counted, by dimension: beyond, doubling gains less (`beyond`).
FARTHEST = {1: 2_300_000, 2: 60_000, 3: 16_000, 4: 60}


@cache
def ball_counts(d: int) -> np.ndarray:
    """(s + 1,) of #{x ∈ ℤᵈ: ‖x‖² ≤ n} for n ≤ s = 4 FARTHEST + 3, by adding one coordinate after another."""
    size = 4 * FARTHEST[d] + 4
    if d == 1:
        # The root is rounded correctly, and no square here is near 2⁵².
        return 2 * np.sqrt(np.arange(size)).astype(np.int64) + 1
    shells: np.ndarray = np.zeros(size, dtype=np.int64)
    shells[np.arange(isqrt(size - 1) + 1) ** 2] = 2
    shells[0] = 1
    for _ in range(d - 1):
        wider: np.ndarray = shells.copy()
        for z in range(1, isqrt(size - 1) + 1):
            wider[z * z :] += 2 * shells[: size - z * z]
        shells = wider
    return np.cumsum(shells)


def largest_ratio(counts: np.ndarray, k: int, alpha_squared: Any) -> Any:
    """sup of |B(αr)|/|B(r)| over r with |B(r)| ≥ k: just below √(n + 1), where the small ball still has C(n) points."""
    best = Q(0)
    first = int(np.searchsorted(counts, k))
    if alpha_squared == 4:
        grown = counts[4 * first + 3 :: 4] / counts[first : len(counts) // 4]
        # Floats choose, integers answer: all that may be largest within rounding are compared exactly.
        near = first + np.flatnonzero(grown >= grown.max() * (1 - 2.0**-48))
        return max(Q(int(counts[4 * n + 3]), int(counts[n])) for n in near)
    for n in range(first, first + 50):
        reach = alpha_squared * (n + 1)
        inside = int(reach.p // reach.q) - (reach.q == 1)
        best = max(best, Q(int(counts[inside]), int(counts[n])))
    return best


def beyond(d: int) -> Ball:
    """A bound on |B(2r)|/|B(r)| for r² ≥ FARTHEST: unit cubes round the points lie in balls of radius r ± √d/2."""
    r, margin = ball(FARTHEST[d]).sqrt(), ball(d).sqrt() / 2
    return ((2 * r + margin) / (r - margin)) ** d


@claim(
    "intrinsic-dimension-grid",
    says="No d′ serves all α > 1, since the count jumps at once where a ball meets its next point. With α = 2 and "
    "balls of k points or more the grid's dimension d′_k is above d and tends to it: for ℤ it is log₂(2 + 1/(2N + 1)), "
    "N = ⌊k/2⌋",
    statement=r"d'_k(\mathbb{Z}) = \log_2\left(2 + \frac{1}{2 \lfloor k/2 \rfloor + 1}\right), \quad "
    r"d'_k(\mathbb{Z}^d) \to d",
    source=(SLIDE, TALK.slide("Why is High Dimensionality Hard?")),
    primary="Karger & Ruhl 2002, who take α = 2 (recalled)",
    method=(Exact, Certified),
    verdict="FALSE",
    limits="The limit is seen up to k = 1000, in dimensions 1 to 3.",
)
def grid_dimension(
    setting,
    *,
    ratio=lambda k: 2 + 1 / Q(2 * (k // 2) + 1),
    dimension=lambda d: d,
    exceeds=True,
    alpha_squared=Q(4),
):
    """All balls of the grid up to a radius beyond which volumes bound the ratio; the largest ratio as a rational."""
    with precision(BITS):
        return all_hold((*on_the_line(ratio, alpha_squared), *in_space(setting, dimension, exceeds, alpha_squared)))


def on_the_line(ratio, alpha_squared) -> Iterator[Outcome]:
    counts = ball_counts(1)
    for k in (1, 2, 10, 11, 100, 101, 1001):
        true = largest_ratio(counts, k, alpha_squared)
        yield decide_less(beyond(1), ball(true), k=k) if alpha_squared == 4 else Holds()
        if true != ratio(k):
            yield Refuted(k=k, largest_ratio=true, stated=ratio(k))


def in_space(setting: Setting, dimension, exceeds: bool, alpha_squared) -> Iterator[Outcome]:
    for d in (1, 2, 3):
        counts, found = ball_counts(d), []
        for k in (1, 10, 100, 1000):
            largest = largest_ratio(counts, k, alpha_squared)
            if alpha_squared == 4:
                yield decide_less(beyond(d), ball(largest), d=d, k=k)
            found.append(2 * ball(largest).log() / ball(alpha_squared).log())
            yield decide_less(d, found[-1], d=d, k=k) if exceeds else decide_less(found[-1], d, d=d, k=k)
        for wider, narrower in pairwise(found):
            yield decide_less(narrower, wider, d=d)
        yield decide_less(abs(found[-1] - dimension(d)), Q(2, 25), d=d, found=found[-1])


grid_dimension.printed(
    "every α > 1",
    where=SLIDE,
    printed="|B_p(αr)| ≤ α^d′ |B_p(r)| for all r > 0, α > 1; the grid ℤ^d′ has intrinsic dimension d′",
    correct="α = 2 (or α ≥ α₀ > 1), and the grid's dimension tends to d′ as k → ∞",
    alpha_squared=Q(10001, 10000),
)
grid_dimension.mutant("d′ = d on the line for every k", ratio=lambda k: Q(2))
grid_dimension.mutant("d′_k is below d", exceeds=False)
grid_dimension.mutant("the grid's dimension is d + ½", dimension=lambda d: d + Q(1, 2))


@grid_dimension.counterexample(
    "ℤ, α = 1.00016 and a ball of 11 points that meets the next two: d′ > 1000 would be needed"
)
def next_point() -> Outcome:
    with precision(BITS):
        needed = ball(Q(13, 11)).log() / ball(Q(100016, 100000)).log()
        # r = 6/1.00016 is below 6 and above 5: 11 points in B(r), 13 in B(αr).
        return Refuted(points=(11, 13), dimension_needed=needed) if needed > 1000 else Holds(needed=needed)


@grid_dimension.boundary("k = 1: d log₂ 3 for d ≤ 3, but log₂ 65 for d = 4")
def single_points() -> Outcome:
    ratios = [largest_ratio(ball_counts(d), 1, 4) for d in (1, 2, 3, 4)]
    return Holds(ratios=ratios) if ratios == [3, 9, 27, 65] else Refuted(ratios=ratios)


def count(points: np.ndarray, centre: np.ndarray, radius_squared: int) -> int:
    return int((((points - centre) ** 2).sum(axis=1) <= radius_squared).sum())


def grid(d: int, reach: int) -> np.ndarray:
    return np.array(list(product(range(-reach, reach + 1), repeat=d)))


#: Maps of ℤ or ℤ² into ℤ⁵ or ℤ², with the factor by which they are said to stretch squared lengths.
MAPS = {
    "columns of equal length at right angles": (
        (1, 12, lambda x: np.stack([x[:, 0], x[:, 0], x[:, 0], x[:, 0], 0 * x[:, 0]], axis=1), 4),
        (2, 9, lambda x: x @ np.array([[1, 1, 1, 1, 0], [1, -1, 1, -1, 0]]), 4),
    ),
    "x ↦ (x, x²)": ((1, 12, lambda x: np.stack([x[:, 0], x[:, 0] ** 2], axis=1), 1),),
    "columns of unequal length": ((2, 9, lambda x: x @ np.array([[1, 1, 1, 1, 0], [1, -1, 0, 0, 0]]), 4),),
}


@claim(
    "intrinsic-dimension-embedding",
    says="Balls round points of the set keep their counts under an isometric embedding, up to scale, and so does d′. "
    "Round other points of the ambient space they do not: ℤ in ℝ² seen from (0, h) has one point in B(h) and "
    "2⌊√3 h⌋ + 1 in B(2h)",
    statement=r"|B_{T(p)}(c\,r) \cap T(D)| = |B_p(r) \cap D|\ \mathrm{for}\ \|T(x) - T(y)\| = c \|x - y\|",
    source=SLIDE,
    primary="Karger & Ruhl 2002 (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("the embedding is isometric up to scale", "the centres p of the balls belong to the set"),
)
def embedded_dimension(
    setting,
    *,
    from_outside=lambda h: 2 * isqrt(3 * h**2) + 1,
    map="columns of equal length at right angles",
    centre_height=0,
):
    """Counts in integers of all balls round all points of a finite piece; then the balls round (0, h)."""
    for d, reach, embed, stretch in MAPS[map]:
        points = grid(d, reach)
        placed = embed(points)
        for p in points[:: setting.size(7, deep=1)]:
            centre = embed(p[None])[0]
            centre[-1] += centre_height
            for radius_squared in (0, 1, 2, 4, 5, 9, 16, 36):
                before = count(points, p, radius_squared)
                after = count(placed, centre, stretch * radius_squared)
                if before != after:
                    return Refuted(p=p, radius_squared=radius_squared, before=before, after=after)
    for h in (1, 10, 100, 1000):
        line = np.arange(-3 * h, 3 * h + 1)
        inside = [int((line**2 + h**2 <= (factor * h) ** 2).sum()) for factor in (1, 2)]
        if inside != [1, from_outside(h)]:
            return Refuted(h=h, points_inside=inside, stated=from_outside(h))
    return Holds(from_outside=[from_outside(h) for h in (10, 100, 1000)])


embedded_dimension.mutant("a parabola keeps the counts", map="x ↦ (x, x²)")
embedded_dimension.mutant("any injective linear map keeps the counts", map="columns of unequal length")
embedded_dimension.printed(
    "centres anywhere",
    where=SLIDE,
    printed="embedded in a higher-dimensional space, it would retain its intrinsic dimensionality",
    correct="under isometric embeddings, and for balls round points of the set",
    centre_height=3,
)


@embedded_dimension.counterexample("ℤ ⊂ ℝ², p = (0, h): doubling the radius multiplies the count by 35, 347, 3465, …")
def from_above() -> Outcome:
    ratios = [2 * isqrt(3 * h * h) + 1 for h in (10, 100, 1000)]
    # |B(2r)|/|B(r)| ≤ 2^d′ with |B(h)| = 1 would need d′ ≥ log₂ of these, without bound.
    with precision(BITS):
        needed = [ball(ratio).log() / log2() for ratio in ratios]
    return Refuted(dimension_needed=needed) if needed[0] > 5 and needed[2] > 11 else Holds(needed=needed)


@embedded_dimension.boundary("a large k does not help off the set: the ratio grows with h from any 2k + 1 points")
def fine_grids() -> Outcome:
    """From (0, h) with r² = h² + k², B(r) has 2k + 1 points, and B(2r) still 2⌊√(3h² + 4k²)⌋ + 1."""
    k = 50
    ratios = [Q(2 * isqrt(3 * h * h + 4 * k * k) + 1, 2 * k + 1) for h in (10**3, 10**5, 10**7)]
    return Holds(ratios=ratios) if all(b > 50 * a for a, b in pairwise(ratios)) else Refuted(ratios=ratios)
