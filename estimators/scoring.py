"""The registry of scores: what two samples show that is no divergence, such as a share covered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from estimators.result import Estimate
from knn.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Score:
    """A score of a sample Q of a model against a sample P of the data, and the laws that it claims.

    `lowest` and `highest` bound it (∞ where nothing does). `degree`: both samples shifted, it stays; both scaled by
    c > 0, it is c^degree times what it was; None where neither is claimed. `least` rows that each sample must have.
    `of_neighbours`: as `ties_matter` says, the bootstrap does not serve it.
    The tests hold every registered one to these, and to indifference to the order of the rows.
    """

    name: str
    function: Callable[..., Estimate]
    lowest: float
    highest: float
    degree: float | None
    least: int
    of_neighbours: bool = False

    def __post_init__(self) -> None:
        # Known by the function that it wraps, as a Divergence is.
        for attribute in ("__module__", "__qualname__", "__doc__"):
            object.__setattr__(self, attribute, getattr(self.function, attribute))

    def __call__(self, P: Any, Q: Any, **options: Any) -> Estimate:
        return self.function(P, Q, **options)


scores: Registry[Score] = Registry(
    "score",
    group="implicitbench.scores",
    packages=("estimators",),
    skip=("estimators.kernels", "estimators.losses", "estimators.models", "estimators.networks", "estimators.training"),
)


def score(
    name: str,
    *,
    lowest: float,
    highest: float,
    degree: float | None = 0.0,
    least: int = 2,
    of_neighbours: bool = False,
) -> Callable[[Callable[..., Estimate]], Callable[..., Estimate]]:
    """Decorator: registers `function(P, Q, **options) -> Estimate` under `name` with the laws that it claims."""

    def enter(function: Callable[..., Estimate]) -> Callable[..., Estimate]:
        scores.register(name)(Score(name, function, lowest, highest, degree, least, of_neighbours))
        return ties_matter(function) if of_neighbours else function

    return enter


def ties_matter(function: F) -> F:
    """Decorator: equal rows change this statistic otherwise than by their weight; `bootstrap` refuses it.

    They are each other's neighbours at distance 0, or lie in both of the halves that it trains and tests on.
    """
    function.of_neighbours = True  # type: ignore[attr-defined]
    return function
