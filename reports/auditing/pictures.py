"""The pictures of an audit: an embedding, the cells, distances, nearest neighbours, and data that are not covered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.auditing.material import as_grey
from reports.auditing.neighbours import Near
from reports.auditing.result import Audit
from reports.image_sheet import sheet
from reports.svg import FAINT, INK, MARKERS, SERIES, Picture, canvas, picture

Array = NDArray[np.float64]

_DATA, _SAMPLES = SERIES[0], SERIES[1]
#: Points of a scatter: more make the page heavy and no clearer.
_DRAWN = 600


def embedding(audit: Audit) -> Picture:
    """Data and samples in the plane: their coordinates where there are two, else two principal components of both."""
    material = audit.material
    d = material.held.shape[1]
    if d == 1:
        return _histogram(audit)
    pooled = np.concatenate([material.held, material.made])
    names, centres = ("first coordinate", "second coordinate"), audit.cells.centres
    if d > 2:
        from sklearn.decomposition import PCA

        fitted = PCA(2, svd_solver="full").fit(pooled)
        pooled, centres = fitted.transform(pooled), fitted.transform(centres)
        first, second = fitted.explained_variance_ratio_
        names = (f"first component, {first:.0%} of the variance", f"second, {second:.0%}")
    parts = pooled[: len(material.held)][:_DRAWN], pooled[len(material.held) :][:_DRAWN]
    # A few samples far away must not press all others into a corner.
    low, high = np.quantile(np.concatenate([parts[0], pooled]), [0.002, 0.998], axis=0)
    margin = np.where(high > low, 0.08 * (high - low), np.maximum(1.0, np.abs(high)))
    lacking = centres[list(audit.lacking)]
    with canvas(8.2, 3.7, ncols=2, sharex=True, sharey=True) as (figure, axes):
        for ax, part, title, colour, marker in zip(
            axes[0], parts, ("data", "samples"), (_DATA, _SAMPLES), MARKERS, strict=False
        ):
            ax.plot(part[:, 0], part[:, 1], marker, color=colour, ms=2.4, mew=0, alpha=0.6)
            ax.plot(lacking[:, 0], lacking[:, 1], "x", color=INK, ms=9, mew=1.6)
            ax.set_title(title)
            ax.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
            ax.set_xlabel(names[0])
        axes[0, 0].set_ylabel(names[1])
        return picture(
            figure, name="audit-embedding", title="Data and samples in the plane",
            description=f"{len(parts[0])} data on the left, {len(parts[1])} samples on the right, in the same "
            f"coordinates; crosses mark the {len(lacking)} cells with too few samples.",
        )  # fmt: skip


def _histogram(audit: Audit) -> Picture:
    held, made = audit.material.held[:, 0], audit.material.made[:, 0]
    edges = np.histogram_bin_edges(np.concatenate([held, made]), bins=40)
    with canvas(8.2, 3.2) as (figure, axes):
        for part, label, colour in ((held, "data", _DATA), (made, "samples", _SAMPLES)):
            axes[0, 0].stairs(np.histogram(part, edges, density=True)[0], edges, color=colour, lw=1.6, label=label)
        axes[0, 0].legend()
        axes[0, 0].set(xlabel="coordinate", ylabel="density")
        return picture(
            figure, name="audit-embedding", title="Data and samples on the line",
            description=f"Histograms of {len(held)} data and {len(made)} samples over the same bins.",
        )  # fmt: skip


def cells(audit: Audit) -> Picture:
    """The share of each cell in data and samples, the largest first; cells with too few samples are marked."""
    known = audit.cells
    order = np.argsort(-known.of_data, kind="stable")[:60]
    shares = [100 * counts[order] / counts.sum() for counts in (known.of_data, known.of_samples)]
    lacking = set(audit.lacking)
    places = np.arange(len(order))
    with canvas(8.2, 2.9) as (figure, axes):
        ax = axes[0, 0]
        ax.bar(places - 0.2, shares[0], 0.38, color=_DATA, label="data")
        ax.bar(places + 0.2, shares[1], 0.38, color=_SAMPLES, label="samples")
        top = max(float(part.max()) for part in shares)
        for place, cell in enumerate(order):
            if int(cell) in lacking:
                ax.plot(place, top * 1.06, "x", color=INK, ms=7, mew=1.5)
        ax.set_xticks(places, [str(cell) for cell in order], fontsize=8)
        ax.set(xlabel="mode" if known.known else "cluster", ylabel="share, %")
        ax.legend(loc="upper right", ncols=2, bbox_to_anchor=(1, 1.16))
        worst = ", ".join(map(str, sorted(lacking))) or "none"
        return picture(
            figure, name="audit-cells", title="Shares of the cells",
            description=f"Share of each of {len(order)} cells among data and samples. Too few samples: {worst}.",
        )  # fmt: skip


def distances(near: Near) -> Picture:
    """The distribution functions of the distance to the nearest training row, of samples and of real rows."""
    label = "test rows" if near.of_test else "training rows, to another"
    with canvas(8.2, 2.9) as (figure, axes):
        ax = axes[0, 0]
        for values, colour, told in ((near.usual, _DATA, label), (near.to_data, _SAMPLES, "samples")):
            levels = np.linspace(0, 1, min(len(values), 200))
            ax.plot(np.quantile(values, levels), levels, color=colour, lw=1.7, label=told)
        ax.set(xlabel="distance to the nearest training row", ylabel="share at most so far", ylim=(0, 1.02))
        ax.set_xlim(left=0)
        # In many dimensions all distances are about as large, and the curves stand at the right.
        ax.legend(loc="best")
        return picture(
            figure, name="audit-distances", title="Distances to the nearest training row",
            description=f"Medians: samples {np.median(near.to_data):.3g}, {label} {np.median(near.usual):.3g}. Samples "
            "to the left keep nearer to the training rows than real rows do.",
        )  # fmt: skip


def image_pairs(audit: Audit, near: Near) -> Iterator[Picture]:
    """Where rows are images: the samples nearest to the data over their neighbours, and data far from every sample."""
    material = audit.material
    if material.shape is None:
        return
    samples, data, test = material.raw
    real = data if test is None else test
    low, high = (float(value) for value in (data.min(), data.max()))

    def grey(rows: Array) -> Array:
        assert material.shape is not None
        return as_grey(rows, material.shape, low, high)

    yield _pairs(
        "nearest", "The samples nearest to training rows, and these",
        grey(samples[near.closest]), grey(data[near.their_row]), ("sample", "training row"), near.closest_distances,
    )  # fmt: skip
    yield _pairs(
        "worst", "The data worst covered, and the sample nearest to each",
        grey(real[near.worst]), grey(samples[near.their_sample]), ("datum", "sample"), near.worst_distances,
    )  # fmt: skip


def _pairs(name: str, title: str, upper: Array, lower: Array, words: tuple[str, str], far: Array) -> Picture:
    ink = sheet(np.concatenate([upper, lower]), len(upper))
    height, width = ink.shape[:2]
    with canvas(8.2, 0.75 + 7.2 * height / width) as (figure, axes):
        ax: Any = axes[0, 0]
        ax.imshow(ink, interpolation="none", resample=False)
        step = width / len(upper)
        ax.set_xticks(step * (np.arange(len(upper)) + 0.5), [f"{value:.3g}" for value in far], fontsize=8)
        ax.set_yticks([height / 4, 3 * height / 4], words)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_xlabel("distance", color=FAINT)
        return picture(
            figure, name=f"audit-{name}", title=title,
            description=f"{len(upper)} pairs of images, {words[0]} above and {words[1]} below, with their distances, "
            f"{far.min():.3g} to {far.max():.3g}.",
        )  # fmt: skip
