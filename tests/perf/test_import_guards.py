"""Importing stays quick: a search library that takes seconds to import is not installed twice."""

import statistics
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.perf


def test_import_knn_takes_at_most_two_seconds():
    """Median of five fresh interpreters, the first name used included; the limit is the project's own."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", "import knn; print(knn.BruteForce.__name__)"], capture_output=True)
        seconds.append(time.perf_counter() - start)
        assert done.stdout.decode().strip() == "BruteForce", done.stderr.decode()
    assert statistics.median(seconds) <= 2.0, seconds
