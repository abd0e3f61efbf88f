"""Approximation ratio against distances computed: down and to the left is better."""

from __future__ import annotations

from reports.figures import Figure, figures
from reports.record import Record, Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import recorded
from reports.tables.dci_and_lsh import EXPERIMENT
from reports.tables.numerals import significant

#: Ratios shown: beyond, an answer is of no use.
_WORST = 1.6


def ratio_cost(store: Store, size: str | None = None) -> list[Picture]:
    """One picture a data set: a curve a method, the budgets of all splits averaged."""
    curves: dict[str, dict[str, dict[int, list[Record]]]] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.metric == "ratio" and record.status is Status.OK:
            told = record.payload
            by_search = curves.setdefault(str(record.params["dataset"]), {}).setdefault(told["search"], {})
            by_search.setdefault(told["candidates"], []).append(record)
    return [_panel(dataset, found) for dataset, found in sorted(curves.items())]


def _panel(dataset: str, found: dict[str, dict[int, list[Record]]]) -> Picture:
    from matplotlib.ticker import LogLocator

    told = []
    with canvas(5.6, 3.9) as (figure, axes):
        ax = axes[0, 0]
        ax.set_xscale("log")
        ax.grid(True, which="major", axis="both")
        ax.set_axisbelow(True)
        target = float(next(iter(next(iter(found.values())).values()))[0].params["ratio"] or 0.0)
        for place, (search, budgets) in enumerate(sorted(found.items())):
            points = sorted(_mean(part) for part in budgets.values())
            points = [(cost, ratio) for cost, ratio in points if ratio <= _WORST]
            if not points:
                continue
            cost, ratio = zip(*points, strict=True)
            ax.plot(cost, ratio, "-" + MARKERS[place], color=SERIES[place], ms=4.5, lw=1.8, label=search)
            told.append(f"{search}: from {significant(ratio[0])} at {significant(cost[0])} distances to "
                        f"{significant(ratio[-1])} at {significant(cost[-1])}")  # fmt: skip
        ax.axhline(target, color=FAINT, lw=1, ls=(0, (4, 3)), zorder=1)
        ax.set_ylim(1.0, _WORST)
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_xticks([], minor=True)
        ax.set_xlabel("true distances computed a query")
        ax.set_ylabel("approximation ratio")
        ax.set_title(f"{dataset}: 25 neighbours")
        figure.legend(loc="outside lower center", ncols=2, fontsize=9)
        return picture(
            figure,
            name=f"ratio-cost-{dataset}",
            title=f"Approximation ratio and distances on {dataset}",
            description=f"The ratio of the radius found to the true one against distances computed, on a logarithmic "
            f"axis, with the compared ratio {target:g} as a dashed line. " + "; ".join(told) + ".",
        )


def _mean(part: list[Record]) -> tuple[float, float]:
    """(distances, ratio), averaged over splits."""
    costs, ratios = [float(record.payload["evaluations"]) for record in part], [record.value or 0.0 for record in part]
    return sum(costs) / len(part), sum(ratios) / len(part)


figures.register("dci-and-lsh")(
    Figure(
        name="dci-and-lsh",
        title="What an approximation costs",
        about="Each point is one budget; the dashed line is the ratio at which the table compares. Down and to the "
        "left is better.",
        experiment=EXPERIMENT,
        draw=ratio_cost,
    )
)
