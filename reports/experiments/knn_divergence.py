"""k-NN estimates of KL: bias and spread over dimension, size and k, against the truth of two Gaussians."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from estimators import Gaussian, kl, kl_knn
from reports.experiment import Cell, Experiment, Measurement, experiments

#: KL of every problem, whatever its dimension: N(0, I) against N(μ, I) with ‖μ‖² = 2·KL.
TRUTH = 1.0
METHODS = ("fixed-k", "adaptive")
#: Dimensions, sizes of both samples, k, repetitions.
_SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]] = {
    "quick": ((1, 2, 5, 10), (100, 400), (1, 5), 10),
    "standard": ((1, 2, 5, 10, 20), (100, 400, 1600), (1, 5, 20), 50),
    "full": ((1, 2, 5, 10, 20, 50), (100, 400, 1600, 6400), (1, 5, 20), 200),
}


@experiments.register("knn-divergence")
class KNNDivergence(Experiment):
    """One cell a dimension, size and k: `bias` and `spread` (standard deviation) of each estimator over repetitions.

    Both estimators see the same samples. The standard error of the bias is spread/√repetitions.
    """

    question = "How far from the truth are k-NN estimates of KL, and by how much do they vary?"
    caveats = (
        "Two Gaussians a shift apart, KL 1 nat in every dimension: the bias is that of this problem, and larger where "
        "the densities differ more.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del data
        dimensions, sizes, neighbours, repetitions = _SIZES[size]
        for d in dimensions:
            for n in sizes:
                for k in neighbours:
                    yield Cell({"d": d, "n": n, "k": k, "repetitions": repetitions}, seed=0)

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        d, n, k, repetitions = (int(str(cell.params[name])) for name in ("d", "n", "k", "repetitions"))
        P, Q = Gaussian(np.zeros(d)), Gaussian(np.full(d, math.sqrt(2 * TRUTH / d)))
        truth = float(kl(P, Q))
        seeds = np.random.SeedSequence([cell.seed, d, n, k]).spawn(repetitions)
        found: dict[str, list[float]] = {method: [] for method in METHODS}
        for seed in seeds:
            rng = np.random.default_rng(seed)
            X, Y = P.sample(n, rng), Q.sample(n, rng)
            for method in METHODS:
                found[method].append(float(kl_knn(X, Y, k=k, method=method, batches=None)))
        for method, values in found.items():
            spread = float(np.std(values, ddof=1))
            told = {"method": method, "values": values}
            bias = float(np.mean(values)) - truth
            yield Measurement("bias", bias, "nats", stderr=spread / math.sqrt(repetitions), payload=told)
            yield Measurement("spread", spread, "nats", payload={"method": method})
