"""The generator's gradient as the discriminator trains, paths of the bilinear game, and objectives of training."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from reports.figures import Figure, figures
from reports.record import Record
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import recorded
from reports.tables.gradients import EXPERIMENT, LOSSES


def gradients(store: Store, size: str | None = None) -> list[Picture]:
    """Three pictures, one a part; none of a part that was not measured."""
    records = [record for record in recorded(store, EXPERIMENT, size) if record.value is not None]
    parts = {
        part: [record for record in records if record.params["part"] == part]
        for part in ("vanishing", "cycling", "objective", "fixed latents")
    }
    drawn = []
    if parts["vanishing"]:
        drawn.append(_vanishing(parts["vanishing"]))
    if parts["cycling"]:
        drawn.append(_cycling(parts["cycling"]))
    if parts["objective"]:
        drawn.append(_objective(parts["objective"]))
    return drawn


def _vanishing(records: list[Record]) -> Picture:
    curves: dict[tuple[float, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    best: dict[tuple[float, str], float] = {}
    for record in records:
        distance, loss = float(str(record.params["distance"])), record.metric.split(" ", maxsplit=1)[0]
        if record.payload:
            curves[distance, loss][record.payload["step"]].append(float(record.value or 0.0))
        else:
            best[distance, loss] = float(record.value or 0.0)
    distances = sorted({distance for distance, _ in curves})
    words = []
    with canvas(8.2, 3.5, ncols=2, sharey=True) as (figure, axes):
        for ax, loss in zip(axes[0], LOSSES, strict=True):
            for number, distance in enumerate(distances):
                curve = curves[distance, loss]
                steps = sorted(curve)
                means = [float(np.mean(curve[step])) for step in steps]
                # Step 0 has no place on a logarithmic axis; ½ stands for it.
                ax.plot(
                    [max(step, 0.5) for step in steps], means, marker=MARKERS[number], ms=4, lw=1.2,
                    color=SERIES[number], label=f"Δ = {distance:g}",
                )  # fmt: skip
                ax.axhline(best[distance, loss], color=SERIES[number], lw=1, ls=(0, (4, 3)))
                words.append(
                    f"{loss}, Δ = {distance:g}: {means[-1]:.3g} after {steps[-1]} steps, {best[distance, loss]:.3g} at "
                    "the best discriminator"
                )
            ax.set(xscale="log", yscale="log")
            ax.set_title(loss, loc="left")
            ax.set_xlabel("steps of the discriminator (left end: none)")
            ax.grid(True)
            ax.set_axisbelow(True)
        axes[0, 0].set_ylabel("norm of the generator's gradient")
        axes[0, 0].legend(fontsize=8)
        return picture(
            figure,
            name="gradients-vanishing",
            title="The generator's gradient as the discriminator trains",
            description=f"Mean over the seeds; dashed: at the best discriminator, by quadrature. {'; '.join(words)}.",
        )


def _cycling(records: list[Record]) -> Picture:
    paths = {
        (float(str(record.params["s"])), record.metric.partition(",")[0]): record
        for record in records
        if record.payload and "path" in record.payload
    }
    steps = sorted({s for s, _ in paths})
    methods = list(dict.fromkeys(method for _, method in paths))
    with canvas(3.3 * len(steps) + 0.4, 3.5, ncols=len(steps)) as (figure, axes):
        for ax, s in zip(axes[0], steps, strict=True):
            for number, method in enumerate(methods):
                path = np.asarray(paths[s, method].payload["path"], dtype=np.float64)
                ax.plot(path[:, 0], path[:, 1], lw=1, marker=".", ms=3, color=SERIES[number], label=method)
            ax.plot(0, 0, "+", color=FAINT, ms=9)
            ax.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal", xlabel="x", ylabel="y")
            ax.set_title(f"s = {s:g}", loc="left")
        axes[0, 0].legend(fontsize=8, loc="lower left")
        words = "; ".join(
            f"{method}, s = {s:g}: {record.value:.3g} times as far" for (s, method), record in paths.items()
        )
        return picture(
            figure,
            name="gradients-cycling",
            title="Gradient descent–ascent on xy from (1, 0)",
            description=f"Paths about the only stationary point; steps beyond the frame are cut. {words}.",
        )


def _objective(records: list[Record]) -> Picture:
    runs = [record for record in records if record.metric == "rank correlation" and record.payload]
    models = list(dict.fromkeys(str(record.params["model"]) for record in runs))
    words = []
    with canvas(2.9 * len(models) + 0.4, 3.2, ncols=len(models)) as (figure, axes):
        for number, (ax, model) in enumerate(zip(axes[0], models, strict=True)):
            some = [record for record in runs if record.params["model"] == model]
            for record in some:
                curve = {name: np.asarray(values, dtype=np.float64) for name, values in record.payload.items()}
                ax.plot(curve["step"], _scaled(curve["objective"]), color=SERIES[number], lw=1.4)
                ax.plot(curve["step"], _scaled(curve["energy"]), color=FAINT, lw=1, ls=(0, (3, 2)))
            shares = [float(record.value or 0.0) for record in some]
            ax.set_title(model, loc="left")
            ax.set_xlabel(f"step · rank correlation {np.mean(shares):.2f}")
            ax.set_yticks([0, 1])
            words.append(f"{model}: rank correlation {np.mean(shares):.2f}")
        axes[0, 0].set_ylabel("from least to most")
        return picture(
            figure,
            name="gradients-objective",
            title="A model's own objective and the energy distance of its samples",
            description="Each scaled from its least to its most, a line a seed; dashed: the distance. "
            + "; ".join(words),
        )


def _scaled(values: Any) -> Any:
    return (values - values.min()) / (np.ptp(values) or 1.0)


figures.register("gradients")(
    Figure(
        name="gradients",
        title="Gradients, cycles and objectives",
        about="A generator that stands still at distance Δ from the data, its gradient as the discriminator trains "
        "(dashed: at the best one); descent–ascent on xy, which leaves the stationary point, turns about it, or with "
        "a look ahead comes home; and what a model descends beside the energy distance of its samples to held-out data "
        "(dashed), one line a seed.",
        experiment=EXPERIMENT,
        draw=gradients,
    )
)
