"""Several outputs for one input: models of a law given a coarse image, judged by their error and by their spread."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn.exact import BruteForce
from reports.datasets.source import datasets
from reports.experiment import Cell, Experiment, Measurement, experiments
from reports.record import Scalar

Array = NDArray[np.float64]

#: The row without training: the images of the training inputs that are nearest to the input.
REFERENCE = "images of the nearest inputs"
#: Rows of the table: the registered model, and what its constructor is told besides the budget.
ROWS: dict[str, tuple[str, dict[str, float]]] = {
    "regression": ("regression", {"lr": 1e-2}),
    "conditional IMLE": ("conditional-imle", {"lr": 1e-2, "n_samples": 20}),
    "conditional GAN": ("conditional-gan", {"lr": 3e-3, "r1": 3.0}),
    "conditional GAN with l1": ("conditional-gan", {"lr": 1e-2, "r1": 3.0, "l1": 10.0}),
}
#: By size: the data set, rows trained on, inputs judged, steps, width of the two hidden layers.
_SIZES: dict[str, dict[str, tuple[int, int, int, int]]] = {
    "quick": {"digits": (1497, 100, 400, 64)},
    "standard": {"digits": (1497, 300, 4000, 128), "mnist": (10_000, 500, 4000, 256)},
    "full": {"digits": (1497, 300, 20_000, 256), "mnist": (60_000, 1000, 30_000, 512)},
}
_SEEDS = {"quick": 3, "standard": 3, "full": 10}
_LIMITS = {"quick": 600.0, "standard": 1800.0, "full": 4 * 3600.0}
#: Pixels of an image to one of its input, along each side.
FACTOR = {"digits": 2, "mnist": 4}
#: Outputs drawn for an input; inputs and outputs that a record keeps for the picture.
DRAWN, _SHOWN, _OUTPUTS = 20, 5, 4


@dataclass(frozen=True)
class _Task:
    """Coarse images `given` and the images `X`, for training and held out; the side of both."""

    given: Array
    X: Array
    test_given: Array
    test_X: Array
    side: int
    factor: int


@experiments.register("conditional")
class Conditional(Experiment):
    """Super-resolution: an image given its means over blocks of pixels, 8 × 8 from 4 × 4 or 28 × 28 from 7 × 7.

    One cell a model and seed. For each held-out input 20 outputs x̃ are drawn; distances are root mean squares over
    the pixels, grey levels in [0, 1], and every number is a mean over the inputs with its standard error.
    `mean error`: E|x̃ − x|, x the image that the input came from. `best of 20`: the least of the 20.
    `error of the mean`: |E x̃ − x|. `diversity`: E|x̃ − x̃′| over pairs of outputs. `energy score`: mean error less half
    the diversity, a proper score: least in expectation for the true law of images given the input (Gneiting &
    Raftery 2007), so that neither blur nor noise pays. `inconsistency`: root mean square of the output's block means
    less the input.
    """

    question = "How many images does a model offer for one coarse input, and are they possible ones?"
    timing = False
    caveats = (
        "The best of several outputs gains by spread alone; the energy score does not. Distances are between pixels, "
        "and see no strokes.",
        "Learning rates and penalties were set by hand, on one seed, and no command repeats it: a model may do better "
        "than it does here. Networks and steps are the same for all, a step of the GAN costs twice a step of the "
        "regression, and conditional IMLE searches besides.",
        "The images of the nearest inputs are shown as what no training offers.",
        "Quick sizes train on the small digits for seconds.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        from estimators.training.registry import models

        for dataset, (train, test, steps, width) in _SIZES[size].items():
            if dataset not in data:
                continue
            rows: dict[str, Scalar] = {"dataset": dataset, "train": train, "test": test, "width": width}
            for seed in range(_SEEDS[size]):
                yield Cell({**rows, "model": REFERENCE, "steps": 0}, seed=seed, data=(dataset,))
                for row, (name, settings) in ROWS.items():
                    yield Cell(
                        {**rows, "model": row, "steps": steps, **settings},
                        seed=seed,
                        modules=(models[name].__module__,),
                        data=(dataset,),
                        seconds=_LIMITS[size],
                    )

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        data_seed, train_seed, sample_seed = (int(s) for s in np.random.SeedSequence(cell.seed).generate_state(3))
        task = _task(cell, data_seed)
        if cell.params["model"] == REFERENCE:
            nearest = BruteForce(n_neighbors=DRAWN).fit(task.given).kneighbors(task.test_given)[1]
            outputs = task.X[nearest]
        else:
            model = _model(cell, train_seed)
            began = time.perf_counter()
            model.fit(task.X, given=task.given)
            yield Measurement("training", time.perf_counter() - began, "s")
            outputs = model.sample(DRAWN, given=task.test_given, random_state=sample_seed)
        shown = {
            "inputs": task.test_given[:_SHOWN].astype(np.float32),
            "truth": task.test_X[:_SHOWN].astype(np.float32),
            "outputs": outputs[:_SHOWN, :_OUTPUTS].astype(np.float32),
        }
        for metric, values in graded(outputs, task.test_X, task.test_given, task.side, task.factor).items():
            stderr = float(np.std(values, ddof=1) / np.sqrt(len(values)))
            yield Measurement(
                metric, float(np.mean(values)), "grey level",
                stderr=stderr or None, payload=shown if metric == "energy score" else None,
            )  # fmt: skip


def graded(outputs: Array, truth: Array, given: Array, side: int, factor: int) -> dict[str, Array]:
    """Each metric at each input, of `outputs` (q, k, d) for images `truth` (q, d) and inputs `given` (q, d/factor²)."""
    errors = _length(outputs - truth[:, None])
    k = outputs.shape[1]
    first, second = np.triu_indices(k, 1)
    # A loop over inputs: all pairs of all inputs at once would fill 1.5 GB at the full size.
    diversity = np.array([_length(some[first] - some[second]).mean() for some in outputs])
    blurred = coarse(outputs.reshape(-1, side * side), side, factor).reshape(len(outputs), k, -1)
    return {
        "mean error": errors.mean(axis=1),
        f"best of {DRAWN}": errors.min(axis=1),
        "error of the mean": _length(outputs.mean(axis=1) - truth),
        "diversity": diversity,
        "energy score": errors.mean(axis=1) - diversity / 2,
        "inconsistency": _length(blurred - given[:, None]).mean(axis=1),
    }


def coarse(images: Array, side: int, factor: int) -> Array:
    """Means over blocks of factor × factor pixels: (n, side²) to (n, (side/factor)²)."""
    small = side // factor
    return images.reshape(-1, small, factor, small, factor).mean(axis=(2, 4)).reshape(len(images), small * small)


def _length(differences: Array) -> Array:
    return np.asarray(np.sqrt(np.mean(np.square(differences), axis=-1)))


def _task(cell: Cell, seed: int) -> _Task:
    name = str(cell.params["dataset"])
    chosen, rng = datasets[name], np.random.default_rng(seed)
    side, factor = chosen.image_shape[0], FACTOR[name]
    parts = []
    for split in ("train", "test"):
        rows = chosen.load(split)[0]
        some = rng.permutation(len(rows))[: int(str(cell.params[split]))]
        parts.append(rows[some].astype(np.float64))
    train, test = parts
    return _Task(coarse(train, side, factor), train, coarse(test, side, factor), test, side, factor)


def _model(cell: Cell, seed: int) -> Any:
    from estimators.training.registry import models

    name, settings = ROWS[str(cell.params["model"])]
    width = int(str(cell.params["width"]))
    told = {key: cell.params[key] for key in settings}
    return models[name](hidden=(width, width), steps=cell.params["steps"], random_state=seed, device="cpu", **told)
