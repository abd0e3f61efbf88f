"""From how many samples on an index pays in IMLE: `python -m benchmarks.sample_search [--samples …] [--output CSV]`.

A generator 16–1024–1024–784 is trained by IMLE on MNIST for some steps; for each number m of its samples, every search
is built on them and asked for the nearest sample of each of 10 000 images, building included, as an outer step does.
One thread, CPU seconds, all searches taking turns. An index that is not exact is asked at the least of its budgets that
finds 95 % of the nearest for 500 other images. A figure is the median over turns of (brute force's seconds) / (its
own): above 1 it pays. The bfloat16 products of `IMLE(index="bf16")` and the components of `IMLE(index="components")`,
whose axes are those of the images and computed once, are not exact either, and are shown with what they find.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.ratio_table import Search, Table, say, seconds_by_turns, share_found

LATENT, HIDDEN, STEPS = 16, (1024, 1024), 300
TUNING, WANTED = 500, 0.95
#: Budgets of each index, from the cheapest on.
BUDGETS = {
    "principal-dci": [{"probes": probes, "candidates": 12} for probes in (0.01, 0.02, 0.05, 0.1, 0.2, 1.0)],
    "random-hierarchy": [{"beam": beam, "candidates": 30} for beam in (4, 8, 16, 32, 64, 128)],
    "prioritized-dci": [{"candidates": share} for share in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)],
}


def samples_of(rows: np.ndarray, most: int, steps: int) -> np.ndarray:
    """`most` samples of a generator that IMLE has trained for a while: what a search meets in training."""
    from estimators.models.imle import IMLE

    model = IMLE(
        latent_dim=LATENT, hidden=HIDDEN, steps=steps, n_samples=1000, n_assigned=1000, inner_steps=5, batch_size=200,
        lr=3e-3, index="bf16", precision="bf16", device="cpu", random_state=0,
    )  # fmt: skip
    return np.ascontiguousarray(model.fit(rows).sample(most, random_state=1), dtype=np.float32)


def searches(Y: np.ndarray, tuning: np.ndarray, rows: np.ndarray, only: str | None) -> list[Search]:
    """Brute force, bfloat16 products, components, and each index at the cheapest budget that finds enough; or one."""
    import torch

    from estimators.training.principal_search import PrincipalSearch, search_axes
    from estimators.training.search import Bfloat16Search
    from knn import BruteForce, indexes

    truth = BruteForce(n_neighbors=1).fit(Y).search(tuning, 1).indices
    axes = search_axes(torch.from_numpy(rows))
    found = [
        Search("brute force", "", lambda Q: BruteForce(n_neighbors=1).fit(Y).search(Q, 1).indices),
        Search("bfloat16 products", "", lambda Q: Bfloat16Search().fit(Y).search(Q, 1).indices),
        Search("components", f"{axes.shape[1]} axes", lambda Q: PrincipalSearch(axes).fit(Y).search(Q, 1).indices),
    ]
    found = [search for search in found if only in (None, search.family) or search is found[0]]
    for name, budgets in BUDGETS.items():
        if only not in (None, name):
            continue
        for budget in budgets:
            index = indexes[name](n_neighbors=1, random_state=0, **budget)
            if share_found(index.fit(Y).search(tuning, 1).indices, truth) >= WANTED:
                setting = ", ".join(f"{key} {value}" for key, value in budget.items())
                found.append(Search(name, setting, lambda Q, index=index: index.fit(Y).search(Q, 1).indices))
                break
        else:
            say(f"  {name}: no budget finds {WANTED:.0%}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("mnist", "digits"), default="mnist")
    parser.add_argument("--samples", default="2500,10000,40000,80000", help="numbers of samples, with commas")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=STEPS, help="of training before")
    parser.add_argument("--turns", type=int, default=3)
    one = ("bfloat16 products", "components", *BUDGETS)
    parser.add_argument("--only", choices=one, help="one search beside brute force; its rows are a part of their own")
    parser.add_argument("--output", type=Path, help="CSV in which the figures are kept")
    chosen = parser.parse_args()

    import torch
    from threadpoolctl import threadpool_limits

    from reports.datasets.source import datasets

    torch.set_num_threads(1)
    rows = datasets[chosen.data].load("train")[0].astype(np.float32)
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    Q, tuning = rows[: chosen.images], rows[-TUNING:]
    sizes = [int(size) for size in chosen.samples.split(",")]
    with threadpool_limits(limits=1):
        drawn = samples_of(rows, max(sizes), chosen.steps)
        table = Table("samples" if chosen.only is None else f"samples, {chosen.only}", ("numba", "torch"))
        for m in sizes:
            found = searches(drawn[:m], tuning, rows, chosen.only)
            truth = found[0].ask(Q)
            shares = [share_found(search.ask(Q), truth) for search in found]
            seconds = seconds_by_turns(found, [Q], chosen.turns)
            for place, search in enumerate(found[1:], start=1):
                what = f"{m} samples: brute force / {search.family}, which finds {shares[place]:.4f}"
                mine, theirs = np.median(seconds[:, [place, 0]], axis=0)
                what += f" ({search.setting})" if search.setting else ""
                table.add(what, seconds[:, 0] / seconds[:, place], "ratio", f"{mine:.3g} s", f"{theirs:.3g} s")
    if chosen.output:
        table.write(chosen.output)


if __name__ == "__main__":
    main()
