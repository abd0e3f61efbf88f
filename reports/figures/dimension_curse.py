"""How W₁ slows with the dimension, and the identity that keeps the energy distance from it."""

from __future__ import annotations

import numpy as np

from reports.figures import Figure, figures
from reports.record import Record, Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import recorded

EXPERIMENT = "dimension-curse"
#: Dimensions whose curves are drawn: all ten would hide one another.
_DRAWN = (1, 2, 3, 5, 10)


def dimension_curse(store: Store, size: str | None = None) -> list[Picture]:
    """What is recorded of each dimension as curves, at `size` or the largest that was run; [] without records."""
    cells: dict[int, dict[str, Record]] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.status is Status.OK:
            cells.setdefault(int(str(record.params["d"])), {})[record.metric] = record
    needed = {"slope of W1", "slope of energy", "L times squared energy", "mean distance"}
    cells = {d: found for d, found in sorted(cells.items()) if needed <= set(found)}
    if not cells:
        return []
    told = []
    with canvas(9.2, 3.9, ncols=2) as (figure, axes):
        left, right = axes[0]
        drawn = [d for d in cells if d in _DRAWN]
        for place, d in enumerate(drawn):
            curve, slope = cells[d]["slope of W1"].payload, cells[d]["slope of W1"].value
            colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
            left.plot(
                curve["L"], curve["mean"], "-" + marker, color=colour, ms=5, lw=1.6, label=f"d = {d}: {slope:.2f}"
            )
            told.append(f"d = {d}: slope of W₁ {slope:.2f}, in the limit {-1 / max(d, 2):.2f}")
        left.set_xscale("log", base=2)
        left.set_yscale("log")
        left.set_xlabel("points L of a sample")
        left.set_ylabel("E W₁ between two samples")
        left.set_title("W₁: slope, by dimension")
        left.grid(True, which="major")
        low, high = left.get_ylim()
        left.set_ylim(low / 1.9, high)  # room for the legend below the curves
        left.legend(ncols=3, loc="lower left", handlelength=1.4, columnspacing=1.0)
        places = np.array(list(cells))
        exact = [cells[k]["mean distance"].value for k in cells]
        scaled = [cells[k]["L times squared energy"] for k in cells]
        right.plot(places, exact, "-", color=FAINT, lw=1.4, label="E‖X − X'‖, by quadrature")
        errors = [2 * (record.stderr or 0.0) for record in scaled]
        values = [record.value for record in scaled]
        right.errorbar(
            places, values, yerr=errors, fmt="o", ms=5, color=SERIES[1], lw=1.6, label="L·E ℰ²(P_L, P), ± 2 errors"
        )
        right.set_xticks(places)
        right.set_xlabel("dimension d")
        right.set_ylim(0, None)
        right.set_title("energy: the rate is 1/√L for every d")
        right.grid(True, axis="y")
        right.legend(loc="lower right")
        pairs = ", ".join(f"{k}: {v:.3f} and {e:.3f}" for k, v, e in zip(places, values, exact, strict=True))
        return [
            picture(
                figure,
                name="dimension-curse",
                title="The curse of dimensionality",
                description=f"Left, the mean W₁ between two samples against their size. {'; '.join(told)}. Right, L "
                f"times the mean squared energy distance beside the mean distance, by dimension: {pairs}.",
            )
        ]


figures.register("dimension-curse")(
    Figure(
        name="dimension-curse",
        title="The curse of dimensionality",
        about="Samples of L points from the uniform law of a torus. W₁ falls like L^(−1/d), and the slower the more "
        "dimensions there are; the squared energy distance to the law is E‖X−X'‖/L in every one, exactly.",
        experiment=EXPERIMENT,
        draw=dimension_curse,
    )
)
