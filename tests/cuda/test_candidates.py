"""DCI, Prioritized DCI and LSH on CUDA devices, in Numba's simulator, held to the CPU's answers to the bit."""

import pickle

import numpy as np
import pytest
from numba import cuda

from knn import (
    DCI,
    LSH,
    BruteForce,
    PrioritizedDCI,
    RandomHierarchy,
    device_candidates,
    on_device,
)
from tests.cuda.truth import place
from tests.knn.problems import clusters, same

pytestmark = [
    pytest.mark.simulator,
    # Buckets are numbers modulo 2⁶⁴, which NumPy's scalars, in whose stead a device counts, warn of.
    pytest.mark.filterwarnings("ignore:overflow encountered in scalar:RuntimeWarning"),
]
#: One of each way in which candidates end: by points, by entries of one list, of all lists, by both, by tables.
KINDS = {
    "prioritized": lambda **options: PrioritizedDCI(n_simple=3, n_composite=2, candidates=7, **options),
    "visits": lambda **options: PrioritizedDCI(n_simple=2, n_composite=2, visits=30, candidates=12, **options),
    "dci": lambda **options: DCI(n_simple=2, n_composite=3, visits=9, **options),
    "lsh": lambda **options: LSH(n_tables=4, n_projections=2, width=9.0, candidates=10, **options),
}


@pytest.fixture(autouse=True)
def small_blocks(small_candidates, monkeypatch):  # noqa: ARG001
    monkeypatch.setattr(on_device, "SMALL", 0)


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def both(kind, X, **options):
    return [kind(device=where, random_state=0, **options).fit(X) for where in ("cuda", "cpu")]


def test_answers_costs_and_proofs_are_the_hosts_to_the_bit(kind, dtype):
    X, Q = (part.astype(dtype) for part in clusters(61, 17, seed=0, queries=5))
    Q[-1] = X[7]
    there, here = both(kind, X)
    assert there.serves(5) == "cuda"
    for k in (1, 6):
        found = there.search(Q, k)
        same(found, here.search(Q, k))
    assert (found.evaluations < 61).any()
    assert (found.indices >= 0).any()


def test_ties_and_twins_are_the_hosts(kind, dtype):
    """Coarse numbers, on few of which projections fall together: what ties with the last is a candidate too."""
    rng = np.random.default_rng(1)
    X, Q = rng.integers(0, 2, (40, 3)).astype(dtype), rng.integers(0, 2, (3, 3)).astype(dtype)
    there, here = both(kind, X)
    same(there.search(Q, 3), here.search(Q, 3))


@pytest.mark.parametrize("few", [4, 256])
def test_ties_that_come_late_are_ranked_by_slot(monkeypatch, few):
    """Buckets come in the order of their numbers: what ties with the last that is held may have a smaller slot."""
    monkeypatch.setattr("knn.kernels.cuda_select.FEW", few)
    rng = np.random.default_rng(1)
    X = rng.integers(0, 2, (120, 3)).astype(np.float32)
    index = {"n_tables": 8, "n_projections": 2, "width": 0.8, "candidates": 110}
    there, here = (LSH(device=where, random_state=0, **index).fit(X) for where in ("cuda", "cpu"))
    same(there.search(X[:3], 25), here.search(X[:3], 25))


def test_whole_tables_are_looked_into_until_there_are_enough():
    X, Q = clusters(40, 3, seed=10, queries=2)
    for candidates in range(1, 12):
        there, here = both(KINDS["lsh"], X)
        for index in (there, here):
            index.set_params(candidates=candidates)
        same(there.search(Q, 1), here.search(Q, 1))


def test_what_has_measured_all_is_certified_though_its_bounds_prove_nothing():
    X, Q = clusters(6, 3, seed=11, queries=2)
    index = {"n_simple": 2, "n_composite": 4, "candidates": 5, "random_state": 0}
    there, here = (PrioritizedDCI(device=where, **index).fit(X) for where in ("cuda", "cpu"))
    found = there.search(Q, 6)
    assert found.certified.all()
    same(found, here.search(Q, 6))


def test_one_point_and_all_of_a_few_are_found(kind, dtype):
    X = clusters(5, 2, seed=2)[0].astype(dtype)
    for n in (1, 5):
        there, here = both(kind, X[:n])
        same(there.search(X, n), here.search(X, n))


def test_after_changes_the_points_are_copied_again(kind):
    """Two runs, the dead among them, and after the third deletion ids that are no slots."""
    X, Q = clusters(37, 6, seed=3, queries=3)
    there, here = both(kind, X)
    for change in (
        lambda index: index.insert(Q),
        lambda index: index.delete([1, 4, 37]),
        lambda index: index.delete(np.arange(10, 25)),
        lambda index: index.insert(X[:2] + 0.1),
    ):
        there.search(Q, 1)
        for index in (there, here):
            change(index)
        same(there.search(Q, 4), here.search(Q, 4))
    assert there._points.next_id > there._points.size
    again = pickle.loads(pickle.dumps(there))
    same(again.search(Q, 4), here.search(Q, 4))


def test_every_metric_is_the_hosts(kind):
    X, Q = clusters(20, 4, seed=4, queries=2)
    for metric in ("cosine", "inner_product"):
        there, here = both(kind, X, metric=metric)
        same(there.search(Q, 2), here.search(Q, 2))


def test_offsets_and_scales_move_no_answer(kind, dtype):
    for offset, scale in ((1e4, 1.0), (0.0, 1e30), (3.0, 1e-30)):
        X, Q = (((part + offset) * scale).astype(dtype) for part in clusters(19, 6, seed=5, queries=2))
        there, here = both(kind, X)
        if isinstance(here, LSH):  # its buckets are as wide as the data are
            there, here = (index.set_params(width=5.0 * scale).fit(X) for index in (there, here))
        same(there.search(Q, 3), here.search(Q, 3))


def test_queries_beyond_the_workspace_come_in_parts(kind, monkeypatch):
    monkeypatch.setattr(device_candidates, "WORKSPACE", 1)
    X, Q = clusters(12, 3, seed=6, queries=3)
    there, here = both(kind, X)
    same(there.search(Q, 2), here.search(Q, 2))
    same(there.search(Q[:2], 4), here.search(Q[:2], 4))  # other buffers on the same stream


def test_what_is_asked_to_be_exact_is_measured_against_all(kind, dtype):
    X, Q = (part.astype(dtype) for part in clusters(30, 5, seed=7, queries=4))
    found, truth = kind(device="cuda", random_state=0).fit(X).search(Q, 3, exact=True), BruteForce().fit(X).search(Q, 3)
    same(found, truth)
    there = kind(device="cuda", random_state=0).set_params(**kind().exhaustive).fit(X)
    for part, other in zip(there.search(Q, 3)[:2], truth[:2], strict=True):
        np.testing.assert_array_equal(part, other)
    assert there.search(Q, 3).certified.all()


def test_rows_that_are_not_held_centred_besides_pass_in_portions(monkeypatch):
    """Room for what an index keeps and not for a second copy of rows far from the origin: exact answers come all the
    same, and arrays of the device as such."""
    X, Q = (1e4 + part for part in clusters(30, 5, seed=12, queries=4))
    there, here = KINDS["dci"](device="cuda", random_state=0).fit(X), BruteForce().fit(X)
    kept = there._on_device()
    monkeypatch.setattr(type(cuda.current_context()), "get_memory_info", lambda _: (1000, 1000))
    same(there.search(Q, 3, exact=True), here.search(Q, 3, exact=True))
    # Six tenths: a copy is made, halves are, and buffers beside them.
    assert kept._everything()._portion == 600 // (8 * 5 + 9 + 16)
    found = there.search(cuda.to_device(Q), 3, exact=True)
    np.testing.assert_array_equal(found.indices.copy_to_host(), here.search(Q, 3, exact=True).indices)
    assert found.certified.all()


def test_arrays_on_the_device_are_answered_there(kind):
    X, Q = (part.astype(np.float32) for part in clusters(24, 3, seed=8, queries=3))
    there, here = kind(device="cuda", random_state=0).fit(cuda.to_device(X)), kind(random_state=0).fit(X)
    for exact in (False, True):
        found = there.search(cuda.to_device(Q), 2, exact=exact)
        assert not isinstance(found.indices, np.ndarray)
        assert isinstance(found.certified, np.ndarray)
        truth = here.search(Q, 2, exact=exact)
        np.testing.assert_array_equal(found.indices.copy_to_host(), truth.indices)
        np.testing.assert_array_equal(found.distances.copy_to_host(), truth.distances)
        np.testing.assert_array_equal(found.certified, truth.certified)
    assert place(there._on_device()._rows) == place(there._given)
    for index in (there, here):
        index.delete([3, 4, 5, 6, 7, 8, 9]).insert(X[:2])  # slots are ids no more
    found, truth = there.search(cuda.to_device(Q), 4), here.search(Q, 4)
    np.testing.assert_array_equal(found.indices.copy_to_host(), truth.indices)
    with pytest.raises(ValueError, match=r"memory of a GPU.*set device='cuda'"):
        here.search(cuda.to_device(Q), 2)


@pytest.mark.parametrize("exact", [False, True])
def test_what_finds_nothing_is_not_certified(kind, exact):
    X = clusters(9, 4, seed=9)[0]
    Q = X[:3].copy()
    Q[0, 1], Q[1] = np.nan, 1e300
    index = kind(device="cuda", random_state=0).set_params(**kind().exhaustive).fit(X)
    found = index.search(cuda.to_device(Q), 2, exact=exact)
    assert (found.indices.copy_to_host()[:2] == -1).all()
    assert np.isinf(found.distances.copy_to_host()[:2]).all()
    assert found.certified.tolist() == [False, False, True]


def test_what_a_device_does_not_serve_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="device='cuda' does not serve RandomHierarchy"):
        RandomHierarchy(device="cuda").fit(np.eye(4))
    monkeypatch.setattr(type(cuda.current_context()), "get_memory_info", lambda _: (100, 100))
    for levels in (1, 2):
        index = PrioritizedDCI(device="cuda", n_levels=levels).fit(np.eye(4))
        with pytest.raises(ValueError, match=r"4 rows .* take .* that the device has left: use device='cpu'"):
            index.search(np.eye(4), 1)
