"""Kernels as they are compiled, in blocks of their own sizes, held to the host: on a device, or over the stand-in.

Compiling takes most of the time, so the ordinary tier has one kernel of each kind, and the deep one the others.
"""

import numpy as np
import pytest

from estimators import energy_distance
from knn import DCI, LSH, BruteForce, KDTree, MultiLevelDCI, PrincipalDCI, PrioritizedDCI
from knn.device_arrays import back, free_bytes
from knn.device_rows import DeviceRows
from tests.cuda.truth import deep, hold, hold_keys, on_both

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture(params=[np.float32, deep(np.float64)], ids=["float32", "float64"])
def dtype(request):
    return request.param


def own_stream():
    """A stream that does not wait for the default one, nor that for it, as torch's are."""
    from numba import cuda
    from numba.cuda.cudadrv.driver import driver

    cuda.current_context()
    return cuda.external_stream(int(driver.cuStreamCreate(1)))


class Owned:
    """An array of the device that belongs to another library, which works on a stream of its own."""

    def __init__(self, array, stream):
        self.__cuda_array_interface__ = {**array.__cuda_array_interface__, "stream": int(stream.handle)}
        self.kept, self.shape = array, array.shape

    def __len__(self):
        return self.shape[0]


@pytest.mark.parametrize(
    ("n", "d", "queries", "k"),
    [
        (1, 1, 1, 1),
        (127, 3, 129, 5),
        (3001, 83, 130, 10),
        deep(5000, 64, 300, 33),
        deep(2500, 20, 3, 1024),
        deep(4097, 784, 257, 10),
    ],
)
def test_answers_are_the_hosts_to_the_bit(dtype, n, d, queries, k):
    X, Q = on_both(n, d, queries, dtype)
    hold(DeviceRows(X).nearest(Q, k), X, Q)


def test_ties_and_offsets_are_the_hosts_to_the_bit(dtype):
    rng = np.random.default_rng(1)
    for X, Q in (
        (np.zeros((3000, 5)), np.zeros((3, 5))),
        (rng.integers(0, 3, (4000, 6)), rng.integers(0, 3, (140, 6))),
        (rng.standard_normal((2000, 9)) + 1e4, rng.standard_normal((140, 9)) + 1e4),
        (rng.standard_normal((2000, 9)) * 1e30, rng.standard_normal((140, 9)) * 1e30),
    ):
        X, Q = X.astype(dtype), Q.astype(dtype)
        hold(DeviceRows(X).nearest(Q, 7), X, Q)


def test_keys_of_halves_are_right_to_their_margins():
    """Whole numbers, of one sign in a row, which halves hold, so that the margin is what a device's sums may be off."""
    rng = np.random.default_rng(3)
    X, Q = (rng.integers(1024, 2047, (rows, 784)).astype(np.float32) for rows in (20, 5))
    X[::2] *= -1  # around the origin, so that they are used as they are
    rows = DeviceRows(X)
    share = hold_keys(rows, Q)
    assert rows._kept.halves.loss == 0
    assert share > 0.01  # a device cuts off what does not fit
    X, Q = on_both(19, 70, 5, np.float32)
    assert hold_keys(DeviceRows(X), Q) > 0


def test_the_same_answer_twice_and_in_portions():
    X, Q = on_both(6000, 32, 300, np.float32)
    first, again = DeviceRows(X).nearest(Q, 10), DeviceRows(X, portion=2501).nearest(Q, 10)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("compiled", [pytest.param("stand-in", marks=pytest.mark.stand_in)], indirect=True)
def test_rows_that_memory_does_not_hold_pass_in_portions(compiled):
    """Rows, what is kept beside them and buffers stay within what a small device has, which gives no more."""
    from numba import cuda

    X, Q = on_both(20_000, 64, 20, np.float32)
    whole, compiled.memory.limit = compiled.memory.limit, X.nbytes // 2
    try:
        rows = DeviceRows(X)
        assert rows._portion < len(X) / 4
        hold(rows.nearest(Q, 10), X, Q)
        hold(rows.nearest(Q, 40), X, Q)  # other buffers in place of those
        del rows
        compiled.memory.limit = X.nbytes + 3 * X.nbytes // 4
        there = DeviceRows(cuda.to_device(X + 100))  # to be centred
        assert there._portion < len(X)
        hold(there.nearest(Q + 100, 10), X + 100, Q + 100)
    finally:
        compiled.memory.limit = whole


@pytest.mark.parametrize("compiled", [pytest.param("stand-in", marks=pytest.mark.stand_in)], indirect=True)
def test_what_was_let_go_counts_as_free(compiled):  # noqa: ARG001
    """Numba frees it later, and what has room for it is not to be refused meanwhile."""
    from numba import cuda

    held = cuda.device_array(1 << 20, np.uint8)
    before = free_bytes()
    del held
    assert free_bytes() == before + (1 << 20)


def test_a_search_of_fixed_shapes_is_captured_in_a_graph_and_repeated():
    from cuda.bindings.driver import CUstreamCaptureMode
    from numba import cuda
    from numba.cuda.cudadrv.driver import driver

    X, Q = on_both(3000, 16, 140, np.float32)
    rows, queries, stream = DeviceRows(X), cuda.to_device(Q), own_stream()
    cuda.synchronize()
    caller = Owned(queries, stream)
    rows.nearest(caller, 4)  # compiles, and makes the buffers of this stream
    stream.synchronize()
    # Numba's arrays are made anew for each answer, which only a relaxed capture allows; torch's come from a pool.
    driver.cuStreamBeginCapture(int(stream.handle), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED)
    distances, slots = rows.nearest(caller, 4)
    graph = driver.cuGraphInstantiate(driver.cuStreamEndCapture(int(stream.handle)), 0)
    for fresh in (Q[::-1].copy(), Q + 1):
        queries.copy_to_device(fresh, stream=stream)
        driver.cuGraphLaunch(graph, int(stream.handle))
        hold((back(distances, stream), back(slots, stream)), X, fresh)


@pytest.mark.parametrize("metric", ["euclidean", deep("cosine"), deep("inner_product")])
def test_numpy_goes_in_and_comes_out(dtype, metric):
    X, Q = on_both(3000, 8, 50, dtype)
    host, device = (BruteForce(device=where, metric=metric).fit(X).search(Q, 5) for where in ("cpu", "cuda"))
    np.testing.assert_array_equal(device.indices, host.indices)
    np.testing.assert_array_equal(device.distances, host.distances)


INDEXES = {
    "exact": BruteForce,
    "tree": KDTree,
    "principal": PrincipalDCI,
    "prioritized": PrioritizedDCI,
    "levels": MultiLevelDCI,
    "dci": DCI,
    "lsh": LSH,
}


@pytest.mark.parametrize("name", ["exact", *(deep(name) for name in INDEXES if name != "exact")])
@pytest.mark.parametrize("exact", [False, deep(True)])
def test_what_is_written_late_on_the_callers_stream_is_what_is_searched(name, exact):
    """Nothing of it is there yet when the search is asked for; and what is asked afterwards comes afterwards."""
    from numba import cuda

    X, Q = on_both(3000, 16, 140, np.float32)
    options = {} if name in ("exact", "tree") else {"random_state": 0}
    truth = INDEXES[name](device="cuda", **options).fit(X).search(Q, 4, exact=exact)
    owners, stream = own_stream(), own_stream()
    points, queries = (cuda.to_device(np.full_like(part, np.nan)) for part in (X, Q))
    cuda.synchronize()
    points.copy_to_device(X, stream=owners)
    index = INDEXES[name](device="cuda", **options).fit(Owned(points, owners))
    queries.copy_to_device(Q, stream=stream)
    found = index.search(Owned(queries, stream), 4, exact=exact)
    if name == "exact":  # two callers, neither of whom waits for the other
        other, again = own_stream(), cuda.to_device(Q[::-1].copy())
        cuda.synchronize()
        late = index.search(Owned(again, other), 4, exact=exact)
        np.testing.assert_array_equal(back(late.indices, other), truth.indices[::-1])
    queries.copy_to_device(np.full_like(Q, np.nan), stream=stream)
    for part, twin in zip(found[:2], truth[:2], strict=True):
        np.testing.assert_array_equal(back(part, stream), twin)


@pytest.mark.deep
def test_samples_on_two_streams_are_compared_once_both_are_written():
    from numba import cuda

    X, Y = on_both(700, 5, 300, np.float32)
    streams = own_stream(), own_stream()
    there = [cuda.to_device(np.full_like(part, np.nan)) for part in (X, Y)]
    cuda.synchronize()
    for array, part, stream in zip(there, (X, Y), streams, strict=True):
        array.copy_to_device(part, stream=stream)
    found = energy_distance(*map(Owned, there, streams), device="cuda")
    assert found == energy_distance(X, Y, device="cuda")
