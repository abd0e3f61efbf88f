"""Arrays of other libraries, by __cuda_array_interface__ alone and on streams of their own, in the simulator.

The simulator does all at once and knows no such arrays, so both are made up here: arrays that are read where they lie,
and streams that are numbers. What is asked is that nothing is copied, and that all is started on the caller's stream.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from numba import cuda

from estimators import energy_distance
from knn import DCI, LSH, BruteForce, KDTree, MultiLevelDCI, PrincipalDCI, PrioritizedDCI, device_tree, on_device
from knn.device_rows import DeviceRows
from tests.knn.problems import clusters

pytestmark = [
    pytest.mark.simulator,
    pytest.mark.simulator_alone,
    pytest.mark.usefixtures("small_candidates"),
    pytest.mark.filterwarnings("ignore:overflow encountered in scalar:RuntimeWarning"),  # hashes are modulo 2⁶⁴
]
OWNERS, CALLERS = 7, 9
INDEXES = {
    "exact": BruteForce(device="cuda"),
    "tree": KDTree(device="cuda"),
    "principal": PrincipalDCI(candidates=3, random_state=0, device="cuda"),
    "prioritized": PrioritizedDCI(n_simple=2, n_composite=1, visits=9, candidates=5, random_state=0, device="cuda"),
    "levels": MultiLevelDCI(n_simple=2, n_composite=1, candidates=5, beam=2, random_state=0, device="cuda"),
    "dci": DCI(n_simple=2, n_composite=1, visits=9, random_state=0, device="cuda"),
    "lsh": LSH(n_tables=2, n_projections=2, width=9.0, candidates=5, random_state=0, device="cuda"),
}


class Foreign:
    """Rows of another library, on a stream of its own; 1 is how the interface calls the default one."""

    def __init__(self, values, stream=None):
        self.values = values
        self.__cuda_array_interface__ = {**values.__array_interface__, "version": 3, "stream": stream}

    def __len__(self):
        return len(self.values)


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """On which stream each kernel was started, and to which each array was copied, by its number; 0 by default."""
    streams, configured, copied = [], type(cuda.jit(lambda: None)).__getitem__, cuda.to_device

    def number(stream):
        return getattr(stream, "handle", stream)

    def launched(kernel, configuration):
        streams.append(number(configuration[2] if len(configuration) > 2 else 0))
        return configured(kernel, configuration)

    def moved(values, stream=0):
        streams.append(number(stream))
        return copied(values, stream)

    def taken(values, sync):
        from numba.cuda.cudadrv.devicearray import FakeCUDAArray  # the simulator's alone

        assert not sync
        return FakeCUDAArray(values.values)

    monkeypatch.setattr(type(cuda.jit(lambda: None)), "__getitem__", launched)
    monkeypatch.setattr(cuda, "to_device", moved)
    monkeypatch.setattr(cuda, "as_cuda_array", taken, raising=False)
    monkeypatch.setattr(
        cuda, "external_stream", lambda handle: SimpleNamespace(handle=handle, synchronize=lambda: None)
    )
    monkeypatch.setattr(on_device, "SMALL", 0)
    monkeypatch.setattr(device_tree, "WALKERS", 4)
    monkeypatch.setattr(device_tree, "WAITING", 0)  # queries are lined up, however few
    return streams


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", INDEXES)
def test_searches_run_on_the_stream_of_the_queries(name, exact, started):
    X, Q = (part.astype(np.float32) for part in clusters(19, 3, seed=0, queries=3))
    index = INDEXES[name].fit(Foreign(X, OWNERS))
    truth = index.search(Q, 2, exact=exact)  # makes what the device keeps
    for caller, expected in ((CALLERS, CALLERS), (None, 0), (1, 0)):
        started.clear()
        found = index.search(Foreign(Q, caller), 2, exact=exact)
        assert set(started) == {expected}
        for part, twin in zip(found, truth, strict=True):
            np.testing.assert_array_equal(part.copy_to_host() if hasattr(part, "copy_to_host") else part, twin)
    index.delete([4, 5, 6, 7, 8, 9, 10]).insert(X[4:6])  # slots are ids no more, and names are given there
    index.search(Foreign(Q, CALLERS), 2, exact=exact)
    started.clear()
    index.search(Foreign(Q, CALLERS), 2, exact=exact)
    assert set(started) == {CALLERS}


def test_rows_of_another_library_are_searched_where_they_lie(started):
    X, Q = (part.astype(np.float32) for part in clusters(19, 3, seed=0, queries=3))
    rows = DeviceRows(Foreign(X, OWNERS))
    assert set(started) == {OWNERS}
    assert np.shares_memory(rows.rows._ary, X)
    distances, slots = rows.nearest(Foreign(Q, CALLERS), 2)
    truth = BruteForce().fit(X).search(Q, 2)
    np.testing.assert_array_equal(slots.copy_to_host(), truth.indices)
    np.testing.assert_array_equal(distances.copy_to_host(), truth.distances)


@pytest.mark.usefixtures("small_pairs")
def test_sums_over_pairs_run_on_the_streams_of_their_samples(started):
    X, Y = (part.astype(np.float32) for part in clusters(5, 3, seed=0, queries=4))
    found = energy_distance(Foreign(X, OWNERS), Foreign(Y, CALLERS), device="cuda")
    assert set(started) == {OWNERS, CALLERS}
    assert found == energy_distance(X, Y, device="cuda")


@pytest.mark.parametrize(
    ("values", "error", "fragment"),
    [
        (np.ones((2, 3), np.int64), TypeError, "Q is int64 on the device: cast"),
        (np.ones((3, 3))[:, ::-1], ValueError, "Q is not contiguous on the device"),
    ],
)
def test_arrays_of_other_libraries_are_looked_at_by_the_door(values, error, fragment):
    with pytest.raises(error, match=fragment):
        DeviceRows(np.ones((2, 3))).nearest(Foreign(values), 1)
