"""Principal DCI on CUDA devices, in Numba's simulator: proofs held to the exact answer, promises to what they count."""

import numpy as np
import pytest
from numba import cuda

from knn import BruteForce, PrincipalDCI, RotatedDCI, device_principal, on_device
from tests.knn.problems import clusters

pytestmark = [pytest.mark.simulator, pytest.mark.usefixtures("small_screens")]


@pytest.fixture(autouse=True)
def few_promising(monkeypatch):
    monkeypatch.setattr(device_principal, "PROMISING", {"bytes": 6, "float32": 6})
    monkeypatch.setattr(on_device, "SMALL", 0)


def built(X, **options):
    return PrincipalDCI(device="cuda", candidates=4, probes=1.0, random_state=0, **options).fit(X)


def test_proofs_are_the_exact_answer_and_measure_few_where_directions_hold_the_energy(dtype):
    X, Q = (part.astype(dtype) for part in clusters(40, 9, seed=0, queries=5))
    truth = BruteForce().fit(X).search(Q, 2)
    found = built(X).search(Q, 2, exact=True)
    np.testing.assert_array_equal(found.indices, truth.indices)
    np.testing.assert_array_equal(found.distances, truth.distances)
    assert found.certified.all()
    assert set(found.evaluations) <= {6, 40}
    assert 6 in found.evaluations  # nine columns are all among the 63 directions: bounds are the distances


def test_ties_and_twins_are_proved_by_all_points(dtype):
    """Bounds that equal the k-th distance prove nothing: a point beside the measured may tie."""
    X = np.repeat(np.eye(3, dtype=dtype), 7, axis=0)
    Q = X[:2]
    truth = BruteForce().fit(X).search(Q, 2)
    found = built(X).search(Q, 2, exact=True)
    np.testing.assert_array_equal(found.indices, truth.indices)
    assert (found.evaluations == 21).all()


def test_what_is_said_to_be_proved_without_asking_is_exact_and_the_rest_is_by_the_definition():
    X, Q = clusters(30, 80, seed=1, queries=6)
    X += 3.0 * np.random.default_rng(0).standard_normal(X.shape)  # energy beside the 63 directions: bounds fall short
    truth, found = BruteForce().fit(X).search(Q, 3), built(X).search(Q, 3)
    np.testing.assert_array_equal(found.indices[found.certified], truth.indices[found.certified])
    np.testing.assert_array_equal(
        found.distances, np.take_along_axis(BruteForce().fit(X).search(Q, 30).distances, _ranks(X, Q, found), axis=1)
    )
    assert (found.evaluations == 4).all()


def _ranks(X, Q, found):
    """The place of each found point among all of its query's."""
    everything = BruteForce().fit(X).search(Q, 30).indices
    return np.stack([[list(row).index(i) for i in mine] for row, mine in zip(everything, found.indices, strict=True)])


def test_changes_and_arrays_of_the_device_are_served(dtype):
    X, Q = (part.astype(dtype) for part in clusters(24, 5, seed=2, queries=3))
    index = built(cuda.to_device(X))
    assert index._given is not None  # searched where it lies
    index.delete([0, 1, 2])
    new = index.insert(Q[:1])
    truth = BruteForce().fit(np.delete(np.concatenate([X, Q[:1]]), [0, 1, 2], axis=0)).search(Q, 2)
    found = index.search(cuda.to_device(Q), 2, exact=True)
    assert found.indices.copy_to_host()[0, 0] == new[0]
    np.testing.assert_array_equal(found.indices.copy_to_host(), np.delete(np.arange(25), [0, 1, 2])[truth.indices])
    np.testing.assert_array_equal(found.distances.copy_to_host(), truth.distances)


def test_queries_far_beyond_all_points_are_answered_by_all_points():
    X, _ = clusters(20, 4, seed=3)
    Q = np.full((1, 4), 1e30)
    truth, found = BruteForce().fit(X).search(Q, 2), built(X).search(Q, 2)
    np.testing.assert_array_equal(found.indices, truth.indices)
    assert found.evaluations[0] == 20


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("n", [4, 20])
def test_what_finds_nothing_is_not_proved(n, exact):
    """NaN, and squares beyond float64: 1e300, and 1e160 beside points of 1e148, in whose scale it is not far out."""
    for scale, bad in ((1.0, np.nan), (1.0, 1e300), (1e148, 1e160)):
        X = clusters(n, 4, seed=3)[0] * scale
        Q = X[:2].copy()
        Q[0, 1] = bad
        found = built(X).search(cuda.to_device(Q), 2, exact=exact)
        assert (found.indices.copy_to_host()[0] == -1).all()
        assert not found.certified[0]
        assert found.certified[1]


def test_short_codes_stay_on_the_host():
    with pytest.raises(ValueError, match="bits=4 with device='cuda' is not served"):
        PrincipalDCI(directions="random-rotation", bits=4, device="cuda").fit(np.eye(4))
    with pytest.raises(ValueError, match="device='cuda' does not serve RotatedDCI"):
        RotatedDCI(device="cuda").fit(np.eye(4))


def test_points_are_copied_to_the_device_once(monkeypatch):
    X = clusters(24, 5, seed=4)[0]
    copied, given = [], cuda.to_device
    monkeypatch.setattr(
        cuda, "to_device", lambda values, *rest: copied.append(np.shape(values)) or given(values, *rest)
    )
    index = built(X)
    index.search(X[:2], 1, exact=True)
    assert copied.count(X.shape) == 1


@pytest.mark.parametrize(
    ("bytes_free", "told"), [(100, "the principal coordinates of 24 rows take"), (10_000, "24 ro")]
)
def test_what_the_device_cannot_hold_is_refused_with_a_remedy(monkeypatch, bytes_free, told):
    """Little room for coordinates, and room for these alone."""
    monkeypatch.setattr(type(cuda.current_context()), "get_memory_info", lambda _: (bytes_free, bytes_free))
    X = clusters(24, 300, seed=4)[0]
    with pytest.raises(ValueError, match=rf"{told}.*use device='cpu', or knn.BruteForce"):
        built(X).search(X[:2], 1)
