"""Another commit as it was: a git worktree, and an environment of its own where its libraries differ from ours."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from benchmarks.ratio_table import say


class Side(NamedTuple):
    """A checkout, the Python that runs it, and how it is called."""

    root: Path
    python: Path
    name: str


def git(root: Path, *arguments: str) -> str:
    """What git answers; raises SystemExit with its complaint."""
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def working_tree(root: Path) -> Side:
    """What lies in the folder now, changes that are not committed included."""
    changed = "+changes" if git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return Side(root, Path(sys.executable), f"{git(root, 'rev-parse', '--short=12', 'HEAD')}{changed}")


@contextmanager
def worktree(root: Path, revision: str) -> Iterator[Side]:
    """The commit in a worktree, which is removed at the end."""
    commit = git(root, "rev-parse", "--verify", "--short=12", f"{revision}^{{commit}}")
    folder = root / ".asv" / "compare" / commit
    if folder.exists():  # what a killed run left
        _remove(root, folder)
    git(root, "worktree", "add", "--detach", "--force", str(folder), commit)
    try:
        yield Side(folder, environment(folder), commit)
    finally:
        _remove(root, folder)


def environment(folder: Path) -> Path:
    """The Python for a checkout: this one, unless a library that computes is pinned to another version there."""
    differing = other_versions(folder / "constraints.txt")
    if not differing:
        return Path(sys.executable)
    say(f"its own environment, since it pins {', '.join(differing)}")
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    python = folder / ".venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", folder / "constraints.txt"]
    subprocess.run([*install, "-e", f"{folder}[all]"], check=True)
    return python


def other_versions(constraints: Path) -> list[str]:
    """The pins of libraries that compute which are not what is installed here."""
    from reports.provenance import LIBRARIES

    if not constraints.is_file():
        return []
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", constraints.read_text(encoding="utf-8"), flags=re.M))
    differing = []
    for name in LIBRARIES:
        # A build's own mark, such as +cpu, is no other version.
        if name in pins and pins[name].partition("+")[0] != metadata.version(name).partition("+")[0]:
            differing.append(f"{name} {pins[name]}")
    return differing


def _remove(root: Path, folder: Path) -> None:
    subprocess.run(["git", "-C", root, "worktree", "remove", "--force", folder], capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["git", "-C", root, "worktree", "prune"], capture_output=True, check=False)
