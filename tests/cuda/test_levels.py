"""Prioritized DCI of several levels on CUDA devices, in Numba's simulator: the CPU's answers to the bit, and proofs."""

import pickle

import numpy as np
import pytest
from numba import cuda

from knn import BruteForce, MultiLevelDCI, device_candidates, on_device
from tests.knn.problems import clusters, same

pytestmark = pytest.mark.simulator
#: What ends candidates: a share of a cell's points, their number, visits, both; and beams from one head to all.
BUDGETS = {
    "shares": {"beam": 4, "candidates": 0.4},
    "numbers": {"beam": 2, "candidates": 4, "n_levels": 4},
    "visits": {"beam": 3, "candidates": 1.0, "visits": 0.3},
    "both": {"beam": 0.3, "candidates": 9, "visits": 0.6, "n_levels": 2},
    "one head": {"beam": 1, "candidates": 1.0},
    "all": {"beam": 1.0, "candidates": 1.0},
}


@pytest.fixture(autouse=True)
def small_blocks(small_candidates, monkeypatch):  # noqa: ARG001
    monkeypatch.setattr(on_device, "SMALL", 0)


@pytest.fixture(params=BUDGETS)
def budgets(request):
    return BUDGETS[request.param]


def both(X, budgets=BUDGETS["shares"], **options):
    settings = {"n_simple": 3, "n_composite": 2, "random_state": 0, **budgets, **options}
    return [MultiLevelDCI(device=where, **settings).fit(X) for where in ("cuda", "cpu")]


def agree(there, here, Q, k):
    """The device's answers are the CPU's; it proves what the CPU proves, and nothing that is not so."""
    found, host = there.search(Q, k), here.search(Q, k)
    np.testing.assert_array_equal(found.indices, host.indices)
    np.testing.assert_array_equal(found.distances, host.distances)
    assert (found.certified >= host.certified).all()
    proved = here.search(Q, k, exact=True).distances
    np.testing.assert_array_equal(found.distances[found.certified], proved[found.certified])
    assert (found.evaluations <= here._points.n_alive + np.diff(here._hierarchy.levels.first)[:-1].sum()).all()
    return found


@pytest.mark.parametrize("d", [6, 21])  # a thread a row, and several
def test_answers_are_the_hosts_to_the_bit_and_proofs_hold(budgets, dtype, d):
    X, Q = (part.astype(dtype) for part in clusters(150, d, seed=0, queries=4))
    Q[-1] = X[7]
    there, here = both(X, budgets)
    assert there.serves(4) == "cuda"
    agree(there, here, Q, 1)
    found = agree(there, here, Q, 7)
    assert (found.evaluations < 150).all()
    assert found.certified.all() == (budgets is BUDGETS["all"])


def test_ties_and_twins_are_the_hosts(budgets):
    """Coarse numbers, of which few projections differ: what ties with the last is a candidate too, of heads the first
    in order is kept."""
    rng = np.random.default_rng(1)
    X, Q = rng.integers(0, 2, (70, 3)).astype(np.float32), rng.integers(0, 2, (3, 3)).astype(np.float32)
    agree(*both(X, budgets), Q, 4)


def test_cells_that_hold_too_few_are_left_for_all_points(dtype):
    X, Q = (part.astype(dtype) for part in clusters(90, 21, seed=2, queries=3))
    there, here = both(X, BUDGETS["one head"], n_levels=4)
    few, many = there.search(Q, 2), agree(there, here, Q, 60)
    assert (few.evaluations < 90).all()
    assert (many.evaluations == 90).all()
    assert many.certified.all()
    same(many[:2], BruteForce().fit(X).search(Q, 60)[:2])


def test_a_budget_below_k_is_kept_to():
    X, Q = clusters(90, 6, seed=3, queries=3)
    there, here = both(X, {"beam": 9, "candidates": 2}, n_composite=1, n_levels=2)
    assert (agree(there, here, Q, 8).indices == -1).any()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_points_are_all_found(n, dtype):
    X = clusters(5, 2, seed=4)[0][:n].astype(dtype)
    for levels in (2, 4):
        there, here = both(X, n_levels=levels)
        agree(there, here, X, n)


def test_after_changes_the_levels_are_copied_again():
    """A tail, a tail put into cells, the dead, levels built anew, and ids that are no slots."""
    X, Q = clusters(80, 6, seed=5, queries=3)
    there, here = both(X)
    before = gathered = int(here._hierarchy.levels.first[-1])
    for change in (
        lambda index: index.insert(Q),
        lambda index: index.delete([1, 4, 80]),
        lambda index: index.insert(X[:12] + 0.1),
        lambda index: index.delete(np.arange(5, 60)),
        lambda index: index.insert(X[:2] + 0.2),
    ):
        there.search(Q, 1)
        for index in (there, here):
            change(index)
        agree(there, here, Q, 4)
        gathered = max(gathered, int(here._hierarchy.levels.first[-1]))
    assert gathered > before
    assert there._points.next_id > there._points.size
    agree(pickle.loads(pickle.dumps(there)), here, Q, 4)


def test_other_budgets_of_one_index_take_buffers_of_their_own(monkeypatch):
    X, Q = clusters(80, 4, seed=6, queries=3)
    there, here = both(X)
    for wanted in ({"beam": 1}, {"beam": 1.0}, {"beam": 2, "candidates": 1.0}, {"beam": 1}):
        agree(there.set_params(**wanted), here.set_params(**wanted), Q, 3)
    monkeypatch.setattr(device_candidates, "WORKSPACE", 1)  # a query at a time
    agree(*both(X), Q, 3)


def test_every_metric_scale_and_offset_is_the_hosts(dtype):
    for offset, scale in ((1e4, 1.0), (0.0, 1e30), (3.0, 1e-30)):
        X, Q = (((part + offset) * scale).astype(dtype) for part in clusters(40, 5, seed=7, queries=2))
        agree(*both(X), Q, 3)
    for metric in ("cosine", "inner_product"):
        X, Q = clusters(40, 5, seed=8, queries=2)
        agree(*both(X, metric=metric), Q, 3)


def test_what_is_asked_to_be_exact_is_measured_against_all(dtype):
    X, Q = (part.astype(dtype) for part in clusters(60, 5, seed=9, queries=3))
    same(both(X)[0].search(Q, 3, exact=True), BruteForce().fit(X).search(Q, 3))


def test_arrays_on_the_device_are_answered_there():
    X, Q = (part.astype(np.float32) for part in clusters(60, 3, seed=10, queries=3))
    there, here = both(X)
    there.fit(cuda.to_device(X))
    for index in (there, here):
        index.delete(np.arange(3, 40)).insert(X[:2])  # slots are ids no more
    found, host = there.search(cuda.to_device(Q), 3), here.search(Q, 3)
    np.testing.assert_array_equal(found.indices.copy_to_host(), host.indices)
    np.testing.assert_array_equal(found.distances.copy_to_host(), host.distances)
    assert isinstance(found.certified, np.ndarray)


@pytest.mark.parametrize("beam", [1, 1.0])
@pytest.mark.parametrize("k", [2, 40])
def test_what_finds_nothing_is_not_certified(beam, k):
    X = clusters(60, 4, seed=11)[0]
    Q = X[:3].copy()
    Q[0, 1], Q[1] = np.nan, 1e300
    found = both(X, {"beam": beam, "candidates": 1.0}, n_levels=2)[0].search(cuda.to_device(Q), k)
    assert (found.indices.copy_to_host()[:2] == -1).all()
    assert np.isinf(found.distances.copy_to_host()[:2]).all()
    assert found.certified.tolist()[:2] == [False, False]
    assert (found.indices.copy_to_host()[2] >= 0).all()


def test_radii_are_what_proves():
    """Tight clusters far apart are proved at a small cost; without radii the same rule proves wrong answers."""
    rng = np.random.default_rng(2)
    centres = 1e3 * rng.standard_normal((12, 8))
    X = np.repeat(centres, 15, axis=0) + rng.standard_normal((180, 8))
    Q = centres + rng.standard_normal((12, 8))
    there, here = both(X, {"beam": 4, "candidates": 1.0, "n_levels": 2})
    found = agree(there, here, Q, 5)
    assert found.certified.any()
    assert found.evaluations.mean() < 90
    truth = BruteForce().fit(X).search(Q, 5)
    there._hierarchy.levels.reach[:] = 0.0
    there._rows_on_device = None
    wrong = there.set_params(beam=1).search(Q, 5)
    assert (wrong.indices[wrong.certified] != truth.indices[wrong.certified]).any()
