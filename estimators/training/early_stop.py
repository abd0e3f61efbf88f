"""Ends a fit whose samples no longer come nearer to rows that it does not see."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.comparison import divergences
from estimators.scoring import scores
from estimators.training.callbacks import Callback
from estimators.training.loop import Diverged
from estimators.training.parameters import choice, count
from estimators.training.training_data import checked_data

if TYPE_CHECKING:
    from estimators.training.implicit_model import ImplicitModel


class EarlyStop(Callback):
    """Ends the fit after `patience` scores in a row that are no better than the best one before them.

    Every `every` steps, `n_samples` samples (None: as many as held-out rows) are scored against `held_out` (n, d),
    which the model must not be trained on. `score` is a name in `estimators.divergences`, of which the lowest is best,
    or one in `estimators.scores` or any function of (held_out, samples), for which `best` says "lowest" or "highest".
    The same latents are used each time, so that two scores differ by what was learnt; the run itself does not feel
    them. Members of `StackedSeeds` are scored each by itself, and the run ends when patience is at its end with all of
    them; those of k data sets ask for `held_out` (k, n, d). The weights stay those of the last step: a `Checkpoint`
    keeps earlier ones. Ends with `Diverged` where a score is NaN, and with ValueError at the start for a conditional
    model or another number of data sets.

    Attributes: scores_ (a list of (step, score), the mean over members), best_ and best_step_ (of these).
    """

    scores_: list[tuple[int, float]]
    best_: float | None
    best_step_: int

    def __init__(
        self,
        held_out: Any,
        score: str | Callable[[Any, Any], Any] = "energy-distance",
        *,
        best: str | None = None,
        patience: int = 5,
        every: int = 200,
        n_samples: int | None = None,
        random_state: int = 0,
    ):
        self.held_out = _of_sets(held_out)
        self.score, lowest = _function(score)
        if best is None and not lowest:
            raise ValueError(f"best is None, and {score!r} is no divergence; give best='lowest' or best='highest'")
        self._sign = -1 if best is not None and choice(best, "best", ("lowest", "highest")) == "highest" else 1
        self._name = score if isinstance(score, str) else getattr(score, "__name__", type(score).__name__)
        self.patience = count(patience, "patience")
        self.every = count(every, "every")
        self.n_samples = len(self.held_out[0]) if n_samples is None else count(n_samples, "n_samples")
        self.random_state = random_state
        self._begin()

    def fit_start(self, model: ImplicitModel) -> None:
        if "given" in inspect.signature(model.sample).parameters:
            raise ValueError(
                f"EarlyStop scores samples that are given nothing, and {type(model).__name__} draws them for an input; "
                "watch it by a Callback of your own that passes given= to sample"
            )
        sets = max(getattr(model, "sets_", [0])) + 1
        if len(self.held_out) != sets:
            raise ValueError(
                f"EarlyStop holds held-out rows of {len(self.held_out)} data sets, and X has {sets}; "
                f"give held_out of shape {'(n, d)' if sets == 1 else f'({sets}, n, d)'}"
            )
        if model.step_ == 0:
            self._begin()

    def step(self, model: ImplicitModel, losses: dict[str, float]) -> bool:  # noqa: ARG002
        if model.step_ % self.every:
            return False
        drawn = model.sample(self.n_samples, random_state=self.random_state)
        parts = drawn if drawn.ndim == 3 else [drawn]
        held = [self.held_out[place] for place in getattr(model, "sets_", [0])]
        each = [float(self.score(own, part)) for own, part in zip(held, parts, strict=True)]
        found = float(np.mean(each))
        if math.isnan(found):
            # Neither better nor worse than another: as the best one it would end a run that is well.
            raise Diverged(
                f"the score {self._name} of EarlyStop is nan", step=model.step_, lr=model.lr_now,
                remedy="score these samples by hand, or give another score",
            )  # fmt: skip
        self.scores_.append((model.step_, found))
        self._each.append(each)
        if self.best_ is None or self._sign * found < self._sign * self.best_:
            self.best_, self.best_step_ = found, model.step_
        behind = len(self._each) - 1 - np.argmin(self._sign * np.array(self._each), axis=0)
        return bool((behind >= self.patience).all())

    def _begin(self) -> None:
        self.scores_ = []
        self._each: list[list[float]] = []
        self.best_ = None
        self.best_step_ = 0


def _of_sets(held_out: Any) -> list[np.ndarray]:
    """The held-out rows of each data set, checked."""
    try:
        several = np.ndim(held_out) == 3
    except ValueError:
        raise ValueError(
            "held_out has rows, or sets, of different lengths; give an array (n, d) or (k, n, d)"
        ) from None
    if not several:
        return [checked_data(held_out, "held_out")]
    return [checked_data(rows, f"held_out[{i}]") for i, rows in enumerate(held_out)]


def _function(score: Any) -> tuple[Callable[[Any, Any], Any], bool]:
    """The function behind `score`, and whether it is a divergence."""
    if callable(score):
        return score, False
    if score in divergences:
        return divergences[score], True
    if score in scores:
        return scores[score], False
    names = ", ".join(sorted({*divergences, *scores}))
    raise ValueError(f"score is {score!r}; give a function of (held_out, samples) or one of {names}")
