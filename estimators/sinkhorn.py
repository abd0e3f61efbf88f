"""Entropic optimal transport and the debiased Sinkhorn divergence, in the log domain, with a proved gap."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from estimators.comparison import divergence
from estimators.measures import Weighted, equal_measures, weighted_pair
from estimators.result import Certificate, Estimate, NotConverged
from estimators.transport import rounded_outward, scaled, unit_span

Array = NDArray[np.float64]

_UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2
#: ε in units of the mean cost within ½P + ½Q, at which some ten sweeps converge; a tenth of that takes thousands.
_SHARE = 0.5
#: Sweeps between two looks at the marginals, and of them before the pace of convergence is believed.
_SWEEPS = 10
#: A row of costs is padded to whole blocks of the kernel, beyond all of which e^{−c/ε} is 0.
_BLOCK, _NEVER = 64, 1e300


@divergence("sinkhorn", takes="samples", symmetric=True, degree=2.0)
def sinkhorn_divergence(
    P: Any, Q: Any, *, p: float = 2.0, epsilon: str | float = "auto", tolerance: float = 1e-7, max_iter: int = 10_000
) -> Estimate:
    """S_ε(P,Q) = OT_ε(P,Q) − ½OT_ε(P,P) − ½OT_ε(Q,Q), for arrays (n, d), or (n,), or Empirical measures.

    OT_ε = min over couplings π of E‖X−Y‖ᵖ + ε·KL(π | P⊗Q), in units of lengthᵖ; p is 1 or 2. It is not
    W_p: S_ε goes to W_pᵖ as ε → 0 and to a kernel distance as ε → ∞ (for p = 1 to ½ℰ²). `epsilon` is in units of
    the cost, or "auto", half the mean cost within ½P + ½Q, which other samples change: values are compared at
    one `epsilon` given. S_ε ≥ 0, and 0 only if P = Q, but it obeys
    no triangle inequality. The certificate has the gaps of the three duals; each is at most `tolerance`
    times the largest cost. geomloss ("sinkhorn", p, blur) has the cost ‖x−y‖ᵖ/p and ε = blurᵖ: for p = 2, half of
    S at 2·blur². `epsilon` is told in the method.

    Raises NotConverged, with the partial Estimate, when `max_iter` sweeps leave a larger gap; MemoryError where
    the costs would not fit; ValueError for p other than 1 and 2. Source: Genevay, Peyré & Cuturi 2018;
    Feydy et al. 2019, theorem 1.
    """
    first, second, exponent = _opened(P, Q, p, epsilon, tolerance, max_iter)
    detail = "between the measures given; no standard error of sampling"
    if equal_measures(first, second):
        return Estimate(0.0, None, None, "identity", Certificate("equal measures", 0.0, 0.0), _unit(p), detail)
    problems = [_Problem.between(*pair, p) for pair in ((first, second), (first, first), (second, second))]
    regular = _regular(epsilon, exponent, p, problems)
    cross, of_p, of_q = (problem.solve(regular, tolerance, max_iter) for problem in problems)
    value = cross.value - (of_p.value + of_q.value) / 2
    low = cross.lower - (of_p.upper + of_q.upper) / 2
    high = cross.upper - (of_p.lower + of_q.lower) / 2
    method = f"debiased entropic transport, ε = {scaled(regular, int(p) * exponent):.4g}"
    gaps = max(part.upper - part.lower for part in (cross, of_p, of_q))
    return _estimate(
        (value, max(low, 0.0), max(high, 0.0)),
        int(p) * exponent,
        method,
        _unit(p),
        detail,
        gaps,
        _limits(problems, tolerance, max_iter),
    )


def entropic_transport(
    P: Any, Q: Any, *, p: float = 2.0, epsilon: str | float = "auto", tolerance: float = 1e-7, max_iter: int = 10_000
) -> Estimate:
    """OT_ε(P,Q) = min over couplings π of E‖X−Y‖ᵖ + ε·KL(π | P⊗Q), in units of lengthᵖ, as `sinkhorn_divergence`.

    No divergence: OT_ε(P,P) > 0. It is at least W_pᵖ and at most the mean cost of independent X and Y.

    Raises NotConverged, with the partial Estimate, when `max_iter` sweeps leave a gap above `tolerance` times the
    largest cost; MemoryError where the costs would not fit; ValueError for p other than 1 and 2 and bad numbers.
    Source: Cuturi 2013; Peyré & Cuturi 2019, section 4 (the dual).
    """
    first, second, exponent = _opened(P, Q, p, epsilon, tolerance, max_iter)
    problem = _Problem.between(first, second, p)
    within = [_Problem.between(part, part, p) for part in (first, second)] if epsilon == "auto" else []
    regular = _regular(epsilon, exponent, p, [problem, *within])
    found = problem.solve(regular, tolerance, max_iter)
    method = f"entropic transport, ε = {scaled(regular, int(p) * exponent):.4g}"
    detail = "between the measures given; no standard error of sampling"
    limits = _limits([problem], tolerance, max_iter)
    return _estimate(
        (found.value, found.lower, found.upper), int(p) * exponent, method, _unit(p), detail,
        found.upper - found.lower, limits,
    )  # fmt: skip


class _Bounded(NamedTuple):
    """A value of OT_ε with its bounds."""

    value: float
    lower: float
    upper: float


class _Problem:
    """One entropic transport problem: costs (n, m), padded, both ways round, and the weights."""

    def __init__(self, cost: Array, a: Array, b: Array, *, same: bool, terms: int):
        self.most, self.span, self.mean = float(cost.max()), float(cost.max() - cost.min()), float(a @ cost @ b)
        self.rows, self.columns, self.a, self.b = _padded(cost), _padded(cost.T), a, b
        self.same, self.terms = same, terms
        # NumPy's own padding takes longer than a small transform.
        self._weights = _filled(a, self.columns.shape[1]), _filled(b, self.rows.shape[1])

    @classmethod
    def between(cls, P: Weighted, Q: Weighted, p: float) -> _Problem:
        n, m = len(P.points), len(Q.points)
        needed, free = 3 * 8 * n * m, psutil.virtual_memory().available
        if needed > free:
            raise MemoryError(
                f"entropic transport between {n} and {m} atoms needs {needed / 2**30:.1f} GiB for its costs, and "
                f"{free / 2**30:.1f} GiB are free: take fewer points"
            )
        cost = cdist(P.points, Q.points, "euclidean" if p == 1 else "sqeuclidean")
        weights = (part.weights / math.fsum(part.weights) for part in (P, Q))
        return cls(cost, *weights, same=P is Q, terms=P.points.shape[1])

    def to_rows(self, g: Array, epsilon: float) -> Array:
        """fᵢ = −ε log Σⱼ bⱼ e^{(gⱼ − cᵢⱼ)/ε}."""
        return _transform(self.rows, g, self._weights[1], epsilon)

    def to_columns(self, f: Array, epsilon: float) -> Array:
        return _transform(self.columns, f, self._weights[0], epsilon)

    def solve(self, epsilon: float, tolerance: float, max_iter: int) -> _Bounded:
        """Sweeps until the gap is proved to be below `tolerance` times the largest cost, or `max_iter` are done."""
        g = np.zeros(len(self.b))
        aim, done = tolerance * self.most, 0
        sweep = self._averaged if self.same else _Relaxed(self)
        found = self.bounds(g, epsilon)
        while found.upper - found.lower > aim and done < max_iter:
            for _ in range(min(_SWEEPS, max_iter - done)):
                g = sweep(g, epsilon)
                done += 1
            found = self.bounds(g, epsilon)
        return found

    def _averaged(self, g: Array, epsilon: float) -> Array:
        """The step for a measure with itself, where f = g: half the way to the transform, which contracts fast."""
        return (g + self.to_rows(g, epsilon)) / 2

    def bounds(self, g: Array, epsilon: float) -> _Bounded:
        """The semi-dual H(g) = ⟨a, T g⟩ + ⟨b, g⟩ ≤ OT_ε ≤ H(g) + ½‖b − s‖₁(osc c + osc g), s the second marginal.

        H is concave with gradient b − s, and a maximiser is a transform, which varies no more than c does.
        """
        f = self.to_rows(g, epsilon)
        back = self.to_columns(f, epsilon)
        missed = float(np.abs(self.b * np.expm1((g - back) / epsilon)).sum())
        value = math.fsum(self.a * f) + math.fsum(self.b * g)
        # d + 2 roundings of a cost, two of an exponent, two of e^x and 64 lanes deep sums; each moves a potential by as
        # much, relative to the largest.
        depth = self.terms + 40 + (len(self.a) + len(self.b)) / 64
        slack = depth * _UNIT_ROUNDOFF * (self.most + float(np.abs(f).max() + np.abs(g).max()) + epsilon)
        reach = missed / 2 * (self.span + float(g.max() - g.min()))
        return _Bounded(value + reach / 2, value - slack, value + reach + slack)


class _Relaxed:
    """Sinkhorn's sweep, overshooting by a factor that follows the pace at which its changes shrink."""

    def __init__(self, problem: _Problem):
        self.problem, self.factor, self.before, self.count = problem, 1.0, math.inf, 0

    def __call__(self, g: Array, epsilon: float) -> Array:
        step = self.problem.to_columns(self.problem.to_rows(g, epsilon), epsilon) - g
        size = float(step.max() - step.min())
        self.count += 1
        if self.count % _SWEEPS == 0:
            # Plain sweeps shrink by λ; of all factors 2/(1 + √(1−λ)) is the best for that (successive over-relaxation).
            if self.factor == 1.0 and 0 < size < self.before:
                pace = min(size / self.before, 1.0) ** (1 / _SWEEPS)
                self.factor = min(2 / (1 + math.sqrt(1 - pace)), 1.9) if self.count > _SWEEPS else 1.0
            elif size > self.before:  # it overshot: back to plain sweeps, which always converge
                self.factor = 1.0
            self.before = size
        return g + self.factor * step


def _opened(P: Any, Q: Any, p: Any, epsilon: Any, tolerance: Any, max_iter: Any) -> tuple[Weighted, Weighted, int]:
    if p not in (1, 2):
        raise ValueError(f"p is {p!r}: pass 1 or 2, for which the divergence is known to be 0 only between equals")
    if not (isinstance(tolerance, Real) and 0 < float(tolerance) < 1):
        raise ValueError(f"tolerance is {tolerance!r}: pass a number in (0, 1), a share of the largest cost")
    if not (isinstance(max_iter, Integral) and int(max_iter) >= 1):
        raise ValueError(f"max_iter is {max_iter!r}: pass a whole number of sweeps ≥ 1")
    if epsilon != "auto" and not (isinstance(epsilon, Real) and 0 < float(epsilon) < math.inf):
        raise ValueError(f"epsilon is {epsilon!r}: pass a positive number, in units of the cost, or 'auto'")
    return unit_span(*weighted_pair(P, Q))


def _regular(epsilon: str | float, exponent: int, p: float, problems: list[_Problem]) -> float:
    """ε in the units of the problems: as given, or a share of the mean cost within ½P + ½Q."""
    if epsilon == "auto":
        cross, of_p, of_q = (problem.mean for problem in problems)
        return _SHARE * (2 * cross + of_p + of_q) / 4 or 1.0  # a single point has no cost, and any ε will do
    regular = scaled(float(epsilon), -int(p) * exponent)
    if regular < 1e-300 or regular < 1e-14 * problems[0].most:
        raise ValueError(
            f"epsilon is {epsilon!r}, which vanishes beside the largest cost: pass a larger one, or use wasserstein"
        )
    return regular


def _transform(cost: Array, potential: Array, weights: Array, epsilon: float) -> Array:
    from estimators.kernels.cpu_sinkhorn import soft_transform

    out = np.empty(len(cost))
    soft_transform(cost, _filled(potential, cost.shape[1]), weights, epsilon, out)
    return out


def _filled(values: Array, size: int) -> Array:
    """`values` and as many zeros as make up `size`."""
    out = np.zeros(size)
    out[: len(values)] = values
    return out


def _padded(cost: Array) -> Array:
    more = -cost.shape[1] % _BLOCK
    return np.pad(cost, ((0, 0), (0, more)), constant_values=_NEVER)


def _unit(p: float) -> str:
    return "length" if p == 1 else "length²"


def _limits(problems: list[_Problem], tolerance: float, max_iter: int) -> tuple[float, int]:
    """The gap that each problem may be left with (its slack for rounding included), and the sweeps that it had."""
    return tolerance * max(problem.most for problem in problems), max_iter


def _estimate(
    ends: tuple[float, float, float],
    exponent: int,
    method: str,
    unit: str,
    detail: str,
    gap: float,
    limits: tuple[float, int],
) -> Estimate:
    value, low, high = ends
    bounds = rounded_outward("dual gap", low, high, exponent)
    told = min(max(scaled(value, exponent), bounds.lower), bounds.upper)
    if gap > limits[0]:
        partial = Estimate(told, None, None, method, bounds, unit, detail, converged=False)
        raise NotConverged(
            f"the marginals leave a gap of {gap:.3g} of the cost after {limits[1]} sweeps: raise max_iter or epsilon",
            partial,
        )
    return Estimate(told, None, None, method, bounds, unit, detail)
