"""One page of how measurements went over commits, a function of what asv published and of the journal."""

from __future__ import annotations

from pathlib import Path

from reports.durable import replace_file
from reports.history.page import document, frame_of, table
from reports.history.series import from_asv, from_store
from reports.journal import not_written
from reports.store import Store, StoreError, output_folder
from reports.tables.writers import write_all

__all__ = ["write_history"]

#: Where `make dashboard` has asv publish.
ASV_SITE = Path(".asv/html")


def write_history(output: str | Path | None = None, *, asv: str | Path | None = None) -> Path:
    """Writes `report/history.html` and its table in the output folder; returns the page's path.

    The series are those of the site that asv published in `asv` (default .asv/html, if it is there), with the
    regressions that asv found, and those of the store in `output`, if there is one. Raises StoreError where neither
    has anything to show, where `asv` holds no published site, and where the page cannot be written.
    """
    folder = output_folder(output) / "report"
    site = ASV_SITE if asv is None else Path(asv)
    series = from_asv(site) if asv is not None or (site / "index.json").is_file() else []
    try:
        with Store(output) as store:
            series += from_store(store)
    except StoreError:
        if (output_folder(output) / "journal.jsonl").exists():
            raise
    if not series:
        raise StoreError(
            f"{folder.parent}: nothing was measured at two commits, and {site} holds no site of asv's: "
            "`make dashboard` measures several commits"
        )
    try:
        write_all(table, frame_of(series), folder / "tables")
        replace_file(folder / "history.html", document(series).encode())
    except OSError as error:
        raise not_written(error, folder, "the page of the series could not be written") from error
    return folder / "history.html"
