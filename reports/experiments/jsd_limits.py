"""JSD between binned samples of one law: to log 2 as the bins shrink, to 0 as the samples grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import binom

from estimators import Empirical, Gaussian, Uniform, jsd
from reports.experiment import Cell, Experiment, Measurement, experiments

#: What both samples are drawn from.
LAWS: dict[str, Callable[[], Gaussian | Uniform]] = {"uniform": lambda: Uniform(0.0, 1.0), "normal": Gaussian}
#: Rows of each sample; bins a unit of length are 1, step, step², … up to finest; repetitions.
_SIZES: dict[str, tuple[tuple[int, ...], int, int, int]] = {
    "quick": ((10, 40, 160, 640, 2560), 4, 4**10, 30),
    "standard": (tuple(10 * 4**j for j in range(6)), 2, 2**24, 100),
    "full": (tuple(10 * 4**j for j in range(8)), 2, 2**30, 300),
}
#: Mass of a binomial tail that the exact expectation leaves out, which adds less than 4 log 2 of this.
_TAIL = 1e-18


@experiments.register("jsd-limits")
class JSDLimits(Experiment):
    """One cell a law and a size: `jsd`, the mean over repetitions at each width of bins, and `expected` where exact.

    Both samples have n rows; a bin is [j/k, (j+1)/k). All widths of one repetition see the same samples. The
    expectation is known for the uniform law on [0, 1], whose k bins have equal mass.
    """

    question = "What does a binned JSD say of two samples of one law, whose JSD is 0?"
    caveats = (
        "The truth is 0 in every row: all that is shown is the estimator's bias, which the bins decide. At fixed bins "
        "of equal mass it is about (k − 1)/4n, and it is log 2 once no two points share a bin. Where all repetitions "
        "agree there is no standard error: one that differs is rarer than they can tell.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del data
        sizes, step, finest, repetitions = _SIZES[size]
        for law in LAWS:
            for n in sizes:
                yield Cell({"law": law, "n": n, "step": step, "finest": finest, "repetitions": repetitions}, seed=0)

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        law = str(cell.params["law"])
        n, step, finest, repetitions = (int(str(cell.params[name])) for name in ("n", "step", "finest", "repetitions"))
        bins = [step**j for j in range(round(math.log(finest, step)) + 1)]
        source = LAWS[law]()
        found = np.empty((repetitions, len(bins)))
        for row, seed in enumerate(np.random.SeedSequence([cell.seed, list(LAWS).index(law), n]).spawn(repetitions)):
            rng = np.random.default_rng(seed)
            X, Y = source.sample(n, rng), source.sample(n, rng)
            found[row] = [float(jsd(*(Empirical(np.floor(k * sample)) for sample in (X, Y)))) for k in bins]
        for k, values in zip(bins, found.T, strict=True):
            # The same law twice, in one bin or with no bin shared, differs by the roundings of n terms alone.
            same = np.ptp(values) <= n * np.finfo(np.float64).eps
            stderr = None if same else float(np.std(values, ddof=1)) / math.sqrt(repetitions)
            yield Measurement("jsd", math.fsum(values) / repetitions, "nats", stderr=stderr, payload={"k": k})
            if law == "uniform":
                yield Measurement("expected", expected_jsd(n, k), "nats", payload={"k": k})


def expected_jsd(n: int, k: int) -> float:
    """E JSD between the histograms of two samples of n over k bins of equal mass: k·E h(A/n, B/n), in nats.

    A and B are independent Binomial(n, 1/k) and h(a,b) = ½(a log(2a/(a+b)) + b log(2b/(a+b))), which sums to the JSD
    over the bins. Tails below 10⁻¹⁸ are left out and the sums are rounded: some 10⁻¹⁴ in all.
    """
    counts = np.arange(max(binom.ppf(_TAIL, n, 1 / k) - 1, 0), min(binom.isf(_TAIL, n, 1 / k) + 1, n) + 1)
    masses = binom.pmf(counts, n, 1 / k)
    # By rows, so that memory grows like the number of counts and not like its square.
    return k * math.fsum(float(mass * (masses @ _term(a, counts))) for a, mass in zip(counts, masses, strict=True)) / n


def _term(a: float, b: NDArray[np.float64]) -> NDArray[np.float64]:
    """n·h(a/n, b/n), 0 where both are 0."""
    middle = np.maximum((a + b) / 2, 0.5)  # ½ is the least of a pair that is not (0, 0), where a·log a is 0 anyway
    return np.asarray((xlogy(a, a / middle) + xlogy(b, b / middle)) / 2)
