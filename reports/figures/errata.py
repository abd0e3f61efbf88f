"""Four corrections that a picture explains better than a line: each is drawn beside the claim that proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reports.experiments.errata_pictures import CONFIDENCE
from reports.figures import Figure, figures
from reports.record import Record, Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import recorded

EXPERIMENT = "errata-pictures"
_SIZE = (5.2, 3.7)
#: Powers of two that are labelled on an axis of samples.
_SAMPLE_TICKS = (1, 4, 16, 64, 256, 1024, 4096)

#: The records of one picture, by metric, in the order in which they were measured.
Found = Mapping[str, list[Record]]


def _drawn(name: str, metrics: tuple[str, ...], draw: Callable[[Found], Picture]) -> Any:
    """A function of the store: the picture `name`, or none while a record that it needs is missing or has no value."""

    def pictures(store: Store, size: str | None = None) -> list[Picture]:
        found: dict[str, list[Record]] = {}
        for record in recorded(store, EXPERIMENT, size):
            if record.params["picture"] == name and record.status is Status.OK:
                found.setdefault(record.metric, []).append(record)
        return [draw(found)] if set(metrics) <= set(found) else []

    return pictures


def _bias(found: Found) -> Picture:
    curve, limit = found["plain IMLE"][-1].payload, _value(found["limit"][-1])
    m, location, mle = curve["m"], curve["location"], curve["mle"]
    with canvas(*_SIZE) as (figure, axes):
        ax = axes[0, 0]
        _samples(ax, m)
        _level(ax, limit, f"limit {limit:.4f}", below=False)
        _level(ax, mle, f"maximum likelihood {mle:g}", below=True)
        ax.plot(m, location, "-" + MARKERS[0], color=SERIES[1], ms=5, lw=1.8, clip_on=False, zorder=3)
        span = limit - mle
        ax.set_ylim(mle - 0.16 * span, limit + 0.14 * span)
        ax.set_ylabel("best location θ")
        ax.set_title("plain IMLE, N(θ, 1), five data")
        return picture(
            figure,
            name="errata-imle-bias",
            title="The bias of plain IMLE does not vanish",
            description=f"The location that minimises the sum of the expected nearest squared distances, against the "
            f"number of samples m: {_pairs(m, location)}. Maximum likelihood gives {mle:g}; the limit for m to "
            f"infinity is {limit:.4f}.",
        )


def _spread(found: Found) -> Picture:
    limits = {record.payload["d"]: _value(record) for record in found["limit"]}
    told = []
    with canvas(*_SIZE) as (figure, axes):
        ax = axes[0, 0]
        _samples(ax, found["best variance"][0].payload["m"])
        _level(ax, 1.0, "the truth 1", below=True)
        for place, record in enumerate(found["best variance"]):
            curve = record.payload
            d, m, variance, colour = curve["d"], curve["m"], curve["variance"], SERIES[place]
            told.append(f"in dimension {d}: {_pairs(m, variance)}; limit {limits[d]:g}")
            _level(ax, limits[d], f"limit {limits[d]:g}", below=False, colour=colour)
            marker = MARKERS[place]
            ax.plot(m, variance, "-" + marker, color=colour, ms=5, lw=1.8, clip_on=False, zorder=3, label=f"d = {d}")
        ax.set_ylim(0, 1.12 * max(limits.values()))
        ax.legend(loc="upper left", bbox_to_anchor=(0.0, 0.88))
        ax.set_ylabel("best variance s²")
        ax.set_title("plain IMLE, N(0, s²I) for data N(0, I)")
        return picture(
            figure,
            name="errata-imle-spread",
            title="Plain IMLE is too narrow with few samples and too wide with many",
            description="The variance that minimises the expected nearest squared distance to data of variance 1, "
            "against the number of samples m, " + "; ".join(told) + ".",
        )


def _limits(found: Found) -> Picture:
    largest = _value(found["largest"][-1])
    told = []
    with canvas(*_SIZE) as (figure, axes):
        ax = axes[0, 0]
        ax.set_xscale("log", base=2)
        _grid(ax)
        _level(ax, largest, "log 2", below=False)
        for place, record in enumerate(found["expected JSD"]):
            n, k, jsd = (record.payload[name] for name in ("n", "k", "jsd"))
            ax.plot(k, jsd, "-", color=SERIES[place], lw=1.8, zorder=3)
            # Every curve has its n beside it halfway up, so that no legend is needed.
            middle = 2 ** float(np.interp(largest / 2, jsd, np.log2(k)))
            name = ("" if place else "n = ") + f"{n:,}".replace(",", "\u202f")
            ax.annotate(
                name, (middle, largest / 2), xytext=(3, -11), textcoords="offset points", fontsize=9,
                color=SERIES[place],
            )  # fmt: skip
            told.append(f"n = {n}: {_pairs(k[:: max(1, len(k) // 5)], jsd[:: max(1, len(k) // 5)])}")
        ax.set_xlim(k[0], k[-1])
        ax.set_ylim(0, 1.12 * largest)
        ax.set_xlabel("equal bins k")
        ax.set_ylabel("E JSD, nats")
        ax.set_title("a sample of n against its own law")
        return picture(
            figure,
            name="errata-jsd-limits",
            title="The two limits of the Jensen–Shannon divergence do not commute",
            description="The expected divergence between the empirical law of n data and the uniform law that they "
            f"come from, against the number of bins k; every curve rises to log 2 = {largest:.4f}, and at each k more "
            "data bring it down to 0. " + "; ".join(told) + ".",
        )


def _inversion(found: Found) -> Picture:
    half = found["at a half"][-1]
    curve = half.payload
    drawn = found["draws"]
    with canvas(*_SIZE) as (figure, axes):
        ax = axes[0, 0]
        _grid(ax)
        ax.fill_between(curve["ratio"], curve["exact"], curve["recalled"], color=SERIES[1], alpha=0.1, lw=0)
        ax.plot(curve["ratio"], curve["recalled"], "--", color=SERIES[1], lw=1.8, label="recalled bound, (2/π) arcsin")
        ax.plot(curve["ratio"], curve["exact"], "-", color=SERIES[0], lw=1.8, label="exact, (2/π) arctan")
        for place, record in enumerate(drawn):
            points = record.payload
            at, share, low, high = (points[name] for name in ("ratio", "share", "low", "high"))
            reach = [
                [s - a for s, a in zip(share, low, strict=True)],
                [b - s for s, b in zip(share, high, strict=True)],
            ]
            colour = SERIES[2 + place]
            ax.errorbar(
                at, share, yerr=reach, fmt=MARKERS[place], color=colour, ms=3.5, elinewidth=1.1, zorder=4,
                label=f"drawn, d = {points['d']}",
            )  # fmt: skip
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.legend(loc="upper left", fontsize=9)
        ax.set_xlabel("s/l, orthogonal vectors")
        ax.set_ylabel("probability of inversion")
        ax.set_title("the longer vector projected before the shorter")
        dimensions = ", ".join(str(record.payload["d"]) for record in drawn)
        return picture(
            figure,
            name="errata-order-inversion",
            title="The recalled bound on order inversion is not sharp",
            description="The probability that a random projection makes the longer of two orthogonal vectors the "
            f"shorter, against the ratio of their lengths: exactly {_value(half):.4f} at a half, one half at 1, where "
            f"the recalled bound is 1. Shares of {drawn[0].value:.0f} draws in dimensions {dimensions} with their "
            "intervals: " + "; ".join(_pairs(r.payload["ratio"], r.payload["share"]) for r in drawn) + ".",
        )


def _samples(ax: Any, m: list[int]) -> None:
    ax.set_xscale("log", base=2)
    ticks = [tick for tick in _SAMPLE_TICKS if m[0] <= tick <= m[-1]]
    ax.set_xticks(ticks, [f"{tick}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(m[0], m[-1])
    ax.set_xlabel("samples m")
    _grid(ax)


def _grid(ax: Any) -> None:
    ax.grid(True, which="major", axis="both")
    ax.set_axisbelow(True)


def _level(ax: Any, height: float, words: str, *, below: bool, colour: str = FAINT) -> None:
    """A dashed line across the picture with its name at the right end."""
    ax.axhline(height, color=colour, lw=1, ls=(0, (4, 3)), zorder=2)
    ax.annotate(
        words, (1, height), xycoords=ax.get_yaxis_transform(), xytext=(-2, -3 if below else 3),
        textcoords="offset points", ha="right", va="top" if below else "bottom", fontsize=9, color=colour,
    )  # fmt: skip


def _pairs(arguments: list[Any], values: list[float]) -> str:
    return ", ".join(f"{value:.3g} at {argument:g}" for argument, value in zip(arguments, values, strict=True))


def _value(record: Record) -> float:
    assert record.value is not None, "a record whose status is ok has a value"
    return record.value


for _name, _claim, _metrics, _draw, _title, _about in (
    (
        "imle-bias",
        "imle-unweighted-bias",
        ("plain IMLE", "limit"),
        _bias,
        "More samples do not make plain IMLE maximum likelihood",
        "The densities at these five data differ, and only m = 1 gives their mean; with m the best location moves away "
        "from it, to the minimum of Σ p(xᵢ)⁻². Each point is certified within 10⁻⁶.",
    ),
    (
        "imle-spread",
        "imle-overdispersion",
        ("best variance", "limit"),
        _spread,
        "Plain IMLE does not learn the spread",
        "With endless data the best variance starts at 0, passes the truth after a few samples and tends to "
        "(d\u00a0+\u00a02)/d. The points are computed in floating point; the limits are the claim's.",
    ),
    (
        "jsd-limits",
        "jsd-limits-do-not-commute",
        ("expected JSD", "largest"),
        _limits,
        "Two limits that do not commute",
        "Read along a curve, the divergence of a sample from its own law rises to log 2 as the bins get finer; read "
        "downwards at fixed bins, it falls to 0 as data are added. Exact expectations.",
    ),
    (
        "order-inversion",
        "order-inversion",
        ("at a half", "draws"),
        _inversion,
        "The arcsin bound is true and not sharp",
        "The bound is recalled, not printed in a deck. The curve (2/π) arctan(s/l) is attained by orthogonal vectors "
        "in every dimension; the bars are Clopper–Pearson intervals that hold all at once with "
        f"{100 * CONFIDENCE:g} % confidence.",
    ),
):
    figures.register(f"errata-{_name}")(
        Figure(
            name=f"errata-{_name}",
            title=_title,
            about=_about,
            experiment=EXPERIMENT,
            draw=_drawn(_name, _metrics, _draw),
            claim=_claim,
        )
    )
