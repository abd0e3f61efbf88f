"""The key of a cell changes with all that decides its numbers, and with nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports import provenance, sources
from reports.sources import foreign_imports, source_closure

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    "knn/__init__.py": "from knn.lazy import lazy_exports\n_HOMES = {'Exact': 'knn.exact'}\n__all__ = list(_HOMES)\n",
    "knn/lazy.py": "def lazy_exports(): ...\n",
    "knn/exact.py": "from .kernels import distance\nimport numpy as np\n",
    "knn/kernels/__init__.py": "",
    "knn/kernels/distance.py": "import numba\n",
    "knn/other.py": "",
    "estimators/__init__.py": "",
    "estimators/deep.py": "def fit():\n    import torch.nn\n    from knn import Exact\n",
    "estimators/named.py": "import importlib\nlate = lambda: importlib.import_module('estimators.deep')\n",
    "estimators/bound.py": "import knn\nindex = knn.Exact\n",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small copy of the packages' shape, which the closure is read from instead; nothing of it is run."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def locate(name):
        path = tmp_path.joinpath(*name.split("."))
        candidates = (path / "__init__.py", path.with_suffix(".py"))
        return next((file for file in candidates if file.is_file()), None)

    monkeypatch.setattr(sources, "_locate", locate)
    sources.forget()
    yield tmp_path
    sources.forget()


EXACT = {"knn", "knn/exact", "knn/kernels", "knn/kernels/distance"}


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("knn.exact", EXACT),
        ("estimators.deep", EXACT | {"estimators", "estimators/deep"}),
        ("estimators.named", EXACT | {"estimators", "estimators/deep", "estimators/named"}),
        ("estimators.bound", EXACT | {"estimators", "estimators/bound"}),
        ("knn.other", {"knn", "knn/other"}),
    ],
)
def test_the_closure_follows_every_kind_of_import(module, expected):
    assert set(source_closure([module])) == expected


@pytest.mark.usefixtures("tree")
def test_libraries_are_known_by_what_the_closure_imports():
    assert foreign_imports(["estimators.deep"]) == ["numba", "numpy", "torch"]
    assert foreign_imports(["knn.other"]) == []
    assert set(provenance.foreign_versions(["knn.exact"])) == {"python", "numpy", "numba"}


def edit(tree, name, text):
    (tree / name).write_text(text)
    sources.forget()


def test_a_digest_changes_with_the_text_and_not_with_an_export_or_a_line_ending(tree):
    before = source_closure(["knn.exact"])
    edit(tree, "knn/__init__.py", FILES["knn/__init__.py"].replace("'knn.exact'}", "'knn.exact', 'More': 'knn.more'}"))
    (tree / "knn/exact.py").write_bytes(FILES["knn/exact.py"].replace("\n", "\r\n").encode())
    assert source_closure(["knn.exact"]) == before
    edit(tree, "knn/kernels/distance.py", "import numba\nA = 1\n")
    after = source_closure(["knn.exact"])
    assert {name for name in after if after[name] != before[name]} == {"knn/kernels/distance"}


@pytest.mark.usefixtures("tree")
def test_a_module_that_is_not_there_is_named():
    with pytest.raises(ModuleNotFoundError, match=r"knn\.nothing"):
        source_closure(["knn.nothing"])


def test_reading_the_sources_runs_none_of_them():
    program = (
        "import sys; from reports.provenance import code_key; code_key(('estimators.networks', 'theory.verify'));"
        "print([m for m in ('torch', 'theory.verify', 'estimators.networks', 'pandas') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


WHOLE = {
    "experiment": "knn",
    "params": {"n": 10, "index": "dci"},
    "size": "quick",
    "seed": 0,
    "data": {"digits": "abc"},
    "code": "def",
    "fingerprint": None,
}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("experiment", "models"),
        ("params", {"n": 11, "index": "dci"}),
        ("params", {"n": 10.0, "index": "dci"}),
        ("params", {"n": "10", "index": "dci"}),
        ("size", "full"),
        ("seed", 1),
        ("data", {"digits": "abd"}),
        ("code", "deg"),
        ("fingerprint", "123"),
    ],
)
def test_every_part_changes_the_key(part, value):
    assert provenance.cell_key(**{**WHOLE, part: value}) != provenance.cell_key(**WHOLE)


def test_the_order_of_parameters_does_not_change_the_key():
    turned = {**WHOLE, "params": {"index": "dci", "n": 10}}
    assert provenance.cell_key(**turned) == provenance.cell_key(**WHOLE)


def test_the_commit_is_the_checkouts_or_the_packages_version(monkeypatch):
    provenance.forget()
    known = provenance.commit()
    head = known.removesuffix("+dirty")
    assert known.startswith("implicitbench ") or (len(head) == 40 and int(head, 16))

    provenance.forget()
    monkeypatch.setenv("PATH", "")  # no git
    assert provenance.commit().startswith("implicitbench ")
    provenance.forget()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed: no checkout to read")
def test_a_checkout_may_have_any_name_in_any_locale(tmp_path):
    checkout = tmp_path / "données"
    subprocess.run(["git", "init", "-q", checkout], check=True)
    program = "import sys; from pathlib import Path; from reports.provenance import _git; "
    program += "print(ascii(_git(Path(sys.argv[1]), 'rev-parse', '--show-toplevel')))"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        [sys.executable, "-c", program, checkout], env={**os.environ, **plain}, capture_output=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert b"donn\\xe9es" in told.stdout


def test_the_machine_is_described_and_its_fingerprint_is_stable():
    machine = provenance.machine()
    assert machine["cores"] >= 1
    assert machine["memory_gib"] >= 1
    assert machine["cpu"]
    provenance.machine.cache_clear()
    assert provenance.machine() == machine
    assert provenance.versions()["numpy"] != "absent"
