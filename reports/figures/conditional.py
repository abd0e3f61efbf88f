"""Several outputs for one coarse image, model beside model; and their spread against their error."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.experiments.conditional import DRAWN, REFERENCE
from reports.figures import Figure, figures
from reports.image_sheet import sheet
from reports.record import Record, Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, Picture, canvas, picture, series_colours
from reports.tables import recorded, rows_of
from reports.tables.conditional import EXPERIMENT
from reports.tables.conditional import conditional as conditional_table


def conditional(store: Store, size: str | None = None) -> list[Picture]:
    """Two pictures a data set: the first seed's outputs, and diversity against error of all models."""
    first: dict[str, dict[str, Record]] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.metric == "energy score" and record.payload is not None:
            first.setdefault(str(record.params["dataset"]), {}).setdefault(str(record.params["model"]), record)
    drawn = [_images(dataset, by_model) for dataset, by_model in sorted(first.items(), reverse=True)]
    frame = conditional_table(store, size)
    frame = frame[frame.status == str(Status.OK)].dropna(subset=["mean_error"])
    return drawn + [_spread(dataset, frame[frame.dataset == dataset]) for dataset in sorted(first, reverse=True)]


def _images(dataset: str, by_model: dict[str, Record]) -> Picture:
    order = sorted(by_model, key=lambda model: (model == REFERENCE, by_model[model].value))
    some = by_model[order[0]].payload
    side = _side(some["truth"])
    panels = [("input", _enlarged(some["inputs"], side)[:, None]), ("truth", _square(some["truth"])[:, None])]
    panels += [(model, _square(by_model[model].payload["outputs"])) for model in order]
    widths = [images.shape[1] for _, images in panels]
    with canvas(
        0.36 * sum(widths) + 0.2 * len(widths), 0.42 + 0.36 * len(some["truth"]),
        ncols=len(panels), gridspec_kw={"width_ratios": widths},
    ) as (figure, axes):  # fmt: skip
        for ax, (name, images) in zip(axes[0], panels, strict=True):
            ax.imshow(sheet(images.reshape(-1, side, side), images.shape[1]), interpolation="none", resample=False)
            ax.set(xticks=[], yticks=[])
            for spine in ax.spines.values():
                spine.set_visible(False)
            ax.set_title(_broken(name), loc="left", fontsize=8.5)
        return picture(
            figure,
            name=f"conditional-{dataset}",
            title=f"Several images for one coarse image of {dataset}",
            description=f"A row an input, seed {by_model[order[0]].seed}: the input, the image that it came from, then "
            + ", ".join(f"{by_model[model].payload['outputs'].shape[1]} outputs of {model}" for model in order)
            + ".",
        )


def _spread(dataset: str, frame: Any) -> Picture:
    colours = series_colours(frame.model)
    with canvas(6.0, 3.6) as (figure, axes):
        ax = axes[0, 0]
        for place, row in enumerate(rows_of(frame)):
            colour, marker = colours[row.model], MARKERS[place % len(MARKERS)]
            # The way from a single output to the best of all, at the same diversity.
            ax.plot([row.diversity] * 2, [row.best, row.mean_error], color=colour, lw=1)
            ax.errorbar(
                row.diversity, row.mean_error, xerr=_two(row.diversity_stderr), yerr=_two(row.mean_error_stderr),
                color=colour, marker=marker, ms=6, lw=0, elinewidth=1, label=row.model,
            )  # fmt: skip
            ax.plot(row.diversity, row.best, marker=marker, ms=5, color=colour, mfc="none", lw=0)
        # Lines of equal energy score, error − diversity/2.
        far = float(max(frame.diversity.max(), frame.mean_error.max())) * 1.08
        for score in np.arange(0.0, far, 0.05):
            ax.plot([0, far], [score, score + far / 2], color=FAINT, lw=0.5, alpha=0.5, zorder=0)
        ax.set(xlim=(-0.03 * far, far), ylim=(0, far))
        ax.set_xlabel("diversity: mean distance between two outputs for one input")
        ax.set_ylabel("error, grey levels")
        ax.set_title(dataset, loc="left")
        ax.legend(fontsize=8, loc="lower right")
        words = "; ".join(
            f"{r.model}: error {r.mean_error:.3f}, best of {DRAWN} {r.best:.3f}, diversity {r.diversity:.3f}, "
            f"energy score {r.energy_score:.3f}"
            for r in rows_of(frame)
        )
        return picture(
            figure,
            name=f"conditional-spread-{dataset}",
            title=f"Spread against error, {dataset}",
            description=f"Filled marks: mean error; hollow: the best of {DRAWN}; thin lines: equal energy score. "
            f"{words}.",
        )


def _two(stderr: float) -> float:
    return 0.0 if stderr != stderr else 2 * stderr


def _side(images: Any) -> int:
    return round(np.asarray(images).shape[-1] ** 0.5)


def _square(images: Any) -> np.ndarray:
    rows = np.asarray(images, dtype=np.float64)
    return rows.reshape(*rows.shape[:-1], _side(rows), _side(rows))


def _enlarged(images: Any, side: int) -> np.ndarray:
    small = _square(images)
    return np.kron(small, np.ones((side // small.shape[-1],) * 2))


def _broken(name: str) -> str:
    return name.replace(" GAN with l1", "\nGAN with l1").replace(" of the", "\nof the").replace(" nearest", " nearest")


figures.register("conditional")(
    Figure(
        name="conditional",
        title="Several outputs for one input",
        about="A row an input, unchosen. Then each model's error against the diversity of its outputs: filled marks "
        f"the mean error, hollow ones the best of {DRAWN}, bars two standard errors over the seeds. Along a thin line "
        "the energy score is the same; lower lines are better, and a blurred answer and a noisy one lie equally high.",
        experiment=EXPERIMENT,
        draw=conditional,
    )
)
