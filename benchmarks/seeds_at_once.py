"""What many seeds at once save: `python -m benchmarks.seeds_at_once [--seeds 20] [--steps 200] [--output FILE.csv]`.

Each model is trained on the ring, once as `StackedSeeds` and once as a loop over the same seeds, one thread, generator
and critic 2 × 64 rectified units. The two take turns, in processor seconds, in which waiting for others is not counted;
a ratio is the median over turns, with the least and the largest. Where a search or a solver is done seed after seed,
that part is not saved.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.ratio_table import Table, say

#: A critic, a gradient penalty, moments, nearest samples.
MODELS = ("non-saturating-gan", "wgan-gp", "gmmn", "imle")


def seconds_of(fit):
    start = time.process_time()
    fit()
    return time.process_time() - start


def measured(name, n_seeds, steps, turns):
    """Processor seconds (turns, 2): stacked, and the loop."""
    import numpy as np
    from sklearn.base import clone

    from estimators.measures import ring
    from estimators.training.registry import models
    from estimators.training.stacked import StackedSeeds

    X = ring(8).sample(2000, 1)
    model = models[name](hidden=(64, 64), steps=steps, random_state=0, device="cpu")

    def stacked():
        StackedSeeds(model, n_seeds=n_seeds).fit(X)

    def loop():
        for seed in range(n_seeds):
            clone(model).set_params(random_state=seed).fit(X)

    clone(model).set_params(steps=5).fit(X)  # compiles the search's kernels
    seconds = np.empty((turns, 2))
    for turn in range(turns):
        for place in range(2):
            which = (place + turn) % 2
            seconds[turn, which] = seconds_of((stacked, loop)[which])
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--output", type=Path, help="CSV to write, commit and machine with each row")
    chosen = parser.parse_args()

    import numpy as np
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    table = Table("seeds at once", ("torch", "numpy"))
    with threadpool_limits(limits=1):
        for name in chosen.models:
            seconds = measured(name, chosen.seeds, chosen.steps, chosen.turns)
            stacked, loop = np.median(seconds, axis=0)
            told = f"{name}: {chosen.seeds} seeds, loop / stacked"
            table.add(told, seconds[:, 1] / seconds[:, 0], ours=float(stacked), theirs=float(loop))
    say("ours and theirs: processor seconds of all seeds together")
    if chosen.output:
        table.write(chosen.output)


if __name__ == "__main__":
    main()
