"""Which planted faults the tests find: `python -m benchmarks.planted_faults --count 200 --seed 0`.

Each fault (`benchmarks.faults`) is put alone into a scratch copy of a commit, and faced by the test files that import
the changed module, nearest first, with the claims whose sources hold it, and then by the other tests of its package.
A row is written as soon as a fault is decided; started again, the command goes on at the same commit where it stopped.

| outcome | what it means |
|---|---|
| killed | a test or a claim failed that passes without the fault |
| timed out | one test or claim outran its limit, and does not without the fault; counts as killed |
| survived | the changed place is reached, and all passed |
| no effect | the compiled code is the same, or none of these tests reaches the changed place |
| unfinished | the limit of the fault came first; counts as not killed |
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults import Fault, draw
from benchmarks.import_distance import ImportGraph

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("knn", "estimators", "theory")
OUTPUT = REPOSITORY / "reports" / "published" / "planted-faults.csv"
COLUMNS = ("number", "file", "line", "kind", "before", "after", "outcome", "by", "seconds")
#: Status of a process that came to the place of a fault; pytest's own end at 5.
REACHED = 86
#: A line of pytest's that tells an item, with what may follow its name.
BEGUN = (
    r"^((?:tests/|claims::)\S+(?: .*?)?) *"
    r"(?:PASSED|SKIPPED|FAILED|ERROR|XFAIL|\++ Timeout|Fatal Python error|$)"
)
#: They run a repository, or everything: no fault of one module is theirs.
NOT_FACED = ("tests/perf/", "tests/reports/")


@dataclass
class Scratch:
    """A copy of the sources with caches of its own, the tests that face a module, and their limits in seconds."""

    root: Path
    packages: Sequence[str] = PACKAGES
    test_limit: float = 120
    fault_limit: float = 400
    _sound: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = ImportGraph(self.root, (*self.packages, "tests"))

    def judge(self, fault: Fault) -> tuple[str, str]:
        """The outcome, and the test or claim that decided it."""
        path = self.root / fault.file
        source = path.read_text(encoding="utf-8")
        if not fault.changes_code(source):
            return "no effect", "the compiled code is the same"
        stages = list(self.stages(fault.file))
        ends = time.monotonic() + self.fault_limit
        try:
            path.write_text(fault.planted(source), encoding="utf-8")
            for stage in stages:
                status, by = self.face(stage, ends)
                if status != "passed":
                    path.write_text(source, encoding="utf-8")
                    return ("unfinished", by) if status == "unfinished" else (status, self._without_fault(by))
            path.write_text(fault.probed(source), encoding="utf-8")
            # As long again as the fault itself had; a place that is not shown to be out of reach counts as reached.
            ends = time.monotonic() + self.fault_limit
            if all(self.face(stage, ends)[0] == "passed" for stage in stages):
                return "no effect", "no test or claim reaches it"
            return "survived", ""
        finally:
            path.write_text(source, encoding="utf-8")

    def stages(self, file: str) -> Iterator[list[str]]:
        """Arguments of pytest: the importing test files with the claims, then the other tests of the package."""
        module = self.graph.module_of(file)
        tests = {
            path: self.graph.distances(name).get(module)
            for name, path in self.graph.files.items()
            if path.startswith("tests/") and Path(path).name.startswith("test_") and path.count("/") == 2
            if not path.startswith(NOT_FACED) and "claim_trial" not in (self.root / path).read_text(encoding="utf-8")
        }
        near = sorted((d, path) for path, d in tests.items() if d is not None)
        claims = list(self._claims(module))
        if near or claims:
            # A file without tests keeps pytest from collecting everything.
            files = [path for _, path in near] or ["tests/conftest.py"]
            yield files + ([f"--claims={','.join(claims)}"] if claims else [])
        folder = f"tests/{file.partition('/')[0]}/"
        others = sorted(path for path, d in tests.items() if d is None and path.startswith(folder))
        if others:
            yield others

    def face(self, arguments: list[str], ends: float) -> tuple[str, str]:
        """`passed`, `killed` or `timed out` with the item that ended it, or `unfinished` with the last one begun."""
        command = [
            sys.executable, "-m", "pytest", "-x", "-v", "--no-header", "--tb=line", "-p", "no:cacheprovider",
            "-m", "not deep and not perf and not cuda", f"--timeout={self.test_limit:g}", "--timeout-method=thread",
            *arguments,
        ]  # fmt: skip
        with tempfile.TemporaryFile(dir=self.root) as told:
            process = subprocess.Popen(
                command, cwd=self.root, env=self._environment(), stdout=told, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
            try:
                status = process.wait(max(ends - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end_group(process)
            told.seek(0)
            text = told.read().decode(errors="replace")
        begun = re.findall(BEGUN, text, re.M)
        failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", text, re.M)
        last = (failed or [name.strip() for name in begun] or [text.strip().rpartition("\n")[2]])[-1]
        if status is None:
            return "unfinished", last
        if status in (0, 5):
            return "passed", ""
        return ("timed out" if "+ Timeout +" in text else "killed"), last

    def _without_fault(self, by: str) -> str:
        """`by`, which must pass in the clean copy, else what it says of a fault is worth nothing."""
        if by not in self._sound:
            item = by.partition("::")
            if by.startswith("claims::"):
                chosen = ["tests/conftest.py", f"--claims={item[2].partition('[')[0].strip()}"]
            elif by.startswith("tests/"):
                chosen = [by]
            else:  # nothing could be collected
                chosen = ["tests/conftest.py"]
            self._sound[by] = self.face(chosen, time.monotonic() + self.fault_limit)[0] == "passed"
        if not self._sound[by]:
            raise RuntimeError(f"{by} fails without any fault; choose a commit whose tests pass")
        return by

    def _claims(self, module: str) -> Iterator[str]:
        for name, path in self.graph.files.items():
            if path.startswith("theory/claims/") and module in self.graph.distances(name):
                for node in ast.walk(ast.parse((self.root / path).read_text(encoding="utf-8"))):
                    if isinstance(node, ast.Call) and ast.unparse(node.func) == "claim" and node.args:
                        yield ast.literal_eval(node.args[0])

    def _environment(self) -> dict[str, str]:
        kernels = hashlib.sha256()
        for path in sorted(self.root.glob("*/kernels/*.py")):
            kernels.update(path.read_bytes())
        return {
            **os.environ,
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Numba looks for changes in a kernel's own file alone: each state of the kernels has its own cache.
            "NUMBA_CACHE_DIR": str(self.root / ".numba" / kernels.hexdigest()[:16]),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self.root / ".hypothesis"),
        }


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the process with all that it started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):  # all have ended
        pass
    process.wait()


def unpack(commit: str, folder: Path) -> None:
    """The tracked files of a commit, in the folder."""
    packed = subprocess.run(["git", "archive", commit], cwd=REPOSITORY, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def sources_hash(root: Path) -> str:
    """SHA-256 of the packages and the tests."""
    digest = hashlib.sha256()
    for name in (*PACKAGES, "tests"):
        for path in sorted(Path(root, name).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def summary(rows: Sequence[dict[str, str]]) -> dict[str, object]:
    """Counts of outcomes, and the share killed of those faults that have an effect."""
    counts = {name: sum(row["outcome"] == name for row in rows) for name in OUTCOMES}
    killed = counts["killed"] + counts["timed out"]
    effective = len(rows) - counts["no effect"]
    return {"finished": len(rows), **counts, "share killed": round(killed / effective, 4) if effective else None}


OUTCOMES = ("killed", "timed out", "survived", "no effect", "unfinished")


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table of faults, none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def face_all(scratch: Scratch, faults: Sequence[Fault], output: Path, minutes: float) -> None:
    """Judges the faults that the table lacks, appending each row at once, until the minutes are over."""
    from rich.progress import track

    done = {int(row["number"]) for row in read(output)}
    ends = time.monotonic() + 60 * minutes
    with output.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if file.tell() == 0:
            writer.writerow(COLUMNS)
        for number, fault in track(list(enumerate(faults)), description="planted faults"):
            if number in done:
                continue
            if time.monotonic() > ends:
                break
            start = time.monotonic()
            outcome, by = scratch.judge(fault)
            seconds = f"{time.monotonic() - start:.1f}"
            writer.writerow(
                (number, fault.file, fault.line, fault.kind, fault.before, fault.after, outcome, by, seconds)
            )
            file.flush()
            os.fsync(file.fileno())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--commit", help="default: that of the table begun, else HEAD")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no fault after so many")
    parser.add_argument("--test-limit", type=float, default=120, metavar="SECONDS", help="of one test or claim")
    parser.add_argument("--fault-limit", type=float, default=400, metavar="SECONDS", help="of all that face a fault")
    chosen = parser.parse_args(arguments)
    sidecar = chosen.output.with_suffix(".json")
    begun = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.exists() else {}
    asked = chosen.commit or begun.get("commit", "HEAD")
    resolve = ["git", "rev-parse", f"{asked}^{{commit}}"]
    commit = subprocess.run(resolve, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.strip()
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="planted-faults-") as folder:
        unpack(commit, Path(folder))
        stated = {"seed": chosen.seed, "commit": commit, "sources": sources_hash(Path(folder))}
        if begun and any(begun[name] != stated[name] for name in ("seed", "sources")):
            parser.error(f"{chosen.output} holds faults of another seed or other sources; name another --output")
        scratch = Scratch(Path(folder), test_limit=chosen.test_limit, fault_limit=chosen.fault_limit)
        stated |= {"count": max(chosen.count, begun.get("count", 0))}
        sidecar.write_text(json.dumps(stated, indent=1) + "\n", encoding="utf-8")
        try:
            face_all(scratch, draw(Path(folder), PACKAGES, chosen.count, chosen.seed), chosen.output, chosen.minutes)
        finally:
            rows = read(chosen.output)
            sidecar.write_text(json.dumps({**stated, **summary(rows)}, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(summary(rows)) + "\n")
    for row in rows:
        if row["outcome"] in ("survived", "unfinished"):
            sys.stdout.write("{outcome}: {file}:{line} ({kind})  {before}  ->  {after}\n".format(**row))


if __name__ == "__main__":
    main()
