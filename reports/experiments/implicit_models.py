"""Implicit models: what each covers of a law with known modes and of handwritten digits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from estimators.intervals import clopper_pearson
from estimators.measures import ring
from estimators.modes import mode_coverage
from knn.exact import BruteForce
from reports.datasets.source import datasets
from reports.experiment import Cell, Experiment, Measurement, experiments

#: The row that every model is read against: true data in the place of samples.
REFERENCE = "true data"
#: What the quick size trains: the ideas, one model each. The other sizes train every registered model.
_QUICK = ("f-gan", "gmmn", "imle", "kde-gan", "non-saturating-gan", "wgan-gp")
#: Optimiser steps, in multiples of each model's own default, and seeds, by size.
_LENGTH = {"quick": 1, "standard": 1, "full": 10}
_SEEDS = {"quick": 3, "standard": 3, "full": 10}
#: Seconds after which a cell is stopped: many times what it takes, since a slow machine is no failure.
_LIMITS = {"quick": 600.0, "standard": 3600.0, "full": 4 * 3600.0}
#: Rows for training, samples that are judged, and held-out rows, of the ring; digits come as they are.
_RING = {"train": 4000, "samples": 2000, "held_out": 2000}
_DIGIT_SAMPLES = 1000
#: A class of digits counts as covered from this share of the samples on, a tenth of its share of the data.
_COVERED = 0.01
#: Held-out images that count as good: those beyond are farther from the data than nineteen of twenty real ones.
_QUALITY_QUANTILE = 0.95
#: Samples that a record keeps for pictures.
_DRAWN = {"ring-8": 500, "digits": 40}


@dataclass(frozen=True)
class _Task:
    """Data to learn, held-out data to compare with, and a judge of samples: how many modes, how many good ones."""

    train: np.ndarray
    held_out: np.ndarray
    true: np.ndarray
    n_samples: int
    n_modes: int
    judge: Callable[[np.ndarray], tuple[int, int]]


@experiments.register("implicit-models")
class ImplicitModels(Experiment):
    """One cell a model, task and seed; the rows called `true data` are what a perfect sampler scores.

    `modes`: of the ring, modes with a sample within four standard deviations; of digits, classes
    that at least 1 % of the samples are nearest to. `high quality`: the share of samples within
    four standard deviations of a mode; of digits, no farther from a training image than 95 % of
    the held-out ones are. `squared energy distance`: to held-out data, as the U-statistic, whose
    mean over draws is exact and 0 for a perfect sampler; single values may be below.
    """

    question = "Trained at its default settings, which model covers the modes, and how good are its samples?"
    timing = False
    caveats = (
        "Each model runs with its own default networks, learning rate and steps, which were chosen on these two tasks, "
        "though not on these seeds; a step of one costs more than a step of another, and the seconds say how much.",
        "High quality and covered classes can both be had by copying the training images: they see neither memorising "
        "nor novelty.",
        "Seconds of training are an indication: other cells may have run beside.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        from estimators.training.conditional import ConditionalModel
        from estimators.training.registry import models

        seeds = _SEEDS[size]
        # Laws with known modes have an experiment of their own, mode-coverage: but for the full size digits are alone.
        for_each_input = {name for name, model in models.items() if issubclass(model, ConditionalModel)}
        for task in _tasks(size, data):
            loaded = (task,) if task in data else ()
            for seed in range(seeds):
                yield Cell({"task": task, "model": REFERENCE, "steps": 0}, seed=seed, data=loaded)
            for name, model in models.items():
                if (size == "quick" and name not in _QUICK) or name in for_each_input:
                    continue
                for seed in range(seeds):
                    yield Cell(
                        {"task": task, "model": name, "steps": _LENGTH[size] * model().steps},
                        seed=seed,
                        modules=(model.__module__,),
                        data=loaded,
                        seconds=_LIMITS[size],
                    )

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        from estimators.kernel_distances import energy_distance

        # Streams of one seed: the data, the training, the sampling.
        data_seed, train_seed, sample_seed = (int(s) for s in np.random.SeedSequence(cell.seed).generate_state(3))
        task = _ring(data_seed) if cell.params["task"] == "ring-8" else _digits(data_seed)
        if cell.params["model"] == REFERENCE:
            samples = task.true
        else:
            samples = yield from _trained(cell, task, train_seed, sample_seed)
        modes, n_good = task.judge(samples)
        good = n_good / len(samples)
        low, high = clopper_pearson(n_good, len(samples))
        drawn = samples[: _DRAWN[str(cell.params["task"])]].astype(np.float32)
        yield Measurement("modes", modes, f"of {task.n_modes}", payload={"samples": drawn, "of": task.n_modes})
        good_error = float(np.sqrt(good * (1 - good) / len(samples)))
        yield Measurement("high quality", good, "share", stderr=good_error, low=low, high=high)
        energy = energy_distance(samples, task.held_out, squared=True, statistic="u")
        yield Measurement(
            "squared energy distance", energy.value, energy.unit, stderr=energy.stderr, detail=energy.detail
        )


def _tasks(size: str, data: Mapping[str, str]) -> tuple[str, ...]:
    if "digits" not in data:
        return ("ring-8",)
    return ("ring-8", "digits") if size == "full" else ("digits",)


def _trained(cell: Cell, task: _Task, train_seed: int, sample_seed: int) -> Any:
    from estimators.training.registry import models

    model = models[str(cell.params["model"])](steps=cell.params["steps"], device="cpu", random_state=train_seed)
    began = time.perf_counter()
    model.fit(task.train)
    yield Measurement("training", time.perf_counter() - began, "s")
    return np.asarray(model.sample(task.n_samples, random_state=sample_seed), dtype=np.float64)


def _ring(seed: int) -> _Task:
    law = ring(8)
    rng = np.random.default_rng(seed)
    train, held_out, true = (law.sample(_RING[part], rng) for part in ("train", "held_out", "samples"))

    def judge(samples: np.ndarray) -> tuple[int, int]:
        covered = mode_coverage(samples, law)
        return covered.found, int(covered.counts.sum())

    return _Task(train, held_out, true, _RING["samples"], len(law.modes), judge)


def _digits(seed: int) -> _Task:
    digits = datasets["digits"]
    (train, labels), (test, _) = digits.load("train"), digits.load("test")
    train, test = train.astype(np.float64), test.astype(np.float64)
    # True data must be neither trained on nor compared with themselves, so half of the held-out rows play the samples.
    order = np.random.default_rng(seed).permutation(len(test))
    true, held_out = test[order[::2]], test[order[1::2]]
    nearest = BruteForce(n_neighbors=1).fit(train)
    radius = float(np.quantile(nearest.kneighbors(held_out)[0][:, 0], _QUALITY_QUANTILE))

    def judge(samples: np.ndarray) -> tuple[int, int]:
        distances, indices = nearest.kneighbors(samples)
        shares = np.bincount(labels[indices[:, 0]], minlength=digits.n_classes) / len(samples)
        return int((shares >= _COVERED).sum()), int((distances[:, 0] <= radius).sum())

    return _Task(train, held_out, true, _DIGIT_SAMPLES, digits.n_classes, judge)
