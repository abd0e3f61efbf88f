"""Where a number comes from: the commit, the machine, the libraries, and the sources that it was computed by."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil

from reports import sources
from reports.record import Scalar, dump
from reports.sources import foreign_imports, source_closure

__all__ = ["cell_key", "code_key", "commit", "foreign_versions", "forget", "machine", "source_closure", "versions"]

#: Distributions whose versions every record tells: those that compute.
LIBRARIES = ("numpy", "scipy", "numba", "scikit-learn", "pandas", "POT", "python-flint", "torch")


def forget() -> None:
    """Makes what is said of commit and sources hold now, in a process that has lived through an edit."""
    for remembered in (commit, code_key):
        remembered.cache_clear()
    sources.forget()


@cache
def commit() -> str:
    """The commit of the sources, with `+dirty` when tracked files differ from it; the package's version without git."""
    root = Path(__file__).resolve().parent.parent
    try:
        top = _git(root, "rev-parse", "--show-toplevel")
        # An installed package may lie inside somebody else's repository.
        if Path(top).resolve() != root:
            raise FileNotFoundError(top)
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return f"implicitbench {_version('implicitbench')}"


@cache
def machine() -> dict[str, Scalar]:
    """The processor, its cores, memory in GiB, system and Python, and a fingerprint of what decides speed."""
    hardware: dict[str, Scalar] = {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        "threads": os.cpu_count() or 1,
        # Rounded: the kernel's share of it changes between boots.
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
        "architecture": platform.machine(),
    }
    fingerprint = hashlib.sha256(dump(hardware).encode()).hexdigest()[:12]
    described = {"release": platform.release(), "python": platform.python_version()}
    return {**hardware, **described, "fingerprint": fingerprint}


@cache
def versions() -> dict[str, str]:
    """The versions of the libraries that compute, and of Python and implicitbench; `absent` where not installed."""
    return {
        "python": platform.python_version(),
        "implicitbench": _version("implicitbench"),
        **{name: _version(name) for name in LIBRARIES},
    }


def cell_key(
    *,
    experiment: str,
    params: Mapping[str, Scalar],
    size: str,
    seed: int,
    data: Mapping[str, str],
    code: str,
    fingerprint: str | None = None,
) -> str:
    """SHA-256, in hexadecimal, of all that decides a cell's numbers.

    `data` maps data sets to checksums, `code` is `code_key` of the modules that compute, and
    `fingerprint` is the machine's, for timing. The commit is provenance and not in the key.
    """
    decides = [experiment, dict(params), size, seed, dict(data), code, fingerprint]
    return hashlib.sha256(dump(decides).encode()).hexdigest()


@cache
def code_key(modules: tuple[str, ...]) -> str:
    """SHA-256 of the modules' source closure and of the versions of the libraries that it imports."""
    decides = [source_closure(modules), foreign_versions(modules)]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def foreign_versions(modules: Iterable[str]) -> dict[str, str]:
    """The version of each library that the modules' closure imports, and Python's to the minor number."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in foreign_imports(modules):
        for distribution in _distributions().get(name, (name,)):
            found[distribution] = _version(distribution)
    return dict(sorted(found.items()))


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    # Git writes names as they are, and not in the locale's encoding.
    done = subprocess.run(
        command, check=True, capture_output=True, timeout=30, encoding="utf-8", errors="surrogateescape"
    )
    return done.stdout.strip()
