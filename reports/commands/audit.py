"""`implicitbench audit`: anybody's sampler against its data."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from reports.refusing import REFUSED, WANTING, refusing

Rows = (
    "a .npy, .npz, .pt, .parquet or .h5 file (file.npz::key for one of several), a folder of images, or module:function"
)


def audit(
    samples: Annotated[str, typer.Argument(help=f"Rows of the sampler: {Rows} that draws n fresh rows.")],
    data: Annotated[str, typer.Option("--data", help="The rows that it learned from, in any of these forms.")],
    test: Annotated[
        str | None, typer.Option("--test", help="Rows that it did not see: memorisation needs them.")
    ] = None,
    features: Annotated[
        str | None, typer.Option("--features", help="module:function of rows, or pca:k: compare these instead.")
    ] = None,
    log_density: Annotated[
        str | None, typer.Option("--log-density", help="module:function: the sampler's log density of rows.")
    ] = None,
    modes: Annotated[str | None, typer.Option(help="Centres of known modes, one a row; default clusters.")] = None,
    score: Annotated[list[str] | None, typer.Option(help="Only this score, once or more; default all.")] = None,
    shape: Annotated[str | None, typer.Option(help="Rows are images of this shape, such as 28x28 or 32x32x3.")] = None,
    level: Annotated[float, typer.Option(help="Chance of accusing a perfect sampler of anything.")] = 0.05,
    max_rows: Annotated[int, typer.Option(help="Rows of each that scores compare.")] = 1000,
    n_samples: Annotated[int, typer.Option(help="Rows to draw where SAMPLES is module:function.")] = 1000,
    permutations: Annotated[int, typer.Option(help="Of each permutation test.")] = 999,
    time_limit: Annotated[float | None, typer.Option(help="Seconds; what is left then is skipped.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    output: Annotated[Path | None, typer.Option("--output", help="Write one page with pictures here, .html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything that was found, as JSON.")] = False,
) -> None:
    """Audit any sampler: divergences, coverage, memorisation, tests as one family, power. Exit 1: a defect was seen."""
    with refusing(ValueError, TypeError):
        from reports.auditing import audit as audited
        from reports.durable import check_target

        if output is not None:
            check_target(output, "--output")
            if output.suffix != ".html":
                raise ValueError(f"--output is {output}: give a name that ends in .html, since it is one page")
        with _bar() as progress:
            found = audited(
                samples, data, test=test, features=features, log_density=log_density, modes=modes, scores=score,
                shape=_shape(shape), level=level, max_rows=max_rows, n_samples=n_samples, permutations=permutations,
                time_limit=time_limit, random_state=seed, progress=progress,
            )  # fmt: skip
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=1) if as_json else str(found))
        if output is not None:
            typer.echo(f"The page: {found.save(output).resolve()}", err=True)
    if found.defects or not found.made:
        raise typer.Exit(WANTING if found.defects else REFUSED)


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.lower().split("x"))
    except ValueError:
        raise ValueError(f"--shape is {text!r}: pass height x width (x channels), such as 28x28") from None


@contextmanager
def _bar() -> Iterator[Any]:
    """A bar on the standard error, where that is a terminal; None else."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from reports.terminal import console

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading", total=None)
        yield lambda done, total, name: shown.update(task, completed=done, total=total, description=name)
