"""Importing stays quick: a search library that takes seconds to import is not installed twice."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.perf

CHILD = """
import pathlib, time
def queued():
    of_linux = pathlib.Path("/proc/self/schedstat")
    return int(of_linux.read_text().split()[1]) * 1e-9 if of_linux.exists() else 0.0
def tell():
    print(time.process_time(), time.perf_counter() - start - (queued() - waited))
start, waited = time.perf_counter(), queued()
import sklearn.base
tell()
import knn
knn.BruteForce
tell()
"""


def taken():
    """(processor seconds, seconds by the clock) of a fresh interpreter: scikit-learn's base, then `knn` as well."""
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def test_import_knn_takes_at_most_two_seconds_or_little_more_than_scikit_learn():
    """Processor seconds of the quickest of five fresh interpreters: what else the machine does makes none shorter.

    The first name used is included. By the clock, in which sleeps and disks count, twice as much, less what it stood in
    the queue for a processor (where the system tells). An estimator is scikit-learn's: where its base alone takes two
    seconds, nobody can do without, and a quarter more is allowed of the same interpreter.
    """
    runs = [taken() for _ in range(5)]
    for which, most in enumerate((2.0, 4.0)):
        base, ours = min((run[0][which], run[1][which]) for run in runs)
        assert ours <= max(most, 1.25 * base), (runs, "by the clock" if which else "of the processor")
