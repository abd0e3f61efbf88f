"""Mode maps: what each model draws of a law with known modes, and which of its modes go without a sample."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from estimators.modes import mode_coverage
from estimators.toys import TOYS
from reports.experiments.mode_coverage import REFERENCE, entries
from reports.figures import Figure, figures
from reports.record import Record
from reports.store import Store
from reports.svg import FAINT, INK, SERIES, Picture, canvas, picture
from reports.tables import recorded
from reports.tables.mode_coverage import EXPERIMENT

#: Maps in a row, inches of one, and standard deviations of the circle about a mode.
_COLUMNS, _INCHES, _REACH = 5, 1.65, 4.0


def mode_maps(store: Store, size: str | None = None) -> list[Picture]:
    """One picture a law and width: a map of the first seed's samples for each model, true data first."""
    tasks: dict[tuple[str, float], dict[str, Record]] = defaultdict(dict)
    for record in recorded(store, EXPERIMENT, size):
        for law, width, metric in entries(record):
            if metric == "modes" and record.payload is not None:
                tasks[law, width][str(record.params["model"])] = record
    return [_draw(law, width, found) for (law, width), found in sorted(tasks.items())]


def _draw(law: str, width: float, found: dict[str, Record]) -> Picture:
    models = sorted(found, key=lambda model: (model != REFERENCE, model))
    rows = -(-len(models) // _COLUMNS)
    columns = min(_COLUMNS, len(models))
    with canvas(_INCHES * columns, (_INCHES + 0.35) * rows + 0.3, nrows=rows, ncols=columns) as (figure, axes):
        told = [_map(ax, law, width, model, found[model]) for ax, model in zip(axes.flat, models, strict=False)]
        for ax in axes.flat[len(models) :]:
            ax.set_axis_off()
        figure.suptitle(f"{law}, width {width:g}", x=0.008, ha="left", fontsize=10.5, fontweight="bold", color=INK)
        return picture(
            figure,
            name=f"mode-maps-{law}-{width:g}".replace(".", "-"),
            title=f"Mode maps of {law}, width {width:g}",
            description="Samples of the first seed of each model, with a circle of four standard deviations about each "
            "mode, dashed where no sample lies. " + "; ".join(told) + ".",
        )


def _map(ax: Any, law: str, width: float, model: str, record: Record) -> str:
    from matplotlib.patches import Circle

    mixture = TOYS[law].law(width)
    drawn = np.asarray(record.payload["samples"], dtype=np.float64)
    covered = mode_coverage(drawn, mixture)
    colour = FAINT if model == REFERENCE else SERIES[0]
    ax.plot(drawn[:, 0], drawn[:, 1], "o", color=colour, ms=1.6, mew=0, alpha=0.5, zorder=2)
    for centre, scale, count in zip(mixture.modes, mixture.scales, covered.counts, strict=True):
        # Four deviations of a narrow mode are a few pixels: what cannot be seen says nothing.
        radius = max(_REACH * scale, 0.16)
        style = {"ec": INK, "lw": 0.5, "alpha": 0.6} if count else {"ec": SERIES[1], "lw": 1.2, "ls": (0, (2, 1.5))}
        ax.add_patch(Circle(tuple(centre), radius, fill=False, zorder=3, **style))
    limit = 1.25 * float(np.abs(mixture.modes).max())
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_title(model, loc="left", fontsize=8.5)
    text = f"{covered.found} of {covered.n_modes} among {len(drawn)}"
    ax.set_xlabel(text, loc="left", color=FAINT, fontsize=8)
    return f"{model}: {text} samples"


figures.register("mode-maps")(
    Figure(
        name="mode-maps",
        title="Mode maps",
        about="Unchosen: the first samples of the first seed. A circle stands about each mode, dashed and in red where "
        "none of these samples lies within four standard deviations; the table counts over all samples and seeds.",
        experiment=EXPERIMENT,
        draw=mode_maps,
    )
)
