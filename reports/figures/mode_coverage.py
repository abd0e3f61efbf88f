"""What each model covers: modes, high-quality samples and energy distance, every seed shown."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from reports.experiments.implicit_models import REFERENCE
from reports.figures import Figure, figures
from reports.record import Status
from reports.store import Store
from reports.svg import FAINT, INK, Picture, canvas, picture, series_colours
from reports.tables import recorded, rows_of
from reports.tables.implicit_models import EXPERIMENT, implicit_models
from reports.tables.numerals import share, significant, with_error

#: Metric, column of the table, its standard error, heading, and the end of the scale that is good.
_PANELS = (
    ("modes", "modes", None, "modes covered", "more is better"),
    ("high quality", "high_quality", "high_quality_stderr", "high-quality share", "more is better"),
    (
        "squared energy distance",
        "energy",
        "energy_stderr",
        "squared energy distance",
        "less is better: to held-out data",
    ),
)


def mode_coverage(store: Store, size: str | None = None) -> list[Picture]:
    """One picture a task, models as rows: a small dot a seed, the mean with its standard error, true data as a line."""
    frame = implicit_models(store, size)
    seeds = pd.DataFrame(
        [
            {"task": r.params["task"], "model": r.params["model"], "metric": r.metric, "value": r.value}
            for r in recorded(store, EXPERIMENT, size)
            if r.status is Status.OK
        ],
        columns=["task", "model", "metric", "value"],
    )
    colours = series_colours(model for model in frame.model if model != REFERENCE)
    return [
        _panels(str(task), part, seeds[seeds.task == task], colours)
        for task, part in frame.groupby("task", sort=False)
        if part.modes.notna().any()
    ]


def _panels(task: str, frame: pd.DataFrame, seeds: pd.DataFrame, colours: dict[str, str]) -> Picture:
    models = [row.model for row in rows_of(frame)][::-1]
    with canvas(8.6, 1.45 + 0.42 * len(models), ncols=3, sharey=True) as (figure, axes):
        for ax, (metric, column, error, heading, direction) in zip(axes[0], _PANELS, strict=True):
            _rows(ax, frame, seeds[seeds.metric == metric], column, error, models, colours)
            ax.set_title(heading, loc="left")
            ax.set_xlabel(direction, loc="left", fontsize=9, color=FAINT)
            ax.grid(True, axis="x")
            ax.set_axisbelow(True)
            ax.spines["left"].set_visible(False)
            ax.tick_params(axis="y", length=0, labelsize=10, labelcolor=INK)
        figure.suptitle(task, x=0.008, ha="left", fontsize=10.5, fontweight="bold", color=INK)
        axes[0, 0].set_yticks(range(len(models)), models)
        axes[0, 0].set_ylim(-0.6, len(models) - 0.4)
        modes_of = frame.modes_of.dropna().max()
        axes[0, 0].set_xlim(-0.04 * modes_of, 1.06 * modes_of)
        axes[0, 0].set_xticks(range(0, int(modes_of) + 1, 2))
        axes[0, 1].set_xlim(-0.04, 1.06)
        return picture(
            figure,
            name=f"coverage-{task}",
            title=f"What the models cover on {task}",
            description=_words(task, frame),
        )


def _rows(
    ax: Any,
    frame: pd.DataFrame,
    seeds: pd.DataFrame,
    column: str,
    error: str | None,
    models: list[str],
    colours: dict[str, str],
) -> None:
    reference = frame[frame.model == REFERENCE]
    if len(reference) and reference[column].notna().all():
        ax.axvline(float(reference[column].iloc[0]), color=FAINT, lw=1, ls=(0, (3, 3)), zorder=1)
    for row in rows_of(frame):
        at = models.index(row.model)
        colour = colours.get(row.model, FAINT)
        mean = getattr(row, column)
        if math.isnan(mean):
            ax.text(0.03, at, "failed", transform=ax.get_yaxis_transform(), va="center", color=FAINT, style="italic")
            continue
        spread = getattr(row, error) if error else math.nan
        values = seeds.value[seeds.model == row.model].to_numpy(dtype=float)
        if error is None and len(values):
            ax.plot([values.min(), values.max()], [at, at], color=colour, lw=2, alpha=0.5, solid_capstyle="round")
        elif not math.isnan(spread):
            ax.errorbar(mean, at, xerr=spread, color=colour, elinewidth=2, capsize=4, zorder=3)
        ax.plot(mean, at, "o", color=colour, ms=8, zorder=4)
        ax.plot(values, [at - 0.24] * len(values), "|", color=colour, ms=6, mew=1.4, alpha=0.8, zorder=3)


def _words(task: str, frame: pd.DataFrame) -> str:
    told = []
    for row in rows_of(frame):
        if math.isnan(row.modes):
            told.append(f"{row.model}: failed")
        else:
            told.append(
                f"{row.model}: {significant(row.modes, 2)} of {row.modes_of:.0f} modes, high quality "
                f"{share(row.high_quality, row.high_quality_stderr)}, squared energy distance "
                f"{with_error(row.energy, row.energy_stderr)}"
            )
    return (
        f"Dot plots for {task}, means over seeds with standard errors, a tick for each seed. " + "; ".join(told) + "."
    )


figures.register("mode-coverage")(
    Figure(
        name="mode-coverage",
        title="What the models cover",
        about="A large dot is the mean over the seeds with its standard error (for modes, a bar from the fewest to the "
        "most); the ticks below it are the seeds. The dashed line is where true data lie: what a perfect sampler "
        "scores.",
        experiment=EXPERIMENT,
        draw=mode_coverage,
    )
)
