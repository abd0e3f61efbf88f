"""The benchmarks run, and leave no registered member out."""

import csv
import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import knn_suite, model_suite, score_suite
from estimators.scoring import scores
from knn.base import indexes

ROOT = Path(__file__).parent.parent


def test_the_suites_measure_every_index_every_score_and_every_model():
    """asv reads the names before it may import the packages, so that they are written out there."""
    assert sorted(indexes) == knn_suite.NAMES
    assert sorted(scores) == score_suite.NAMES
    pytest.importorskip("torch", reason="without torch the models cannot be read")
    from estimators.training.registry import models

    assert sorted(models) == model_suite.NAMES


def test_the_ratios_are_printed_for_every_search(tmp_path):
    pytest.importorskip("faiss", reason="a peer; [peers] brings it")
    rng = np.random.default_rng(0)
    for name, n in (("train", 600), ("t10k", 30)):
        images = rng.integers(0, 256, (n, 784), dtype=np.uint8)
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + images.tobytes(), 1))
    command = [sys.executable, "-m", "benchmarks.search_ratios", "--data", tmp_path, "--queries", "20", "--turns", "2"]
    told = {"env": {**os.environ, "PYTHONUTF8": "1"}, "capture_output": True, "encoding": "utf-8"}
    done = subprocess.run(command, cwd=ROOT, timeout=300, check=False, **told)
    assert done.returncode == 0, done.stderr
    exact = [
        line
        for line in done.stdout.splitlines()
        if line.startswith(("IndexFlatL2 ", "BruteForce ", "PrincipalDCI, exact"))
    ]
    assert [line.split()[-6] for line in exact] == ["1.0000"] * 3, done.stdout


def test_the_cost_of_ten_bandwidths_is_printed_and_kept(tmp_path):
    command = [sys.executable, "-m", "benchmarks.likelihood_ratios", "--rows", "300", "--turns", "2"]
    told = {"env": {**os.environ, "PYTHONUTF8": "1"}, "capture_output": True, "encoding": "utf-8"}
    done = subprocess.run([*command, "--output", tmp_path / "ratios.csv"], cwd=ROOT, timeout=300, check=False, **told)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "ratios.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    for row in rows:
        # The accuracy asked for, kept by the bound and by the error against it.
        assert float(row["error_nats"]) <= float(row["bound_nats"]) <= 1e-3
        assert float(row["ratio_least"]) <= float(row["ratio"]) <= float(row["ratio_largest"])
