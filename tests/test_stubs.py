"""What a type checker knows of the public names, which are imported lazily."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reports import stubs

ROOT = Path(__file__).parent.parent
#: What is not ours is left out: NumPy's and Numba's sources take mypy half a minute.
CONFIGURATION = """
[mypy]
ignore_missing_imports = True
follow_imports_for_stubs = True
[mypy-numba.*,numpy.*,pandas.*,scipy.*,torch.*,llvmlite.*,knn.kernels.*]
follow_imports = skip
"""
#: A user's lines, each with what mypy must say of it.
USED = {
    "import knn, theory": "",
    "from knn import BruteForce": "",
    "from knn import Nonsense": 'error: Module "knn" has no attribute "Nonsense"',
    "BruteForce(n_neighbors=3)": "",
    "BruteForce(n_neigbors=3)": 'error: Unexpected keyword argument "n_neigbors" for "BruteForce"',
    "knn.Nonsense": 'error: Module has no attribute "Nonsense"',
    "reveal_type(knn.BruteForce().fit([[0.0]]).search([[0.0]], 1))": "fallback=knn.neighbours.Neighbours",
    "reveal_type(theory.claim)": 'note: Revealed type is "def (id: str, *, says: str',
    "reveal_type(theory.verify)": 'note: Revealed type is "def (*ids_or_topics: str',
    "import theory.verify": "",
    "theory.verify('m-of-n-lemma')": "",
    "theory.verify(seed=3)": 'error: Unexpected keyword argument "seed" for "verify"',
}  # fmt: skip


@pytest.mark.parametrize("package", stubs.PACKAGES)
def test_stubs_are_those_of_the_lazy_tables(package):
    written = stubs.path_of(package)
    told = written.read_text(encoding="utf-8") if written.exists() else ""
    assert told == stubs.stub(package), f"stale: run `{stubs.COMMAND}`"


def test_mypy_knows_the_public_names_as_a_user_would_use_them(tmp_path):
    (tmp_path / "mypy.ini").write_text(CONFIGURATION, encoding="utf-8")
    (tmp_path / "used.py").write_text("\n".join(USED), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "used.py"],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    told = dict.fromkeys(USED, "")
    for line, said in re.findall(r"^used\.py:(\d+): (.*)$", done.stdout, re.MULTILINE):
        told[list(USED)[int(line) - 1]] += said
    misread = {line: said for line, said in told.items() if USED[line] not in said or bool(said) != bool(USED[line])}
    assert misread == {}, done.stdout + done.stderr
