"""A formula of TeX as SVG paths, so that no font and no script is needed to read it."""

from __future__ import annotations

from html import escape

from reports.svg import INK, picture

#: Points at which a formula stands among text of 12.
_SIZE = 15.0


def formula(tex: str, *, name: str) -> str:
    """An SVG element of `tex` (matplotlib's mathtext, without the dollars), or its source in <code> if it is not that.

    `name` must be unique on a page.
    """
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    font = FontProperties(size=_SIZE, math_fontfamily="stix")
    try:
        width, height, depth, *_ = MathTextParser("path").parse(f"${tex}$", dpi=72, prop=font)
    except ValueError:  # what mathtext cannot parse
        return f"<code>{escape(tex)}</code>"
    # A point around it: antialiased edges reach beyond the box.
    figure = Figure(figsize=((width + 2) / 72, (height + 2) / 72))
    figure.text(1 / (width + 2), (depth + 1) / (height + 2), f"${tex}$", fontproperties=font, color=INK)
    return picture(figure, name=name, title="Formula", description=tex, style={"svg.fonttype": "path"}).svg
