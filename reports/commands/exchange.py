"""`implicitbench export` and `implicitbench merge`: results carried elsewhere and brought together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reports.refusing import WANTING, refusing

Output = Annotated[
    Path | None, typer.Option("--output", help="Folder of the results; default $IMPLICITBENCH_OUTPUT, else results/.")
]


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.parquet", help="Where the records go.")],
    output: Output = None,
) -> None:
    """Write every record to a Parquet file, one row each, exact enough to be merged again."""
    with refusing(ValueError):
        from reports.durable import check_target
        from reports.exchange import export_parquet

        if file.suffix != ".parquet":
            raise ValueError(f"FILE is {file}: give a name that ends in .parquet")
        check_target(file, "FILE")
        typer.echo(f"{export_parquet(file, output)} records: {file.resolve()}")


def merge(
    source: Annotated[Path, typer.Argument(help="Another results folder, or a file that export wrote.")],
    output: Output = None,
) -> None:
    """Add another store's cells to this one. Exit 1: cells are here with other numbers, which were kept."""
    with refusing(ValueError):
        from reports.exchange import merge as merged

        found = merged(source, output)
    typer.echo(f"{found.added} cells added, {found.known} were there, {len(found.conflicts)} conflicts")
    for conflict in found.conflicts:
        typer.echo(f"conflict, kept as it was here: {conflict}", err=True)
    if found.conflicts:
        raise typer.Exit(WANTING)
