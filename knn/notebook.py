"""Small HTML tables, as a notebook shows an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table element of texts, every sign of which stands for itself; the first column heads its rows."""
    top = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{escape(str(cell))}</th>' if place == 0 else f"<td>{escape(str(cell))}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    told = f'<caption style="text-align: left">{escape(caption)}</caption>' if caption else ""
    header = f"<thead><tr>{top}</tr></thead>" if head else ""
    return f"<table>{told}{header}<tbody>{body}</tbody></table>"
