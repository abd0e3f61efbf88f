"""Five divergences of measures that are moved apart, each as a share of its value at the largest shift."""

from __future__ import annotations

from reports.figures import Figure, figures
from reports.record import Record, Status
from reports.store import Store
from reports.svg import MARKERS, SERIES, Picture, canvas, picture
from reports.tables import recorded

EXPERIMENT = "shifted-measures"


def shifted_measures(store: Store, size: str | None = None) -> list[Picture]:
    """One panel a shape, its divergences over the shift, at `size` or the largest that was run; [] without records."""
    shapes: dict[str, list[Record]] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.status is Status.OK and record.payload:
            shapes.setdefault(str(record.params["shape"]), []).append(record)
    if not shapes:
        return []
    told = []
    with canvas(9.2, 3.9, ncols=len(shapes), sharey=True) as (figure, axes):
        for ax, (shape, records) in zip(axes[0], shapes.items(), strict=True):
            for place, record in enumerate(records):
                shift, value = record.payload["shift"], record.payload["value"]
                most = value[-1]
                ax.plot(
                    shift,
                    [part / most for part in value],
                    "-" + MARKERS[place % len(MARKERS)],
                    color=SERIES[place % len(SERIES)],
                    # W₁ and its sliced mean are proportional in both shapes: the thicker line shows on either side.
                    lw=4.0 if record.metric == "sliced W1" else 1.6,
                    alpha=0.45 if record.metric == "sliced W1" else 1.0,
                    zorder=1 if record.metric == "sliced W1" else 2,
                    ms=4,
                    markevery=(place, 5),
                    label=record.metric,
                )
                half = value[len(value) // 2] / most
                told.append(f"{shape}, {record.metric}: {half:.0%} at half the largest shift, {most:.3g} {record.unit}")
            ax.set_title(shape)
            ax.set_xlabel("shift θ")
            ax.grid(True)
        axes[0, 0].set_ylabel("share of the value at θ = 1")
        axes[0, 0].legend(loc="lower right")
        return [
            picture(
                figure,
                name="shifted-measures",
                title="Measures moved apart",
                description="Each divergence as a share of its value at the largest shift. " + "; ".join(told) + ".",
            )
        ]


figures.register("shifted-measures")(
    Figure(
        name="shifted-measures",
        title="Measures moved apart",
        about="P and P moved by θ: lines that never touch, and bumps that overlap at first. W₁ (and its mean over "
        "directions) is proportional to θ and the Sinkhorn divergence to θ², so that their slopes show the way back; "
        "the JSD of lines jumps to log 2 at once, and that of bumps is flat as soon as they part.",
        experiment=EXPERIMENT,
        draw=shifted_measures,
    )
)
