"""`implicitbench cite`: BibTeX for what was used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reports.refusing import refusing


def cite(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Indexes, divergences, scores, models, claims, data sets."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Without names: the folder of the results.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is registered.")] = False,
) -> None:
    """Print BibTeX for what is named; without names, for what the recorded results used."""
    with refusing(KeyError):
        from reports.bibliography import bibtex, members, used

        chosen = list(members()) if everything else names or used(output)
        typer.echo(bibtex(chosen))
