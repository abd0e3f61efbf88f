"""Many events at once: how likely it is that at least m of them occur, whatever their dependence."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

from theory.claim import Exact, Holds, Refuted, claim
from theory.exact import Q, maximise, rationals, total
from theory.instances import probabilities
from theory.setting import Setting
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


def largest_probability(p: list, m: int) -> Any:
    """max P(at least m occur) over all joint laws with these marginals: a linear program over the 2ⁿ outcomes."""
    outcomes = list(product((0, 1), repeat=len(p)))
    rows = [([outcome[i] for outcome in outcomes], p[i]) for i in range(len(p))]
    rows.append(([1] * len(outcomes), 1))
    return maximise([int(sum(outcome) >= m) for outcome in outcomes], rows).value


def systematic_sampling(p: list, m: int) -> tuple[list, Any]:
    """Marginals and P(N = m) of the law that picks m events at once, with probability b = Σp/m, and else none.

    The intervals of lengths pᵢ lie end to end on [0, mb); U is uniform on [0, b), and event i occurs
    if one of the points U + kb lies in its interval.
    """
    b = total(p) / m
    ends = [total(p[:i]) for i in range(len(p) + 1)]
    cuts = sorted({b, *(end - b * k for end in ends for k in range(m) if 0 <= end - b * k <= b)})
    marginals, exactly_m = [Q(0)] * len(p), Q(0)
    for low, high in pairwise(cuts):
        middle = (low + high) / 2
        struck = {i for i in range(len(p)) for k in range(m) if ends[i] <= middle + b * k < ends[i + 1]}
        exactly_m += (high - low) * (len(struck) == m)
        for i in struck:
            marginals[i] += high - low
    return marginals, exactly_m


def marginals(setting: Setting) -> Iterator[tuple[list, int]]:
    """Marginal probabilities with an m: two written ones, then drawn ones with many 0, 1 and ties."""
    yield rationals((1, 0)), 2
    yield rationals(("1/2", "1/2", "1/2", "1/2")), 2
    rng = setting.rng()
    for _ in range(setting.size(200, deep=2000)):
        n = int(rng.integers(1, 5))
        yield probabilities(rng, n), int(rng.integers(1, n + 1))


@claim(
    "m-of-n-sharp",
    says="Given the marginals, P(at least m occur) can be as large as the least of 1 and the sums of the n − r "
    "smallest over m − r, r < m; that is (1/m) Σ pᵢ if and only if m max pᵢ ≤ Σ pᵢ ≤ m",
    statement=r"\max P\left(\sum_i 1_{E_i} \geq m\right) = "
    r"\min\left(1, \min_{r<m} \frac{p_{(1)} + \cdots + p_{(n-r)}}{m - r}\right)",
    source="a strengthening of the lemma on m of n events; not in a deck",
    primary="Rüger 1978 for the bound; the law that attains it is systematic sampling",
    method=Exact,
)
def m_of_n_sharp(
    setting,
    *,
    sharp=lambda p, m: min(Q(1), min(total(sorted(p)[: len(p) - r]) / (m - r) for r in range(m))),
    tight=lambda p, m: m * max(p) <= total(p) <= m,
):
    """An exact linear program over the joint laws gives the maximum; where the lemma is tight a law attains it."""
    tights = count = 0
    for p, m in marginals(setting):
        count += 1
        largest = largest_probability(p, m)
        if sharp(p, m) != largest:
            return Refuted(p=p, m=m, stated=sharp(p, m), largest=largest)
        if tight(p, m) != (largest == total(p) / m):
            return Refuted(p=p, m=m, said_tight=tight(p, m), largest=largest, lemma=total(p) / m)
        if tight(p, m) and total(p) > 0:
            tights += 1
            if systematic_sampling(p, m) != (p, largest):
                return Refuted(p=p, m=m, attained=systematic_sampling(p, m), largest=largest)
    return Holds(instances=count, tight=tights)


m_of_n_sharp.mutant("tight whenever Σp ≤ m", tight=lambda p, m: total(p) <= m)
m_of_n_sharp.mutant("without the minimum over r", sharp=lambda p, m: min(Q(1), total(p) / m))


@m_of_n_sharp.boundary("independent events stay far below the bound")
def independent_events():
    p, m = rationals(("1/2", "1/2", "1/2", "1/2")), 3
    law = [Q(1)]  # of the number of events so far: the Poisson–binomial law
    for chance in p:
        law = [a * (1 - chance) + b * chance for a, b in zip([*law, Q(0)], [Q(0), *law], strict=True)]
    independent, sharp = total(law[m:]), largest_probability(p, m)
    found = {"independent": independent, "sharp": sharp}
    return Holds(**found) if (independent, sharp) == (Q(5, 16), Q(2, 3)) else Refuted(**found)
