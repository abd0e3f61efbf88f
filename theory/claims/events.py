"""Many events at once: how likely it is that at least m of them occur, whatever their dependence."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import product

from theory.claim import Exact, Holds, Refuted, claim
from theory.exact import Q
from theory.sources import TALK


def outcomes_up_to(n: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Each joint outcome of 1, …, n events, with each m."""
    for size in range(1, n + 1):
        for outcome in product((0, 1), repeat=size):
            for m in range(1, size + 1):
                yield outcome, m


@claim(
    "m-of-n-lemma",
    says="P(at least m of E₁…Eₙ occur) ≤ (1/m) Σ P(Eᵢ), for any events",
    statement=r"P\left(\sum_i 1_{E_i} \geq m\right) \leq \frac{1}{m}\sum_{i=1}^{n} P(E_i)",
    source=TALK.slide("Lemma"),
    primary="Li & Malik 2017, Prioritized DCI; Rüger 1978 for p-values",
    method=Exact,
)
def m_of_n(*, bound=lambda n, m: Q(1, m), of=sum, relation=operator.le):
    """Markov's inequality, atom by atom: m·1[N ≥ m] ≤ N on each of the 2ⁿ outcomes.

    The factor is the least one: for each n and m some outcome attains the bound.
    """
    attained = set()
    for outcome, m in outcomes_up_to(n=10):
        n, at_least_m = len(outcome), int(sum(outcome) >= m)
        if not relation(at_least_m, bound(n, m) * of(outcome)):
            return Refuted(outcome=outcome, m=m)
        if at_least_m == bound(n, m) * of(outcome) == 1:
            attained.add((n, m))
    missing = [(n, m) for n in range(1, 11) for m in range(1, n + 1) if (n, m) not in attained]
    return Refuted(nowhere_attained=missing) if missing else Holds(outcomes="all, n ≤ 10", attained=len(attained))


m_of_n.mutant("one event more in the denominator", bound=lambda n, m: Q(1, m + 1))
m_of_n.mutant("the mean probability instead of the sum", bound=lambda n, m: Q(1, m * n))
m_of_n.mutant("the largest probability instead of the sum", of=max)
m_of_n.mutant("equality, whatever the events", relation=operator.eq)


@m_of_n.boundary("m = 1 is the union bound, and says nothing once Σ P(Eᵢ) > 1")
def union_bound():
    three_certain_events = (1, 1, 1)
    occurs, bound = max(three_certain_events), sum(three_certain_events)
    return Holds(probability=occurs, bound=bound) if occurs < bound else Refuted(probability=occurs, bound=bound)
