"""`implicitbench doctor`: what of this machine and installation matters, and what each finding means."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from reports.refusing import WANTING, refusing

_SIGNS = {"fine": ("✓", typer.colors.GREEN), "note": ("–", typer.colors.YELLOW), "broken": ("✗", typer.colors.RED)}


def doctor(
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder of the results that are examined."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every finding, as JSON.")] = False,
) -> None:
    """Examine versions, threads, BLAS, CUDA, data, disk, caches and names. Exit 1: something is broken."""
    with refusing():
        from reports.doctor import examine

        found = examine(output)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], ensure_ascii=False, indent=1))
    for finding in () if as_json else found:
        sign, colour = _SIGNS[finding.level]
        typer.secho(f"{sign} {finding.subject}: {finding.found}", fg=colour)
        for told in filter(None, (finding.means, finding.remedy and f"remedy: {finding.remedy}")):
            typer.echo(f"    {told}")
    broken = sum(finding.level == "broken" for finding in found)
    notes = sum(finding.level == "note" for finding in found)
    typer.echo(f"{broken} broken, {notes} to note, {len(found) - broken - notes} fine", err=as_json)
    if broken:
        raise typer.Exit(WANTING)
