"""What benchmarks/gpu.py measures of training: seconds of IMLE on MNIST until the protocol's score is reached."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.gpu import Figure, row

#: The published score of IMLE on MNIST, in nats; looks on the way, and wall-clock seconds at most.
TARGET, LOOKS, LONGEST = 257.0, 12, 40.0
WHAT = "IMLE, MNIST, seconds of training to 257 nats, data, samples and neighbours on the device"


@row("imle", WHAT)
def training() -> list[Figure]:
    """Wall-clock seconds of training alone, the first steps, which compile, apart; scored as the papers do."""
    import torch

    from benchmarks.gpu_rows import mnist
    from estimators.models.imle import IMLE
    from estimators.parzen import BANDWIDTHS, parzen_log_densities, parzen_log_likelihood

    images, tests = mnist()
    train = images.cpu().numpy()[np.random.default_rng(0).permutation(len(images))] / np.float32(255)
    held, train, test = train[:5000], train[5000:], tests[0].cpu().numpy() / np.float32(255)
    settings: dict[str, Any] = {
        "latent_dim": 16, "hidden": (1024, 1024), "lr": 3e-3, "steps": 3000, "batch_size": 200, "n_samples": 1000,
        "n_assigned": 1000, "inner_steps": 5, "random_state": 0, "device": "cuda", "history_every": 1000,
    }  # fmt: skip
    _advanced(IMLE(**settings).start(train), 20)
    model, spent, reached = IMLE(**settings).start(train), 0.0, float("-inf")
    while model.step_ < settings["steps"] and spent < LONGEST:
        torch.cuda.synchronize()
        began = time.perf_counter()
        _advanced(model, settings["steps"] // LOOKS)
        torch.cuda.synchronize()
        spent += time.perf_counter() - began
        samples = model.sample(10_000, random_state=1)
        tracked = parzen_log_densities(samples, held[:1000], BANDWIDTHS, device="cuda")[0].mean(axis=1).max()
        if tracked >= TARGET:
            reached = parzen_log_likelihood(samples, test, validation=held, device="cuda").value
            if reached >= TARGET:
                return [Figure(WHAT, np.array([1e3 * spent]), value=reached, unit="nats")]
    raise RuntimeError(
        f"{TARGET} nats were not reached in {spent:.1f} s of training, {model.step_} steps: {reached:.1f}"
    )


def _advanced(model: Any, steps: int) -> None:
    for _ in range(steps):
        if model.outer_due():
            model.outer_step()
        model.step()
