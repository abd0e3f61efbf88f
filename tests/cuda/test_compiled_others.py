"""Kernels of codes, trees, candidates and sums as they are compiled, held to the host, as in test_compiled.py."""

import numpy as np
import pytest

from estimators import energy_distance, mmd
from estimators.parzen import parzen_log_densities
from knn import DCI, LSH, KDTree, MultiLevelDCI, PrincipalDCI, PrioritizedDCI
from knn.device_principal import DevicePrincipal
from knn.kernels import cpu
from knn.principal_codes import Coder
from tests.cuda.truth import deep, hold, on_both

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture(params=[np.float32, deep(np.float64)], ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.mark.parametrize("kept", ["bytes", deep("float32")])
def test_proofs_of_principal_coordinates_are_exact_and_measure_few(dtype, kept):
    rng = np.random.default_rng(2)
    plane = rng.standard_normal((8, 200))
    X, Q = (
        (rng.standard_normal((rows, 8)) @ plane + 0.01 * rng.standard_normal((rows, 200))).astype(dtype)
        for rows in (3000, 130)
    )
    coder = Coder(X, np.arange(2000), np.random.RandomState(0), cpu)
    index = DevicePrincipal(X, np.ones(len(X), bool), coder, kept=kept)
    found = index.answer(Q, 10, 50, True)
    hold((found.distances, found.slots), X, Q)
    assert found.proved.all()
    assert found.evaluations.mean() < 600


@pytest.mark.deep
def test_principal_coordinates_are_kept_as_bytes_where_these_prove_enough(dtype):
    X, Q = on_both(3000, 100, 60, dtype)
    index = PrincipalDCI(device="cuda", random_state=0).fit(X)
    found = index.search(Q, 10, exact=True)
    hold((found.distances, found.indices), X, Q)
    assert found.certified.all()
    assert index._on_device().kept == "bytes"


@pytest.mark.parametrize(
    ("n", "d", "k"), [(1, 1, 1), (5000, 20, 16), deep(20_000, 3, 10), deep(20_000, 3, 40), deep(3000, 83, 5)]
)
def test_the_tree_gives_the_hosts_bits(dtype, n, d, k):
    X, Q = on_both(n, d, 500, dtype)
    found = KDTree(device="cuda").fit(X).search(Q, k)
    hold((found.distances, found.indices), X, Q)
    assert found.certified.all()
    if d == 3:
        assert found.evaluations.mean() < n / 20
    ties = np.random.default_rng(n).integers(0, 3, (4000, d)).astype(dtype)
    again = KDTree(device="cuda").fit(ties).search(ties[:140], min(k, 7))
    hold((again.distances, again.indices), ties, ties[:140])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        deep(PrioritizedDCI, {"candidates": 0.05}),
        deep(PrioritizedDCI, {"candidates": 0.2, "visits": 0.1}),
        deep(DCI, {"visits": 0.3}),
        deep(LSH, {"candidates": 0.05, "n_projections": 4}),
    ],
)
def test_candidates_are_the_hosts_with_their_costs_and_proofs(dtype, kind, options):
    X, Q = on_both(6001, 30, 133, dtype)
    host, device = (kind(device=where, random_state=0, **options).fit(X) for where in ("cpu", "cuda"))
    for index in (host, device):
        index.delete(np.arange(0, 1000, 7)).insert(Q[:50])
    for k in (1, 10, 300):
        for here, there in zip(host.search(Q, k), device.search(Q, k), strict=True):
            np.testing.assert_array_equal(there, here)


@pytest.mark.deep
@pytest.mark.parametrize("options", [{}, {"visits": 0.4, "n_levels": 2}, {"beam": 2, "candidates": 1.0}])
def test_several_levels_find_what_the_hosts_find_and_prove_no_less(dtype, options):
    X, Q = on_both(6001, 30, 133, dtype)
    host, device = (MultiLevelDCI(device=where, random_state=0, **options).fit(X) for where in ("cpu", "cuda"))
    for index in (host, device):
        index.delete(np.arange(0, 1000, 7)).insert(Q[:50])
    for k in (1, 10, 300):
        here, there = host.search(Q, k), device.search(Q, k)
        np.testing.assert_array_equal(there.indices, here.indices)
        np.testing.assert_array_equal(there.distances, here.distances)
        assert (there.certified >= here.certified).all()
        np.testing.assert_array_equal(device.search(Q, k).certified, there.certified)


@pytest.mark.parametrize(("n", "m", "d"), [(2, 3, 1), (700, 1025, 5), deep(1500, 400, 130)])
@pytest.mark.parametrize("name", ["energy", deep("gaussian"), deep("laplace"), deep("imq")])
def test_sums_over_pairs_are_the_hosts_within_their_certificates(dtype, name, n, m, d):
    rng = np.random.default_rng(n)
    X, Y = rng.standard_normal((n, d)).astype(dtype), (1.2 * rng.standard_normal((m, d))).astype(dtype)

    def compare(device):
        if name == "energy":
            return energy_distance(X, Y, squared=True, device=device)
        return mmd(X, Y, kernel=name, bandwidth=3.0, squared=True, device=device)

    device, host = compare("cuda"), compare("cpu")
    assert device.certificate.lower <= host.certificate.upper
    assert device.certificate.upper >= host.certificate.lower
    assert compare("cuda") == device


@pytest.mark.deep
def test_parzen_densities_are_the_hosts_within_their_errors():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((700, 5)), 1.2 * rng.standard_normal((1025, 5))
    device, host = (parzen_log_densities(X, Y, [0.5, 2.0], device=where) for where in ("cuda", "cpu"))
    assert (np.abs(device[0] - host[0]) <= device[1] + host[1]).all()
