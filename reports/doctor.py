"""What of this machine and installation decides whether and how fast things run, and what each finding means."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from knn.registry import install

PACKAGES = ("knn", "theory", "estimators", "reports")
#: Free bytes below which a run is likely to end on a full disk, and below which nothing can be written.
_LITTLE, _NOTHING = 1 << 30, 50 << 20
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Finding:
    """`found` about `subject`, what it `means`, and the `remedy`, empty where none is needed.

    `level` is "fine", "note" where something is slower, less or otherwise than it could be, or "broken".
    """

    subject: str
    level: str
    found: str
    means: str = ""
    remedy: str = ""


def examine(output: str | Path | None = None) -> list[Finding]:
    """Every finding, of the checks in their order; a check that itself fails is a finding that breaks something."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "python": python, "libraries": libraries, "names": collisions, "threads": threads, "BLAS": blas, "CUDA": cuda,
        "memory": memory, "caches": caches, "data": data, "disk": lambda: disk(output),
        "store": lambda: store(output), "commit": provenance,
    }  # fmt: skip
    found: list[Finding] = []
    for subject, check in checks.items():
        try:
            found += check()
        except Exception as error:  # what is broken may break in any way
            told = f"{type(error).__name__}: {error}"
            found.append(Finding(subject, "broken", told, "this could not be examined", "mend what it names"))
    return found


def python() -> Iterator[Finding]:
    """The version of Python against the least that serves, and whether the terminal can show what tables hold."""
    told = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}"
    wanted = _requires_python()
    if sys.version_info[:2] < wanted:
        least = ".".join(map(str, wanted))
        yield Finding("python", "broken", told, f"implicitbench needs {least} or newer", f"install Python {least}")
    else:
        yield Finding("python", "fine", told)
    spoken = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    if spoken not in ("utf-8", "utf8"):
        yield Finding("terminal", "note", f"its encoding is {spoken}", "tables with ± and ∞ may not print",
                      "set PYTHONUTF8=1")  # fmt: skip


def libraries() -> Iterator[Finding]:
    """The versions of what is required, against the least that serve, and which extras are there."""
    from packaging.requirements import Requirement

    absent: dict[str, list[str]] = {}
    present = []
    for text in metadata.requires("implicitbench") or []:
        wanted = Requirement(text)
        extra = str(wanted.marker).partition("extra ==")[2].strip(" \"'") if wanted.marker else ""
        if extra in ("test", "docs", "all"):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            if extra:
                absent.setdefault(extra, []).append(wanted.name)
            else:
                yield Finding(
                    "libraries", "broken", f"{wanted.name} is not installed", "everything needs it",
                    f"pip install '{wanted.name}{wanted.specifier}'",
                )  # fmt: skip
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            yield Finding(
                "libraries", "broken", f"{wanted.name} is {version}, and {wanted.specifier} is needed",
                "functions may be missing or answer otherwise", f"pip install '{wanted.name}{wanted.specifier}'",
            )  # fmt: skip
        elif not extra:
            present.append(f"{wanted.name} {version}")
    yield Finding("libraries", "fine", ", ".join(present))
    for extra, names in absent.items():
        yield Finding("extras", "note", f"[{extra}]: {', '.join(names)} not installed",
                      "what needs it says so when asked", install(extra))  # fmt: skip


def collisions() -> Iterator[Finding]:
    """Whether `knn`, `theory`, `estimators` and `reports`, common words, are ours wherever Python looks."""
    clean = True
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if origin is None or origin.parent.parent != _ROOT:
            clean = False
            yield Finding(
                "names", "broken", f"`import {name}` finds {origin or 'nothing'}, not {_ROOT / name}",
                "another package of that name comes first", "rename it, or install implicitbench into an environment "
                "of its own",
            )  # fmt: skip
        for folder in dict.fromkeys(Path(entry or ".").resolve() for entry in (*sys.path, "")):
            other = next((p for p in (folder / name / "__init__.py", folder / f"{name}.py") if p.is_file()), None)
            if other is not None and folder != _ROOT and other != origin:
                clean = False
                yield Finding(
                    "names", "note", f"{other} is called {name} too", "ours comes first here; started from its folder, "
                    "or with another path, it may not", "rename it, or start elsewhere",
                )  # fmt: skip
    if clean:
        yield Finding("names", "fine", f"{', '.join(PACKAGES)} are those of {_ROOT}")


def threads() -> Iterator[Finding]:
    """How many processors may be used, and whether the variables that set threads are numbers within that."""
    asked = {name: os.environ[name] for name in _THREADS if name in os.environ}
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = f"{usable} of {os.cpu_count()} processors usable" + "".join(f", {k}={v}" for k, v in asked.items())
    bad = [name for name, value in asked.items() if not value.strip().isdigit() or int(value) < 1]
    for name in bad:
        yield Finding("threads", "broken", f"{name} is {asked[name]!r}", "no whole number from 1: it is refused or "
                      "ignored", f"unset {name}, or set a number")  # fmt: skip
    if any(int(value) > usable for name, value in asked.items() if name not in bad):
        yield Finding("threads", "note", told, "more threads than processors: slower, and timings mean little",
                      f"set them to at most {usable}")  # fmt: skip
    elif not bad:
        yield Finding("threads", "fine", told)


def blas() -> Iterator[Finding]:
    """Which BLAS and OpenMP libraries are loaded, and whether two runtimes meet in one process."""
    import scipy.linalg  # noqa: F401 - loads the libraries that are looked at
    import sklearn.cluster  # noqa: F401
    from threadpoolctl import threadpool_info

    loaded = threadpool_info()
    told = ", ".join(
        f"{one['internal_api']} {one.get('version') or ''} ({one['num_threads']} threads)".replace("  ", " ")
        for one in loaded
    )
    if not any(one["user_api"] == "blas" for one in loaded):
        yield Finding("BLAS", "note", told or "none that is known", "matrix products may be slow",
                      "install NumPy from a wheel or conda-forge")  # fmt: skip
    elif {"libomp", "libiomp"} & {one["prefix"] for one in loaded} and "libgomp" in {one["prefix"] for one in loaded}:
        yield Finding("BLAS", "note", told, "two OpenMP runtimes at once: slow, and known to hang after a fork",
                      "take all of NumPy, SciPy and torch from pip, or all from conda-forge")  # fmt: skip
    else:
        yield Finding("BLAS", "fine", told)


def cuda() -> Iterator[Finding]:
    """Whether kernels find a GPU, or a simulator in its place."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0"):
        yield Finding("CUDA", "note", "NUMBA_ENABLE_CUDASIM is set", "kernels run in a simulator, far slower",
                      "unset it, except in tests")  # fmt: skip
    if importlib.util.find_spec("numba_cuda") is None:
        yield Finding("CUDA", "note", "numba-cuda is not installed", "device='cuda' is refused; the CPU serves all",
                      f"{install('cuda')}, where there is a GPU")  # fmt: skip
        return
    from numba import cuda as device

    if device.is_available():
        yield Finding("CUDA", "fine", str(device.get_current_device().name))
    else:
        yield Finding("CUDA", "note", "numba-cuda finds no GPU", "device='cuda' is refused; the CPU serves all",
                      "check the driver with nvidia-smi")  # fmt: skip


def memory() -> Iterator[Finding]:
    """How much memory is left, by the limits that are set on this process too."""
    from knn.memory import room

    left = room()
    told = f"{left.free / 2**30:.1f} GiB left, {left.limit}"
    if left.free < _LITTLE:
        yield Finding("memory", "note", told, "an index that does not fit is refused", "raise the limit, or free some")
    else:
        yield Finding("memory", "fine", told)


def caches() -> Iterator[Finding]:
    """Whether compiled kernels can be kept, and where."""
    from knn.kernels.jit import cache_folder

    chosen = os.environ.get("NUMBA_CACHE_DIR")
    kernels = cache_folder(_ROOT / "knn" / "kernels")
    if chosen and not _writable(Path(chosen)):
        yield Finding("caches", "broken", f"NUMBA_CACHE_DIR is {chosen}, where nothing can be written",
                      "kernels cannot be compiled", "unset it, or choose a folder of your own")  # fmt: skip
    elif kernels is None:
        yield Finding("caches", "note", "machine code cannot be kept", "kernels are compiled anew in every process, "
                      "some seconds each", "set NUMBA_CACHE_DIR to a folder that can be written")  # fmt: skip
    else:
        yield Finding("caches", "fine", f"kernels in {kernels}")


def data() -> Iterator[Finding]:
    """Which data sets are on this machine, and how to get the others."""
    from reports.datasets.source import datasets

    own = os.environ.get("IMPLICITBENCH_DATA")
    if own and not Path(own).expanduser().is_dir():
        yield Finding("data", "broken", f"IMPLICITBENCH_DATA is {own}, which is no folder", "nothing is found there",
                      "set it to a folder, or unset it")  # fmt: skip
    statuses = [dataset.status() for dataset in datasets.values()]
    there = [status.name for status in statuses if status.found]
    yield Finding("data", "fine", f"found: {', '.join(there) or 'none'}")
    for status in statuses:
        if not status.found:
            yield Finding("data", "note", f"{status.name} is not there", "experiments on it are skipped, and say so",
                          status.remedy)  # fmt: skip


def disk(output: str | Path | None = None) -> Iterator[Finding]:
    """How much room there is for results and for temporary files."""
    from reports.store import output_folder

    for subject, folder in (("results", output_folder(output)), ("temporary files", Path(tempfile.gettempdir()))):
        place = folder.resolve()
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free
        told = f"{folder}: {free / 2**30:.1f} GiB free"
        if not _writable(place):
            yield Finding("disk", "broken", f"{place} cannot be written", f"{subject} go there",
                          "mend its permissions, or choose another (--output, TMPDIR)")  # fmt: skip
        elif free < _NOTHING:
            yield Finding("disk", "broken", told, "nothing can be recorded", "free some space, or choose another disk")
        elif free < _LITTLE:
            yield Finding("disk", "note", told, f"{subject} of a long run may not fit", "free some space")
        else:
            yield Finding("disk", "fine", told)


def store(output: str | Path | None = None) -> Iterator[Finding]:
    """Whether the recorded results can be read, and what of them is damaged."""
    from reports.store import Store, StoreError, output_folder

    folder = output_folder(output)
    if not (folder / "journal.jsonl").exists():
        yield Finding("store", "fine", f"{folder}: nothing recorded yet")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the findings say what the warnings would
            with Store(output) as opened:
                count, damage = len(opened.records(history=True)), opened.damage
    except StoreError as error:
        yield Finding("store", "broken", str(error), "its records cannot be read", "choose another folder")
        return
    for one in damage:
        level = "broken" if one.lost else "note"
        yield Finding("store", level, f"{folder}: {one}", "the next run keeps the bad bytes aside and measures again",
                      "implicitbench run")  # fmt: skip
    if not damage:
        yield Finding("store", "fine", f"{folder}: {count} records, every checksum right")


def provenance() -> Iterator[Finding]:
    """The commit that records will name, and whether the sources differ from it."""
    from reports.provenance import commit

    found = commit()
    if "+dirty" in found:
        yield Finding("commit", "note", found, "records say that the sources were changed since", "commit the changes")
    else:
        yield Finding("commit", "fine", found)


def _requires_python() -> tuple[int, int]:
    told = metadata.metadata("implicitbench")["Requires-Python"]
    major, minor = told.removeprefix(">=").split(".")[:2]
    return int(major), int(minor)


def _writable(folder: Path) -> bool:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
