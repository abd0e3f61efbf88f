"""The entropic GAN's sample likelihood: its surrogate against what is exact, and images of other digits under it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.entropic_surrogate import entropic_bound, gaussian_entropic_bound
from estimators.measures import Gaussian
from reports.datasets.source import datasets
from reports.experiment import Cell, Experiment, Measurement, experiments
from reports.experiments.conditional import coarse

Array = NDArray[np.float64]

#: The dimensions of the paper's table.
DIMENSIONS = (5, 10, 20, 30, 64)
#: The generators of N(0, Σ), Σ = diag(1 + i/d): what GGᵀ is, and how G was found.
BEST, COVARIANCE, TRAINED = "best: GGᵀ = Σ − λ/2", "GGᵀ = Σ", "trained"
TEMPERATURE = 1.0
#: The digit that the model of images is trained on.
SOURCE = 1
#: By size: data and latents of a sampled coupling; steps and batch of the linear generators; seeds.
_GAUSSIAN = {"quick": (400, 100, 128, 1), "standard": (2000, 1000, 256, 3), "full": (5000, 5000, 512, 10)}
#: By size: images trained on, latents of the score, held-out images a digit, steps, width.
_IMAGES = {
    "quick": (1000, 300, 100, 60, 64),
    "standard": (4000, 2000, 500, 2000, 128),
    "full": (6000, 4000, 900, 10_000, 256),
}
_LIMITS = {"quick": 600.0, "standard": 1800.0, "full": 4 * 3600.0}
#: λ of the model of images, in units of their own mean variance: noise of half of it in every pixel.
_IMAGE_TEMPERATURE = 0.5
_LEARNING_RATE = 3e-2


@experiments.register("entropic-gan")
class EntropicLikelihood(Experiment):
    """One cell a generator of N(0, Σ) and dimension, and one for images; log-likelihoods in nats a datum.

    f_Y is the law of G(X) + N(0, λ/2): `exact` is E log f_Y(Y), in closed form; `surrogate` the entropic bound of the
    best coupling of the two laws, in closed form; `sampled` the same bound of the best coupling of so many data and
    latents, as it is computed where no closed form exists. Both are lower bounds of `exact`, the last on average over
    the latents. The trained generator is linear, started at random and trained by `entropic-gan`.

    Of the images, MNIST's as means over 4 × 4 pixels: the model is trained on ones, the potential of the bound is
    fitted to other ones of the training split, and `bound` is the mean over held-out images of a digit; `AUC` the
    share of pairs of a held-out one and a held-out image of that digit of which the one has the higher bound.
    """

    question = "How near is an entropic GAN's sample likelihood to the likelihood, and does it know foreign data?"
    timing = False
    caveats = (
        "The table of the paper has no entries in the source text, and none is compared with here.",
        "A gap of the sampled coupling is of its few latents, not of the theory: with as many latents as data each "
        "datum is tied to one of them in many dimensions. It trains the generator of the same cell, which is therefore "
        "not the best one either.",
        "That foreign digits score lower is weak evidence of density: distance to the nearest one would tell them too, "
        "and is given beside.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        n, steps, batch, seeds = _GAUSSIAN[size]
        for seed in range(seeds):
            for d in DIMENSIONS:
                for kind in (BEST, COVARIANCE, TRAINED):
                    trained = {"steps": steps, "batch": batch} if kind == TRAINED else {}
                    yield Cell(
                        {"generator": kind, "d": d, "n": n, "temperature": TEMPERATURE, **trained},
                        seed=seed,
                        modules=("estimators.models.entropic_gan",) if kind == TRAINED else (),
                        seconds=_LIMITS[size],
                    )
        dataset = next((name for name in ("mnist", "digits") if name in data), None)
        if dataset is not None:
            rows = dict(zip(("train", "latents", "held_out", "steps", "width"), _IMAGES[size], strict=True))
            for seed in range(seeds):
                yield Cell(
                    {"dataset": dataset, "source": SOURCE, "temperature": _IMAGE_TEMPERATURE, **rows},
                    seed=seed,
                    data=(dataset,),
                    modules=("estimators.models.entropic_gan",),
                    seconds=_LIMITS[size],
                )

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        yield from _images(cell) if "dataset" in cell.params else _gaussian(cell)


def exact_log_likelihood(variances: Array, slope: Array, offset: Array, temperature: float) -> float:
    """E log f(Y) for Y ~ N(0, diag(`variances`)) and f = N(c, AAᵀ + (λ/2) I), in nats: `slope` A (d, r), `offset` c."""
    d = len(variances)
    covariance = slope @ slope.T + temperature / 2 * np.eye(d)
    root = np.linalg.cholesky(covariance)
    whitened = np.linalg.solve(root, np.column_stack([np.diag(np.sqrt(variances)), offset]))
    log_determinant = 2 * float(np.log(np.diag(root)).sum())
    return -0.5 * (d * math.log(2 * math.pi) + log_determinant + float(np.square(whitened).sum()))


def variances(d: int) -> Array:
    """The diagonal of Σ: 1 + i/d, i = 1 … d."""
    return 1 + np.arange(1, d + 1) / d


def _gaussian(cell: Cell) -> Iterator[Measurement]:
    d, n = int(str(cell.params["d"])), int(str(cell.params["n"]))
    rng = np.random.default_rng([cell.seed, d])
    s = variances(d)
    kind = str(cell.params["generator"])
    if kind == TRAINED:
        slope, offset = _trained(cell, rng)
    else:
        slope, offset = np.diag(np.sqrt(s - TEMPERATURE / 2 if kind == BEST else s)), np.zeros(d)
    yield Measurement("exact", exact_log_likelihood(s, slope, offset, TEMPERATURE), "nats")
    closed = gaussian_entropic_bound(Gaussian(np.zeros(d), np.diag(s)), slope, offset, temperature=TEMPERATURE)
    assert closed.certificate is not None
    yield Measurement("surrogate", closed.value, "nats", low=closed.certificate.lower, high=closed.certificate.upper)
    Y = rng.normal(size=(n, d)) * np.sqrt(s)
    images = rng.normal(size=(n, slope.shape[1])) @ slope.T + offset
    # A hundredth of a nat, where gaps are tenths and more.
    sampled = entropic_bound(Y, images, temperature=TEMPERATURE, tolerance=1e-2, max_iter=20_000).estimate
    yield Measurement("sampled", sampled.value, "nats", detail=sampled.detail)


def _trained(cell: Cell, rng: np.random.Generator) -> tuple[Array, Array]:
    import torch
    from torch import nn

    from estimators.models.entropic_gan import EntropicGAN

    d = int(str(cell.params["d"]))
    generator = nn.utils.skip_init(nn.Linear, d, d)
    with torch.no_grad():
        generator.weight.copy_(torch.from_numpy(rng.normal(size=(d, d)) / d**0.5))
        generator.bias.zero_()
    model = EntropicGAN(
        latent_dim=d, generator=generator, temperature=TEMPERATURE, standardise=False, lr=_LEARNING_RATE,
        steps=int(str(cell.params["steps"])), batch_size=int(str(cell.params["batch"])), random_state=cell.seed,
        device="cpu",
    )  # fmt: skip
    # Many more data than a batch, so that what is missed is the coupling's and not the data's.
    model.fit(rng.normal(size=(20_000, d)) * np.sqrt(variances(d)))
    weights = {name: value.numpy().astype(np.float64) for name, value in model.generator_.state_dict().items()}
    return weights["weight"], weights["bias"]


def _images(cell: Cell) -> Iterator[Measurement]:
    from estimators.models.entropic_gan import EntropicGAN
    from knn.exact import BruteForce

    params = {name: int(str(cell.params[name])) for name in ("train", "latents", "held_out", "steps", "width")}
    source, rng = datasets[str(cell.params["dataset"])], np.random.default_rng(cell.seed)
    factor = source.image_shape[0] // 7 if cell.params["dataset"] == "mnist" else 1

    def loaded(split: str) -> tuple[Array, Any]:
        images, labels = source.load(split)
        return coarse(images.astype(np.float64), source.image_shape[0], factor), labels

    rows, labels = loaded("train")
    ones = rows[labels == SOURCE]
    ones = ones[rng.permutation(len(ones))]
    # A fifth of the ones at most for the potential, which the generator has not seen.
    kept = min(params["train"], round(0.8 * len(ones)))
    train, fitted = ones[:kept], ones[kept:][: params["latents"]]
    model: Any = EntropicGAN(
        latent_dim=8, hidden=(params["width"], params["width"]), temperature=float(str(cell.params["temperature"])),
        steps=params["steps"], lr=3e-3, random_state=cell.seed, device="cpu",
    ).fit(train)  # fmt: skip
    bound = model.surrogate_log_likelihood(fitted, n_latents=params["latents"], random_state=cell.seed)
    test, test_labels = loaded("test")
    nearest = BruteForce(n_neighbors=1).fit(train)
    scores, distances = {}, {}
    for digit in (SOURCE, *(k for k in range(source.n_classes) if k != SOURCE)):
        some = test[test_labels == digit][: params["held_out"]]
        scores[digit] = bound.log_lower_bounds(some)
        distances[digit] = nearest.kneighbors(some)[0][:, 0]
        payload: dict[str, Any] = {"digit": digit}
        if digit == SOURCE:
            drawn = model.sample(10, random_state=cell.seed)
            payload |= {"side": source.image_shape[0] // factor, "samples": drawn.astype(np.float32)}
        stderr = float(np.std(scores[digit], ddof=1) / math.sqrt(len(some)))
        payload["scores"] = scores[digit].astype(np.float32)
        yield Measurement("bound", float(np.mean(scores[digit])), "nats", stderr=stderr, payload=payload)
        if digit != SOURCE:
            for metric, high, low in (
                ("AUC", scores[SOURCE], scores[digit]),
                ("AUC of distance", -distances[SOURCE], -distances[digit]),
            ):
                yield Measurement(metric, area(high, low), "share", payload={"digit": digit})


def area(high: Array, low: Array) -> float:
    """The share of pairs, one of each, in which `high` is the larger; ties count half."""
    return float(((high[:, None] > low).mean() + (high[:, None] >= low).mean()) / 2)
