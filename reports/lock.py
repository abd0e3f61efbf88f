"""One coordinator writes to a store: a lock that dies with its process, and says who holds it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from reports.journal import StoreError

#: Seconds between two heartbeats, and how long a silent coordinator on another machine is waited for.
HEARTBEAT = 2.0
PATIENCE = 15.0

#: Windows locks a range of bytes against reading too, so the range lies far behind the identity.
_LOCKED_BYTE = 1 << 30


class LockHeld(StoreError):
    """Another coordinator writes to this store; `holder` is its identity, None if it cannot be read."""

    def __init__(self, message: str, holder: Identity | None):
        super().__init__(message)
        self.holder = holder


class LockLost(StoreError):
    """Another coordinator took the store over, after this one had been silent for too long."""


@dataclass(frozen=True)
class Identity:
    """Which process: its id, its machine, when it took the lock (UTC, ISO 8601), and the running kernel.

    `kernel` tells whether the process can be asked for from here: a file lock is only known to be
    honest between processes of one kernel.
    """

    pid: int
    host: str
    started: str
    kernel: str

    @classmethod
    def mine(cls) -> Identity:
        return cls(os.getpid(), platform.node(), datetime.now(UTC).isoformat(timespec="microseconds"), _kernel())

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.started}"


class CoordinatorLock:
    """Held from construction to `close`; a context manager.

    On this machine the operating system's file lock decides: it goes when its process goes, however
    it dies, and a lock that is left behind is taken over at once. A file lock of another machine may
    not be seen through a network file system; there the heartbeat (the file's modification time, every
    `heartbeat` seconds) decides, and a coordinator that was silent for `patience` seconds is succeeded.

    Raises LockHeld with the holder's identity.
    """

    def __init__(self, path: Path, *, heartbeat: float = HEARTBEAT, patience: float = PATIENCE):
        self.path = path
        self.identity = Identity.mine()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        try:
            if not _try_lock(self._file):
                raise self._held(read_identity(path))
            before = read_identity(path)
            if before is not None and before.kernel != self.identity.kernel and _beats(path, patience):
                raise self._held(before)
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, json.dumps(asdict(self.identity)).encode())
        except BaseException:
            os.close(self._file)
            raise
        self._stopped = threading.Event()
        self._beating = threading.Thread(target=self._beat, args=(heartbeat,), name="store heartbeat", daemon=True)
        self._beating.start()

    def check(self) -> None:
        """Raises LockLost unless the lock file is still this coordinator's."""
        if read_identity(self.path) != self.identity:
            raise LockLost(
                f"{self.path}: now held by {read_identity(self.path) or 'nobody'}, and nothing more is written here; "
                "let the other one finish, then run again"
            )

    def close(self) -> None:
        """Releases the lock; the emptied file stays, because removing it could remove a successor's."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._beating.join()
        with contextlib.suppress(OSError):
            if read_identity(self.path) == self.identity:
                os.ftruncate(self._file, 0)
        os.close(self._file)

    def __enter__(self) -> CoordinatorLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _beat(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            with contextlib.suppress(OSError):
                os.utime(self.path)

    def _held(self, holder: Identity | None) -> LockHeld:
        return LockHeld(
            f"{self.path.parent}: {holder or 'another process'} is writing to this store; "
            "wait until it ends, stop it, or choose another folder with --output",
            holder,
        )


def read_identity(path: Path) -> Identity | None:
    """Who the lock file names; None when it is empty, absent or unreadable."""
    try:
        return Identity(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _beats(path: Path, patience: float) -> bool:
    """Watches for a heartbeat. Changes are compared, not clocks, which differ between machines."""
    first = path.stat().st_mtime_ns
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        time.sleep(min(0.1, patience / 4))
        if path.stat().st_mtime_ns != first:
            return True
    return False


def _kernel() -> str:
    """Names the kernel that runs this process: its boot on Linux, the machine elsewhere."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return platform.node()


def _try_lock(file: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
