"""Tables of docs/ that are published records: `python -m reports.docs_tables` writes them anew between their marks.

A page has `<!-- table: NAME -->` and `<!-- end -->`; what stands between is reports/published/NAME.csv as its
registered table shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from reports.reproducing_page import DOCS, PUBLISHED

_MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(markdown: str) -> str:
    """The page with every marked table as its record has it."""
    return _MARKED.sub(lambda found: f"{found[1]}{published_table(found[2])}\n{found[4]}", markdown)


def published_table(name: str) -> str:
    """The published record as a Markdown table; raises KeyError where no table has the name."""
    import pandas as pd

    from reports.tables import tables
    from reports.tables.writers import to_markdown

    frame = pd.read_csv(PUBLISHED / f"{name}.csv")
    return "\n" + to_markdown(tables[name], frame)


def pages() -> Iterator[Path]:
    """The pages that have a marked table."""
    return (page for page in sorted(DOCS.glob("*.md")) if _MARKED.search(page.read_text(encoding="utf-8")))


if __name__ == "__main__":
    for path in pages():
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
