"""Tests and rows in processes that are watched: neither a crash nor a kernel that never ends loses what comes after."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.ratio_table import say

#: What a process exits with whose device answers no more, all that it had begun being told.
LOST = 3
#: Seconds without a new figure after which a process is ended: longer than the longest takes with all that it compiles.
LONGEST = 240.0
#: Seconds that the tests may take.
TESTING = 420.0


def watched(
    names: Sequence[str],
    command: Callable[[list[str]], list[str]],
    done: Path,
    output: Path,
    failed: Callable[[str, str], None],
    longest: float = LONGEST,
) -> None:
    """Runs `command` of the names that are left until none is.

    It writes each name to `done`, in a line of its own, when it is through with it, and figures to `output`. Where it
    ends otherwise, or writes nothing for `longest` seconds, `failed` hears the name that was under way and why.
    """
    left = list(names)
    while left:
        done.write_text("", encoding="utf-8")
        child = subprocess.Popen(command(left))
        try:
            why = _ended(child, (done, output), longest)
        finally:
            if child.poll() is None:
                child.kill()
        through = done.read_text(encoding="utf-8").splitlines()
        left = [name for name in left if name not in through]
        if left and (child.returncode != LOST or not through):
            failed(left.pop(0), why)
    done.unlink(missing_ok=True)


def _ended(child: subprocess.Popen[bytes], files: Sequence[Path], longest: float) -> str:
    """Waits for the process while it writes to the files; why it ended."""
    started = time.time()
    while child.poll() is None:
        time.sleep(min(0.5, longest / 10))
        if time.time() - max(started, *(file.stat().st_mtime for file in files if file.exists())) > longest:
            child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # the driver may hold it
                child.wait(30)
            return f"no figure for {longest:.0f} s"
    return f"its process ended with {child.returncode}"


def tested(told: Path) -> tuple[bool, str]:
    """Runs the tests that need a device, which write to `told`; whether all passed, and the last line that pytest said.

    Several processes at once, since they compile most of the time; one that hangs or loses the device is replaced.
    """
    arguments = ["tests/cuda", "-m", "cuda", "-q", "-p", "no:cacheprovider", "--tb=short", "-rfEs"]
    if importlib.util.find_spec("xdist"):
        arguments += ["-n", str(min(8, os.cpu_count() or 1))]
    if importlib.util.find_spec("pytest_timeout"):
        arguments += ["--timeout=150", "--timeout-method=thread"]
    if not importlib.util.find_spec("greenlet"):  # the simulator's threads, of no use to a device
        arguments += [f"--ignore=tests/cuda/{name}.py" for name in ("test_races", "test_watch")]
    told.parent.mkdir(parents=True, exist_ok=True)
    with told.open("w", encoding="utf-8") as file:
        command = [sys.executable, "-m", "pytest", *arguments]
        try:
            code = subprocess.run(
                command, stdout=file, stderr=subprocess.STDOUT, check=False, timeout=TESTING
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    said = told.read_text(encoding="utf-8").strip()
    say(said[-8000:])
    last = said.splitlines()[-1] if said else "no output"
    return code == 0 and " passed" in last and " skipped" not in last, last
