"""What a command does with what it cannot do: one line on the standard error, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

#: Exit codes: what was asked for could not be done, something was found wanting, somebody interrupted.
REFUSED, WANTING, INTERRUPTED = 2, 1, 130


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Turns what a user can mend – `kinds`, and files, data, stores – into one line and an exit code."""
    from reports.datasets.source import DataError
    from reports.journal import StoreError
    from reports.lock import LockHeld, LockLost
    from reports.workers import WorkersBroken

    broken = (DataError, StoreError, LockHeld, LockLost, WorkersBroken)
    caught: tuple[type[Exception], ...] = (*broken, OSError, ImportError, *kinds)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("implicitbench: interrupted; what was recorded is kept, the same command goes on from it", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except caught as error:
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    told = error.args[0] if isinstance(error, KeyError) and error.args else error
    typer.echo(f"implicitbench: {' '.join(str(told).split())}", err=True)
    raise typer.Exit(REFUSED) from None
