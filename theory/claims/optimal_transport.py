"""Optimal transport on finite spaces: Kantorovich's duality, and the weak topology that W₁ has and JSD has not."""

import operator
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Any

from flint import arb

from theory.agreement import decide_estimate, decide_same, estimated_between, float_law
from theory.certified import ball, decide_equal, jsd, kl, log2
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, dot, maximise, minimise
from theory.instances import Cauchy
from theory.setting import Setting
from theory.sources import BRUNA

EARTH_MOVER = BRUNA.slide("Earth-Mover Distance")
DUALITY = BRUNA.slide("Kantorovich Duality")


def l1(x: tuple, y: tuple) -> Any:
    return sum((abs(a - b) for a, b in zip(x, y, strict=True)), Q(0))


def table(cost: Callable, distance: Callable, at: list) -> list[list[Any]]:
    return [[cost(distance(x, y)) for y in at] for x in at]


def transport(costs: list[list[Any]], p: list[Any], q: list[Any], sides: tuple[str, ...] = ("p", "q")) -> Any:
    """min Σ πᵢⱼ Cᵢⱼ over couplings π of p and q, proved in rationals; `sides` are the marginals that are imposed."""
    k = len(p)
    rows = []
    if "p" in sides:
        rows += [([int(i == a) for i, _ in product(range(k), repeat=2)], p[a]) for a in range(k)]
    if "q" in sides:
        rows += [([int(j == b) for _, j in product(range(k), repeat=2)], q[b]) for b in range(k)]
    return minimise([costs[i][j] for i, j in product(range(k), repeat=2)], rows)


def best_critic(bounds: list[list[Any]], p: list[Any], q: list[Any]) -> Any:
    """max E_p f − E_q f over f with f(x) − f(y) ≤ bounds(x, y), f ≥ 0 without loss: constants cancel."""
    k = len(p)
    rows = [
        ([int(v == i) - int(v == j) for v in range(k)], bounds[i][j]) for i, j in product(range(k), repeat=2) if i != j
    ]
    return maximise([a - b for a, b in zip(p, q, strict=True)], at_most=rows)


def lattice_laws(setting: Setting, count: int, size: int) -> Iterator[tuple[list, list, list]]:
    """Points of ℤ² or of the line in turn, some of them equal, and two laws on them."""
    rng = setting.rng()
    for index in range(count):
        coordinates = rng.integers(-3, 4, size=(size, 2))
        if index % 2:
            coordinates[:, 1] = 0
        yield (
            [tuple(Q(int(c)) for c in row) for row in coordinates],
            float_law(rng, size),
            float_law(rng, size),
        )


@claim(
    "kantorovich-duality",
    says="The least cost of moving Q to P is the largest E_Q f + E_P g over pairs with f(x) + g(y) ≤ c(x, y); for a "
    "metric cost that is the largest E_Q f − E_P f over 1-Lipschitz f; on the line W₁ = ∫ |F − G|",
    statement=r"\min_{\pi \in \Pi(Q, P)} E_\pi d = \max_{f(x) + g(y) \leq d(x, y)} E_Q f + E_P g"
    r" = \max_{Lip(f) \leq 1} E_Q f - E_P f",
    source=(BRUNA.slide("Wasserstein Distances"), DUALITY),
    primary="Villani 2003, Topics in Optimal Transportation (recalled)",
    method=(Exact, Certified),
    limits="Finite spaces. The Lipschitz form needs a metric cost; the class in the slide's form for general p is read "
    "as the pairs with f_Q(x) − f_P(y) ≤ d(x, y)^p.",
)
def kantorovich(
    setting,
    *,
    cost=lambda d: d,
    slope=lambda d: d,
    on_the_line=lambda height: abs(height),
    c_transform=lambda costs, g: [min(c - y for c, y in zip(row, g, strict=True)) for row in costs],
    sides=("p", "q"),
    code="wasserstein-2",
):
    """Exact linear programs: plan, dual pair, c-transform, best Lipschitz critic; cdfs on the line; the code's W₂."""
    parts: list[Outcome] = []
    for at, p, q in lattice_laws(setting, setting.size(8, deep=60), size=4):
        told = {"at": at, "p": p, "q": q}
        plan = transport(table(cost, l1, at), p, q, sides)
        critic = best_critic(table(slope, l1, at), p, q).value
        if critic != plan.value:
            return Refuted(**told, transport=plan.value, best_critic=critic)
        squares = [[squared(x, y) for y in at] for x in at]
        for costs in (table(cost, l1, at), squares):
            wrong = duality_gap(costs, p, q, c_transform)
            if wrong:
                return Refuted(**told, **wrong)
        exact = ball(transport(squares, p, q).value).sqrt()
        parts.append(decide_estimate(estimated_between(code, at, p, q), exact, **told))
        if all(y == 0 for _, y in at):
            # In both orders, of which one has the larger distribution function first, if they do not cross.
            by_cdfs = [area(on_the_line, [x for x, _ in at], *laws) for laws in ((p, q), (q, p))]
            if by_cdfs != [plan.value] * 2:
                return Refuted(**told, transport=plan.value, by_cdfs=by_cdfs)
    return all_hold(parts)


def squared(x: tuple, y: tuple) -> Any:
    return sum(((a - b) ** 2 for a, b in zip(x, y, strict=True)), Q(0))


def duality_gap(costs: list[list[Any]], p: list[Any], q: list[Any], c_transform: Callable) -> dict[str, Any]:
    """What is wrong with the dual pair of the optimal plan and with its c-transform; empty if nothing is."""
    k = len(p)
    plan = transport(costs, p, q)
    f, g = plan.y[:k], plan.y[k:]
    transformed = c_transform(costs, g)
    for name, potential in (("dual pair", f), ("c-transform", transformed)):
        if any(potential[i] + g[j] > costs[i][j] for i, j in product(range(k), repeat=2)):
            return {"reason": f"the {name} is not admissible", "f": potential, "g": g}
        if dot(p, potential) + dot(q, g) != plan.value:
            return {"reason": f"the {name} does not attain the cost", "f": potential, "g": g, "cost": plan.value}
    return {}


def area(of_height: Callable, places: list[Any], p: list[Any], q: list[Any]) -> Any:
    """∫ of_height(F − G) over the line, F and G the distribution functions."""
    order = sorted(set(places))
    value = Q(0)
    for low, high in pairwise(order):
        F, G = (sum((w for x, w in zip(places, law, strict=True) if x <= low), Q(0)) for law in (p, q))
        value += of_height(F - G) * (high - low)
    return value


kantorovich.mutant("Lip(f) ≤ ½", slope=lambda d: d / 2)
kantorovich.mutant("one marginal left free", sides=("p",))
kantorovich.mutant("cost d² with 1-Lipschitz critics", cost=lambda d: d**2)
kantorovich.mutant("cost d², one f with f(x) − f(y) ≤ d²", cost=lambda d: d**2, slope=lambda d: d**2)
kantorovich.mutant(
    "the c-transform with max", c_transform=lambda costs, g: [max(map(operator.sub, row, g)) for row in costs]
)
kantorovich.mutant("the code's W₁ for its W₂", code="wasserstein")
kantorovich.mutant("the area between the cdfs with its sign", on_the_line=lambda height: height)


@kantorovich.boundary("W₁ of the Cauchy law from a point mass is ∞: the part of ∫ |x| within T is log(1 + T²)/π")
def infinite_cost() -> Outcome:
    parts = [(1 + ball(10) ** (2 * k)).log() / arb.pi() for k in (1, 100, 10000)]
    # d/dT of log(1 + T²)/π is 2 T c(T): the integrand of both halves.
    slope = 2 * ball(3) * Cauchy().pdf(3) - 2 * ball(3) / (arb.pi() * 10)
    return Holds(parts=parts) if slope.contains(0) and parts[-1] > 10000 else Refuted(parts=parts)


# Parallel lines ------------------------------------------------------------------------------------------------------


def segment(theta: Any, atoms: int = 4) -> list[tuple[Any, Any]]:
    """Equally spaced points of {θ} × [0, 1]: with mass 1/atoms each, the law of (θ, U) in bins."""
    return [(theta, Q(2 * j + 1, 2 * atoms)) for j in range(atoms)]


@claim(
    "w1-weak-topology-lines",
    says="For the laws of (θ, U) on parallel segments W_p is |θ − θ′|, which tends to 0 as they approach, where total "
    "variation is 1, JSD log 2 and KL +∞ for every θ ≠ θ′",
    statement=r"W_p(P_\theta, P_{\theta'}) = |\theta - \theta'|, \quad "
    r"JSD(P_\theta, P_{\theta'}) = \log 2\ \ (\theta \neq \theta')",
    source=EARTH_MOVER,
    primary="Arjovsky, Chintala & Bottou 2017, example 1 (recalled)",
    method=(Exact, Certified),
    limits="Segments of four atoms. The continuous ones have the same coupling and the same critic f(x, y) = x.",
)
def parallel_lines(
    *,
    distance=lambda a, b: abs(a - b),
    variation=lambda gap: int(gap > 0),
    jensen_shannon=lambda gap: log2() * int(gap > 0),
    infinite=lambda gap: gap > 0,
):
    """The horizontal coupling above, f(x, y) = x below, exact linear programs for p = 1 and 2, and the code."""
    parts: list[Outcome] = []
    for a, b in ((Q(0), Q(1, 4)), (Q(1, 4), Q(0)), (Q(1, 4), Q(1)), (Q(-1), Q(1, 2)), (Q(3, 8), Q(3, 8))):
        left, right = segment(a), segment(b)
        told, gap = {"theta": a, "other": b}, abs(a - b)
        moved = sum((l1(x, y) for x, y in zip(left, right, strict=True)), Q(0)) / len(left)
        seen = abs(sum((x[0] for x in left), Q(0)) - sum((y[0] for y in right), Q(0))) / len(left)
        for bound, value in (("horizontal coupling", moved), ("critic f(x, y) = x", seen)):
            if value != distance(a, b):
                return Refuted(**told, bound=bound, value=value, stated=distance(a, b))
        share = [Q(1, len(left))] * len(left)
        for power, metric in ((1, l1), (2, squared)):
            costs = [[metric(x, y) for y in right] for x in left]
            if transport(costs, share, share).value != distance(a, b) ** power:
                return Refuted(**told, power=power, transport=transport(costs, share, share).value)
        atoms = sorted({*left, *right})
        p, q = ([Q(int(x in side), len(side)) for x in atoms] for side in (left, right))
        if sum((abs(u - v) for u, v in zip(p, q, strict=True)), Q(0)) / 2 != variation(gap):
            return Refuted(**told, stated_variation=variation(gap))
        parts.append(decide_equal(jsd(p, q), jensen_shannon(gap), distance=1e-6, **told))
        parts.append(decide_same(kl(p, q), arb("inf") if infinite(gap) else 0, **told))
        parts.append(decide_code(atoms, p, q, gap, **told))
    return all_hold(parts)


def decide_code(at: list, p: list[Any], q: list[Any], gap: Any, **told: Any) -> Outcome:
    """The code's W₁, W₂, total variation and JSD of two such laws."""
    apart = int(gap > 0)
    known = {"wasserstein": gap, "wasserstein-2": gap, "total-variation": apart, "jsd": apart * log2()}
    return all_hold(decide_estimate(estimated_between(name, at, p, q), value, **told) for name, value in known.items())


parallel_lines.mutant("W = θ²", distance=lambda a, b: (a - b) ** 2)
parallel_lines.mutant("W = |θ| + |θ′|", distance=lambda a, b: abs(a) + abs(b))
parallel_lines.mutant("JSD is continuous at θ = θ′", jensen_shannon=lambda gap: log2() * min(Q(1), gap))
parallel_lines.mutant("KL is finite for θ ≠ θ′", infinite=lambda gap: False)
parallel_lines.mutant("total variation is |θ − θ′|", variation=lambda gap: gap)
parallel_lines.equivalent("distance = lambda b, a: abs(a - b)", "a distance is symmetric")


@parallel_lines.boundary("strips of width w: JSD = log 2 · min(1, |θ|/w), continuous at 0")
def strips() -> Outcome:
    parts = []
    for theta, width in ((Q(0), Q(1)), (Q(1, 100), Q(1)), (Q(1, 3), Q(1, 2)), (Q(3), Q(1))):
        overlap = max(Q(0), 1 - theta / width)
        # The three cells: the first strip alone, both, the second one alone.
        value = jsd([1 - overlap, overlap, Q(0)], [Q(0), overlap, 1 - overlap])
        parts.append(decide_equal(value, log2() * min(Q(1), theta / width), distance=1e-6, theta=theta))
    return all_hold(parts)
