"""What the entropic bounds lack of the exact log-likelihood, against the dimension; and foreign digits under one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.figures import Figure, figures
from reports.record import Record, Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import recorded, rows_of
from reports.tables.entropic_gan import EXPERIMENT, entropic_digits
from reports.tables.entropic_gan import entropic_gan as frame_of


def entropic_gan(store: Store, size: str | None = None) -> list[Picture]:
    """Two pictures: log-likelihoods a dimension, and the bounds of single images by digit."""
    frame = frame_of(store, size)
    frame = frame[frame.status == str(Status.OK)].dropna(subset=["exact"])
    drawn = [_gaussian(frame)] if len(frame) else []
    first: dict[str, dict[int, Record]] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.metric == "bound" and record.payload is not None:
            first.setdefault(str(record.params["dataset"]), {}).setdefault(record.payload["digit"], record)
    return drawn + [_digits(name, by_digit, entropic_digits(store, size)) for name, by_digit in first.items()]


def _gaussian(frame: pd.DataFrame) -> Picture:
    kinds = list(dict.fromkeys(frame.generator))
    with canvas(3.1 * len(kinds) + 0.4, 3.3, ncols=len(kinds), sharey=True) as (figure, axes):
        for ax, kind in zip(axes[0], kinds, strict=True):
            part = frame[frame.generator == kind].sort_values("d")
            for number, (column, label) in enumerate(
                (("exact", "exact"), ("surrogate", "surrogate"), ("sampled", "sampled coupling"))
            ):
                ax.plot(
                    part.d, part[column] / part.d, marker=MARKERS[number], ms=(8, 5, 5)[number], lw=1,
                    color=SERIES[number], label=label, mfc="none" if number == 0 else SERIES[number],
                )  # fmt: skip
            ax.set_title(kind, loc="left")
            ax.set_xlabel("dimension d")
            ax.grid(True)
            ax.set_axisbelow(True)
        axes[0, 0].set_ylabel("nats a dimension")
        axes[0, 0].legend(fontsize=8)
        words = "; ".join(
            f"{r.generator}, d = {r.d}: exact {r.exact:.2f}, surrogate {r.surrogate:.2f}, sampled {r.sampled:.2f}"
            for r in rows_of(frame)
        )
        return picture(
            figure,
            name="entropic-gan-gaussian",
            title="Exact and surrogate log-likelihood of Gaussian data",
            description=f"Mean log-likelihood over d, against d, for three generators. {words}.",
        )


def _digits(dataset: str, by_digit: dict[int, Record], frame: pd.DataFrame) -> Picture:
    own = int(str(next(iter(by_digit.values())).params["source"]))
    rng = np.random.default_rng(0)
    with canvas(6.4, 3.3) as (figure, axes):
        ax: Any = axes[0, 0]
        for digit, record in sorted(by_digit.items()):
            scores = np.asarray(record.payload["scores"], dtype=np.float64)
            colour = SERIES[0] if digit == own else SERIES[1]
            across = digit + 0.5 * (rng.random(len(scores)) - 0.5)
            ax.plot(across, scores, "o", ms=2.5, mew=0, alpha=0.4, color=colour)
            ax.plot([digit - 0.35, digit + 0.35], [np.mean(scores)] * 2, color=colour, lw=2)
        ax.axhline(by_digit[own].value, color=FAINT, lw=1, ls=(0, (4, 3)))
        ax.set_xticks(sorted(by_digit))
        ax.set_xlabel(f"digit; trained on {own}")
        ax.set_ylabel("bound on the log-likelihood, nats")
        ax.set_title(dataset, loc="left")
        words = "; ".join(
            f"digit {r.digit}: {r.bound:.1f}" + (f", AUC {r.auc:.3f}" if r.auc == r.auc else "")
            for r in rows_of(frame[frame.dataset == dataset])
        )
        return picture(
            figure,
            name=f"entropic-gan-{dataset}",
            title=f"Images of {dataset} under an entropic GAN trained on the digit {own}",
            description=f"The bound at each held-out image of the first seed, and the mean of each digit. {words}.",
        )


figures.register("entropic-gan")(
    Figure(
        name="entropic-gan",
        title="An entropic GAN's sample likelihood",
        about="Rings: the exact mean log-likelihood; squares: the bound of the best coupling of the laws, which meets "
        "it at the best generator; triangles: the bound of the best coupling of samples, as computed in practice. "
        "Below: the bound at single images, those of the digit trained on in blue, bars the means.",
        experiment=EXPERIMENT,
        draw=entropic_gan,
    )
)
