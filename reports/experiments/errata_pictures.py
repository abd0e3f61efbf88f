"""Curves behind four of the corrections: plain IMLE's bias and spread, two limits of the JSD, and order inversion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from reports.experiment import Cell, Experiment, Measurement, experiments

#: Samples a datum.
SAMPLES = (1, 2, 3, 4, 6, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
#: Dimensions in which the spread is computed.
DIMENSIONS = (1, 2)
#: Data, and bins as powers of two, for the divergence of a sample from its own law.
DATA, BINS = (1, 10, 100, 1000), tuple(2**j for j in range(25))
#: s/l of the curves; the dimensions of the vectors drawn, which share out 1/28 … 27/28 so that no two points overlap.
RATIOS = np.linspace(0, 1, 101)
DRAWN = {2: np.arange(1, 28, 3) / 28, 3: np.arange(2, 28, 3) / 28, 50: np.arange(3, 28, 3) / 28}
#: Directions a point: at s/l = ½ an interval is narrower than the two curves are apart, 0.027 and 0.038.
DRAWS = 20_000
#: All intervals of the draws hold at once with at least this confidence (union bound).
CONFIDENCE = 0.999
#: Half the width of the certified bracket of a best location, far below a pixel.
BRACKET = "1/1000000"
BITS = 100


@experiments.register("errata-pictures")
class ErrataPictures(Experiment):
    """One cell a picture, one record a curve, its points in the payload.

    `imle-bias`: best locations, certified within 1e-6 by the sign of the slope on both sides.
    `imle-spread`: best variances by quadrature in floats, their limits from the claim's formula.
    `jsd-limits`: expectations over exact binomial laws, in balls. `order-inversion`: the claim's
    formula, the recalled one, and draws with Clopper–Pearson intervals.
    """

    question = "What do the corrected formulas look like beside what is printed or recalled?"
    timing = False

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del size, data
        for name in _CURVES:
            yield Cell({"picture": name}, seed=0)

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        yield from _CURVES[str(cell.params["picture"])](cell.seed)


def _bias(_seed: int) -> Iterator[Measurement]:
    from theory.certified import precision
    from theory.claims.imle_bias import DATA as data
    from theory.claims.imle_bias import limit_slope, mean, plain_slope

    with precision(BITS):
        found = [_root(partial(plain_slope, data, m=m)) for m in SAMPLES]
        limit = _root(partial(limit_slope, data))
    mle = float(mean(data))
    curve = {"m": list(SAMPLES), "location": [middle for middle, *_ in found], "mle": mle}
    middle, low, high = found[-1]
    yield Measurement("plain IMLE", middle, low=low, high=high, payload=curve)
    middle, low, high = limit
    yield Measurement("limit", middle, low=low, high=high)


def _root(slope: Callable[[Any], Any]) -> tuple[float, float, float]:
    """The root in [0, 1] of an increasing slope, and a bracket on whose ends its signs are proved."""
    from scipy.optimize import brentq

    from theory.exact import rational

    middle = rational(repr(round(brentq(lambda theta: float(slope(rational(repr(theta)))), 0.0, 1.0, xtol=1e-9), 9)))
    low, high = middle - rational(BRACKET), middle + rational(BRACKET)
    if not (slope(low) < 0 and slope(high) > 0):
        raise ArithmeticError(f"no proof of a change of sign within {BRACKET} of {middle}")
    return float(middle), float(low), float(high)


def _spread(_seed: int) -> Iterator[Measurement]:
    from theory.claims.imle_spread import overdispersion
    from theory.exact import Q
    from theory.scale_family import best_variance

    for d in DIMENSIONS:
        best = [best_variance(m, d) for m in SAMPLES]
        yield Measurement("best variance", best[-1], payload={"d": d, "m": list(SAMPLES), "variance": best})
        yield Measurement("limit", float(overdispersion.specs["best_variance"](Q(d))), payload={"d": d})


def _limits(_seed: int) -> Iterator[Measurement]:
    from theory.certified import log2, precision
    from theory.claims.jensen_shannon import expected_jsd

    with precision(BITS):
        for n in DATA:
            curve = [float(expected_jsd(n, k)) for k in BINS]
            yield Measurement("expected JSD", curve[-1], "nats", payload={"n": n, "k": list(BINS), "jsd": curve})
        yield Measurement("largest", float(log2()), "nats")


def _inversion(seed: int) -> Iterator[Measurement]:
    from theory.certified import ball, precision
    from theory.claims.order_inversion import inversions, order_inversion
    from theory.sequential import proportion_interval

    largest = order_inversion.specs["largest"]
    with precision(BITS):
        exact = [float(largest(ball(float(ratio)), ball(1))) for ratio in RATIOS]
        curve = {"ratio": RATIOS.tolist(), "exact": exact, "recalled": (np.arcsin(RATIOS) * 2 / np.pi).tolist()}
        half = float(largest(ball(1), ball(2)))
    yield Measurement("at a half", half, "probability", payload=curve)
    alpha = (1 - CONFIDENCE) / sum(map(len, DRAWN.values()))
    for d, ratios in DRAWN.items():
        rng = np.random.default_rng([seed, d])
        counts = [inversions(rng, ratio, 1.0, 0.0, d, DRAWS) for ratio in ratios]
        ends = [proportion_interval(count, DRAWS, alpha) for count in counts]
        points = {
            "d": d,
            "ratio": ratios.tolist(),
            "share": [count / DRAWS for count in counts],
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
            "confidence": CONFIDENCE,
        }
        yield Measurement("draws", DRAWS, "per point", payload=points)


_CURVES: dict[str, Callable[[int], Iterator[Measurement]]] = {
    "imle-bias": _bias,
    "imle-spread": _spread,
    "jsd-limits": _limits,
    "order-inversion": _inversion,
}
