"""Mode coverage: what every unconditional model keeps of laws with known modes, many seeds each, at its best rate."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from estimators.densities import Mixture
from estimators.modes import mode_coverage
from estimators.reach import precision_within, recall_within
from estimators.toys import TOYS
from reports.experiment import Cell, Experiment, Measurement, experiments
from reports.record import Record, Scalar

#: The row that every model is read against: true data in the place of samples.
REFERENCE = "true data"
#: What the quick size trains: the ideas, one model each. The other sizes train every registered model.
_QUICK = ("gmmn", "imle", "kde-gan", "non-saturating-gan", "rs-imle", "wgan-gp")
#: Learning rates that are tried, in this order: of equal ones the first is taken.
_RATES = (3e-3, 1e-3, 1e-2, 3e-2)
#: Hidden widths of every generator and critic, so that none has more to say than another.
_HIDDEN = (64, 64, 64)
#: Rows that a model is trained on, rows that its samples are compared with, samples, and samples in a record.
_ROWS = {"train": 4000, "held_out": 2000, "samples": 2000, "drawn": 400}
#: A law and its width in the parameters of a cell.
Task = tuple[str, float]


@dataclass(frozen=True)
class _Size:
    """The laws and widths of each cell, seeds that are scored, seeds that a rate is chosen on, the share of the steps.

    `cells`: a rate is chosen on the first law of a cell, on runs as long as those that are scored (one that is ahead
    early may be behind in the end), and serves all of them. Without seeds to choose on a model keeps its own learning
    rate. `length`: the share of a model's own default steps.
    """

    cells: tuple[tuple[Task, ...], ...]
    seeds: int
    choosing: int
    length: float
    limit: float


_SIZES = {
    "quick": _Size(((("grid-25", 1.0),),), 3, 0, 0.75, 3600.0),
    # The hardest law first: it tells rates apart.
    "standard": _Size(((("grid-25", 1.0), ("ring-8", 1.0), ("rare-8", 1.0)),), 10, 2, 0.5, 1.5 * 3600.0),
    "full": _Size(tuple(tuple((law, w) for w in (1.0, 0.5, 2.0, 4.0)) for law in TOYS), 20, 5, 2.0, 8 * 3600.0),
}


@experiments.register("mode-coverage")
class ModeCoverage(Experiment):
    """One cell a model, of several laws, and seeds on one draw of the data of each; `true data` is a perfect sampler.

    The learning rate is the one of `_RATES` whose samples, of seeds that are not scored, have the highest harmonic mean
    of precision and recall on the first law of the cell. A metric is told as "law×width: metric". `modes`: those with a
    sample within four standard deviations; `high quality`: the share of samples so near to a mode; `precision`,
    `recall`: the share of samples (held-out data) within one standard deviation of a mode of held-out data (samples);
    `balance`: KL, in nats, of the shares of the samples by nearest mode from the true masses; `training`: seconds of
    processor time for one seed at the chosen rate, an equal share of what trained at once. Each value is the mean over
    the seeds with its standard error, and the payload has every seed's.
    """

    question = "At its best learning rate, which modes does a model keep, and how many of its samples are good?"
    timing = False
    caveats = (
        "All networks have equal hidden layers. Steps are a share of each model's own default, chosen on the ring; a "
        "step of one costs more than a step of another, and the seconds say how much.",
        "All seeds of a model train on the same rows: their spread is that of training alone.",
        "A rate is chosen on the first law of a cell, the grid at first, and serves the others, which may have better.",
        "A rate at the edge of those tried is marked; a better one may lie beyond.",
        "Seconds are an indication: other cells may have run beside, and what trains together shares its cost.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:  # noqa: ARG002
        from estimators.training.conditional import ConditionalModel
        from estimators.training.registry import models

        chosen = _SIZES[size]
        for tasks in chosen.cells:
            shared: dict[str, Scalar] = {
                "laws": " ".join(f"{law}×{width:g}" for law, width in tasks),
                "seeds": chosen.seeds,
            }
            yield Cell({**shared, "model": REFERENCE, "steps": 0, "choosing": 0})
            for name, model in models.items():
                if issubclass(model, ConditionalModel) or (size == "quick" and name not in _QUICK):
                    continue
                own: Any = model()
                steps = math.ceil(chosen.length * getattr(own, "steps", 0))
                choosing = chosen.choosing if "lr" in own.get_params() else 0
                yield Cell(
                    {**shared, "model": name, "steps": steps, "choosing": choosing},
                    modules=(model.__module__,),
                    seconds=chosen.limit,
                )

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        n_seeds = int(cell.params["seeds"] or 0)
        tasks = [_Draws.of(cell, i, *task) for i, task in enumerate(_tasks(str(cell.params["laws"])))]
        if cell.params["model"] == REFERENCE:
            for task in tasks:
                fresh = [task.law.sample(_ROWS["samples"], task.training + seed) for seed in range(n_seeds)]
                yield from task.judged(np.stack(fresh))
            return
        first = tasks[0]
        validation = first.law.sample(_ROWS["held_out"], first.validation)
        rate, tried = _best_rate(cell, first.law, first.train[None], validation, first.choosing)
        rates = () if rate is None else (rate,)
        steps = int(cell.params["steps"] or 0)
        for together in _trained_together(cell, tasks):
            began = time.process_time()
            trains = np.stack([task.train for task in together])
            fitted = _fitted(cell, steps, rates, n_seeds, together[0].training, trains)
            seconds = (time.process_time() - began) / len(fitted)
            for i, task in enumerate(together):
                yield Measurement(f"{task.told}training", seconds, "s", payload={"lr": rate, "tried": tried})
                yield from task.judged(_draws(fitted[i * n_seeds : (i + 1) * n_seeds], task.sampling))


@dataclass(frozen=True)
class _Draws:
    """A law of a cell, its data, and seeds: to validate a rate, to choose it on, that are scored, of sampling.

    Laws that are trained at once have the scored seeds of the first.
    """

    told: str
    law: Mixture
    train: np.ndarray
    held_out: np.ndarray
    validation: int
    choosing: int
    training: int
    sampling: int

    @classmethod
    def of(cls, cell: Cell, i: int, name: str, width: float) -> _Draws:
        law = TOYS[name].law(width)
        streams = [int(part) for part in np.random.SeedSequence((cell.seed, i)).generate_state(6)]
        train, held_out = law.sample(_ROWS["train"], streams[0]), law.sample(_ROWS["held_out"], streams[1])
        return cls(f"{name}×{width:g}: ", law, train, held_out, *streams[2:])

    def judged(self, samples: np.ndarray) -> Iterator[Measurement]:
        """Every metric of samples (seeds, n, d), with the law's name."""
        for found in _judged(samples, self.law, self.held_out):
            yield replace(found, metric=self.told + found.metric)


def _trained_together(cell: Cell, tasks: list[_Draws]) -> list[list[_Draws]]:
    """All laws at once where a step has a stacked form, for it costs a member less; else each by itself."""
    from estimators.training.registry import models

    return [tasks] if _stacks(models[str(cell.params["model"])]) else [[task] for task in tasks]


def entries(record: Record) -> Iterator[tuple[str, float, str]]:
    """The law, width and metric of a record of this experiment; what failed as a whole is told for all of its laws."""
    if "laws" not in record.params:  # of a release that asked one law a cell
        yield str(record.params["law"]), float(str(record.params["width"])), record.metric
        return
    task, found, metric = record.metric.partition(": ")
    for law, width in _tasks(task if found else str(record.params["laws"])):
        yield law, width, metric if found else record.metric


def _tasks(told: str) -> list[Task]:
    """The laws and widths in "law×width law×width …"."""
    return [(law, float(width)) for law, width in (task.split("×") for task in told.split())]


def _stacks(model: type[Any]) -> bool:
    """Whether the seeds of a model can be trained at once."""
    return bool(vars(model).get("_stacks", False))


def _best_rate(
    cell: Cell, law: Mixture, sets: np.ndarray, validation: np.ndarray, seed: int
) -> tuple[float | None, dict[str, float]]:
    """The rate of the highest score on seeds of its own, as long as those scored, and each score; diverged: −∞.

    Raises Diverged where every rate diverges.
    """
    from estimators.training.loop import Diverged

    choosing, steps = int(cell.params["choosing"] or 0), int(cell.params["steps"] or 0)
    if not choosing:
        return None, {}
    scores: dict[float, float] = {}
    together = _at_all_rates(cell, steps, choosing, seed, sets)
    for i, rate in enumerate(_RATES):
        try:
            if together is None:
                fitted = _fitted(cell, steps, (rate,), choosing, seed, sets)
            else:
                fitted = together[i * choosing : (i + 1) * choosing]
            scores[rate] = float(np.mean([_harmonic(one, validation, law) for one in _draws(fitted, seed)]))
        except Diverged as error:
            scores[rate], diverged = -math.inf, error
    best = max(_RATES, key=scores.__getitem__)
    if scores[best] == -math.inf:
        raise diverged
    return best, {f"{rate:g}": score for rate, score in scores.items()}


def _at_all_rates(cell: Cell, steps: int, n_seeds: int, seed: int, sets: np.ndarray) -> list[Any] | None:
    """`_fitted` at all of `_RATES` at once; None where that cannot be, or where one of them diverges."""
    from estimators.training.loop import Diverged
    from estimators.training.registry import models

    if not _stacks(models[str(cell.params["model"])]):
        return None
    try:
        return _fitted(cell, steps, _RATES, n_seeds, seed, sets)
    except Diverged:
        return None


def _fitted(cell: Cell, steps: int, rates: tuple[float, ...], n_seeds: int, seed: int, sets: np.ndarray) -> list[Any]:
    """Models of this cell on each of the data sets (k, n, d), at one rate after the other, of consecutive seeds.

    All are trained at once where their step has a stacked form. Without rates each is trained at its own.
    """
    from estimators.training.registry import models
    from estimators.training.stacked import StackedSeeds

    kind = models[str(cell.params["model"])]
    settings: dict[str, Any] = {"random_state": seed, "device": "cpu"}
    settings |= {"steps": steps} if steps else {}
    settings |= {"hidden": _HIDDEN} if "hidden" in kind().get_params() else {}
    if _stacks(kind):
        return StackedSeeds(kind(**settings), n_seeds=n_seeds, rates=rates or None).fit(sets).members_
    each: list[dict[str, Any]] = [{"lr": rate} for rate in rates] or [{}]
    return [
        kind(**{**settings, **own, "random_state": seed + s}).fit(train)
        for train in sets
        for own in each
        for s in range(n_seeds)
    ]


def _draws(fitted: list[Any], seed: int) -> np.ndarray:
    """Samples of each model, (seeds, n, d)."""
    return np.stack(
        [model.sample(_ROWS["samples"], random_state=seed + s).astype(np.float64) for s, model in enumerate(fitted)]
    )


def _harmonic(samples: np.ndarray, data: np.ndarray, law: Mixture) -> float:
    """2PR/(P + R) of precision P and recall R at one standard deviation; 0 where both are 0."""
    radius = float(law.scales[0])
    p, r = (float(share(data, samples, radius=radius)) for share in (precision_within, recall_within))
    return 2 * p * r / (p + r) if p + r else 0.0


def _judged(samples: np.ndarray, law: Mixture, held_out: np.ndarray) -> Iterator[Measurement]:
    """Every metric of samples (seeds, n, d), in the same way for every model."""
    radius = float(law.scales[0])
    covered = [mode_coverage(one, law) for one in samples]
    drawn = samples[0, : _ROWS["drawn"]].astype(np.float32)
    yield _over_seeds("modes", [c.found for c in covered], f"of {len(law.modes)}", of=len(law.modes), samples=drawn)
    yield _over_seeds("high quality", [c.high_quality for c in covered], "share")
    for metric, share in (("precision", precision_within), ("recall", recall_within)):
        yield _over_seeds(metric, [float(share(held_out, one, radius=radius)) for one in samples], "share")
    yield _over_seeds("balance", [c.kl for c in covered], "nats")


def _over_seeds(metric: str, values: list[float], unit: str, **rest: Any) -> Measurement:
    """The mean over the seeds, its standard error, the least and the most of them."""
    each = np.array(values, dtype=np.float64)
    error = float(each.std(ddof=1) / math.sqrt(len(each))) if len(each) > 1 else None
    return Measurement(metric, float(each.mean()), unit, stderr=error, payload={"each": each.tolist(), **rest})
