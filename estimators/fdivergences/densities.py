"""f-divergences between densities: by closed form, by quadrature in one or two dimensions, else by Monte Carlo."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import real_number, whole_number
from estimators.densities import Density, landmarks
from estimators.fdivergences.closed_forms import closed_form
from estimators.fdivergences.generators import Generator
from estimators.fdivergences.monte_carlo import FEWEST, monte_carlo
from estimators.fdivergences.quadrature import integrate
from estimators.fdivergences.terms import from_logs
from estimators.result import Estimate, NotConverged

Array = NDArray[np.float64]

METHODS = ("auto", "closed form", "quadrature", "enclosure", "monte carlo")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "closed form": (),
    "quadrature": ("tolerance",),
    "enclosure": ("bits",),
    "monte carlo": ("n_draws", "random_state"),
}
#: Each axis is x = c + s·sinh τ with |τ| ≤ 230: out to 10⁹⁹ scales, where a tail |x|^−1.1 has lost ten digits.
_FARTHEST = 230.0
_STEPS = {1: (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0), 2: (2.0, 8.0, 64.0)}
#: Relative error aimed at, by dimension. The kink of |p − q| along a curve halves the digits in the plane.
_TOLERANCE = {1: 1e-10, 2: 1e-8}
_KINKED = 1e-4
#: Masses are asked to be 1 to half the digits of a float64, since a law may know its constant no better.
_SEEN = 2.0**-26
_UNIT = float(np.finfo(np.float64).eps) / 2


def is_density(given: Any) -> bool:
    """Whether `given` is a law that knows its density, its dimension and how to draw from it."""
    return all(hasattr(given, name) for name in ("logpdf", "sample", "dimension"))


def between_densities(P: Density, Q: Density, f: Generator, method: str = "auto", **options: Any) -> Estimate:
    """D_f(P,Q) = ∫ q f(p/q) + f′(∞)·P(q = 0), by `method`; ∞ where it is ∞.

    "auto" takes the closed form where there is one, else quadrature for d ≤ 2, else Monte Carlo. "quadrature" takes
    `tolerance` (relative) and returns the interval that the rule's own error estimate gives; "enclosure" takes `bits`
    and returns a certificate (d = 1, `estimators.fdivergences.enclosure`); "monte carlo" takes `n_draws` and
    `random_state` and returns a standard error. Raises ValueError for what a method cannot do, naming another;
    NotConverged, with the partial Estimate, where the error stays above its goal or the rule did not meet the laws'
    mass; TypeError for an option that the method does not know, in closed form too.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}: pass one of {', '.join(METHODS)}")
    numeric = "quadrature" if P.dimension <= 2 else "monte carlo"
    _check_options(method, numeric if method == "auto" else method, options)
    if P.dimension != Q.dimension:
        raise ValueError(f"P has dimension {P.dimension} and Q has {Q.dimension}: they must agree")
    if method in ("auto", "closed form"):
        found = closed_form(P, Q, f)
        if found is not None:
            return found
        if method == "closed form":
            raise ValueError(f"no closed form of {f.name} between {P!r} and {Q!r} is known: leave out method")
        method = numeric
    if method == "quadrature":
        return _by_quadrature(P, Q, f, **options)
    if method == "monte carlo":
        return monte_carlo(P, Q, f, **options)
    from estimators.fdivergences.enclosure import enclosed

    return enclosed(P, Q, f, **options)


def _check_options(asked: str, method: str, options: dict[str, Any]) -> None:
    """Raises TypeError for what `method` does not take, ValueError for a number that it cannot take."""
    known = _OPTIONS[method]
    for name in options:
        if name not in known:
            told = f"method={asked!r}" + (f" (here {method})" if asked != method else "")
            raise TypeError(f"{name} is no option of {told}: it takes {', '.join(known) or 'none'}")
    if options.get("tolerance") is not None:
        real_number(options["tolerance"], "tolerance", above=0, below=1, why=", a relative error")
    if "n_draws" in options:
        whole_number(options["n_draws"], "n_draws", FEWEST)


def infinite_tail(f: Generator, P: Density, Q: Density) -> bool:
    """Whether a tail on the line makes KL, reverse KL or χ² infinite, from the laws' `tail`; False where unknown."""
    if f.name == "reverse-kl":
        return infinite_tail(_named("kl"), Q, P)
    if f.name not in ("kl", "chi-squared"):
        return False
    for side in (-1, 1):
        try:
            p, q = P.tail(side), Q.tail(side)  # type: ignore[attr-defined]
        except AttributeError:
            continue
        if p is None or q is None:
            continue
        if f.name == "kl":
            # p log(p/q) is integrable unless p is a power of x and −log q grows like a power that p's moments lack.
            moment = 2.0 if q[0] > 0 else 0.0
            if p[0] == 0 and p[1] == 0 and moment and p[2] <= 1 + moment:
                return True
        else:
            quadratic, linear, power = (2 * a - b for a, b in zip(p, q, strict=True))
            if quadratic < 0 or (quadratic == 0 and (linear > 0 or (linear == 0 and power <= 1))):
                return True
    return False


def _named(name: str) -> Generator:
    from estimators.fdivergences.generators import generators

    return generators[name]


def infinite() -> Estimate:
    """∞, known by reasoning and not by a number that grew."""
    return Estimate(math.inf, method="by support or tail", detail="infinite: no error")


def _by_quadrature(P: Density, Q: Density, f: Generator, tolerance: float | None = None) -> Estimate:
    d = P.dimension
    if d > 2:
        raise ValueError(f"quadrature is for 1 or 2 dimensions, not {d}: pass method='monte carlo'")
    if tolerance is None:
        tolerance = _KINKED if d == 2 and f.name == "total-variation" else _TOLERANCE[d]
    if d == 1 and infinite_tail(f, P, Q):
        return infinite()
    to_space, boxes = _coordinates(P, Q)
    vacant = _vacant(P, Q, to_space, boxes)
    if (f.slope == math.inf and vacant[1].any()) or (f.at_zero == math.inf and vacant[0].any()):
        return infinite()

    if d == 1 and f.name == "total-variation":
        boxes = _cut_where_equal(P, Q, to_space, boxes)

    def integrand(tau: Array) -> Array:
        points, log_volume = to_space(tau)
        log_p, log_q = P.logpdf(points) + log_volume, Q.logpdf(points) + log_volume
        term, noise = from_logs(f, log_p, log_q)
        return np.stack([term, np.exp(log_p), np.exp(log_q), noise])

    # 64 roundings of each log density, which move a term by √(2·term·p) relatively to themselves; and a place at
    # distance c from the origin is a float only to u·c, which the narrowest feature sees that much larger.
    noisy = 64 * _UNIT * _magnification(P, Q, to_space(np.zeros((1, d)))[0][0])
    # Noise above the coarsest tolerance is no reason to look less closely, and no excuse for a number without digits.
    excused = min(noisy, _KINKED)
    seen = max(tolerance, excused, _SEEN)

    def goals(found: Array) -> Array:
        return np.array([max(tolerance * abs(found[0]), excused * found[-1], 1e-300), seen, seen])

    found = integrate(integrand, boxes, goals=goals)
    integral, noise, masses = float(found.values[0]), float(found.values[-1]), found.values[1:3]
    outermost = np.abs(found.boxes).max(axis=(1, 2)) >= _FARTHEST
    beyond = float(np.abs(found.parts[outermost]).sum())
    error = float(found.errors[0]) + beyond + noisy * noise + 64 * _UNIT * abs(integral)
    if not math.isfinite(integral):
        raise NotConverged(
            f"{f.name}: its integrand leaves float64 in a tail, so that it is infinite or beyond quadrature: "
            "look at the tails, or take a bounded divergence such as jsd"
        )
    value = min(max(integral, 0.0), f.bound)
    interval = (max(value - error, 0.0), min(value + error, math.nextafter(f.bound, math.inf)))
    reason = ""
    if not (np.abs(masses - 1) <= 2 * seen).all():
        # What no node meets has no error estimate, so that the interval would hold nothing.
        interval = (0.0, f.bound)
        reason = (
            f"the rule met mass {masses[0]:.10g} of P and {masses[1]:.10g} of Q instead of 1: "
            "give the laws `landmarks` where their mass lies"
        )
    elif not found.converged:
        reason = "the integrand is too rough for the evaluations allowed: raise tolerance"
    elif beyond > max(tolerance * value, excused * noise, 1e-300):
        reason = "the integrand does not vanish in its tails: raise tolerance"
    elif noisy > excused:
        reason = f"float64 knows the places of the mass to {noisy:.2g} of its width alone: move or scale the laws"
    estimate = Estimate(
        value, None, interval, f"adaptive quadrature, d = {d}", None, f.unit,
        "interval: the rule's own estimate of its error, no proof", converged=not reason, error_over="rule",
    )  # fmt: skip
    if reason:
        raise NotConverged(f"{f.name}: {reason}, or pass method='monte carlo'", estimate)
    return estimate


def _coordinates(P: Density, Q: Density) -> tuple[Callable[[Array], tuple[Array, Array]], Array]:
    """τ ↦ (x, log of the volume that τ stands for), and the boxes (b, d, 2) of τ that the landmarks cut."""
    axes = [np.unique(np.concatenate(places)) for places in zip(landmarks(P), landmarks(Q), strict=True)]
    centre = np.array([axis[len(axis) // 2] for axis in axes])
    scale = np.array([max(axis[-1] - axis[0], 1e-300) / 2 for axis in axes])

    def to_space(tau: Array) -> tuple[Array, Array]:
        return centre + scale * np.sinh(tau), (np.log(scale) + np.logaddexp(tau, -tau) - math.log(2)).sum(axis=1)

    cuts = []
    for axis, c, s in zip(axes, centre, scale, strict=True):
        far = np.array([*_STEPS[len(axes)], _FARTHEST])
        inner = np.arcsinh((axis - c) / s)
        cuts.append(np.unique([*-far, *inner, *far]))
    sides = [np.stack([cut[:-1], cut[1:]], axis=1) for cut in cuts]
    if len(sides) == 1:
        return to_space, sides[0][:, None, :]
    first, second = np.repeat(sides[0], len(sides[1]), axis=0), np.tile(sides[1], (len(sides[0]), 1))
    return to_space, np.stack([first, second], axis=1)


def _magnification(P: Density, Q: Density, centre: Array) -> float:
    """1 + the largest, over neighbouring landmarks of one law, of their place over their gap.

    The place is the distance from the origin, or of `centre`, from which places are measured, if that is farther.
    """
    found = 1.0
    # Of a mixture, each component's: where landmarks of two of them nearly coincide, nothing is narrow.
    for law in (part for whole in (P, Q) for part in getattr(whole, "components", (whole,))):
        for axis, c in zip(landmarks(law), centre, strict=True):
            places = np.unique(axis)
            if len(places) > 1:
                sizes = np.maximum(np.maximum(np.abs(places[1:]), np.abs(places[:-1])), abs(c))
                found = max(found, 1 + float((sizes / np.diff(places)).max()))
    return found


def _cut_where_equal(P: Density, Q: Density, to_space: Any, boxes: Array) -> Array:
    """The boxes of the line, cut where p = q: there |p − q| has its kinks. Sought between 32 points a box."""
    cuts = np.unique(boxes)
    grid = np.unique(np.linspace(boxes[:, 0, 0], boxes[:, 0, 1], 33))

    def above(tau: Array) -> NDArray[np.bool_]:
        points, _ = to_space(tau[:, None])
        return P.logpdf(points) > Q.logpdf(points)

    changes = np.flatnonzero(np.diff(above(grid).astype(np.int8)))
    if not len(changes):
        return boxes
    left, right = grid[changes], grid[changes + 1]
    at_left = above(left)
    for _ in range(60):  # to the last bit of τ
        middle = (left + right) / 2
        same = above(middle) == at_left
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    cuts = np.unique([*cuts, *left])
    return np.stack([cuts[:-1], cuts[1:]], axis=1)[:, None, :]


def _vacant(P: Density, Q: Density, to_space: Any, boxes: Array) -> NDArray[np.bool_]:
    """(2, b): the boxes on which P is 0 and Q is not, and those on which Q is 0 and P is not, told at their middles."""
    middles, _ = to_space(boxes.mean(axis=2))
    without_p, without_q = P.logpdf(middles) == -np.inf, Q.logpdf(middles) == -np.inf
    return np.stack([without_p & ~without_q, without_q & ~without_p])
