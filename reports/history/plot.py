"""A series as an SVG line over commits, without axes as small as a word, or with them; both can be read aloud."""

from __future__ import annotations

from reports.history.series import Series
from reports.page.markup import Html, tag
from reports.page.provenance import short_commit
from reports.tables.numerals import significant


def words(series: Series) -> str:
    """What there is to be seen, for those who do not see it."""
    first, last = series.points[0], series.points[-1]
    told = (
        f"{len(series.points)} commits, from {significant(first.value)} at {short_commit(first.commit)[:12]} "
        f"to {significant(last.value)} {series.unit} at {short_commit(last.commit)[:12]}"
    )
    steps = "; ".join(
        f"worse at {short_commit(s.commit)[:12]}, {significant(s.was)} to {significant(s.became)}"
        for s in series.regressions
    )
    return f"{told}. {steps or 'No regression'}."


def sparkline(series: Series, width: float = 140, height: float = 26) -> Html:
    """The line alone, in a table's cell."""
    return _svg(series, width, height, 3, 3, (), "spark")


def plot(series: Series, name: str) -> Html:
    """The line with its extremes, the first and the last commit, a tip a point, and what got worse."""
    width, height, left, low = 760.0, 190.0, 84.0, 30.0
    least, most = _range(series)
    first, last = series.points[0].commit, series.points[-1].commit
    text = {"fill": "currentColor", "font_size": 12}
    labels = [
        tag("text", significant(most), x=left - 8, y=16, text_anchor="end", **text),
        tag("text", significant(least), x=left - 8, y=height - low, text_anchor="end", **text),
        tag("text", short_commit(first)[:12], x=left, y=height - 8, **text),
        tag("text", short_commit(last)[:12], x=width - 4, y=height - 8, text_anchor="end", **text)
        if len(series.points) > 1
        else None,
    ]
    return _svg(series, width, height, left, low, labels, "picture", name)


def _range(series: Series) -> tuple[float, float]:
    """The extremes, and at least a tenth of the largest: noise of a percent must not look like a mountain."""
    values = [v for p in series.points for v in (p.low, p.value, p.high) if v is not None]
    least, most = min(values), max(values)
    lacking = max(0.0, 0.1 * max(abs(least), abs(most)) - (most - least)) / 2
    return least - lacking, most + lacking


def _svg(
    series: Series, width: float, height: float, left: float, low: float, labels: object, class_: str, name: str = ""
) -> Html:
    least, most = _range(series)
    across = (width - left - 12) / max(1, len(series.points) - 1)
    spread = most - least or 1.0
    top = 12.0 if name else 3.0

    def x(place: int) -> float:
        return round(left + 4 + place * across, 2)

    def y(value: float) -> float:
        # A constant runs in the middle.
        share = (value - least) / spread if most > least else 0.5
        return round(height - low - share * (height - low - top), 2)

    worse = {step.commit for step in series.regressions}
    line = " ".join(f"{x(i)},{y(p.value)}" for i, p in enumerate(series.points))
    marks: list[Html] = []
    for i, p in enumerate(series.points):
        bad = p.commit in worse
        if name and p.low is not None and p.high is not None:
            marks.append(tag("line", x1=x(i), x2=x(i), y1=y(p.low), y2=y(p.high), stroke="var(--muted)"))
        if name or bad or len(series.points) == 1:  # a line of one point is not to be seen
            tip = f"{short_commit(p.commit)[:12]}: {significant(p.value, 4)} {series.unit}" + (" – worse" * bad)
            # A regression is a square as well as another colour.
            colour, r = ("var(--bad)", 4.5 if name else 3) if bad else ("var(--series-1)", 3.0)
            shape = (
                tag("rect", tag("title", tip), x=x(i) - r, y=y(p.value) - r, width=2 * r, height=2 * r, fill=colour)
                if bad
                else tag("circle", tag("title", tip), cx=x(i), cy=y(p.value), r=r, fill=colour)
            )
            marks.append(shape)
    named = {"aria_labelledby": f"{name}-title {name}-desc"} if name else {"aria_label": words(series)}
    head = (
        [tag("title", series.name, id=f"{name}-title"), tag("desc", words(series), id=f"{name}-desc")] if name else None
    )
    return tag(
        "svg",
        head,
        tag("polyline", points=line, fill="none", stroke="var(--series-1)", stroke_width=1.6),
        marks,
        labels,
        role="img",
        class_=class_,
        width=f"{width:g}",
        height=None if name else f"{height:g}",
        viewBox=f"0 0 {width:g} {height:g}",
        **named,
    )
