"""Workers keep what is freed: the same arrays, taken and freed again, are not mapped anew."""

import platform
import subprocess
import sys

import pytest

_ROUND = """
import resource, sys
import numpy as np
from reports.workers import _keep_freed_pages

if sys.argv[1] == "kept":
    _keep_freed_pages()
for round in range(6):
    if round == 3:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(20 * 2**20, dtype=np.uint8) for _ in range(4)]
    del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(how):
    return int(subprocess.run([sys.executable, "-c", _ROUND, how], capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep what is freed")
def test_pages_that_were_freed_are_not_mapped_again():
    """Three rounds of 80 MB are 60 000 pages of 4 KB, and fewer large ones."""
    assert _faults("kept") < _faults("given back") / 10 + 50
