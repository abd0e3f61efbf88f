"""Optimal couplings of weighted points, each with bounds that prove its cost; which solver serves which problem.

| problem | solver |
|---|---|
| the line, samples of one size | sorting: the i-th smallest goes to the i-th smallest |
| the line, else | the monotone coupling, one walk over both distribution functions |
| samples of one size, 32 coordinates or more | SciPy's assignment, with potentials by shortest paths |
| else | POT's network simplex (`ot.emd`) |
| a cost matrix that would not fit, p = 1 or 2 | POT's simplex on costs computed when needed (`ot.lp.emd2_lazy`) |

On the line `ot.emd2_1d(metric="euclidean")` is the same coupling, and the tests hold this one to it.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from estimators.line import sorted_cdf
from estimators.measures import Weighted, equal_measures

Array = NDArray[np.float64]

UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2
#: The network simplex holds, for each pair of atoms, the cost twice, the plan, its flow and the arc's state (measured).
_BYTES_A_PAIR = 40
#: What POT's emd calls a solved problem, and one that ran out of pivots.
_OPTIMAL, _OUT_OF_PIVOTS = 1, 3
#: Rows of the cost matrix that are looked at together while a dual is tightened.
_ROWS = 256
#: From here on the assignment is quicker than the simplex (5000 points: 2.4 times slower at d = 2, 1.3 times
#: quicker at d = 64), whose pivots grow with the dimension.
_ASSIGNMENT_FROM = 32
_TOO_LARGE_A_POWER = "p is so large that beside the farthest pair all costs round to nothing: pass a smaller p"


class Solved(NamedTuple):
    """An optimal cost E‖X−Y‖ᵖ/unitᵖ with bounds and what proves them; `failure` says why it is not proved optimal."""

    cost: float
    lower: float
    upper: float
    method: str
    proof: str
    unit: float = 1.0
    failure: str = ""


def solve(P: Weighted, Q: Weighted, p: float, max_iter: int) -> Solved:
    """The cheapest coupling of two measures whose coordinates span about 1; see the table above."""
    line, twins = P.points.shape[1] == 1, P.sampled and Q.sampled and len(P.points) == len(Q.points)
    if line and twins:
        return _sorted(P.points[:, 0], Q.points[:, 0], p)
    if equal_measures(P, Q):
        return Solved(0.0, 0.0, 0.0, "identity", "equal measures")
    if line:
        return _on_the_line(P, Q, p)
    n, m = len(P.points), len(Q.points)
    if p in (1, 2) and n * m * _BYTES_A_PAIR > psutil.virtual_memory().available:
        return _lazily(P, Q, p, max_iter)
    refuse_too_large(n, m)
    if twins and P.points.shape[1] >= _ASSIGNMENT_FROM:
        return _assignment(P.points, Q.points, p)
    return _network_simplex(P, Q, p, max_iter)


def refuse_too_large(n: int, m: int) -> None:
    """Raises MemoryError, with what would fit, where an n × m problem does not."""
    needed, free = n * m * _BYTES_A_PAIR, psutil.virtual_memory().available
    if needed > free:
        raise MemoryError(
            f"transport between {n} and {m} atoms needs {needed / 2**30:.1f} GiB for its costs and plan, and "
            f"{free / 2**30:.1f} GiB are free: take fewer points (about {math.isqrt(int(free / _BYTES_A_PAIR))} fit)"
        )


def _sorted(x: Array, y: Array, p: float) -> Solved:
    """Σ|x₍ᵢ₎ − y₍ᵢ₎|ᵖ/n: every term is rounded relatively, so that near measures lose no digits."""
    gaps = np.abs(np.sort(x) - np.sort(y))
    largest = float(gaps.max())
    if largest == 0:
        return Solved(0.0, 0.0, 0.0, "sorting", "equal measures")
    # NumPy adds in pairs, some log₂ n + 16 deep; the difference and the quotient are rounded before the power.
    cost = float((gaps if p == 1 else (gaps / largest) ** p).mean())
    slack = (2 * p + math.log2(len(x)) + 20) * UNIT_ROUNDOFF * cost
    return Solved(cost, cost - slack, cost + slack, "sorting", "rounding", 1.0 if p == 1 else largest)


def _on_the_line(P: Weighted, Q: Weighted, p: float) -> Solved:
    """The monotone coupling is optimal for every convex cost, so that only rounding parts value and truth."""
    from estimators.kernels.cpu_sorted import cdf_integrals
    from estimators.kernels.cpu_transport import coupling_cost

    (x, F), (y, G) = sorted_cdf(P), sorted_cdf(Q)
    unit = 1.0
    if p == 1:
        cost, jumps = float(cdf_integrals(x, F, y, G)[0]), 1.0
    else:
        cost, unit = coupling_cost(x[:, None], F, y[:, None], G, p)
        span = max(x[-1], y[-1]) - min(x[0], y[0])
        jumps = float(span / unit)
    # Levels are off by u each, and along them (|F⁻¹ − G⁻¹|/unit)ᵖ varies by 2p·span/unit in all; a cost of up to
    # n + m positive terms, each of 2p + 6 roundings, loses as many more where the sum is not compensated.
    terms = 8 if p == 1 else len(x) + len(y) + 2 * p + 8
    slack = UNIT_ROUNDOFF * (8 * p * jumps + (p + terms) * cost)
    return Solved(cost, max(cost - slack, 0.0), cost + slack, "monotone coupling", "rounding", unit)


def _costs(x: Array, y: Array, p: float) -> tuple[Array, float]:
    """(‖xᵢ−yⱼ‖/unit)ᵖ (n, m), and the unit, by which no power overflows: 1 for p = 1, else the largest distance."""
    cost = cdist(x, y)
    if p == 1:
        return cost, 1.0
    unit = float(cost.max())
    cost /= unit
    np.power(cost, p, out=cost)
    return cost, unit


def _network_simplex(P: Weighted, Q: Weighted, p: float, max_iter: int) -> Solved:
    import ot

    cost, unit = _costs(P.points, Q.points, p)
    a, b = _normalised(P, Q)
    with warnings.catch_warnings():  # every failure is read from the log below, and raises
        warnings.simplefilter("ignore")
        plan, log = ot.emd(a, b, cost, numItermax=max_iter, log=True)
    primal = float(np.einsum("ij,ij->", plan, cost))
    missed = float(np.abs(plan.sum(axis=1) - a).sum() + np.abs(plan.sum(axis=0) - b).sum())
    u, v = _tightened(_strips(cost), len(b), np.asarray(log["u"], dtype=np.float64))
    plan_worth = primal, missed, float(cost.max())
    failure = _stopped(log["result_code"], max_iter)
    return _proved(plan_worth, (a, b), (u, v), _Terms("network simplex", P.points.shape[1], p, unit), failure)


def _assignment(x: Array, y: Array, p: float) -> Solved:
    """Samples of one size: a permutation is optimal among all couplings (Birkhoff)."""
    from estimators.kernels.cpu_transport import settled_potentials

    cost, unit = _costs(y, x, p)
    taker = linear_sum_assignment(cost)[1]
    chosen = cost[np.arange(len(y)), taker]
    u, hair = np.zeros(len(x)), 4 * UNIT_ROUNDOFF * float(cost.max())
    settled = settled_potentials(cost, taker, hair, u)
    v, u = _tightened(_strips(cost), len(x), chosen - u[taker])
    share = np.full(len(x), 1 / len(x))
    plan_worth = math.fsum(chosen) / len(x), 0.0, float(cost.max())
    failure = "" if settled else "no potentials prove the assignment optimal: the solver's answer is wrong"
    return _proved(plan_worth, (share, share), (u, v), _Terms("assignment", x.shape[1], p, unit), failure)


def _lazily(P: Weighted, Q: Weighted, p: float, max_iter: int) -> Solved:
    """The simplex without its matrix: costs are computed from the points when a pivot asks for them."""
    import ot

    a, b = _normalised(P, Q)
    metric = "euclidean" if p == 1 else "sqeuclidean"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, log = ot.lp.emd2_lazy(
            P.points, Q.points, a, b, metric=metric, numItermax=max_iter, log=True, return_matrix=True
        )
    plan = log["G"].tocoo()
    lengths = np.sqrt(np.square(P.points[plan.row] - Q.points[plan.col]).sum(axis=1)) ** p
    primal = math.fsum(lengths * plan.data)
    rows, columns = (np.bincount(at, plan.data, k) for at, k in ((plan.row, len(a)), (plan.col, len(b))))
    missed = float(np.abs(rows - a).sum() + np.abs(columns - b).sum())
    largest = [0.0]

    def strips() -> Any:
        for first in range(0, len(a), _ROWS):
            strip = cdist(P.points[first : first + _ROWS], Q.points) ** p
            largest[0] = max(largest[0], float(strip.max()))
            yield slice(first, first + _ROWS), strip

    u, v = _tightened(strips, len(b), np.asarray(log["u"], dtype=np.float64))
    failure = _stopped(log["result_code"], max_iter)
    terms = _Terms("network simplex without the cost matrix", P.points.shape[1], p, 1.0)
    return _proved((primal, missed, largest[0]), (a, b), (u, v), terms, failure)


class _Terms(NamedTuple):
    """What the bounds are computed from besides the plan and the dual."""

    method: str
    dimension: int
    p: float
    unit: float


def _proved(
    plan: tuple[float, float, float],
    masses: tuple[Array, Array],
    dual: tuple[Array, Array],
    terms: _Terms,
    failure: str,
) -> Solved:
    """Bounds from a plan (its cost, the mass that its marginals miss, the largest cost) and from a feasible dual."""
    (primal, missed, most), (a, b), (u, v) = plan, masses, dual
    value = math.fsum(a * u) + math.fsum(b * v)
    # Potentials are sums along paths of up to n + m arcs; the costs have d + 2p + 2 roundings each.
    largest = float(most + np.abs(u).max() + np.abs(v).max())
    slack = (len(a) + len(b) + terms.dimension + 2 * terms.p + 8) * UNIT_ROUNDOFF * largest
    lower, upper = max(value - slack, 0.0), primal + missed * most + slack
    if not failure and upper - lower > 8 * slack:  # the bounds' own slack twice, and as much again for the solver's
        failure = f"the duality gap {upper - lower:.3g} is beyond rounding ({8 * slack:.3g}); more pivots do not help"
    # For p ≤ 2 a cost below rounding means measures that nearly agree; for larger p, that far pairs drown the others.
    if terms.p > 2 and primal < slack:
        failure = _TOO_LARGE_A_POWER
    return Solved(primal, min(lower, upper), upper, terms.method, "duality gap", terms.unit, failure)


def _stopped(code: int, max_iter: int) -> str:
    if code == _OPTIMAL:
        return ""
    remedy = ": raise max_iter" if code == _OUT_OF_PIVOTS else ", which more pivots do not mend: check the weights"
    return f"the network simplex stopped with code {code} after at most {max_iter} pivots{remedy}"


def _normalised(P: Weighted, Q: Weighted) -> tuple[Array, Array]:
    """The weights sum to 1 up to rounding; the solver wants equal sums."""
    return P.weights / P.weights.sum(), Q.weights / Q.weights.sum()


def _strips(cost: Array) -> Any:
    def strips() -> Any:
        for first in range(0, len(cost), _ROWS):
            yield slice(first, first + _ROWS), cost[first : first + _ROWS]

    return strips


def _tightened(strips: Any, columns: int, u: Array) -> tuple[Array, Array]:
    """The feasible dual over u: vⱼ = minᵢ cᵢⱼ − uᵢ, then uᵢ = minⱼ cᵢⱼ − vⱼ, a strip of rows at a time."""
    v = np.full(columns, np.inf)
    for rows, cost in strips():
        np.minimum(v, (cost - u[rows, None]).min(axis=0), out=v)
    return np.concatenate([(cost - v).min(axis=1) for _, cost in strips()]), v
