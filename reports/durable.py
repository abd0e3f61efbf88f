"""Files that are either whole or absent after a crash."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def flush(file: int) -> None:
    """Returns when the descriptor's bytes are on the disk itself."""
    if sys.platform == "darwin":
        import fcntl

        # fsync on macOS only reaches the drive's cache.
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fsync(file)


def check_target(path: Path, name: str) -> None:
    """Raises OSError, naming the argument and the remedy, where no file can be put at `path`, before work is done."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{name}: the folder {path.parent} is not there; make it, or choose another")
    if path.is_dir():
        raise IsADirectoryError(f"{name}: {path} is a folder; give a file in it")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{name}: {path.parent} may not be written to; make it writable, or choose another")


def replace_file(path: Path, content: bytes) -> None:
    """Writes `content` beside `path`, flushes it, then puts it in place at once; on failure `path` is untouched."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            flush(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)  # the new name must survive a crash too
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
