"""Tables as files: CSV with every digit, Markdown, LaTeX and HTML as people read them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path

import pandas as pd

from reports.durable import replace_file
from reports.tables import Table, rows_of

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "×": r"$\times$", "≥": r"$\geq$",
    "≤": r"$\leq$", "−": "$-$", "–": "--", "∞": r"$\infty$", "·": r"$\cdot$", "\u202f": r"\,", "\n": " ",
}  # fmt: skip
_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def shown(table: Table, frame: pd.DataFrame) -> list[list[str]]:
    """The text of every cell, row by row, as the table's columns show it."""
    return [[column.text(row) for column in table.columns] for row in rows_of(frame)]


def to_csv(table: Table, frame: pd.DataFrame) -> str:
    """The frame itself with the shortest decimals that read back exactly."""
    del table
    return frame.to_csv(index=False, lineterminator="\n")


def to_markdown(table: Table, frame: pd.DataFrame) -> str:
    """A pipe table, numbers to the right."""
    heads = [column.heading for column in table.columns]
    body = [[_in_markdown(text) for text in row] for row in shown(table, frame)]
    widths = [max(3, *(len(row[i]) for row in [heads, *body])) for i in range(len(heads))]
    rule = ["-" * (w - 1) + ":" if c.numeric else "-" * w for c, w in zip(table.columns, widths, strict=True)]
    lines = [_padded(heads, widths, table), "| " + " | ".join(rule) + " |"]
    return "\n".join([*lines, *(_padded(row, widths, table) for row in body), ""])


def to_latex(table: Table, frame: pd.DataFrame) -> str:
    """A booktabs tabular."""
    form = "".join("r" if column.numeric else "l" for column in table.columns)
    rows = [[_in_latex(text) for text in row] for row in ([c.heading for c in table.columns], *shown(table, frame))]
    lines = [" & ".join(row) + r" \\" for row in rows]
    begin, end = rf"\begin{{tabular}}{{{form}}}", r"\end{tabular}"
    return "\n".join([begin, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", end, ""])


def to_html(table: Table, frame: pd.DataFrame) -> str:
    """A plain table element."""
    heads = "".join(f"<th>{escape(column.heading)}</th>" for column in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in shown(table, frame)
    )
    caption = f"<caption>{escape(table.title)}</caption>"
    return f"<table>\n{caption}\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n"


#: The writers by the ending of their files.
WRITERS: dict[str, Callable[[Table, pd.DataFrame], str]] = {
    "csv": to_csv,
    "md": to_markdown,
    "tex": to_latex,
    "html": to_html,
}


def write_all(table: Table, frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes the table to `folder` in every format, each file whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending, write in WRITERS.items():
        paths.append(folder / f"{table.name}.{ending}")
        replace_file(paths[-1], write(table, frame).encode())
    return paths


def _padded(cells: list[str], widths: list[int], table: Table) -> str:
    placed = [
        text.rjust(width) if column.numeric else text.ljust(width)
        for text, width, column in zip(cells, widths, table.columns, strict=True)
    ]
    return "| " + " | ".join(placed) + " |"


def _in_markdown(text: str) -> str:
    return re.sub(r"([|\\`*_<\[\]])", r"\\\1", text).replace("\n", " ")


def _in_latex(text: str) -> str:
    text = "".join(_LATEX.get(letter, letter) for letter in text)
    return re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: f"$^{{{found[0].translate(_RAISED)}}}$", text)
