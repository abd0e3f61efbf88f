"""The house rules that hold across the four packages: light imports, lazy extras, one-way discovery."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import textwrap
import typing
import zipfile
from pathlib import Path

import pytest

from knn.registry import install

HEAVY = ("torch", "ot", "matplotlib", "flint", "numba.cuda")
PACKAGES = ("knn", "estimators", "theory", "reports")


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300, check=False
    )


WATCHED = """
import sys
from numba.core import event
recorder = event.RecordingListener()
event.register("numba:compile", recorder)
before = set(sys.modules)
{statement}
heavy = [m for m in {heavy!r} if m in sys.modules and m not in before]
print("heavy", heavy, "compiled", len(recorder.buffer))
"""


@pytest.mark.parametrize(
    "statement",
    [
        "import knn; knn.BruteForce; knn.PrioritizedDCI",
        "import estimators; estimators.jsd; estimators.energy_distance; estimators.wasserstein",
        "import theory; theory.verify; theory.claim",
        "import reports; reports.table; reports.run",
        "from reports.cli import main",
    ],
)
def test_importing_loads_nothing_heavy_and_compiles_nothing(statement):
    done = run(WATCHED.format(statement=statement, heavy=HEAVY))
    assert done.stdout == "heavy [] compiled 0\n", done.stdout + done.stderr


def test_the_watch_itself_sees_a_heavy_import_and_a_compilation():
    done = run(WATCHED.format(statement="import flint, numba; numba.njit(lambda x: x)(1)", heavy=HEAVY))
    assert "heavy ['flint']" in done.stdout
    assert "compiled 0" not in done.stdout


def test_help_prints_without_the_heavy_modules():
    done = run(
        f"""
        import sys
        from typer.testing import CliRunner
        from reports.cli import app
        result = CliRunner().invoke(app, ["--help"])
        assert result.exit_code == 0, result.output
        print([m for m in {HEAVY!r} if m in sys.modules])
        """
    )
    assert done.stdout == "[]\n", done.stdout + done.stderr


WITHOUT_TORCH = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "zuko"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])
sys.meta_path.insert(0, Absent())
"""


def test_without_torch_everything_else_works_and_a_model_names_its_extra():
    done = run(
        WITHOUT_TORCH
        + textwrap.dedent(
            """
            import numpy as np
            import knn, estimators, theory
            X = np.arange(12.0).reshape(6, 2)
            distances, indices = knn.BruteForce().fit(X).kneighbors(X[:2], 1)
            assert indices.ravel().tolist() == [0, 1]
            assert float(estimators.jsd(estimators.Empirical([0.0]), estimators.Empirical([1.0]))) > 0.69
            assert float(estimators.energy_distance(X, X)) == 0
            assert len(estimators.compare(X, X + 1.0)) > 0
            frame = theory.verify("imle-coverage")
            assert frame.verified.all()
            try:
                estimators.IMLE
            except ImportError as error:
                print(error)
            """
        )
    )
    assert (
        done.stdout.strip() == "estimators.IMLE needs torch: pip install '.[models]' in a checkout of implicitbench"
    ), done.stdout + done.stderr


def test_what_is_answered_or_raised_is_public():
    """So that it can be caught, or named in a signature, without a module that no page promises."""
    import knn
    import reports
    import theory

    assert isinstance(knn.indexes, knn.Registry)
    assert typing.get_type_hints(knn.Tuned)["tried"] == tuple[knn.Trial, ...]
    assert typing.get_type_hints(theory.verify_claim)["return"] is theory.ClaimReport
    assert isinstance(theory.claims_registry["imle-coverage"], theory.Claim)
    assert typing.get_type_hints(reports.run)["return"] is reports.RunSummary
    assert all(issubclass(error, reports.StoreError) for error in (reports.StoreNewer, reports.LockHeld))
    assert all(hasattr(reports, name) for name in ("Damage", "DataError", "Defect", "StoreDamaged", "WorkersBroken"))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_remedy_installs_from_an_index_that_has_no_implicitbench(package):
    folder = Path(__file__).parent.parent / package
    sources = {str(path): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    assert [path for path, text in sources.items() if re.search(r"\bimplicitbench\[", text)] == []
    assert install("parquet") == "pip install '.[parquet]' in a checkout of implicitbench"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_exists_and_is_documented(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        exported = getattr(module, name)
        assert (exported.__doc__ or "").strip(), f"{package}.{name} has no docstring"
    assert set(module.__all__) <= set(dir(module))


def test_every_public_function_and_class_of_a_module_is_documented():
    """Those of claims apart, whose statement says what is checked, and the hooks whose meaning is pytest's."""
    root, bare = Path(__file__).parent.parent, []
    for file in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        if file.is_relative_to(root / "theory" / "claims"):
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith(("_", "pytest_"))
            if named and not ast.get_docstring(node):
                bare.append(f"{file.relative_to(root)}:{node.lineno} {node.name}")
    assert not bare


def test_the_wheel_holds_the_four_packages_whole_and_nothing_else(tmp_path):
    root = Path(__file__).parent.parent
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    tracked = [name for name in listed.split("\0") if name and (root / name).exists()]
    for name in tracked:  # built from a copy, since setuptools leaves build/ and *.egg-info where it builds
        target = tmp_path / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, target)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), "source"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=300,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    # What was published of the project's own runs is a record of the repository and no part of the package.
    ours = {n for n in tracked if n.partition("/")[0] in PACKAGES and not n.startswith("reports/published/")}
    assert ours <= set(names), f"not in the wheel: {sorted(ours - set(names))}"
