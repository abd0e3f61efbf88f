"""What a command does with what it cannot do: one line on the standard error, and an exit code."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

#: Exit codes: what was asked for could not be done, something was found wanting, somebody interrupted, and nobody reads
#: on, which is what a shell has for a command that ends by SIGPIPE.
REFUSED, WANTING, INTERRUPTED, UNREAD = 2, 1, 130, 141


class Commands(TyperGroup):
    """All commands: a bad value is told in one sentence, and where nobody reads on a command ends without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")  # pydantic's, by which typer converts
            raise
        except BrokenPipeError:
            if not _unread():
                raise
            raise typer.Exit(UNREAD) from None


def _unread() -> bool:
    """Whether the standard output or error is a pipe that nobody reads; then nothing more is written to it."""
    gone = False
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # it has no descriptor, or the system no poll
            asked = select.poll()
            asked.register(stream.fileno(), 0)
            if any(found & (select.POLLERR | select.POLLHUP) for _, found in asked.poll(0)):
                gone = True
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return gone


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
        if isinstance(error, BrokenPipeError) and _unread():
            raise typer.Exit(UNREAD) from None
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    told = error.args[0] if isinstance(error, KeyError) and error.args else error
    typer.echo(f"implicitbench: {' '.join(str(told).split())}", err=True)
    raise typer.Exit(REFUSED) from None
