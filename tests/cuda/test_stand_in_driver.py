"""Real numba-cuda over the stand-in driver: copies, streams, events, graphs and errors are as a device's.

Each way of working has a process of its own, since what Numba knows of CUDA is a process's.
"""

import ctypes
import functools
import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.cuda.stand_in.checks import CHECKS, SKIPPED

#: What is asked of a driver too that does all at once.
DIFFERING = (
    "copies_on_a_stream_land_late",
    "only_what_is_waited_for_runs",
    "faults_show_where_somebody_waits_and_stay",
)
needs_numba_cuda = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="needs numba-cuda, which is not installed"
)


@pytest.fixture(scope="module")
def told():
    """How each check went in a process of its own, by its name: what Numba knows of CUDA is a process's."""
    environment = {key: value for key, value in os.environ.items() if key not in ("NUMBA_ENABLE_CUDASIM", "STAND_IN")}

    @functools.cache
    def run(mode):
        names = CHECKS if mode == "late" else DIFFERING
        command = [sys.executable, "-W", "ignore", "-m", "tests.cuda.stand_in.checks", mode, *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode == SKIPPED:
            pytest.skip(done.stdout.strip())
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@needs_numba_cuda
@pytest.mark.parametrize(
    ("name", "mode"), [*((name, "late") for name in CHECKS), *((name, "eager") for name in DIFFERING)]
)
def test_real_numba_over_the_stand_in(name, mode, told):
    assert f"{name}: well" in told(mode).splitlines(), told(mode)


@needs_numba_cuda
def test_freed_memory_is_used_again_last():
    from tests.cuda.stand_in.entries import Refused
    from tests.cuda.stand_in.memory import POISON, Memory

    memory = Memory(size=1 << 16, limit=1 << 16)
    first, second, third = (memory.allocate(10_000) for _ in range(3))
    assert second - first >= 10_000 + 256
    values = np.frombuffer((ctypes.c_ubyte * 10_000).from_address(first), np.uint8)
    assert (values == POISON).all()
    assert memory.unwritten(first, 10_000) == first
    memory.mark(first, 9_999)
    assert memory.unwritten(first, 9_999) is None
    assert memory.unwritten(first, 10_000) == first + 9_999
    assert memory.extent(second + 9_999) == (second, 10_000)
    memory.free(first)
    assert memory.unwritten(first, 1) == first
    later = [memory.allocate(10_000) for _ in range(4)]
    assert first not in later[:3]
    assert later[3] == first
    with pytest.raises(Refused):
        memory.allocate(10_000)
    for address in (second, third, *later):
        memory.free(address)
    with pytest.raises(Refused):
        memory.free(third)
    assert (memory.used, memory.unwritten(memory.base, 1)) == (0, memory.base)
