"""Parzen likelihood of samplers whose worth is known: what the number prefers, with recall and coverage beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array

from estimators.manifolds import coverage, precision, recall
from estimators.memorisation import memorisation_test
from estimators.parzen import parzen_log_likelihood
from knn.exact import BruteForce
from reports.datasets.source import datasets
from reports.experiment import Cell, Experiment, Measurement, experiments

#: The sampler that every other is read against: images that nobody was trained on.
REFERENCE = "fresh images"
#: Rows by size: centres, rows to train on, to choose the bandwidth on, to score, and to judge coverage by.
_ROWS = {
    "quick": {"centres": 1000, "fit": 5000, "validation": 1000, "test": 1000, "judged": 500},
    "standard": {"centres": 10_000, "fit": 45_000, "validation": 5000, "test": 10_000, "judged": 2000},
}
_ROWS["full"] = _ROWS["standard"]
#: The bundled digits have 1797 rows in all.
_DIGITS = {"centres": 250, "fit": 900, "validation": 250, "test": 300, "judged": 250}
_ROUNDS = {"quick": (1, 5), "standard": (1, 5), "full": (1, 5, 20)}
_SEEDS = {"quick": 1, "standard": 1, "full": 3}
_LIMITS = {"quick": 600.0, "standard": 1800.0, "full": 3600.0}
#: Grey levels of the noise, pixels of the blur, and of how many rows the memoriser has copies.
_NOISE, _BLUR, _REMEMBERED = 0.1, 1.0, 0.1
#: Pictures that a record keeps.
_DRAWN = 6


@experiments.register("parzen-ordering")
class ParzenOrdering(Experiment):
    """One cell a sampler; every one is graded by the same lines, on the same held-out images.

    `log-likelihood`: the mean over test images under Parzen windows about the sampler's images, the bandwidth one of
    ten from 0.1 to 1, chosen on a validation split of the training images that no sampler sees; pixels in [0, 1].
    `precision`, `recall` (k = 3) and `coverage` (k = 5): against test images. `nearer to train`: the share of images
    whose nearest of training and validation images is a training image, with the p-value of the permutation test
    (validation, since MNIST's test images were written by other people, and are no draw of the training images' law).
    """

    question = "Which samplers does the Parzen likelihood prefer, and are they the good ones?"
    caveats = (
        "The likelihood is that of windows about the sampler's images, at a bandwidth of its own for each sampler. It "
        "is decided by the few nearest centres, so that averages of images score above the images themselves.",
        "Precision, recall and coverage compare pixels, not what the pictures show.",
        "Quick sizes take a tenth of the centres, which lowers every score and leaves the order.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        dataset = next((name for name in ("mnist", "digits") if name in data), None)
        if dataset is None:
            return
        rows = _ROWS[size] if dataset == "mnist" else _DIGITS
        for seed in range(_SEEDS[size]):
            for sampler in samplers:
                for rounds in _ROUNDS[size] if sampler == "centroids" else (0,):
                    yield Cell(
                        {"dataset": dataset, "sampler": sampler, "rounds": rounds, **rows},
                        seed=seed, data=(dataset,), seconds=_LIMITS[size],
                    )  # fmt: skip

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        params = {name: int(cell.params[name] or 0) for name in (*_DIGITS, "rounds")}
        chosen = datasets[str(cell.params["dataset"])]
        # Streams of one seed: the split, the sampler, the rows judged.
        rngs = [np.random.default_rng(part) for part in np.random.SeedSequence(cell.seed).spawn(3)]
        train, test = (chosen.load(split)[0] for split in ("train", "test"))
        train, test = train[rngs[0].permutation(len(train))], test[rngs[0].permutation(len(test))[: params["test"]]]
        fit, validation, fresh = np.split(train, np.cumsum([params["fit"], params["validation"]]))
        sampler = str(cell.params["sampler"])
        samples = samplers[sampler](fresh if sampler == REFERENCE else fit, params, rngs[1])
        found = parzen_log_likelihood(samples, test, validation=validation)
        payload = {
            "bandwidth": found.bandwidth, "on_edge": found.on_edge, "side": chosen.image_shape[0],
            "samples": samples[:_DRAWN].astype(np.float32),
        }  # fmt: skip
        yield Measurement(
            "log-likelihood", found.value, "nats", stderr=found.stderr, detail=found.detail, payload=payload
        )
        drawn = samples[rngs[2].permutation(len(samples))[: params["judged"]]].astype(np.float64)
        judged = test[: params["judged"]].astype(np.float64)
        for name, score in (("precision", precision), ("recall", recall), ("coverage", coverage)):
            share = score(judged, drawn)
            low, high = share.interval or (None, None)
            yield Measurement(name, share.value, "share", stderr=share.stderr, low=low, high=high)
        copied = memorisation_test(fit, validation, drawn, n_permutations=199)
        expected = len(fit) / (len(fit) + len(validation))
        yield Measurement(
            "nearer to train", copied.value, "share", detail=copied.detail,
            payload={"p": copied.p_value, "expected": expected},
        )  # fmt: skip


Sampler = Callable[[np.ndarray, Mapping[str, int], np.random.Generator], np.ndarray]


def _as_they_are(rows: np.ndarray, params: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    return rows[rng.permutation(len(rows))[: params["centres"]]]


def _with_noise(rows: np.ndarray, params: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    chosen = _as_they_are(rows, params, rng)
    return chosen + _NOISE * rng.normal(size=chosen.shape)


def _blurred(rows: np.ndarray, params: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    chosen = _as_they_are(rows, params, rng)
    side = round(chosen.shape[1] ** 0.5)
    return gaussian_filter(chosen.reshape(-1, side, side), (0, _BLUR, _BLUR)).reshape(chosen.shape)


def _memorised(rows: np.ndarray, params: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """Copies, with replacement, of a tenth as many training images."""
    remembered = rows[rng.permutation(len(rows))[: round(_REMEMBERED * params["centres"])]]
    return remembered[rng.integers(len(remembered), size=params["centres"])]


def centroids(rows: np.ndarray, params: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """`rounds` of Lloyd's algorithm from randomly chosen rows; a centre without rows stays where it is."""
    centres = _as_they_are(rows, params, rng).astype(np.float64)
    for _ in range(params["rounds"]):
        nearest = BruteForce(n_neighbors=1).fit(centres.astype(rows.dtype)).search(rows, 1).indices[:, 0]
        counts = np.bincount(nearest, minlength=len(centres))
        members = csr_array((np.ones(len(rows)), (nearest, np.arange(len(rows)))), shape=(len(centres), len(rows)))
        sums = members @ rows.astype(np.float64)
        centres[counts > 0] = sums[counts > 0] / counts[counts > 0, None]
    return centres


def _gaussian(rows: np.ndarray, params: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """The normal law with the training images' mean and covariance."""
    variances, directions = np.linalg.eigh(np.cov(rows.T.astype(np.float64)))
    noise = rng.normal(size=(params["centres"], rows.shape[1])) * np.sqrt(np.maximum(variances, 0))
    return rows.mean(axis=0, dtype=np.float64) + noise @ directions.T


def _independent_pixels(rows: np.ndarray, params: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """Each pixel of a training image of its own: the product of the marginal laws."""
    return rows[rng.integers(len(rows), size=(params["centres"], rows.shape[1])), np.arange(rows.shape[1])]


samplers: Mapping[str, Sampler] = {
    REFERENCE: _as_they_are,
    "training images": _as_they_are,
    "a few training images, repeated": _memorised,
    "training images with noise": _with_noise,
    "training images, blurred": _blurred,
    "centroids": centroids,
    "gaussian": _gaussian,
    "independent pixels": _independent_pixels,
}
