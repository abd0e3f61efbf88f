"""Work against the number of points, with the claimed powers of n beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.figures import Figure, figures
from reports.record import Record, Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import recorded
from reports.tables.numerals import significant
from reports.tables.search_growth import EXPERIMENT

#: The method that exponents are claimed of.
SEARCH = "Prioritized DCI"
_COUNTS = ("distances", "entries popped")


def growth(store: Store, size: str | None = None) -> list[Picture]:
    """One picture an ambient dimension: distances on the left, entries popped on the right, a curve a manifold."""
    found: dict[Any, dict[tuple[str, int], list[Record]]] = {}
    claims: dict[tuple[Any, str, int], float] = {}
    for record in recorded(store, EXPERIMENT, size):
        told = record.payload or {}
        if record.status is not Status.OK or told.get("search") != SEARCH:
            continue
        ambient, d = record.params["ambient"], int(record.params["intrinsic"] or 0)
        if record.metric == "work":
            found.setdefault(ambient, {}).setdefault((told["counted"], d), []).append(record)
        elif told["claimed"] is not None:
            claims[ambient, told["counted"], d] = told["claimed"]
    return [_panels(ambient, curves, claims) for ambient, curves in sorted(found.items())]


def _panels(ambient: Any, curves: dict[tuple[str, int], list[Record]], claims: dict[Any, float]) -> Picture:
    from matplotlib.ticker import LogLocator

    told = []
    with canvas(7.4, 3.9, ncols=2) as (figure, axes):
        dimensions = sorted({d for _, d in curves})
        for ax, counted in zip(axes[0], _COUNTS, strict=True):
            ax.set(xscale="log", yscale="log", xlabel="points n", title=counted)
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 4)))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.set_xticks([], minor=True)
            ax.grid(True, which="major", axis="both")
            ax.set_axisbelow(True)
            for place, d in enumerate(dimensions):
                points = sorted((r.payload["n"], r.value) for r in curves.get((counted, d), []) if r.value is not None)
                if not points:
                    continue
                n, work = (np.array(part, dtype=float) for part in zip(*points, strict=True))
                style = {"color": SERIES[place], "ms": 4.5, "lw": 1.8, "zorder": 3}
                ax.plot(
                    n, work, "-" + MARKERS[place], label=f"dimension {d}" if counted == _COUNTS[0] else None, **style
                )
                slope = claims.get((ambient, counted, d))
                if slope is not None:
                    ax.plot(n, work[0] * (n / n[0]) ** slope, color=FAINT, lw=1, ls=(0, (4, 3)), zorder=2)
                told.append(f"{counted}, dimension {d}: {significant(work[0])} of {n[0]:g}, {significant(work[-1])} of "
                            f"{n[-1]:g}" + ("" if slope is None else f", claimed power {slope:.3g}"))  # fmt: skip
        axes[0, 0].set_ylabel("a query at recall 0.9")
        figure.legend(loc="outside lower center", ncols=5, fontsize=9)
        return picture(
            figure,
            name=f"growth-{ambient}",
            title=f"Growth of the work in {ambient} dimensions",
            description="Work of Prioritized DCI a query against the number of points, both axes logarithmic, dashed "
            "lines of the claimed slope through the first point. " + "; ".join(told) + ".",
        )


figures.register("search-growth")(
    Figure(
        name="search-growth",
        title="How the work grows",
        about="Single-level Prioritized DCI on manifolds of known dimension. Dashed: the claimed power of n, drawn "
        "through the first point; a logarithm is left out where the claim is one.",
        experiment=EXPERIMENT,
        draw=growth,
    )
)
