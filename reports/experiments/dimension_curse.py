"""How fast an empirical measure comes near its law: W₁ slows with the dimension, the energy distance does not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from reports.experiment import Cell, Experiment, Measurement, experiments

DIMENSIONS = tuple(range(1, 11))
#: Sizes of the samples, and independent repetitions of each, by size.
_LENGTHS = {"quick": (16, 32, 64, 128, 256), "standard": (32, 64, 128, 256, 512, 1024), "full": (64, 256, 1024, 4096)}
_REPEATS = {"quick": 8, "standard": 20, "full": 20}


@experiments.register("dimension-curse")
class DimensionCurse(Experiment):
    """One cell a dimension d: P uniform on the torus, P_L the empirical measure of L draws.

    The torus is a product of d circles of length 1 in R^2d, without boundary and the same about every
    point; so E‖x − X‖ does not depend on x, and ℰ²(P_L, P) = E‖X − X'‖ − Σ‖xᵢ − xⱼ‖/L² needs no draw from
    P. W₁ is between two independent P_L, for which ½E W₁(P_L, P_L') ≤ E W₁(P_L, P) ≤ E W₁(P_L, P_L').
    Slopes are of log E against log L, least squares, a fit a repetition.
    """

    question = "How many samples does it take to come near a law, by W₁ and by the energy distance, in d dimensions?"
    timing = False
    caveats = (
        "Slopes over a range of L that is finite: for d = 2 the rate has a factor √(log L), and in high dimension "
        "small samples are not yet at theirs.",
        "W₁ is between two samples: once to twice that between sample and law, with the same slope.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del data
        for d in DIMENSIONS:
            lengths = " ".join(map(str, _LENGTHS[size]))
            yield Cell({"d": d, "lengths": lengths, "repeats": _REPEATS[size]}, seed=0, seconds=4 * 3600.0)

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        from estimators.transport import wasserstein

        d, repeats = int(str(cell.params["d"])), int(str(cell.params["repeats"]))
        lengths = [int(part) for part in str(cell.params["lengths"]).split()]
        exact = mean_distance(d)
        w1, energy = np.empty((2, repeats, len(lengths)))
        for r in range(repeats):
            rng = np.random.default_rng([cell.seed, d, r])
            for k, length in enumerate(lengths):
                x, y = (on_torus(rng.random((length, d))) for _ in range(2))
                w1[r, k] = wasserstein(x, y).value
                energy[r, k] = (squared_energy(x, exact) + squared_energy(y, exact)) / 2
        roots = np.sqrt(np.maximum(energy.mean(axis=0), 0))
        # The energy's slope is of the mean over repetitions, whose square has the rate; its error is the jackknife's.
        without = [_slope(lengths, np.sqrt(np.delete(energy, r, axis=0).mean(axis=0))) for r in range(repeats)]
        spread = math.sqrt((repeats - 1) / repeats * float(np.square(np.array(without) - np.mean(without)).sum()))
        each = [_slope(lengths, row) for row in w1]
        stderr = float(np.std(each, ddof=1)) / math.sqrt(repeats)
        for name, slope, error, curve in (
            ("W1", float(np.mean(each)), stderr, w1.mean(axis=0)),
            ("energy", _slope(lengths, roots), spread, roots),
        ):
            payload = {"L": lengths, "mean": curve.tolist()}
            yield Measurement(f"slope of {name}", slope, stderr=error, payload=payload)
        scaled = (energy * np.array(lengths)).mean(axis=1)
        stderr = float(scaled.std(ddof=1) / math.sqrt(repeats))
        yield Measurement("L times squared energy", scaled.mean(), "length", stderr=stderr)
        yield Measurement("mean distance", exact, "length")


def _slope(lengths: list[int], values: np.ndarray) -> float:
    return float(np.polyfit(np.log(lengths), np.log(values), 1)[0])


def on_torus(u: np.ndarray) -> np.ndarray:
    """Points (n, d) of the cube as points (n, 2d) on d circles of length 1."""
    angles = 2 * np.pi * u
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / (2 * np.pi)


def mean_distance(d: int) -> float:
    """E‖X − X'‖ on the torus: E√S = ∫ (1 − E e^{−tS}) t^{−3/2} dt / 2√π, S a sum of d independent sin²(πU)/π²."""
    from scipy.integrate import quad
    from scipy.special import ive

    def integrand(s: float) -> float:  # t = s², so that the integral converges at 0 without a root
        return 2 * (1 - float(ive(0, s * s / (2 * np.pi**2))) ** d) / (s * s) if s > 0 else d / np.pi**2

    parts = [quad(integrand, *ends, epsabs=1e-12, epsrel=1e-12, limit=400)[0] for ends in ((0, 20), (20, np.inf))]
    return math.fsum(parts) / (2 * math.sqrt(np.pi))


def squared_energy(x: np.ndarray, exact: float) -> float:
    """ℰ²(P_L, P) for the rows of x, from E‖x − X‖ = E‖X − X'‖ = `exact`."""
    from scipy.spatial.distance import pdist

    return exact - 2 * float(pdist(x).sum()) / len(x) ** 2
