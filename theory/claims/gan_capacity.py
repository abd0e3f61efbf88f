"""What a discriminator of bounded capacity cannot see: a generator with few modes that passes for one with many."""

from collections.abc import Iterator
from itertools import combinations, product
from math import prod

import numpy as np

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q, minimise, total
from theory.instances import pmf
from theory.setting import Setting
from theory.sources import BRUNA, TALK


def fewest_modes(p: list, features: list[list], costs: list) -> list:
    """A vertex of {q ≥ 0: Σ q = 1, E_q f = E_p f for each feature}: at most one atom for each equation."""
    rows = [([Q(1)] * len(p), Q(1))]
    rows += [(f, total(a * v for a, v in zip(p, f, strict=True))) for f in features]
    return minimise(costs, rows).x


def signs(bits: int, d: int) -> np.ndarray:
    """2^bits points of the cube {−1, 1}^d: coordinate j of point i is (−1)^⟨i, j⟩, the binary inner product."""
    points, masks = np.arange(2**bits), np.arange(1, d + 1)
    parity = np.array([[int(i & j).bit_count() % 2 for j in masks] for i in points])
    return 1 - 2 * parity


def seen_by(points: np.ndarray, degree: int) -> tuple[int, ...]:
    """Coordinates of a monomial of degree 1, …, `degree` with a mean ≠ 0 over the points; the full cube's are all 0."""
    d = points.shape[1]
    if points.sum(axis=0).any():
        return (int(np.flatnonzero(points.sum(axis=0))[0]),)
    products = points.T @ points
    if degree > 1 and (products != len(points) * np.eye(d, dtype=int)).any():
        i, j = np.argwhere(products != len(points) * np.eye(d, dtype=int))[0]
        return int(i), int(j)
    for size in range(3, degree + 1):
        for chosen in combinations(range(d), size):
            if sum(prod(int(v) for v in point[list(chosen)]) for point in points):
                return chosen
    return ()


@claim(
    "gan-finite-capacity-drops-modes",
    says="A discriminator class spanned by D features cannot tell any P on finitely many modes from some Q on D + 1 "
    "of them, and D + 1 may be needed; all polynomials of degree 2 cannot tell the d-cube's 2^d modes from 2^s ≤ 2d of "
    "them, s the number of bits of d, so that 2^d − 2^s modes are dropped",
    statement=r"|\mathrm{supp}\,Q| \leq D + 1,\ E_Q f = E_P f; \quad "
    r"2^{\lceil \log_2(d+1)\rceil} \leq 2d\ \mathrm{modes\ pass\ for}\ 2^d",
    source=(TALK.slide("Problems of GANs"), BRUNA.slide("Generative Adversarial Networks")),
    primary="Arora et al. 2017; Carathéodory's theorem; Rao 1947, orthogonal arrays (recalled)",
    method=Exact,
    limits="That such a generator exists, not that training finds it.",
)
def finite_capacity(
    setting,
    *,
    atoms=lambda features: features + 1,
    bits=lambda d: d.bit_length(),
    dropped=lambda d, kept: 2**d - kept,
    degree=2,
):
    """Vertices of exact linear programs, also where P is alone with its means; then Hadamard matrices' columns."""
    for outcome in (*by_caratheodory(setting, atoms), *on_the_cube(setting, bits, dropped, degree)):
        if isinstance(outcome, Refuted):
            return outcome
    return Holds(modes_of_the_63_cube=64)


def by_caratheodory(setting: Setting, atoms) -> Iterator[Outcome]:
    rng = setting.rng()
    for modes, count in ((60, 4), (30, 6), (12, 3)) * setting.size(1, deep=5):
        features = [[Q(int(v)) for v in row] for row in rng.integers(-9, 10, (count, modes))]
        weights = [Q(int(v), modes * 10) for v in rng.multinomial(modes * 10, np.ones(modes) / modes)]
        found = fewest_modes(weights, features, [Q(int(v)) for v in rng.integers(0, 100, modes)])
        used = sum(value > 0 for value in found)
        if used > atoms(count):
            yield Refuted(modes=modes, features=count, used=used, stated=atoms(count))
    for count in (1, 2, 5, 9):
        # The corner 0 and the unit vectors are affinely independent: P is the only law with its means.
        features = [[Q(int(i == j)) for i in range(count + 1)] for j in range(count)]
        weights = pmf(rng, count + 1)
        found = fewest_modes(weights, features, [Q(0)] * (count + 1))
        if found != weights or atoms(count) != len(weights):
            yield Refuted(features=count, needed=len(weights), stated=atoms(count), found=found)


def on_the_cube(setting: Setting, bits, dropped, degree) -> Iterator[Outcome]:
    for d in (3, 7, 12, 15, 31, 63, *setting.size((), deep=(100, 127, 255))):
        points = signs(bits(d), d)
        visible = seen_by(points, degree)
        modes = {tuple(point) for point in points.tolist()}
        if visible or len(modes) > 2 * d:
            yield Refuted(d=d, modes=len(modes), seen_by_coordinates=visible)
        if d <= 12:
            missing = len(set(product((-1, 1), repeat=d)) - modes)
            if dropped(d, len(modes)) != missing:
                yield Refuted(d=d, stated=dropped(d, len(modes)), missing=missing)


finite_capacity.equivalent("degree = 1", "polynomials of degree 1 are among those of degree 2")
finite_capacity.mutant("D atoms always suffice", atoms=lambda features: features)
finite_capacity.mutant("polynomials of degree 3 are as blind", degree=3)
finite_capacity.mutant("one bit fewer", bits=lambda d: d.bit_length() - 1)
finite_capacity.mutant("half of the modes are kept", dropped=lambda d, kept: 2**d - 2 ** (d - 1))


@finite_capacity.boundary("a class with one feature less than there are modes sees every difference")
def full_capacity() -> Outcome:
    p = [Q(1, 6), Q(1, 3), Q(1, 2)]
    features = [[Q(1), Q(0), Q(0)], [Q(0), Q(1), Q(0)]]
    found = [fewest_modes(p, features, costs) for costs in ([1, 2, 4], [4, 2, 1], [-1, 0, 0])]
    return Holds(only_law=p) if found == [p] * 3 else Refuted(found=found)
