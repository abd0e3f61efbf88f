"""What a second of training buys on MNIST: `python -m benchmarks.mnist_training METHOD [--seconds 60] [--output FILE]`.

METHOD is `imle`, `plain` (the same algorithm as one would first write it in torch: float32, `cdist`, fresh samples and
a fresh assignment for every step, no cached latents), `gan` or `gmmn`; `--data digits` takes the bundled digits. One
thread. The clock is processor time of training, preparation counted and a warm-up not; drawing and scoring stop it.
Along the way the score is the mean over 1000 validation images at the best of the ten bandwidths, and wherever that
has come to the target, and at the end, it is the protocol of the papers: 10 000 samples, the bandwidth by validation,
the mean over all test images. A run ends at the target (`--target 257`, the published IMLE), or when the seconds are
spent (`--target inf`). A row a score, with commit and machine, and with all that the command was given, so that
`--again FILE` does every run of such a file once more.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import math
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.origin import origin, write_rows
from benchmarks.ratio_table import say

METHODS = ("imle", "plain", "gan", "gmmn")
SEARCHES = ("components", "bf16", "brute-force", "principal-dci")
FIELDS = (
    "data", "method", "components", "latent", "layers", "width", "lr", "steps", "seed", "m", "passes", "index", "step",
    "seconds", "validation_nats", "test_nats", "test_stderr", "bandwidth", "on_edge", "search_share", "recall",
    "variance", "most_seconds", "looks", "target", "commit", "machine", "date",
)  # fmt: skip
#: Rows to validate by; the rest of the training images are trained on.
VALIDATION, TRACKED = 5000, 1000
#: Those of the registry, and what they take in the place of the common settings, found by trials on validation images.
OWN = {
    "gan": ("non-saturating-gan", {"batch": 128, "components": 60, "latent": 16, "layers": 2}),
    "gmmn": ("gmmn", {"batch": 1000, "components": 30, "layers": 2}),
}
#: Principal components that are trained on (0: pixels), dimension of the latents, hidden layers and their width, batch;
#: m = S, passes over the cached latents, the search of IMLE. The command line says others.
SIZES = {
    "mnist": {"components": 300, "latent": 9, "layers": 4, "width": 512, "batch": 200, "m": 10_000, "passes": 1},
    "digits": {"components": 40, "latent": 10, "layers": 2, "width": 256, "batch": 100, "m": 1000, "passes": 2},
}
#: Those that the command line may say.
NAMED = ("components", "latent", "layers", "width", "m", "passes")


def rows(name):
    """Training, validation and test images, pixels in [0, 1]."""
    import numpy as np

    from reports.datasets.source import datasets

    chosen = datasets[name]
    train, test = (chosen.load(split)[0].astype(np.float32) for split in ("train", "test"))
    train = train[np.random.default_rng(0).permutation(len(train))]
    held = min(VALIDATION, len(train) // 4)
    return train[held:], train[:held], test


def model_of(method, size, search, lr, steps, seed):
    from estimators.training.registry import models
    from reports.experiments.mnist_parzen import network_settings

    name = OWN[method][0] if method in OWN else method
    settings = network_settings(name, size)
    if method == "imle":
        settings |= {"index": searched_by(search), "inner_steps": size["passes"] * size["m"] // size["batch"]}
    return models[name](**settings | {"steps": steps, "lr": lr, "random_state": seed, "history_every": 1000})


def searched_by(name):
    """The search of an outer step: a name, or Principal DCI at a budget that finds some 97 of 100 nearest samples."""
    from knn import PrincipalDCI

    return PrincipalDCI(n_neighbors=1, probes=0.05, candidates=12) if name == "principal-dci" else name


class Plain:
    """IMLE as one would first write it: a step draws m samples, finds the nearest to each datum, and descends."""

    def __init__(self, data, size, lr, steps, seed):
        import torch

        from estimators.training.training_data import Standardisation

        self.torch, self.size, self.lr, self.steps = torch, size, lr, steps
        torch.manual_seed(seed)
        # The common scale of the other methods, so that a learning rate means the same.
        self.unit = Standardisation.of(data, size["components"] or None)
        self.data = torch.from_numpy(self.unit.apply(data))
        widths = (size["latent"], *(size["width"],) * size["layers"], self.unit.width)
        layers = []
        for n_in, n_out in pairwise(widths):
            layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
        self.generator = torch.nn.Sequential(*layers[:-1])
        self.optimiser = torch.optim.Adam(self.generator.parameters(), lr=lr, betas=(0.9, 0.99))
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, steps)
        self.step_ = 0

    def step(self):
        torch = self.torch
        z = torch.randn(self.size["m"], self.size["latent"])
        batch = self.data[torch.randint(len(self.data), (self.size["batch"],))]
        with torch.no_grad():
            nearest = torch.cdist(batch, self.generator(z)).argmin(dim=1)
        loss = (self.generator(z[nearest]) - batch).square().sum(dim=1).mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        self.step_ += 1

    def sample(self, n, random_state):
        torch = self.torch
        with torch.no_grad():
            z = torch.randn(n, self.size["latent"], generator=torch.Generator().manual_seed(random_state))
            return self.unit.undo(self.generator(z).numpy(), "float32")


def trained(method, data, size, search, lr, steps, seed):
    """(the model, a function that takes one step and returns the seconds of searching in it)."""
    if method == "plain":
        model = Plain(data, size, lr, steps, seed)

        def step():
            model.step()
            return 0.0

        return model, step
    model = model_of(method, size, search, lr, steps, seed).start(data)

    def step():
        searched = 0.0
        if model.outer_due():
            began = time.process_time()
            model.outer_step()
            searched = time.process_time() - began
        model.step()
        return searched

    return model, step


def scores(model, held, test, full):
    """What a row holds of the samples."""
    import numpy as np

    from estimators.manifolds import recall
    from estimators.parzen import BANDWIDTHS, parzen_log_densities, parzen_log_likelihood

    samples = model.sample(10_000, random_state=1)
    told = {"validation_nats": parzen_log_densities(samples, held[:TRACKED], BANDWIDTHS)[0].mean(axis=1).max()}
    if full(told["validation_nats"]):
        found = parzen_log_likelihood(samples, test, validation=held)
        told |= {"test_nats": found.value, "test_stderr": found.stderr, "bandwidth": found.bandwidth}
        few = min(2000, len(test))
        told |= {"recall": recall(test[:few].astype(float), samples[:few].astype(float)).value}
        told |= {"on_edge": found.on_edge, "variance": np.var(samples, axis=0).sum() / np.var(test, axis=0).sum()}
    return told


def run(chosen, size):
    """The rows of one run; it is scored `looks` times over its seconds."""
    train, held, test = rows(chosen.data)
    seconds, target = chosen.seconds, chosen.target
    given = (size, chosen.index, chosen.lr, chosen.steps, chosen.seed)
    for _ in range(2):  # what is imported and compiled at the first steps is no training
        trained(chosen.method, train[: 4 * size["batch"]], *given)[1]()
    began = time.process_time()
    model, step = trained(chosen.method, train, *given)
    spent, searched = time.process_time() - began, 0.0
    next_look = seconds / chosen.looks
    while True:
        began = time.process_time()
        searched += step()
        spent += time.process_time() - began
        last = spent >= seconds or model.step_ >= chosen.steps
        if spent < next_look and not last:
            continue
        next_look += seconds / chosen.looks
        told = scores(model, held, test, lambda nats: nats >= target or last)  # noqa: B023
        yield {"step": model.step_, "seconds": spent, "search_share": searched / spent, **told}
        if last or told.get("test_nats", -math.inf) >= target:
            return


def parser():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("method", choices=METHODS, nargs="?")
    told.add_argument("--data", choices=SIZES, default="mnist")
    told.add_argument("--lr", type=float, default=3e-3)
    told.add_argument("--steps", type=int, default=1000, help="the budget that the cosine falls over")
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--seconds", type=float, default=60.0, help="processor seconds of training at most")
    told.add_argument("--target", type=float, default=257.0, help="nats at which to stop")
    told.add_argument("--components", type=int, help="principal components that are trained on; 0: pixels")
    told.add_argument("--latent", type=int, help="dimension of the latents")
    told.add_argument("--layers", type=int, help="hidden layers of the generator")
    told.add_argument("--width", type=int, help="of the hidden layers of every network")
    told.add_argument("--m", type=int, help="samples an outer step of IMLE, or a step of the plain one")
    told.add_argument("--passes", type=int, help="passes over the cached latents of IMLE")
    told.add_argument("--index", choices=SEARCHES, default="components", help="the search of IMLE")
    told.add_argument("--looks", type=int, default=10, help="scores on the way")
    told.add_argument("--output", type=Path, help="CSV to write, commit and machine with each row")
    told.add_argument("--again", type=Path, help="CSV whose runs are all done once more, in the place of one METHOD")
    return told


def runs_of(path):
    """What the command is given for each run in a CSV of ours, with the commit that its rows are of."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        given = [row["method"], "--seconds", row["most_seconds"]]
        for name in ("data", "lr", "steps", "seed", "target", "looks", "index", *NAMED):
            given += [f"--{name}", row[name]] if row[name] else []
        found[tuple(given)] = row["commit"]
    return found


def once(chosen, where):
    """One run, printed, and written where an output is named."""
    size = SIZES[chosen.data] | (OWN[chosen.method][1] if chosen.method in OWN else {})
    size |= {name: getattr(chosen, name) for name in NAMED if getattr(chosen, name) is not None}
    taken = {"m": ("imle", "plain"), "passes": ("imle",)}  # the others have none
    settings = {name: getattr(chosen, name) for name in ("data", "method", "lr", "steps", "seed")}
    settings |= {name: size[name] if chosen.method in taken.get(name, METHODS) else "" for name in NAMED}
    settings["index"] = chosen.index if chosen.method == "imle" else ""
    until = {"most_seconds": f"{chosen.seconds:g}", "looks": chosen.looks, "target": f"{chosen.target:g}"}
    table = []
    for row in run(chosen, size):
        shown = {key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()}
        say("  ".join(f"{key} {value}" for key, value in shown.items()))
        table.append(dict.fromkeys(FIELDS, "") | settings | until | shown | where)
    if chosen.output:
        same = {key: str(value) for key, value in settings.items()}
        write_rows(chosen.output, FIELDS, table, lambda old: all(old[key] == value for key, value in same.items()))


def main():
    told = parser()
    chosen = told.parse_args()
    if (chosen.method is None) == (chosen.again is None):
        told.error(f"give a method, one of {', '.join(METHODS)}, or --again and a CSV")

    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    where = {**origin(), "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    runs = {} if chosen.again is None else runs_of(chosen.again)
    with threadpool_limits(limits=1):
        if not runs:
            once(chosen, where)
        for place, (given, commit) in enumerate(runs.items(), start=1):
            # What was written before an interruption stays.
            done = chosen.again == chosen.output and commit == where["commit"] and "+" not in commit
            say(f"{place} of {len(runs)}: {' '.join(given)}{', which is of this commit' if done else ''}")
            if not done:
                once(told.parse_args([*given, *(("--output", str(chosen.output)) if chosen.output else ())]), where)


if __name__ == "__main__":
    main()
