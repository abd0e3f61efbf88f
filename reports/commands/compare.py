"""`implicitbench compare`: two sets of samples, every divergence and score of them with its error."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from reports.commands.audit import Rows
from reports.refusing import WANTING, refusing


class Form(StrEnum):
    """How the table is printed."""

    text = "text"
    md = "md"
    csv = "csv"
    tex = "tex"
    html = "html"


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=f"The data, one a row: {Rows} that draws n fresh rows.")],
    b: Annotated[str, typer.Argument(metavar="B", help="A model's samples, in any of these forms.")],
    form: Annotated[Form, typer.Option("--format", help="csv has every digit.")] = Form.text,
    only: Annotated[list[str] | None, typer.Option(help="Only this divergence or score, once or more.")] = None,
    n_samples: Annotated[int, typer.Option(min=1, help="Rows to draw where A or B is module:function.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn so.")] = 0,
    as_csv: Annotated[bool, typer.Option("--csv", help="The same as --format csv.")] = False,
) -> None:
    """Every divergence and score of two sets of samples, with intervals. Exit 1: one of them failed, and says why."""
    with refusing(ValueError, TypeError, KeyError):
        from estimators import compare as compare_samples
        from estimators.points import same_columns
        from estimators.scoring import scores
        from reports.auditing.agreement import counted, refuse_other_widths, scale_doubt
        from reports.auditing.formats import read_rows

        for name in only or ():
            _check_takes_samples(name)
        rows = [read_rows(source, name, n=n_samples, random_state=seed) for source, name in ((a, "A"), (b, "B"))]
        data, samples = (one.values for one in rows)
        same_columns(rows[0].columns, rows[1].columns, ("A", "B"))
        refuse_other_widths(samples, data, f"B ({b})", f"A ({a})")
        if doubt := scale_doubt(samples, data, "B", "A"):
            typer.echo(f"implicitbench: {doubt}", err=True)
        fewest, name = min((len(data), "A"), (len(samples), "B"))
        if not only and (left_out := [score for score, member in scores.items() if member.least > fewest]):
            told = f"{name} has {counted(fewest, 'row')}, too few for {', '.join(left_out)}"
            typer.echo(f"implicitbench: {told}, which are left out", err=True)
        frame = compare_samples(data, samples, only or None)
        from reports.tables.comparison import as_text, comparison
        from reports.tables.writers import WRITERS

        chosen = Form.csv if as_csv else form
        if chosen is Form.text:
            typer.echo(as_text(frame))
        else:
            typer.echo(WRITERS[chosen.value](comparison, frame), nl=False)
    if bool((frame.status != "ok").any()):
        raise typer.Exit(WANTING)


def _check_takes_samples(name: str) -> None:
    """Raises ValueError unless `name` is a divergence or a score of samples, which is what files hold."""
    from estimators.comparison import divergences
    from estimators.scoring import scores
    from knn.registry import unknown_name

    known = [*(name for name, member in divergences.items() if member.takes == "samples"), *scores]
    if name in divergences and name not in known:
        raise ValueError(f"--only {name} is of measures with known weights, and files hold samples: {', '.join(known)}")
    if name not in known:
        raise unknown_name("divergence or score", name, known)
