"""Where CUDA kernels are tested: in Numba's simulator, as compiled code on the processor, and on a device.

A test marked `simulator` runs under NUMBA_ENABLE_CUDASIM=1, one marked `stand_in` under STAND_IN=ORDER, in which
threads and blocks of compiled kernels take turns (tests/cuda/stand_in/machine.py), and one marked `cuda` on a real
device; where these are not, it is skipped with a reason that names it, so that what was not run is counted and shown.
Those of the simulator run over the stand-in too, in blocks of the library's own sizes, but for what the simulator alone
has, marked `simulator_alone`.
"""

import os

import numpy as np
import pytest
from numba import config

STAND_IN = os.environ.get("STAND_IN")
#: The driver that stands in for a device's, or why there is none: before anything asks Numba for a device.
DRIVER = None
if STAND_IN and not config.ENABLE_CUDASIM:
    try:
        from tests.cuda.stand_in import machine
        from tests.cuda.stand_in.driver import Unavailable, install
    except ImportError as reason:
        DRIVER = reason
    else:
        machine.ORDER = STAND_IN
        try:
            DRIVER = install()
        except Unavailable as reason:
            DRIVER = reason


def pytest_collection_modifyitems(items):
    for item in items:
        alone = DRIVER is None or item.get_closest_marker("simulator_alone")
        if item.get_closest_marker("simulator") and not config.ENABLE_CUDASIM and alone:
            item.add_marker(pytest.mark.skip(reason="runs in the simulator: NUMBA_ENABLE_CUDASIM=1 pytest tests/cuda"))
        if item.get_closest_marker("stand_in") and DRIVER is None:
            item.add_marker(pytest.mark.skip(reason="runs over the stand-in: STAND_IN=forwards pytest tests/cuda"))
        if item.get_closest_marker("cuda") and not _device_answers():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device, and none answers here"))


def _device_answers():
    from numba import cuda

    return not config.ENABLE_CUDASIM and not STAND_IN and cuda.is_available()


@pytest.fixture(
    params=[
        pytest.param("device", marks=pytest.mark.cuda),
        pytest.param("stand-in", marks=pytest.mark.stand_in),
    ]
)
def compiled(request, monkeypatch):  # noqa: ARG001 (which of the two it is)
    """Kernels as the compiler makes them, however small the search: on a device, or over the driver that this gives."""
    monkeypatch.setattr("knn.on_device.SMALL", 0)
    return DRIVER


@pytest.fixture(autouse=DRIVER is not None)
def watched():
    """A fault of a kernel is its test's, and not that of those after it, for which a device would be lost too."""
    if isinstance(DRIVER, Exception):
        pytest.skip(str(DRIVER))
    yield
    faults, DRIVER.error = [str(fault) for fault in DRIVER.faults], 0
    DRIVER.faults.clear()
    assert faults == []


@pytest.fixture(scope="session", autouse=bool(config.ENABLE_CUDASIM))
def threads_take_turns():
    from tests.cuda.turns import in_turns

    with in_turns():
        yield


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def small_rows(monkeypatch):
    """Blocks of 4 × 4 threads with 2 × 2 products: the simulator runs each in Python."""
    if DRIVER is not None:
        return
    from knn import device_rows

    monkeypatch.setattr(device_rows, "THREADS", 8)
    monkeypatch.setattr(device_rows, "WIDE", 4)
    monkeypatch.setattr(device_rows, "EACH", dict.fromkeys(device_rows.EACH, 2))
    monkeypatch.setattr(device_rows, "FEWEST", 1)
    monkeypatch.setattr(device_rows, "BLOCKS", 4)


@pytest.fixture
def small_pairs(monkeypatch, small_rows):  # noqa: ARG001
    """The same for sums over pairs."""
    if DRIVER is not None:
        return
    from estimators import device_pairs
    from knn import device_rows

    for name in ("WIDE", "EACH", "THREADS", "BLOCKS"):
        monkeypatch.setattr(device_pairs, name, getattr(device_rows, name))


@pytest.fixture
def small_screens(monkeypatch, small_rows):  # noqa: ARG001
    """Blocks of Principal DCI and of the rows behind it so small that few points cross every border."""
    if DRIVER is not None:
        return
    from knn import device_principal

    monkeypatch.setattr(device_principal, "THREADS", 8)
    monkeypatch.setattr(device_principal, "TRIED", 3)
    monkeypatch.setattr(device_principal, "NEIGHBOURS", 2)


@pytest.fixture
def small_candidates(monkeypatch, small_screens):  # noqa: ARG001
    """Eight threads or four, which look at two points each, and digits of four bits: all sizes count."""
    if DRIVER is not None:
        return
    from knn import device_candidates, device_levels, device_projections, device_tables

    for module in (device_candidates, device_levels, device_projections, device_tables):
        monkeypatch.setattr(module, "AHEAD", 2)
        monkeypatch.setattr(module, "FEW_THREADS", 4)
    for module in (device_candidates, device_projections):
        monkeypatch.setattr(module, "THREADS", 8)
    monkeypatch.setattr(device_projections, "EACH", 2)
    for module in (device_levels, device_projections):
        monkeypatch.setattr(module, "DIGIT", 4)


@pytest.fixture(scope="module")
def run():
    """Runs a kernel of a few lines as it is compiled, on the processor, without a driver."""
    from tests.cuda.stand_in import machine
    from tests.cuda.stand_in.direct import Run

    try:
        machine.library()
    except machine.Unavailable as missing:
        pytest.skip(str(missing))
    return Run()
