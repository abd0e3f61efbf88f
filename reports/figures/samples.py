"""What the models draw: points on the ring, and digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from estimators.measures import ring
from reports.datasets.source import datasets
from reports.experiments.implicit_models import REFERENCE
from reports.figures import Figure, figures
from reports.image_sheet import sheet
from reports.record import Record
from reports.store import Store
from reports.svg import FAINT, INK, Picture, canvas, picture, series_colours
from reports.tables import recorded
from reports.tables.implicit_models import EXPERIMENT

#: Standard deviations within which a sample of the ring is of high quality: the circles that are drawn.
_REACH = 4.0
#: Digits in a row of the grid.
_COLUMNS = 10


def samples(store: Store, size: str | None = None) -> list[Picture]:
    """One picture a task and model, of the first seed that was measured; true data first."""
    first: dict[tuple[str, str], Record] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.metric == "modes" and record.payload is not None:
            first.setdefault((str(record.params["task"]), str(record.params["model"])), record)
    order = sorted(first, key=lambda key: (key[0] != "ring-8", key[0], key[1] != REFERENCE, key[1]))
    colours = series_colours(model for _, model in order if model != REFERENCE)
    return [_draw(task, model, first[task, model], colours.get(model, FAINT)) for task, model in order]


def _draw(task: str, model: str, record: Record, colour: str) -> Picture:
    drawn = np.asarray(record.payload["samples"], dtype=np.float64)
    covered = f"{record.value:.0f} of {record.payload['of']} modes"
    if drawn.shape[1] == 2:
        return _scatter(task, model, drawn, covered, record.seed, colour)
    return _images(task, model, drawn, covered, record.seed)


def _scatter(task: str, model: str, drawn: np.ndarray, covered: str, seed: int, colour: str) -> Picture:
    law = ring(8)
    with canvas(2.7, 2.9) as (figure, axes):
        ax = axes[0, 0]
        # Thin lines between modes are few points: small, translucent marks show both them and the dense modes.
        ax.plot(drawn[:, 0], drawn[:, 1], "o", color=colour, ms=2.4, mew=0, alpha=0.55, zorder=2)
        for centre, scale in zip(law.modes, law.scales, strict=True):
            _circle(ax, centre, _REACH * scale)
        limit = 1.35 * float(np.abs(law.modes).max())
        outside = int((np.abs(drawn) > limit).any(axis=1).sum())
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_title(model, loc="left")
        ax.set_xlabel(covered + (f" · {outside} outside" if outside else ""), loc="left", color=FAINT, fontsize=9)
        return picture(
            figure,
            name=f"samples-{task}-{_name(model)}",
            title=f"Samples of {model} on {task}",
            description=f"{len(drawn)} samples of {model}, seed {seed}, and a circle of {_REACH:.0f} standard "
            f"deviations about each mode of the ring; {covered} covered, {outside} samples beyond the frame.",
        )


def _circle(ax: Any, centre: np.ndarray, radius: float) -> None:
    from matplotlib.patches import Circle

    ax.add_patch(Circle(tuple(centre), radius, fill=False, ec=INK, lw=0.7, alpha=0.7, zorder=3))


def _images(task: str, model: str, drawn: np.ndarray, covered: str, seed: int) -> Picture:
    height, width = datasets[task].image_shape
    ink = sheet(drawn.reshape(-1, height, width), _COLUMNS)
    with canvas(4.1, 0.55 + 3.6 * ink.shape[0] / ink.shape[1]) as (figure, axes):
        ax = axes[0, 0]
        ax.imshow(ink, interpolation="none", resample=False)
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_title(model, loc="left")
        ax.set_xlabel(covered.replace("modes", "classes"), loc="left", color=FAINT, fontsize=9)
        return picture(
            figure,
            name=f"samples-{task}-{_name(model)}",
            title=f"Samples of {model} on {task}",
            description=f"{len(drawn)} images drawn by {model}, seed {seed}; {covered.replace('modes', 'classes')} "
            "covered.",
        )


def _name(model: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in model)


figures.register("samples")(
    Figure(
        name="samples",
        title="Samples",
        about="Unchosen: the first draws of the first seed. The circles hold what counts as high quality.",
        experiment=EXPERIMENT,
        draw=samples,
    )
)
