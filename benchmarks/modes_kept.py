"""Which modes the default models keep, seed by seed: `python -m benchmarks.modes_kept [MODEL …] [--law grid-25]`.

Each model is trained at its default settings, but for those of `--set steps=12000 …`, from `--seeds` seeds (0, 1, …) on
4000 rows of the law, one thread, and judged by 2000 samples: modes within four standard deviations, the share of
samples so near to one, KL of the samples' shares of the modes from the true masses. A figure is the median over the
seeds, with the least and the largest. With `--output` the rows go into a CSV with commit and machine.
"""

from __future__ import annotations

import argparse
import ast
import time
from pathlib import Path

from benchmarks.ratio_table import Table, say

ROWS, SAMPLES = 4000, 2000


def measured(name, law, n_seeds, settings):
    """Coverage of each seed, and processor seconds of one; all seeds are trained at once where that is possible."""
    from estimators.modes import mode_coverage
    from estimators.training.registry import models
    from estimators.training.stacked import StackedSeeds

    X, kind = law.sample(ROWS, 12345), models[name]
    start = time.process_time()
    if vars(kind).get("_stacks", False):
        fitted = StackedSeeds(kind(**settings, random_state=0, device="cpu"), n_seeds=n_seeds).fit(X).members_
    else:
        fitted = [kind(**settings, random_state=seed, device="cpu").fit(X) for seed in range(n_seeds)]
    seconds = (time.process_time() - start) / n_seeds
    found = [mode_coverage(model.sample(SAMPLES, random_state=seed), law) for seed, model in enumerate(fitted)]
    return found, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["imle", "rs-imle"])
    parser.add_argument("--law", default="grid-25")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="constructor arguments")
    parser.add_argument("--output", type=Path, help="CSV to write, commit and machine with each row")
    chosen = parser.parse_args()

    import torch
    from threadpoolctl import threadpool_limits

    from estimators.toys import TOYS

    torch.set_num_threads(1)
    law = TOYS[chosen.law].law()
    settings = {name: ast.literal_eval(value) for name, value in (given.split("=", 1) for given in chosen.set)}
    told = f" ({', '.join(chosen.set)})" if chosen.set else ""
    with threadpool_limits(limits=1):
        for name in chosen.models:
            found, seconds = measured(name, law, chosen.seeds, settings)
            table = Table(f"{name}{told} on {chosen.law}", ("torch", "numpy"))
            kept = sum(one.found == one.n_modes for one in found)
            say(f"{name}{told} on {chosen.law}: all {len(law.modes)} modes in {kept} of {chosen.seeds} seeds")
            table.add("seeds that keep all modes", kept, f"of {chosen.seeds}")
            table.add("modes", [one.found for one in found], f"of {len(law.modes)}")
            table.add("high-quality share", [one.high_quality for one in found], "share")
            table.add("KL of mode masses", [one.kl for one in found], "nats")
            table.add("training, one of the seeds", seconds, "processor seconds")
            if chosen.output:
                table.write(chosen.output)


if __name__ == "__main__":
    main()
