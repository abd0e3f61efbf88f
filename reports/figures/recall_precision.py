"""Recall against precision, every seed a point: what the talk claims of GANs and of IMLE, and what is seen."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from reports.experiments.mode_coverage import REFERENCE, entries
from reports.figures import Figure, figures
from reports.record import Record, Status
from reports.store import Store
from reports.svg import FAINT, INK, MARKERS, Picture, canvas, picture, series_colours
from reports.tables import recorded
from reports.tables.mode_coverage import EXPERIMENT

#: Families as the talk has them, told apart by marker and colour; what is in none of them is "other".
_FAMILIES = {
    "data choose samples": ("imle", "weighted-imle", "adaptive-imle", "rs-imle"),
    "samples choose data": ("nearest-neighbour-gan", "kde-gan"),
    "a critic": (
        "non-saturating-gan", "minimax-gan", "f-gan", "tv-gan", "wgan", "wgan-gp", "sobolev-gan", "stein-gan",
        "mmd-gan", "cramer-gan", "mh-gan", "ot-gan",
    ),
}  # fmt: skip
_OTHER = "other"


def recall_precision(store: Store, size: str | None = None) -> list[Picture]:
    """One picture a law and width: a small mark a seed, a large one the mean with its name, true data a cross."""
    tasks: dict[tuple[str, float], dict[str, dict[str, Record]]] = defaultdict(lambda: defaultdict(dict))
    for record in recorded(store, EXPERIMENT, size):
        for law, width, metric in entries(record):
            if record.status is Status.OK and metric in ("precision", "recall"):
                tasks[law, width][str(record.params["model"])][metric] = record
    complete = {
        task: {model: both for model, both in found.items() if len(both) == 2} for task, found in sorted(tasks.items())
    }
    return [_draw(law, width, found) for (law, width), found in complete.items() if found]


def family(model: str) -> str:
    """The family that a model is drawn with; one of no family is among the others."""
    return next((name for name, members in _FAMILIES.items() if model in members), _OTHER)


def _draw(law: str, width: float, found: dict[str, dict[str, Record]]) -> Picture:
    names = [*_FAMILIES, _OTHER]
    colours, marks = series_colours(names), dict(zip(names, MARKERS, strict=False))
    with canvas(6.4, 5.4) as (figure, axes):
        ax = axes[0, 0]
        places = {}
        for model, both in found.items():
            recall, precision = (np.array(both[metric].payload["each"]) for metric in ("recall", "precision"))
            if model == REFERENCE:
                ax.plot(recall.mean(), precision.mean(), "+", color=INK, ms=14, mew=2, zorder=5)
            else:
                colour, mark = colours[family(model)], marks[family(model)]
                ax.plot(recall, precision, mark, color=colour, ms=3, mew=0, alpha=0.4, zorder=2)
                ax.plot(recall.mean(), precision.mean(), mark, color=colour, ms=7.5, mew=0, zorder=4)
            places[model] = (float(recall.mean()), float(precision.mean()))
        _names(ax, places)
        for name in (name for name in names if any(family(model) == name for model in found if model != REFERENCE)):
            ax.plot([], [], marks[name], color=colours[name], ms=7.5, mew=0, label=name)
        figure.legend(loc="outside lower left", ncols=4, fontsize=9, handletextpad=0.2, columnspacing=1.2)
        ax.set(xlim=(-0.04, 1.06), ylim=(-0.04, 1.06), xlabel="recall: data that a sample is near to")
        ax.set_ylabel("precision: samples near to data")
        ax.set_title(f"{law}, width {width:g}", loc="left")
        ax.grid(True)
        ax.set_axisbelow(True)
        return picture(
            figure,
            name=f"recall-precision-{law}-{width:g}".replace(".", "-"),
            title=f"Recall and precision on {law}, width {width:g}",
            description=f"Scatter plot for {law} at width {width:g}, means over the seeds. "
            + "; ".join(f"{model}: recall {r:.2f}, precision {p:.2f}" for model, (r, p) in sorted(places.items()))
            + ".",
        )


def _names(ax: Any, places: dict[str, tuple[float, float]]) -> None:
    """Each name beside its mark, those that would cover each other moved apart, with a line to the mark."""
    height, apart = 0.033, 0.3
    taken: list[tuple[float, float]] = []
    for model, (x, y) in sorted(places.items(), key=lambda item: -item[1][1]):
        left = x > 0.72
        at = y
        while any(abs(at - other) < height and abs(x - beside) < apart for beside, other in taken):
            at -= height / 4
        taken.append((x, at))
        ax.annotate(
            model, (x, y), (x - 0.025 if left else x + 0.025, at), ha="right" if left else "left", va="center",
            fontsize=8, color=INK if model == REFERENCE else FAINT, zorder=6,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": FAINT} if abs(at - y) > height / 2 else None,
        )  # fmt: skip


figures.register("recall-precision")(
    Figure(
        name="recall-precision",
        title="Recall and precision",
        about="The talk claims: where data choose samples (IMLE) all modes are kept, at the price of samples between "
        "them, top of recall and lower precision; where samples choose data (the nearest-datum and kernel density "
        "discriminators, and GANs, which it likens to them) precision is kept and modes are dropped. Small marks are "
        "seeds, large ones their mean; the cross is where true data lie.",
        experiment=EXPERIMENT,
        draw=recall_precision,
    )
)
