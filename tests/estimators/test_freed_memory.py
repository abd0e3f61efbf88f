"""Freed memory stays with the process while a model trains: counted in page faults, in processes of their own."""

import os
import platform
import subprocess
import sys

import pytest

#: Prints the page faults of fifty rounds of a hundred blocks of 300 000 bytes, all written and freed.
COUNTED = """
import resource, torch
{before}
def round_():
    held = [torch.ones(75_000) for _ in range(100)]
round_()
first = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    round_()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - first)
"""
TRAINED = """
import numpy
from estimators.models.imle import IMLE
IMLE(device="cpu", steps=1).start(numpy.zeros((64, 2)) + numpy.arange(64)[:, None])
"""


def faults(before: str) -> int:
    """Without what sets a threshold by hand, as Dask does in the environment of whoever starts its workers."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    code = COUNTED.format(before=before)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=own)
    assert found.returncode == 0, found.stderr
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's: nothing is changed")
def test_blocks_that_were_freed_are_not_mapped_anew_once_a_model_holds_data():
    pages = 50 * 100 * 300_000 // 4096  # without it nearly all of them are mapped anew
    assert faults(TRAINED) < pages / 100
