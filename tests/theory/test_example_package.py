"""The example package of docs/: installed beside the project, its claim is found, run by pytest and by the command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PACKAGE = Path(__file__).parents[2] / "docs" / "example_package"
VERIFY = "from reports.cli import main; main()"


def run(arguments, folder, site):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(PACKAGE.parents[1])])}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A copy of the package, since setuptools leaves its folders where it builds, and where that was installed to."""
    folder = tmp_path_factory.mktemp("outside")
    source, site = folder / "source", folder / "site"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--target", str(site)]
    done = run(["-m", "pip", "install", "-q", *options, str(source)], folder, site)
    assert done.returncode == 0, done.stderr
    for module in source.glob("*.py"):
        module.unlink()  # what runs is what was installed
    return source, site


def test_pytest_alone_runs_the_claim_and_each_mutant_as_an_item(installed):
    done = run(["-m", "pytest", "-v", "-p", "no:cacheprovider"], *installed)
    assert done.returncode == 0, done.stdout + done.stderr
    for item in (
        "truth",
        "mutant: the triangular number itself",
        "mutant: the square numbers' triangle",
        "counterexample: without the cube of 3",
        "boundary: no cube at all",
    ):
        assert f"claims::sum-of-cubes-{item} PASSED" in done.stdout
    assert "5 passed" in done.stdout


def test_the_option_selects_it_and_adds_the_automatic_mutants(installed):
    arguments = ["-m", "pytest", "-p", "no:cacheprovider", "--claims=sum-of-cubes", "--claim-mutants=all", "-v"]
    done = run(arguments, *installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sum-of-cubes-automatic: closed_form = lambda n: Q(n * (n - 1), 2) ** 2 PASSED" in done.stdout


def test_the_command_knows_it(installed):
    done = run(["-c", VERIFY, "verify", "sum-of-cubes", "--mutants", "all", "--json"], *installed)
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = json.loads(done.stdout)
    assert report["verified"]
    assert report["topic"] == "nicomachus"
    assert {result["outcome"] for result in report["results"] if result["kind"] == "automatic"} == {"REFUTED"}
    assert "1 of 1 claims verified" in done.stderr


def test_its_score_stands_beside_the_others(installed, tmp_path):
    for name, shift in (("a", 0.0), ("b", 3.0)):
        np.save(tmp_path / f"{name}.npy", np.arange(20.0).reshape(10, 2) + np.array([shift, 0.0]))
    asked = ["compare", str(tmp_path / "a.npy"), str(tmp_path / "b.npy"), "--only", "median-gap", "--csv"]
    done = run(["-c", VERIFY, *asked], *installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[1].startswith("median-gap,3.0,")


def test_without_the_package_the_command_does_not_know_it(installed, tmp_path):
    done = run(["-c", VERIFY, "verify", "sum-of-cubes"], tmp_path, tmp_path)
    assert done.returncode == 2
    assert "no claim or topic is called sum-of-cubes" in done.stderr
