"""Records of the experiments that train models for a purpose of their own, by hand; one cell of each failed."""

import numpy as np

from reports.experiments.conditional import DRAWN, REFERENCE
from tests.reports.made_up_records import record

FAILED = {"status": "failed", "detail": "Diverged"}


def given_inputs():
    """conditional: two seeds of a model, the nearest inputs, and a model that failed."""
    rng = np.random.default_rng(0)
    images = {"inputs": rng.random((3, 4)), "truth": rng.random((3, 16)), "outputs": rng.random((3, 2, 16))}
    for model, seeds in (("conditional IMLE", 2), (REFERENCE, 1)):
        for seed in range(seeds):
            params, cell = {"dataset": "digits", "model": model, "steps": 100}, f"conditional-{model}-{seed}"
            yield [
                record("conditional", cell, params, metric, value + 0.01 * seed, seed=seed, stderr=0.01, **rest)
                for metric, value, rest in (
                    ("energy score", 0.1, {"payload": images}),
                    ("mean error", 0.2, {}),
                    (f"best of {DRAWN}", 0.15, {}),
                    ("diversity", 0.1, {}),
                    ("error of the mean", 0.12, {}),
                    ("inconsistency", 0.02, {}),
                    ("training", 1.5, {"unit": "s"}),
                )
            ]
    params = {"dataset": "digits", "model": "conditional GAN", "steps": 100}
    yield [record("conditional", "conditional-died", params, "cell", None, **FAILED)]


def surrogates():
    """entropic-gan: a generator in two dimensions, one that failed, and two digits."""
    for d in (5, 64):
        params = {"generator": "best", "d": d, "n": 400}
        yield [
            record("entropic-gan", f"entropic-{d}", params, metric, -1.6 * d - less, unit="nats")
            for metric, less in (("exact", 0.0), ("surrogate", 0.0), ("sampled", 0.04 * d))
        ]
    yield [record("entropic-gan", "entropic-died", {"generator": "trained", "d": 5, "n": 400}, "cell", None, **FAILED)]
    found = []
    for digit, scores in ((0, [-200.0, -190.0]), (1, [60.0, 70.0])):
        params, told = {"dataset": "digits", "source": 1}, {"digit": digit, "scores": scores}
        found.append(record("entropic-gan", "entropic-digits", params, "bound", np.mean(scores), payload=told))
        if digit != 1:
            for metric in ("AUC", "AUC of distance"):
                found.append(record("entropic-gan", "entropic-digits", params, metric, 0.99, payload={"digit": digit}))
    yield found


def descents():
    """gradients: each of its parts, and a model that failed."""
    standing = {"part": "vanishing", "distance": 6.0}
    yield [
        record("gradients", "vanishing", standing, f"{loss} gradient{told}", value, payload=payload)
        for loss, value in (("minimax", 0.01), ("non-saturating", 4.0))
        for told, payload in (("", {"step": 0}), ("", {"step": 8}), (", best discriminator", None))
    ]
    turning = {"path": np.array([[1.0, 0.0], [1.0, 0.2]]), "expected": 1.02}
    yield [record("gradients", "cycling", {"part": "cycling", "s": 0.2}, "simultaneous", 1.02, payload=turning)]
    curve = {"step": [10, 20, 30], "objective": np.array([3.0, 2.0, 1.0]), "energy": np.array([3.0, 1.0, 2.0])}
    params = {"part": "objective", "model": "imle"}
    yield [record("gradients", "objective", params, "rank correlation", 0.5, payload=curve)]
    params = {"part": "fixed latents"}
    yield [record("gradients", "fixed", params, "outer steps that rose", 0, payload={"objective": [2.0, 1.0]})]
    yield [record("gradients", "died", {"part": "objective", "model": "gan"}, "cell", None, **FAILED)]


def estimates():
    """imle-and-likelihood: a model with two seeds, one with a single one, and one that failed."""
    for model, seeds, m in (("imle", 2, 64), ("weighted-imle", 1, 64), ("imle", 0, 4)):
        params = {"family": "scale", "m": m, "model": model, "steps": 100}
        if not seeds:
            yield [record("imle-and-likelihood", "estimate-died", params, "cell", None, **FAILED)]
        for seed in range(seeds):
            yield [
                record("imle-and-likelihood", f"estimate-{model}-{seed}", params, metric, value, seed=seed, unit=unit)
                for metric, value, unit in (
                    ("parameter", 2.5 + 0.1 * seed, "variance"),
                    ("predicted", 2.53, "variance"),
                    ("maximum likelihood", 0.86, "variance"),
                    ("nats lost", 0.2 + 0.1 * seed, "nats a datum"),
                    ("nats lost, predicted", 0.21, "nats a datum"),
                )
            ]


CELLS = (given_inputs, surrogates, descents, estimates)
