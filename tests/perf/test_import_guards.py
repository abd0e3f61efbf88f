"""Importing stays quick: a search library that takes seconds to import is not installed twice."""

import statistics
import subprocess
import sys

import pytest

pytestmark = pytest.mark.perf

CHILD = """
import pathlib, time
def queued():
    of_linux = pathlib.Path("/proc/self/schedstat")
    return int(of_linux.read_text().split()[1]) * 1e-9 if of_linux.exists() else 0.0
start, waited = time.perf_counter(), queued()
{}
print(time.process_time(), time.perf_counter() - start - (queued() - waited))
"""
#: The first name used included; and what it is made of: an estimator is scikit-learn's.
KNN, BASE = CHILD.format("import knn\nknn.BruteForce"), CHILD.format("import sklearn.base")


def taken(code):
    """(processor seconds, seconds by the clock) of a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    processor, passed = map(float, done.stdout.split())
    return processor, passed


def test_import_knn_takes_at_most_two_seconds_or_little_more_than_scikit_learn():
    """Processor seconds of the quickest of five fresh interpreters: what else the machine does makes none shorter.

    By the clock, in which sleeps and disks count, twice as much, less what it stood in the queue for a processor (where
    the system tells). On processors on which scikit-learn's base takes two seconds, nobody can do without: a quarter
    more than that, by the median of the five taken in turns with it.
    """
    pairs = [(taken(KNN), taken(BASE)) for _ in range(5)]
    for which, most in enumerate((2.0, 4.0)):
        ours, base = ([pair[of][which] for pair in pairs] for of in range(2))
        beside = statistics.median(a / b for a, b in zip(ours, base, strict=True))
        assert min(ours) <= most or beside <= 1.25, (pairs, "processor" if which == 0 else "clock")
