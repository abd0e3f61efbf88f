"""The k-d tree on CUDA devices, in Numba's simulator, held to the CPU's answers to the bit."""

import pickle

import numpy as np
import pytest
from numba import cuda

from knn import BruteForce, KDTree, device_tree, on_device
from knn.kernels import cpu
from knn.kernels.cpu_planes import halfway
from knn.kernels.cuda_order import ordering
from tests.knn.problems import clusters

pytestmark = pytest.mark.simulator


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of four threads, and three neighbours in shared memory: larger k are held where the answer lies."""
    monkeypatch.setattr(device_tree, "WALKERS", 4)
    monkeypatch.setattr(device_tree, "ROOM", 3)
    monkeypatch.setattr(device_tree, "THREADS", 8)
    monkeypatch.setattr(on_device, "SMALL", 0)


def hold(found, X, Q, k):
    truth = KDTree().fit(X).search(Q, k)
    np.testing.assert_array_equal(found.indices, truth.indices)
    np.testing.assert_array_equal(found.distances, truth.distances)
    np.testing.assert_array_equal(found.certified, truth.certified)
    # The definition alone agrees, so that both trees are not wrong alike.
    np.testing.assert_array_equal(found.indices, BruteForce().fit(X).search(Q, k).indices)


@pytest.mark.parametrize(
    ("n", "d", "queries", "k"),
    [(1, 1, 1, 1), (16, 2, 4, 3), (17, 3, 5, 4), (300, 3, 9, 3), (97, 15, 3, 17), (70, 16, 5, 2), (65, 83, 3, 65)],
)
def test_answers_are_the_hosts_to_the_bit(dtype, n, d, queries, k):
    """Ends of leaves (16 points), of vectors (16 columns), chunks (64), blocks of threads and heaps are crossed."""
    X, Q = (part.astype(dtype) for part in clusters(n, d, seed=n, queries=queries))
    found = KDTree(device="cuda").fit(X).search(Q, k)
    hold(found, X, Q, k)
    assert (found.evaluations >= k).all()
    assert (found.evaluations <= n).all()


def test_queries_are_lined_up_by_planes_and_answered_in_their_places(dtype, monkeypatch):
    """More than two blocks of queries are: each once, near ones together, and the answers are where they belong."""
    lined = []
    given = device_tree.DeviceTree._order
    monkeypatch.setattr(device_tree.DeviceTree, "_order", lambda *given_to: lined.append(given(*given_to)) or lined[-1])
    X, Q = (part.astype(dtype) for part in clusters(200, 2, seed=9, queries=21))
    for queries, count in ((Q, 21), (Q[:8], 0)):
        hold(KDTree(device="cuda").fit(X).search(queries, 2), X, queries, 2)
        assert sorted(lined[-1].copy_to_host()) == list(range(count))
    tree = KDTree().fit(X)._trees[0]
    leaves = np.empty(21, np.int64)
    cpu.leaves_of(tree.columns, tree.planes, cpu.n_blocks(200), Q, leaves)
    assert (np.diff(leaves[lined[0].copy_to_host()]) >= 0).all()  # all levels are within the twelve that are looked at


@pytest.mark.parametrize("threads", [1, 4, 6])
@pytest.mark.parametrize("buckets", [1, 3, 4, 5, 6, 8, 9, 12, 13, 64])
def test_buckets_start_where_those_before_them_end(threads, buckets):
    """Ends of blocks are crossed, and blocks that are no power of two are served."""
    counts = np.random.default_rng(buckets).integers(0, 9, buckets).astype(np.int32)
    device = cuda.to_device(counts)
    ordering(threads).starts[1, threads](device)
    np.testing.assert_array_equal(device.copy_to_host(), np.cumsum(counts) - counts)


def test_boxes_beyond_the_kth_distance_are_passed_over(dtype):
    X, Q = (part.astype(dtype) for part in clusters(400, 2, seed=3, queries=6))
    found = KDTree(device="cuda").fit(X).search(Q, 2)
    assert found.evaluations.mean() < 100


def test_evaluations_of_wide_rows_are_the_hosts():
    """There the CPU halves one by one too, in the same order."""
    X, Q = clusters(200, 17, seed=4, queries=5)
    here, there = (KDTree(device=where).fit(X).search(Q, 3) for where in ("cpu", "cuda"))
    np.testing.assert_array_equal(here.evaluations, there.evaluations)


@pytest.mark.parametrize("k", [2, 7])
def test_ties_and_twins_go_to_the_smaller_slot(dtype, k):
    rng = np.random.default_rng(0)
    X = np.concatenate([np.repeat(np.eye(3), 20, axis=0), rng.integers(0, 2, (40, 3))]).astype(dtype)
    X = X[rng.permutation(len(X))]
    Q = np.concatenate([X[:3], np.zeros((1, 3)), np.full((1, 3), 0.5)]).astype(dtype)
    hold(KDTree(device="cuda").fit(X).search(Q, k), X, Q, k)


@pytest.mark.parametrize(("offset", "scale"), [(1e4, 1.0), (0.0, 1e30), (3.0, 1e-30)])
def test_offsets_and_scales_move_no_answer(dtype, offset, scale):
    X, Q = (((part + offset) * scale).astype(dtype) for part in clusters(60, 5, seed=1, queries=3))
    hold(KDTree(device="cuda").fit(X).search(Q, 4), X, Q, 4)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_every_metric_and_changes_are_the_hosts(metric):
    X, Q = clusters(60, 4, seed=5, queries=3)
    new = Q[:2] + 0.01
    device, host = (KDTree(device=where, metric=metric).fit(X) for where in ("cuda", "cpu"))
    for change in (lambda index: index, lambda index: index.delete([2, 7, 59]), lambda index: index.insert(new)):
        for index in (device, host):
            change(index)
        here, there = host.search(Q, 4), device.search(Q, 4)
        np.testing.assert_array_equal(there.indices, here.indices)
        np.testing.assert_array_equal(there.distances, here.distances)
    assert len(device._trees) > 1
    again = pickle.loads(pickle.dumps(device))
    np.testing.assert_array_equal(again.search(Q, 3).indices, host.search(Q, 3).indices)


def test_arrays_on_the_device_are_answered_there(dtype):
    X, Q = (part.astype(dtype) for part in clusters(50, 3, seed=6, queries=5))
    index = KDTree(device="cuda").fit(cuda.to_device(X))
    index.delete(np.arange(20))
    assert index.insert(Q[:2]).tolist() == [50, 51]
    found = index.search(cuda.to_device(Q), 3)
    truth = KDTree().fit(np.concatenate([X[20:], Q[:2]])).search(Q, 3)
    np.testing.assert_array_equal(found.indices.copy_to_host(), np.arange(20, 52)[truth.indices])
    np.testing.assert_array_equal(found.distances.copy_to_host(), truth.distances)
    assert found.certified.copy_to_host().all()
    assert (found.evaluations.copy_to_host() >= 3).all()
    with pytest.raises(ValueError, match="Q has 4 features, and 3 are needed"):
        index.search(cuda.to_device(np.ones((2, 4), dtype)), 1)


@pytest.mark.parametrize("k", [2, 5])
def test_queries_that_are_no_numbers_find_nothing(k):
    X = clusters(40, 3, seed=7)[0]
    Q = X[:3].copy()
    Q[0, 1], Q[2, 0] = np.nan, 1e300
    found = KDTree(device="cuda").fit(X).search(cuda.to_device(Q), k)
    assert found.certified.copy_to_host().tolist() == [False, True, False]
    assert (found.indices.copy_to_host()[[0, 2]] == -1).all()
    assert np.isinf(found.distances.copy_to_host()[[0, 2]]).all()
    assert found.evaluations.copy_to_host().tolist()[0] == 0


@pytest.mark.parametrize("blocks", [1, 2, 15, 16, 17, 31, 33, 257, 300])
def test_nodes_hold_the_blocks_that_the_host_halves(blocks):
    """The slow twin: every node by the rule of the host, one by one."""
    ranges = np.full((cpu.n_nodes(16 * blocks), 2), -1, np.int32)
    device_tree._halve(ranges, blocks)
    waiting, told = [(0, 0, blocks)], {}
    while waiting:
        node, first, last = waiting.pop()
        told[node] = [first, last]
        if last - first > 1:
            middle = halfway(first, last)
            waiting += [(2 * node + 1, first, middle), (2 * node + 2, middle, last)]
    assert {i: list(row) for i, row in enumerate(ranges.tolist()) if row[0] >= 0} == told


def test_what_the_device_cannot_hold_is_refused_with_a_remedy(monkeypatch):
    monkeypatch.setattr(type(cuda.current_context()), "get_memory_info", lambda self: (100, 200))  # noqa: ARG005
    with pytest.raises(ValueError, match=r"of the tree take .* GB .* use device='cpu'"):
        KDTree(device="cuda").fit(np.eye(40)).search(np.eye(40), 1)


def test_radii_are_searched_on_the_host():
    X, Q = clusters(40, 3, seed=8, queries=2)
    here, there = (KDTree(device=where).fit(X).radius_neighbors(Q, 1.0) for where in ("cpu", "cuda"))
    for ours, theirs in zip(there[1], here[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)
