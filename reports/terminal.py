"""What a command tells on the terminal: of runs, claims, downloads and warnings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from reports.datasets.source import Dataset
    from reports.runner import RunSummary
    from theory.verify import ClaimReport


def console(*, stderr: bool = False) -> Console:
    """A rich console, which knows how wide the terminal is."""
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # for `refusing`, where rich would exit with 1

    return Ours(stderr=stderr)


def tell_run(summary: RunSummary) -> None:
    """What was measured and where it lies; damage, failures and what was left out go to the standard error."""
    parts = [f"{summary.measured} cells measured in {summary.seconds:.0f} s", f"{summary.present} were there"]
    typer.echo(f"{', '.join(parts)}: {summary.path}")
    for module, remedy in summary.unavailable.items():
        typer.echo(f"left out: {module}: {remedy}", err=True)
    for damage in summary.damage:
        typer.echo(f"damaged: {damage}", err=True)
    for record in summary.failures:
        what = ", ".join(f"{name}={value}" for name, value in record.params.items())
        typer.echo(f"{record.status}: {record.experiment} ({what}, seed {record.seed}): {record.detail}", err=True)


def lost(summary: RunSummary) -> bool:
    """Whether damage cost records. A torn tail does not: the run has measured it again."""
    return any(damage.lost for damage in summary.damage)


def unverified(size: str, output: Path | None) -> list[str]:
    """The recorded claims whose check refuted the statement, or did not refute a mutant."""
    from reports.tables import table

    found = table("claims", output=output, size=size)
    return [str(name) for name in found.id[~found.verified.astype(bool)]]


def tell_claim(report: ClaimReport) -> None:
    """One line a claim, green or red on a terminal."""
    colour = typer.colors.GREEN if report.verified else typer.colors.RED
    typer.echo(report.line() if not sys.stdout.isatty() else typer.style(report.line(), fg=colour))


def download(dataset: Dataset, url: str | None) -> None:
    """Fetches a data set behind a progress bar a file."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(file: str, have: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bar.add_task(file, total=total or None)
            bar.update(tasks[file], completed=have)

        dataset.fetch(progress=progress, url=url)


def one_line(message: Warning | str, *_: object) -> None:
    """A warning without the source line that issued it."""
    typer.echo(f"implicitbench: warning: {message}", err=True)
