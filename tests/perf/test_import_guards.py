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
start, waited = time.perf_counter(), queued()
import knn
knn.BruteForce
print(time.process_time(), time.perf_counter() - start - (queued() - waited))
"""


def test_import_knn_takes_at_most_two_seconds():
    """Processor seconds of the quickest of five fresh interpreters, the first name used included.

    The quickest: what else the machine does makes an import longer and none shorter. By the clock, in which sleeps and
    disks count, twice as much, less what it stood in the queue for a processor (where the system tells).
    """
    seconds, clock = [], []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        processor, passed = map(float, done.stdout.split())
        seconds.append(processor)
        clock.append(passed)
    assert min(seconds) <= 2.0, seconds
    assert min(clock) <= 4.0, clock
