"""Cycle consistency on finite spaces: which pairs of maps it allows, and how many it cannot tell apart."""

from collections.abc import Iterator
from itertools import permutations, product
from math import factorial, prod
from typing import Any

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q, total
from theory.setting import Setting
from theory.sources import BRUNA

CYCLE = BRUNA.slide("Cycle GAN")
Law = tuple[Any, ...]


def laws(setting: Setting) -> Iterator[tuple[Law, Law]]:
    """p_x and p_y on two and three points: uniform, tied, permuted, different, with zeros; deep: on four."""
    uniform, tied = (Q(1, 3),) * 3, (Q(1, 4), Q(1, 2), Q(1, 4))
    distinct, zero = (Q(1, 6), Q(1, 3), Q(1, 2)), (Q(1, 2), Q(1, 2), Q(0))
    yield (Q(1, 2), Q(1, 2)), (Q(1, 2), Q(1, 2))
    yield from ((uniform, uniform), (tied, (Q(1, 2), Q(1, 4), Q(1, 4))), (distinct, distinct[::-1]))
    yield from ((distinct, uniform), (zero, uniform), (uniform, zero[::-1]), (zero, (Q(0), Q(1, 3), Q(2, 3))))
    if setting.deep:
        yield (Q(1, 4),) * 4, (Q(1, 4),) * 4


def preserves(p: Law, q: Law, G: tuple[int, ...]) -> bool:
    """G#p = q."""
    return all(total(w for x, w in enumerate(p) if G[x] == y) == q[y] for y in range(len(q)))


@claim(
    "cycle-consistency-not-identifying",
    says="L_cyc(G, F) = 0 if and only if F∘G = id p_x-almost surely and G∘F = id p_y-almost surely; with both laws "
    "matched there are as many minimisers as measure-preserving bijections: n! for uniform laws on n points",
    statement=r"L_{\mathrm{cyc}} = 0 \Leftrightarrow F \circ G = \mathrm{id}\ p_x\mathrm{-a.s.},\ "
    r"G \circ F = \mathrm{id}\ p_y\mathrm{-a.s.}; \quad \#\{(G, F)\} = n!",
    source=CYCLE,
    primary="Zhu, Park, Isola & Efros 2017",
    method=Exact,
    verdict="CONDITIONAL",
    hypotheses=(
        "the loss finds G only up to measure-preserving bijections; it singles out one only if no other exists",
    ),
    priority="P3",
    limits="The slide presents the loss and claims nothing of its minimisers; finite spaces only.",
    resolution_of="minimisers",
)
def cycle_consistency(
    setting,
    *,
    loss=lambda px, py, G, F: (
        total(w * abs(F[G[x]] - x) for x, w in enumerate(px)) + total(w * abs(G[F[y]] - y) for y, w in enumerate(py))
    ),
    minimisers=lambda p, alike: prod(factorial(p.count(w)) for w in set(p)) if alike else 0,
):
    """Every pair of maps between spaces of up to three points, with ties and zeros; every bijection of up to five."""
    pairs = 0
    for px, py in laws(setting):
        n, found = len(px), 0
        maps = list(product(range(n), repeat=n))
        for G, F in product(maps, repeat=2):
            there = all(F[G[x]] == x for x in range(n) if px[x])
            back = all(G[F[y]] == y for y in range(n) if py[y])
            value = loss(px, py, G, F)
            if (value == 0) != (there and back):
                return Refuted(px=px, py=py, G=G, F=F, loss=value)
            found += value == 0 and preserves(px, py, G) and preserves(py, px, F)
            pairs += 1
        if all(px) and all(py) and found != minimisers(px, sorted(px) == sorted(py)):
            return Refuted(px=px, py=py, minimisers=found, stated=minimisers(px, sorted(px) == sorted(py)))
    for n in (4, 5):
        p = (Q(1, n),) * n
        inverses = [(G, tuple(G.index(y) for y in range(n))) for G in permutations(range(n))]
        kept = sum(loss(p, p, G, F) == 0 and preserves(p, p, G) for G, F in inverses)
        if kept != minimisers(p, True):
            return Refuted(points=n, minimisers=kept, stated=minimisers(p, True))
    return Holds(pairs_of_maps=pairs)


cycle_consistency.mutant("one minimiser", minimisers=lambda p, alike: int(alike))
cycle_consistency.mutant("L_cyc = 0 implies G#p_x = p_y", minimisers=lambda p, alike: factorial(len(p)))
cycle_consistency.mutant(
    "one direction suffices", loss=lambda px, py, G, F: total(w * abs(F[G[x]] - x) for x, w in enumerate(px))
)


@cycle_consistency.counterexample("weights ⅙, ⅓, ½ on both sides: a rotation has L_cyc = 0 and moves the law")
def rotation() -> Outcome:
    p, G, F = (Q(1, 6), Q(1, 3), Q(1, 2)), (1, 2, 0), (2, 0, 1)
    value = cycle_consistency.specs["loss"](p, p, G, F)
    return Refuted(G=G, loss=value) if value == 0 and not preserves(p, p, G) else Holds(loss=value)


@cycle_consistency.counterexample("uniform on two points: the identity and the exchange have the same loss 0")
def two_minimisers() -> Outcome:
    p = (Q(1, 2), Q(1, 2))
    losses = [cycle_consistency.specs["loss"](p, p, G, G) for G in ((0, 1), (1, 0))]
    return Refuted(losses=losses) if losses == [0, 0] else Holds(losses=losses)


@cycle_consistency.boundary("distinct weights: one preserving bijection if p_y permutes them, none if it does not")
def distinct_weights() -> Outcome:
    p, others = (Q(1, 6), Q(1, 3), Q(1, 2)), (Q(1, 4), Q(1, 4), Q(1, 2))
    to_itself = [sum(preserves(p, tuple(q), G) for G in permutations(range(3))) for q in permutations(p)]
    to_others = sum(preserves(p, others, G) for G in permutations(range(3)))
    return Holds() if set(to_itself) == {1} and to_others == 0 else Refuted(counts=to_itself, others=to_others)
