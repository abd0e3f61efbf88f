"""The page: one HTML file that needs nothing else, a pure function of the store."""

from __future__ import annotations

from pathlib import Path

from reports.durable import replace_file
from reports.page.document import document
from reports.store import Store, output_folder
from reports.tables import tables
from reports.tables.writers import write_all

__all__ = ["document", "write_report"]


def write_report(output: str | Path | None = None, *, size: str | None = None) -> Path:
    """Writes `report/index.html` and `report/tables/` in the output folder; returns the page's path.

    Raises StoreError where there are no results.
    """
    folder = output_folder(output) / "report"
    with Store(output) as store:
        text = document(store, size)
        for table in tables.values():
            write_all(table, table.make(store, size), folder / "tables")
    replace_file(folder / "index.html", text.encode())
    return folder / "index.html"
