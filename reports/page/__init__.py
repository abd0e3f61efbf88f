"""The page: one HTML file that needs nothing else, a pure function of the store."""

from __future__ import annotations

from pathlib import Path

from reports.durable import replace_file
from reports.journal import not_written
from reports.page.document import document
from reports.store import Store, output_folder
from reports.tables import tables
from reports.tables.writers import write_all

__all__ = ["document", "write_report"]


def write_report(output: str | Path | None = None, *, size: str | None = None) -> Path:
    """Writes `report/index.html` and `report/tables/` in the output folder; returns the page's path.

    Raises StoreError where there are no results, and where the page cannot be written.
    """
    folder = output_folder(output) / "report"
    with Store(output) as store:
        text = document(store, size)
        frames = {name: table.make(store, size) for name, table in tables.items()}
    try:
        for name, frame in frames.items():
            write_all(tables[name], frame, folder / "tables")
        replace_file(folder / "index.html", text.encode())
    except OSError as error:
        raise not_written(error, folder, "the page and its tables could not be written") from error
    return folder / "index.html"
