"""The registry of divergences, and all of them on one pair of measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from estimators.densities import Gaussian
from estimators.intervals import normal_interval
from estimators.measures import Empirical, weighted_pair
from estimators.result import Estimate, NotConverged
from estimators.scoring import Score, scores, ties_matter
from knn.registry import Registry, unknown_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Divergence:
    """A divergence D and the laws that it claims, to which the tests hold every registered one.

    `takes` "measures" (Empirical only) or "samples" (arrays as well). `densities`: which pairs of densities it takes
    besides, "none", "gaussian" (both Gaussian) or "any". `symmetric`: D(P,Q) = D(Q,P).
    `metric_power`: the a for which Dᵃ obeys the triangle inequality, None if none is claimed.
    `finite`: never ∞. `data_processing`: no map of the space increases D. `degree`: D of both measures
    scaled by c > 0 is c^degree times D. `monte_carlo`: D is a mean over random draws of its own, the same
    in each call, so that it has a standard error even between given measures. `of_neighbours`: as `scoring.ties_matter`
    says, the bootstrap does not serve it. Every one claims D = 0 iff P = Q, and that translations and the order of the
    atoms leave D alone.
    """

    name: str
    function: Callable[..., Estimate]
    takes: Literal["measures", "samples"]
    symmetric: bool
    metric_power: float | None
    finite: bool
    data_processing: bool
    degree: float
    monte_carlo: bool = False
    densities: Literal["none", "gaussian", "any"] = "none"
    of_neighbours: bool = False

    def __post_init__(self) -> None:
        # Known by the function that it wraps: the registry tells two members of one name apart by this.
        for attribute in ("__module__", "__qualname__", "__doc__"):
            object.__setattr__(self, attribute, getattr(self.function, attribute))

    def __call__(self, P: Any, Q: Any, **options: Any) -> Estimate:
        return self.function(P, Q, **options)


divergences: Registry[Divergence] = Registry(
    "divergence",
    group="implicitbench.divergences",
    packages=("estimators",),
    skip=("estimators.kernels", "estimators.losses", "estimators.models", "estimators.networks", "estimators.training"),
)

#: `low` and `high`: a confidence interval, of what `interval` says; `lower` and `upper`: a proof of what was computed.
COLUMNS = (
    "divergence", "value", "stderr", "low", "high", "interval", "lower", "upper", "bound", "unit", "method", "status",
    "detail",
)  # fmt: skip


def divergence(
    name: str,
    *,
    takes: Literal["measures", "samples"],
    symmetric: bool = False,
    metric_power: float | None = None,
    finite: bool = True,
    data_processing: bool = False,
    degree: float = 0.0,
    monte_carlo: bool = False,
    densities: Literal["none", "gaussian", "any"] = "none",
    of_neighbours: bool = False,
) -> Callable[[Callable[..., Estimate]], Callable[..., Estimate]]:
    """Decorator: registers `function(P, Q, **options) -> Estimate` under `name` with the laws that it claims."""

    def enter(function: Callable[..., Estimate]) -> Callable[..., Estimate]:
        laws = (takes, symmetric, metric_power, finite, data_processing, degree, monte_carlo, densities, of_neighbours)
        member = Divergence(name, function, *laws)
        divergences.register(name)(member)
        return ties_matter(function) if of_neighbours else function

    return enter


def compare(P: Any, Q: Any, divergences: Iterable[str] | None = None) -> pd.DataFrame:
    """Every registered divergence and score that applies to `P` and `Q`, or those named, one row each.

    Arrays (n, d) are samples; `Empirical` measures have the f-divergences as well. Two densities have the f-divergences
    by what suits them (closed form, quadrature, Monte Carlo: `method`), and two `Gaussian` laws W₂. Scores (precision,
    FID, …) are of arrays alone, P the data and Q the model's samples, with enough rows.

    Columns: divergence, value, stderr; low and high, a confidence interval (the estimate's own, else value ± 1.96
    stderr, not of a score, whose error may be about a biased mean); interval, what that is of: "95 % of samples",
    "95 % of draws" (Monte Carlo's), "95 % of directions" or "rule's estimate" (a quadrature's, of its own error), and
    "" where there is none; lower and upper, the certificate, which encloses the divergence of the two things given and
    knows nothing of sampling; bound, unit, method, status, detail. A divergence that raises is a row
    with status "error" or "not converged" and its message; input that no divergence could take raises here, a density
    beside anything else with TypeError.
    """
    import pandas as pd

    if not _both_densities(P, Q):
        weighted_pair(P, Q)
    rows = [_row(member, P, Q) for member in _chosen(P, Q, divergences)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def applicable(P: Any, Q: Any) -> list[str]:
    """The names of the divergences and scores that `compare(P, Q)` evaluates, in its order; raises as it does."""
    if not _both_densities(P, Q):
        weighted_pair(P, Q)
    return [member.name for member in _chosen(P, Q, None)]


def _chosen(P: Any, Q: Any, names: Iterable[str] | None) -> list[Divergence | Score]:
    if isinstance(names, str):
        names = [names]
    if names is not None:
        return [_named(name) for name in names]
    if _both_densities(P, Q):
        gaussian = isinstance(P, Gaussian) and isinstance(Q, Gaussian)
        wanted = ("any", "gaussian") if gaussian else ("any",)
        return [member for member in divergences.values() if member.densities in wanted]
    measures = isinstance(P, Empirical) and isinstance(Q, Empirical)
    found: list[Divergence | Score] = [m for m in divergences.values() if measures or m.takes == "samples"]
    if not (isinstance(P, Empirical) or isinstance(Q, Empirical)):
        n_rows = min(len(part.points) for part in weighted_pair(P, Q))
        found += [member for member in scores.values() if n_rows >= member.least]
    return found


def _named(name: str) -> Divergence | Score:
    if name not in scores and name not in divergences:
        raise unknown_name("divergence or score", name, [*divergences, *scores])
    return scores[name] if name in scores else divergences[name]


def _both_densities(P: Any, Q: Any) -> bool:
    """Whether P and Q are densities, of one space; raises TypeError where one alone is, ValueError for two spaces."""
    from estimators.fdivergences.densities import is_density

    known = [is_density(given) and not isinstance(given, Empirical) for given in (P, Q)]
    if known[0] != known[1]:
        law, other = ("P", "Q") if known[0] else ("Q", "P")
        given = type(Q if known[0] else P).__name__
        raise TypeError(
            f"{law} is a density and {other} is {given}: pass two densities, or {law}.sample(n) to compare samples"
        )
    if all(known) and P.dimension != Q.dimension:
        raise ValueError(f"P has dimension {P.dimension} and Q has {Q.dimension}: they must agree")
    return all(known)


def _row(member: Divergence | Score, P: Any, Q: Any) -> dict[str, Any]:
    try:
        return _described(member, member(P, Q), "ok")
    except NotConverged as error:
        if error.partial is None:
            return {"divergence": member.name, "status": "not converged", "detail": error.message}
        return _described(member, error.partial, "not converged") | {"detail": error.message}
    except Exception as error:
        return {"divergence": member.name, "status": "error", "detail": f"{type(error).__name__}: {error}"}


def _described(member: Divergence | Score, estimate: Estimate, status: str) -> dict[str, Any]:
    cells = estimate.as_dict()
    # A score's interval is its own or none: its standard error may be about a biased mean.
    if estimate.interval is None and estimate.stderr is not None and isinstance(member, Divergence):
        cells["low"], cells["high"] = normal_interval(estimate.value, estimate.stderr)
    if cells["low"] is None:
        cells["interval"] = ""
    elif estimate.error_over == "rule":
        cells["interval"] = "rule's estimate"
    else:
        cells["interval"] = f"95 % of {estimate.error_over}"
    return {column: cells.get(column) for column in COLUMNS} | {"divergence": member.name, "status": status}
