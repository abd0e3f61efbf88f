"""Whether the order of the two players matters: min max against max min, and equilibria in pure strategies."""

from collections.abc import Iterator
from functools import reduce
from itertools import permutations, product
from typing import Any

import numpy as np
from flint import arb

from theory.certified import decide_equal, decide_less, log2, precision, total, xlog
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, maximise
from theory.instances import pmf
from theory.setting import Setting
from theory.sources import TALK, YU

DUALITY = YU.slide("Strong/Weak duality")
BITS = 128
#: 128 bits leave radii near 1e-37.
DISTANCE = 1e-25


def best_value(p: list, q: list) -> Any:
    """max_D V by D* = p/(p + q)."""
    return total(xlog(a, a / (a + b)) + xlog(b, b / (a + b)) for a, b in zip(p, q, strict=True) if a + b > 0)


def value(p: list, q: list, d: list) -> Any:
    return total(xlog(a, g) + xlog(b, 1 - g) for a, b, g in zip(p, q, d, strict=True))


def occupations(samples: int, cells: int) -> Iterator[list[int]]:
    """How many of the samples lie in each cell, largest first: the value does not depend on the order of equal data."""

    def parts(left: int, cells: int, most: int) -> Iterator[list[int]]:
        if cells == 0:
            if left == 0:
                yield []
            return
        for first in range(min(left, most), -1, -1):
            for rest in parts(left - first, cells - 1, first):
                yield [first, *rest]

    return parts(samples, cells, samples)


def least_of_atoms(n: int, m: int) -> Any:
    """min over placements of m equal atoms of max_D V, for n data in n cells; atoms off the data only help D."""
    p = [Q(1, n)] * n
    return reduce(arb.min, (best_value(p, [Q(count, m) for count in counts]) for counts in occupations(m, n)))


@claim(
    "gan-minimax-duality",
    says="max min ≤ min max. With D free and the generator's laws convex both are −log 4, for finite n too; with one "
    "Dirac mass on n data min max is (1/n) log(1/(n + 1)) + log(n/(n + 1)) and max min still −log 4; with m equal "
    "atoms the gap closes iff n divides m",
    statement=r"\max_D \min_q V = -\log 4 \leq \min_{q = \delta_j} \max_D V = "
    r"\frac{1}{n} \log\frac{1}{n+1} + \log\frac{n}{n+1}",
    source=DUALITY,
    primary="Sion 1958; Farnia & Ozdaglar 2020 (both recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=(
        "the generator's laws form a convex set; n, m → ∞ is neither needed nor named as what brings it about",
    ),
)
def minimax_duality(
    setting,
    *,
    min_max=lambda n, log: log(1 / (n + 1)) / n + log(n / (n + 1)),
    max_min=lambda log_2: -2 * log_2,
    convex=lambda log_2: -2 * log_2,
    gap_closes=lambda n, m: m % n == 0,
):
    """D ≡ ½ gives −log 4 and no D gives more, by the mean over the data; min max by enumerating the placements."""
    with precision(BITS):
        return all_hold(
            (
                *dirac_parts(setting, min_max, max_min),
                *convex_parts(setting, convex),
                *atom_parts(setting, gap_closes),
            )
        )


def dirac_parts(setting: Setting, min_max, max_min) -> Iterator[Outcome]:
    rng = setting.rng()
    for n in (1, 2, 3, 5, 10):
        p = [Q(1, n)] * n
        atom = [Q(1), *[Q(0)] * (n - 1)]
        stated, lower = min_max(Q(n), lambda x: xlog(1, x)), max_min(log2())
        yield decide_equal(best_value(p, atom), stated, distance=DISTANCE, n=n)
        yield decide_equal(value(p, atom, [Q(1, 2)] * n), lower, distance=DISTANCE, n=n)
        if n > 1:
            yield decide_less(lower, stated, n=n)
        for _ in range(setting.size(5, deep=100)):
            # min over j ≤ mean over j = (1/n) Σ log D(1 − D) ≤ −log 4: no D guarantees more than D ≡ ½.
            d = [Q(int(rng.integers(0, 30)), 60) for _ in range(n)]
            mean = [Q(1, n)] * n
            yield decide_less(value(p, mean, d), lower, D=d)


def convex_parts(setting: Setting, convex) -> Iterator[Outcome]:
    """Every law is allowed: max_D V is least at q = p, where D ≡ ½ guarantees the same against every q."""
    rng = setting.rng(1)
    for _ in range(setting.size(40, deep=400)):
        p = pmf(rng, int(rng.integers(2, 7)), zeros=0.3)
        q = pmf(rng, len(p), zeros=0.3)
        stated = convex(log2())
        yield decide_equal(best_value(p, p), stated, distance=DISTANCE, p=p)
        yield decide_equal(value(p, q, [Q(1, 2)] * len(p)), stated, distance=DISTANCE, p=p, q=q)
        if p != q:
            yield decide_less(stated, best_value(p, q), p=p, q=q)


def atom_parts(setting: Setting, gap_closes) -> Iterator[Outcome]:
    """−log 4 is reached iff the atoms can copy the data, a rational question; the gaps are enclosed besides."""
    most = setting.size(6, deep=9)
    for n, m in product(range(1, most), range(1, most + 3)):
        copies = any([Q(count, m) for count in counts] == [Q(1, n)] * n for counts in occupations(m, n))
        gap = least_of_atoms(n, m) + 2 * log2()
        yield decide_equal(gap, 0, distance=DISTANCE, n=n, m=m) if copies else decide_less(0, gap, n=n, m=m)
        if bool(gap_closes(n, m)) != copies:
            yield Refuted(n=n, m=m, said_to_close=gap_closes(n, m), gap=gap)


minimax_duality.mutant("no gap for one Dirac mass", min_max=lambda n, log: -2 * log2())
minimax_duality.mutant("min max lies below max min", max_min=lambda log_2: -log_2 / 2)
minimax_duality.mutant("a gap for all laws", convex=lambda log_2: -log_2)
minimax_duality.mutant("the gap closes as soon as m ≥ n", gap_closes=lambda n, m: m >= n)


@minimax_duality.counterexample("two data and three atoms: a gap of 0.0287, whatever n → ∞ may bring")
def three_atoms_for_two_data() -> Outcome:
    with precision(BITS):
        gap = least_of_atoms(2, 3) + 2 * log2()
    return Refuted(gap=gap) if gap > 0 else Holds(gap=gap)


@minimax_duality.boundary("one datum: the Dirac mass copies it, and there is no gap")
def one_datum() -> Outcome:
    with precision(BITS):
        return decide_equal(best_value([Q(1)], [Q(1)]), -2 * log2(), distance=DISTANCE)


def saddles(game: list[list]) -> list[tuple[int, int]]:
    """(i, j) from which neither player gains by leaving: the row player maximises, the column player minimises."""
    return [
        (i, j)
        for i, row in enumerate(game)
        for j, entry in enumerate(row)
        if all(entry <= other for other in row) and all(entry >= game[k][j] for k in range(len(game)))
    ]


def mixed_value(game: list[list]) -> Any:
    """max v with x mixing rows and xᵀA ≥ v in every column: an exact linear program, v = v₊ − v₋."""
    rows, columns = len(game), len(game[0])
    at_most = [([*(-game[i][j] for i in range(rows)), 1, -1], 0) for j in range(columns)]
    return maximise([0] * rows + [1, -1], [([1] * rows + [0, 0], 1)], at_most=at_most).value


def pure_bounds(game: list[list]) -> tuple[Any, Any]:
    """(max min, min max) over pure strategies."""
    columns = range(len(game[0]))
    return max(min(row) for row in game), min(max(row[j] for row in game) for j in columns)


@claim(
    "gan-no-pure-equilibrium",
    says="A finite zero-sum game has an equilibrium in pure strategies iff max min = min max over them; it may have "
    "none, as matching pennies, a third of the 2 × 2 games with continuous payoffs, and the game of D against one "
    "Dirac mass on two data",
    statement=r"\mathrm{saddle} \Leftrightarrow \max_i \min_j a_{ij} = \min_j \max_i a_{ij}, \quad "
    r"P(\mathrm{none}) = \frac{1}{3}\ \mathrm{for}\ 2 \times 2",
    source=TALK.slide("Problems of GANs"),
    primary="Arora et al. 2017; von Neumann 1928 (both recalled)",
    method=(Exact, Certified),
    limits="That finding one is NP-hard (Gilboa & Zemel 1989) is cited and not tested; for a game given by its matrix "
    "both the pure and the mixed question are answered here in polynomial time.",
    priority="P2",
)
def no_pure_equilibrium(
    setting,
    *,
    row_share=lambda a, b, c, d: (d - c) / (a - b - c + d),
    share_without=Q(1, 3),
    pennies=Q(0),
    needs=lambda gap: gap == 0,
):
    """Saddles by enumeration, mixed values by exact linear programs, and the 24 orders of four payoffs."""
    rng = setting.rng()
    for _ in range(setting.size(60, deep=600)):
        shape = rng.integers(1, 7, 2)
        game = [[Q(int(v)) for v in row] for row in rng.integers(-4, 5, shape)]
        low, high = pure_bounds(game)
        if bool(saddles(game)) != bool(needs(high - low)):
            return Refuted(game=game, saddles=saddles(game), max_min=low, min_max=high)
    outcome = mixed(rng, row_share, setting.size(12, deep=100))
    if outcome is not None:
        return outcome
    orders = [[list(order[:2]), list(order[2:])] for order in permutations(range(4))]
    without = Q(sum(not saddles(game) for game in orders), len(orders))
    value_of_pennies = mixed_value([[Q(1), Q(-1)], [Q(-1), Q(1)]])
    if (without, value_of_pennies) != (share_without, pennies):
        return Refuted(share_without_saddle=without, value_of_matching_pennies=value_of_pennies)
    return all_hold(
        [dirac_game_has_no_saddle(setting)], share_without_saddle=without, value_of_matching_pennies=value_of_pennies
    )


def mixed(rng: np.random.Generator, row_share, count: int) -> Outcome | None:
    """The row player's share of the first row in drawn 2 × 2 games without a saddle guarantees the program's value."""
    while count:
        game = [[Q(int(v)) for v in row] for row in rng.integers(-9, 10, (2, 2))]
        if saddles(game):
            continue
        count -= 1
        (a, b), (c, d) = game
        x, best = row_share(a, b, c, d), mixed_value(game)
        guaranteed = min(x * a + (1 - x) * c, x * b + (1 - x) * d)
        if guaranteed != best:
            return Refuted(game=game, share=x, guaranteed=guaranteed, value=best)
    return None


def dirac_game_has_no_saddle(setting: Setting) -> Outcome:
    """D of a grid inside [0, 1]² against δ₁ or δ₂, data at both: the bounds over pure strategies differ."""
    p, atoms, steps = [Q(1, 2), Q(1, 2)], ([Q(1), Q(0)], [Q(0), Q(1)]), setting.size(6, deep=20)
    with precision(BITS):
        answers = list(product([Q(k, steps) for k in range(1, steps)], repeat=2))
        payoffs = [[value(p, atom, list(d)) for atom in atoms] for d in answers]
        low = reduce(arb.max, (first.min(second) for first, second in payoffs))
        high = reduce(arb.max, (row[0] for row in payoffs)).min(reduce(arb.max, (row[1] for row in payoffs)))
        return decide_less(low, high, max_min=low, min_max=high)


no_pure_equilibrium.mutant("every finite zero-sum game has a pure equilibrium", needs=lambda gap: True)
no_pure_equilibrium.mutant("matching pennies is worth a tenth", pennies=Q(1, 10))
no_pure_equilibrium.mutant("half of the 2 × 2 games have none", share_without=Q(1, 2))


@no_pure_equilibrium.boundary(
    "xy + x²/2 − y²/2 on [−1, 1]², convex–concave on compact sets: a saddle on every grid with 0"
)
def convex_concave() -> Outcome:
    grid = [Q(k, 4) for k in range(-4, 5)]
    # Rows maximise, so they are the y; columns the x.
    game = [[x * y + x**2 / 2 - y**2 / 2 for x in grid] for y in grid]
    return Holds(saddle=saddles(game)) if saddles(game) == [(4, 4)] else Refuted(saddle=saddles(game))
