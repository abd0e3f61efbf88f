"""The chain rule in any order: what each coordinate has to be conditioned on."""

from collections.abc import Iterator
from itertools import pairwise, permutations, product
from math import prod
from typing import Any

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.exact import Infeasible, Q, minimise, total
from theory.instances import pmf
from theory.setting import Setting
from theory.sources import BRUNA, TALK

AUTOREGRESSIVE = BRUNA.slide("Autoregressive Models")
Bits = tuple[int, ...]
Law = dict[Bits, Any]


def laws(setting: Setting) -> Iterator[Law]:
    """Laws on {0, 1}⁴: uniform on two points, on all, then drawn ones, two of three with zeros or ties."""
    cube = list(product((0, 1), repeat=4))
    yield {x: Q(int(x in ((0, 0, 0, 0), (1, 1, 1, 1))), 2) for x in cube}
    yield {x: Q(1, 16) for x in cube}
    rng = setting.rng()
    for index in range(setting.size(6, deep=60)):
        zeros, ties = (0.5, False) if index % 3 == 1 else (0.0, index % 3 == 2)
        yield dict(zip(cube, pmf(rng, 16, zeros=zeros, ties=ties), strict=True))


def mass(p: Law, x: Bits, at: tuple[int, ...]) -> Any:
    """P(X agrees with x at these coordinates)."""
    return total(weight for y, weight in p.items() if all(y[i] == x[i] for i in at))


def factorised(p: Law, x: Bits, order: tuple[int, ...], context: Any, conditional: Any) -> Any:
    """∏ᵢ p(x_{σ(i)} | x at context), 0 · undefined = 0."""
    factors = []
    for i, coordinate in enumerate(order):
        given = context(order, i)
        factors.append(conditional(mass(p, x, (coordinate, *given)), mass(p, x, given)))
    return prod(factors, start=Q(1))


@claim(
    "chain-rule-any-order",
    says="p(x) = ∏ᵢ p(x_{σ(i)} | x_{σ(1)}, …, x_{σ(i−1)}) for every ordering σ, wherever the conditionals are defined; "
    "conditioning on fewer predecessors needs a Markov property, on later ones it is no law at all",
    statement=r"p(x) = \prod_{i=1}^{n} p(x_{\sigma(i)} \mid x_{\sigma(1)}, \ldots, x_{\sigma(i-1)})"
    r"\quad \forall \sigma",
    source=(AUTOREGRESSIVE, BRUNA.slide("Pixel Recurrent Networks"), TALK.slide("Parameter Estimation")),
    primary="the definition of conditional probability; Besag 1975 for pseudolikelihood (recalled)",
    method=Exact,
    limits="The later reduction p(x) → {p(x_i | x_N(i))} is conditional: N(i) must hold only predecessors in some "
    "order, and all of them that matter.",
)
def chain_rule(
    setting,
    *,
    conditional=lambda both, given: both / given if given else Q(0),
    context=lambda order, i: order[:i],
):
    """Rational laws on {0, 1}⁴ with zeros: all 24 orderings at all 16 points."""
    count = 0
    for p in laws(setting):
        for order in permutations(range(4)):
            for x, weight in p.items():
                value = factorised(p, x, order, context, conditional)
                if value != weight:
                    return Refuted(order=order, x=x, p=weight, product=value, law=[str(w) for w in p.values()])
            count += 1
    return Holds(laws_and_orderings=count)


chain_rule.mutant("the first predecessor left out", context=lambda order, i: order[1:i])
chain_rule.mutant("the last predecessor left out", context=lambda order, i: order[: max(i - 1, 0)])
chain_rule.mutant("only the last predecessor", context=lambda order, i: order[max(i - 1, 0) : i])
chain_rule.mutant("all other coordinates: pseudolikelihood", context=lambda order, i: order[:i] + order[i + 1 :])


@chain_rule.counterexample("pseudolikelihood is no law: for P(00) = P(11) = 2/5, P(01) = P(10) = 1/10 it sums to 34/25")
def pseudolikelihood() -> Outcome:
    p: Law = {(0, 0): Q(2, 5), (1, 1): Q(2, 5), (0, 1): Q(1, 10), (1, 0): Q(1, 10)}
    conditional = chain_rule.specs["conditional"]
    mass_of_all = total(factorised(p, x, (0, 1), lambda order, i: order[:i] + order[i + 1 :], conditional) for x in p)
    return Holds() if mass_of_all == 1 else Refuted(total=mass_of_all)


@chain_rule.boundary("a Markov chain needs its last predecessor only, in the order of time")
def markov_chain() -> Outcome:
    start, stay = Q(1, 3), (Q(3, 4), Q(2, 5))
    p = {}
    for x in product((0, 1), repeat=4):
        steps = (stay[a] if a == b else 1 - stay[a] for a, b in pairwise(x))
        p[x] = prod(steps, start=start if x[0] else 1 - start)
    last, conditional = (lambda order, i: order[max(i - 1, 0) : i]), chain_rule.specs["conditional"]
    forward = all(factorised(p, x, (0, 1, 2, 3), last, conditional) == p[x] for x in p)
    scrambled = all(factorised(p, x, (0, 2, 1, 3), last, conditional) == p[x] for x in p)
    return Holds() if forward and not scrambled else Refuted(forward=forward, scrambled=scrambled)


def has_joint(first_given_second: list[Any], second_given_first: list[Any]) -> bool:
    """Whether some law of two bits has P(X = 1 | Y = y) and P(Y = 1 | X = x): a linear program over its four masses."""
    cells = list(product((0, 1), repeat=2))
    rows = [([Q(1)] * 4, Q(1))]
    for value, chance in enumerate(first_given_second):
        rows.append(([((1 - chance) if x else -chance) * (y == value) for x, y in cells], Q(0)))
    for value, chance in enumerate(second_given_first):
        rows.append(([((1 - chance) if y else -chance) * (x == value) for x, y in cells], Q(0)))
    try:
        minimise([Q(0)] * 4, rows)
    except Infeasible:
        return False
    return True


@chain_rule.boundary("conditionals p(x|y), p(y|x) have a joint law only if their odds ratios agree")
def incompatible_conditionals() -> Outcome:
    def odds_ratio(chances: list[Any]) -> Any:
        return chances[1] / (1 - chances[1]) * (1 - chances[0]) / chances[0]

    grid = [Q(1, 4), Q(1, 2), Q(2, 3)]
    for pair in product(grid, repeat=4):
        first, second = list(pair[:2]), list(pair[2:])
        if has_joint(first, second) != (odds_ratio(first) == odds_ratio(second)):
            return Refuted(x_given_y=first, y_given_x=second)
    return Holds(pairs=len(grid) ** 4)
