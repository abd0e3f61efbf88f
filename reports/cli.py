"""The command line. Every command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import json
import warnings
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reports.commands.audit import audit
from reports.commands.cite import cite
from reports.commands.compare import compare
from reports.commands.doctor import doctor
from reports.commands.exchange import export, merge
from reports.refusing import WANTING, Commands, refusing
from reports.terminal import console, download, lost, one_line, tell_claim, tell_run, unverified

if TYPE_CHECKING:
    from reports.runner import RunSummary

app = typer.Typer(
    cls=Commands,
    name="implicitbench",
    help="Implicit generative models and nearest-neighbour search: theory verified, methods measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Size(StrEnum):
    """How much is run: what one waits for, more rows and repetitions, what takes a night."""

    quick = "quick"
    standard = "standard"
    full = "full"


class Mutants(StrEnum):
    """Which mutants a claim must refute."""

    hand = "hand"
    all = "all"


class Format(StrEnum):
    """The formats of a table."""

    md = "md"
    csv = "csv"
    tex = "tex"
    html = "html"


Output = Annotated[
    Path | None, typer.Option("--output", help="Folder of the results; default $IMPLICITBENCH_OUTPUT, else results/.")
]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Processes for untimed cells; default one a core.")]
ToCluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="local|tcp://HOST:8786", help="Untimed cells on this Dask scheduler's workers."),
]
AtSize = Annotated[Size | None, typer.Option("--size", help="Default: the largest size that was run.")]
ToRun = Annotated[Size, typer.Option("--size", help="How much to run.")]

for command in (audit, cite, compare, doctor, export, merge):
    app.command()(command)


def main() -> None:
    """The entry point `implicitbench`."""
    warnings.showwarning = one_line  # type: ignore[assignment]
    app()


@app.callback(invoke_without_command=True)
def _implicitbench(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"implicitbench {version_of('implicitbench')}")
        raise typer.Exit()


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID|TOPIC]...", help="Default: every claim.")] = None,
    mutants: Annotated[Mutants, typer.Option(help="Hand-written mutants, or the automatic ones too.")] = Mutants.hand,
    deep: Annotated[bool, typer.Option("--deep", help="Larger sizes, slower.")] = False,
    root_seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Everything that was found, as JSON.")] = False,
) -> None:
    """Verify claims: each must hold, and its mutants must be refuted by the same check. One line a claim."""
    with refusing(KeyError, ValueError):
        from theory.verify import selected, verify_claim

        chosen = selected(*(names or ()))
    found = []
    with refusing():
        for claim in chosen:
            report = verify_claim(claim, deep=deep, mutants=mutants.value, root_seed=root_seed)
            found.append(report)
            if not as_json:
                tell_claim(report)
    if as_json:
        from reports.provenance import versions

        told = [{**report.as_dict(), "versions": versions()} for report in found]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    verified = sum(report.verified for report in found)
    typer.echo(f"{verified} of {len(found)} claims verified", err=as_json)
    for report in found:
        for complaint in report.complaints:
            typer.echo(f"NOT VERIFIED  {complaint}", err=True)
    if verified < len(found):
        raise typer.Exit(WANTING)


@app.command()
def run(
    experiments: Annotated[list[str] | None, typer.Argument(metavar="[EXPERIMENT]...", help="Default: all.")] = None,
    size: ToRun = Size.quick,
    jobs: Jobs = None,
    cluster: ToCluster = None,
    output: Output = None,
) -> None:
    """Measure every cell that is not recorded yet; stopped at any moment, it goes on where it was."""
    summary = _run(experiments, size, jobs, output, cluster)
    tell_run(summary)
    wanting = []
    if not experiments or "claims" in experiments:
        with refusing():
            wanting = unverified(size.value, output)
    for name in wanting:
        typer.echo(f"NOT VERIFIED  {name}: implicitbench verify {name} says why", err=True)
    if wanting or not summary.ok or lost(summary):
        raise typer.Exit(WANTING)


@app.command()
def report(
    size: ToRun = Size.quick,
    jobs: Jobs = None,
    output: Output = None,
    no_run: Annotated[bool, typer.Option("--no-run", help="Only write the page of what is recorded.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Only write the page of series over commits: asv's and the journal's.")
    ] = False,
    asv: Annotated[
        Path | None, typer.Option("--asv", help="With --history: the site that asv published; default .asv/html.")
    ] = None,
) -> None:
    """Run what is missing, then write one page and its tables."""
    with refusing(ValueError):
        if asv is not None and not history:
            raise ValueError("--asv is of the page of series over commits: give --history with it")
    if history:
        with refusing():
            from reports.history import write_history

            typer.echo(f"The page: {write_history(output, asv=asv).resolve()}")
        return
    summary = None
    if not no_run:
        summary = _run(None, size, jobs, output)
        tell_run(summary)
    with refusing():
        from reports.page import write_report
        from reports.tables import rows_of, table

        page = write_report(output, size=size.value)
        figures = table("headline", output=output, size=size.value)
    screen = console()
    plain: dict[str, Any] = {"highlight": False, "soft_wrap": True}
    screen.print()
    for row in rows_of(figures):
        mark = {"ok": "[green]✓[/]", "failed": "[red]✗[/]"}.get(str(row.status), "–")
        screen.print(f"{mark} [bold]{row.answer}[/]" + (f"\n  {row.detail}" if row.detail else ""), **plain)
    screen.print(f"\nThe page: {page.resolve()}", **plain)
    if bool((figures.status == "failed").any()) or (summary and (not summary.ok or lost(summary))):
        raise typer.Exit(WANTING)


@app.command()
def datasets(
    get: Annotated[str | None, typer.Option("--get", metavar="NAME", help="Download this one.")] = None,
    url: Annotated[str | None, typer.Option(help="Another place for the files of --get.")] = None,
) -> None:
    """What data sets are known, what was found where, and how to get what is missing."""
    with refusing(KeyError, ValueError):
        from reports.datasets.source import datasets as known

        if get is not None:
            download(known[get], url)
        statuses = [dataset.status() for dataset in known.values() if get in (None, dataset.name)]
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for heading in ("name", "found", "size", "expected MD5", "where"):
        shown.add_column(heading, overflow="fold")
    for status in statuses:
        size = f"{status.bytes / 1e6:.1f} MB" if status.found else "–"
        shown.add_row(status.name, "yes" if status.found else "no", size, status.checksum, status.where or "–")
    screen = console()
    screen.print(shown)
    for status in statuses:
        if status.remedy:
            screen.print(f"{status.name}: {status.remedy}", highlight=False, soft_wrap=True)


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="claims, errata, nearest-neighbours, implicit-models, headline, …")],
    form: Annotated[Format, typer.Option("--format", help="csv has every digit.")] = Format.md,
    size: AtSize = None,
    output: Output = None,
) -> None:
    """Print a table of what is recorded."""
    with refusing(KeyError):
        from reports.tables import table as frame_of
        from reports.tables import tables
        from reports.tables.writers import WRITERS

        frame = frame_of(name, output=output, size=size.value if size else None)
        typer.echo(WRITERS[form.value](tables[name], frame), nl=False)


def _run(
    names: list[str] | None, size: Size, jobs: int | None, output: Path | None, cluster: str | None = None
) -> RunSummary:
    with refusing(KeyError, ValueError):
        from reports.experiment import experiments
        from reports.progress import RichProgress
        from reports.runner import run as measure

        for name in names or ():
            experiments[name]  # an unknown name must be told before anything is measured
        if cluster is not None:
            from reports.cluster import check_address

            check_address(cluster)
        with RichProgress() as bar:
            return measure(names or None, size=size.value, output=output, jobs=jobs, cluster=cluster, progress=bar)
