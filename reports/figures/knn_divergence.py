"""Bias and spread of k-NN estimates of KL against the dimension."""

from __future__ import annotations

from reports.figures import Figure, figures
from reports.record import Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import rows_of
from reports.tables.knn_divergence import EXPERIMENT, knn_divergence

_STYLES = ("-", "--")


def knn_bias(store: Store, size: str | None = None) -> list[Picture]:
    """One picture: a panel a sample size, a line an estimator and k, bars of one standard deviation of an estimate."""
    frame = knn_divergence(store, size)
    frame = frame[frame.status == str(Status.OK)].dropna(subset=["bias", "spread"])
    if not len(frame):
        return []
    sizes, methods, ks = (sorted(frame[name].unique()) for name in ("n", "method", "k"))
    dimensions = sorted(frame.d.unique())
    with canvas(3.6 * len(sizes) + 0.6, 3.5, ncols=len(sizes), sharey=True) as (figure, axes):
        for ax, n in zip(axes[0], sizes, strict=True):
            ax.axhline(0.0, color=FAINT, lw=1, ls=(0, (4, 3)))
            for i, method in enumerate(methods):
                for j, k in enumerate(ks):
                    part = frame[(frame.n == n) & (frame.method == method) & (frame.k == k)].sort_values("d")
                    # Lines are set beside each other, so that their bars can be told apart.
                    beside = 1 + 0.05 * (i * len(ks) + j - (len(methods) * len(ks) - 1) / 2)
                    ax.errorbar(
                        part.d.astype(float) * beside, part.bias.astype(float), yerr=part.spread.astype(float),
                        color=SERIES[j % len(SERIES)], ls=_STYLES[i % 2], marker=MARKERS[i], ms=4, lw=1.4,
                        elinewidth=0.9, label=f"{method}, k = {k}",
                    )  # fmt: skip
            ax.set_xscale("log")
            ax.set_xticks(dimensions, [f"{d}" for d in dimensions])
            ax.set_xticks([], minor=True)
            ax.set_xlabel("dimension")
            ax.set_title(f"n = {n}", loc="left")
            ax.grid(True)
            ax.set_axisbelow(True)
        axes[0, 0].set_ylabel("error of KL, nats")
        axes[0, 0].legend(fontsize=8.5, loc="lower left")
        words = "; ".join(
            f"{row.method}, d = {row.d}, n = {row.n}, k = {row.k}: {row.bias:.2f}, spread {row.spread:.2f}"
            for row in rows_of(frame)
        )
        return [
            picture(
                figure,
                name="knn-divergence",
                title="Bias and spread of k-NN estimates of KL",
                description=f"Mean error against the dimension, bars of one standard deviation. {words}.",
            )
        ]


figures.register("knn-divergence")(
    Figure(
        name="knn-divergence",
        title="KL by nearest neighbours",
        about="The mean error of the estimate between two Gaussians 1 nat apart; a bar is one standard deviation of a "
        "single estimate. Below the dashed line it is too small.",
        experiment=EXPERIMENT,
        draw=knn_bias,
    )
)
