"""Pictures as SVG text that is the same on every run, follows the page's colours and can be read aloud."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours that stay apart for every common kind of colour vision (Okabe & Ito 2008); the page's
#: style sheet gives each of them a lighter twin for dark backgrounds, under the same variable.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7f6bb3", "#8c564b")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
INK, FAINT, RULE = "#1b1f24", "#59636e", "#d1d9e0"
_VARIABLES = {INK: "--ink", FAINT: "--muted", RULE: "--rule"} | {c: f"--series-{i}" for i, c in enumerate(SERIES, 1)}

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be selected, searched and read aloud
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Picture:
    """An SVG with the words that stand for it: `title` names it, `description` says what is to be seen."""

    title: str
    description: str
    svg: str


def series_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour a name, the same in every picture of the same names."""
    return {name: SERIES[place % len(SERIES)] for place, name in enumerate(sorted(set(names)))}


@contextmanager
def canvas(width: float, height: float, **grid: Any) -> Iterator[tuple[Figure, Any]]:
    """`(figure, axes)` of `width` × `height` inches in the house style, without a display and without global state."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(squeeze=False, **grid)


def picture(
    figure: Figure,
    *,
    name: str,
    title: str,
    description: str,
    tips: Mapping[str, str] | None = None,
    style: dict[Any, Any] | None = None,
) -> Picture:
    """Renders `figure`; equal figures give equal text.

    `tips` maps the gid of an artist to its tooltip; `style` overrides the house's.

    `name` must differ between the pictures of one page, since the names inside an SVG are global to it.
    """
    from matplotlib import rc_context

    sink = io.StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": name, **(style or {})}):
        figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = sink.getvalue()
    svg = svg[svg.index("<svg") :]
    # A style element inside an SVG reaches the whole page; the page's own sheet says what this one would.
    svg = re.sub(r"<(metadata|style)\b.*?</\1>\s*|<!--.*?-->\s*", "", svg, flags=re.S)
    for gid, tip in (tips or {}).items():
        svg = svg.replace(f'<g id="{gid}">', f"<g><title>{escape(tip)}</title>")
    svg = _local_names(svg, name)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font: (bold|\d{3}) ([\d.]+px) [^;\"]*", r"font-weight: \1; font-size: \2", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable}, {colour})")
    head = (
        f'<svg role="img" aria-labelledby="{name}-title {name}-desc" class="picture" '
        f'width="{_attribute(svg, "width")}" viewBox="{_attribute(svg, "viewBox")}" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" font-family="system-ui, sans-serif">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n<desc id="{name}-desc">{escape(description)}</desc>'
    )
    return Picture(title, description, re.sub(r"<svg[^>]*>", lambda _: head, svg, count=1).strip())


def _attribute(svg: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', svg)
    assert found is not None, "matplotlib writes a viewBox into every SVG"
    return found[1]


def _local_names(svg: str, name: str) -> str:
    """Keeps the names that something refers to, prefixed by `name`, and drops the others."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)
