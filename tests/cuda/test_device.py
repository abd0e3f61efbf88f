"""What only a real device can show: torch's tensors and streams, graphs, and sizes that fill the kernels' own tiles."""

import subprocess
import sys

import numpy as np
import pytest

from benchmarks.gpu_rows import by_definition
from estimators import energy_distance, mmd
from estimators.parzen import parzen_log_densities
from knn import DCI, LSH, BruteForce, KDTree, MultiLevelDCI, PrincipalDCI, PrioritizedDCI, on_device
from knn.device_principal import DevicePrincipal
from knn.device_rows import DeviceRows
from knn.kernels import cpu
from knn.principal_codes import Coder
from tests.knn.problems import clusters

pytestmark = pytest.mark.cuda


def on_both(n, d, queries, dtype, seed=0):
    return tuple(part.astype(dtype) for part in clusters(n, d, seed=seed, queries=queries))


def hold(found, X, Q):
    """(distances, slots) are those of the CPU, every point measured by the definition."""
    truth = by_definition(X, Q, found[0].shape[1])
    np.testing.assert_array_equal(found[1], truth[1])
    np.testing.assert_array_equal(found[0], truth[0])


@pytest.mark.parametrize(
    ("n", "d", "queries", "k"),
    [
        (1, 1, 1, 1),
        (127, 3, 129, 5),
        (5000, 64, 300, 10),
        (3001, 83, 130, 33),
        (2500, 20, 3, 1024),
        (4097, 784, 257, 10),
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


def test_the_same_answer_twice_and_in_portions():
    X, Q = on_both(20_000, 32, 500, np.float32)
    first, again = DeviceRows(X).nearest(Q, 10), DeviceRows(X, portion=7001).nearest(Q, 10)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_tensors_are_taken_and_given_on_the_callers_stream():
    torch = pytest.importorskip("torch", reason="tensors on the device; [models] brings it")
    X, Q = on_both(20_000, 16, 200, np.float32)
    points = torch.as_tensor(X, device="cuda")
    index = BruteForce(device="cuda").fit(points)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        queries = torch.full(Q.shape, torch.nan, device="cuda")
        torch.cuda._sleep(20_000_000)  # what is written after this is not there yet when the search is asked for
        queries.copy_(torch.as_tensor(Q, device="cuda"))
        found = index.search(queries, 4)
        doubled = found.indices * 2
    stream.synchronize()
    assert found.indices.is_cuda
    assert index._on_device()._kept.rows.__cuda_array_interface__["data"][0] == points.data_ptr()
    hold((found.distances.cpu().numpy(), found.indices.cpu().numpy()), X, Q)
    np.testing.assert_array_equal(doubled.cpu().numpy(), 2 * found.indices.cpu().numpy())


def test_a_search_of_fixed_shapes_can_be_captured_in_a_graph():
    torch = pytest.importorskip("torch", reason="tensors on the device; [models] brings it")
    X, Q = on_both(5000, 16, 128, np.float32)
    rows = DeviceRows(torch.as_tensor(X, device="cuda"))
    queries = torch.as_tensor(Q, device="cuda")
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        rows.nearest(queries, 3)  # compiles, and makes the workspace of this stream
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        distances, slots = rows.nearest(queries, 3)
    fresh = Q[::-1].copy()
    queries.copy_(torch.as_tensor(fresh, device="cuda"))
    graph.replay()
    torch.cuda.synchronize()
    hold((distances.cpu().numpy(), slots.cpu().numpy()), X, fresh)


def test_numpy_goes_in_and_comes_out(monkeypatch):
    monkeypatch.setattr(on_device, "SMALL", 0)
    X, Q = on_both(3000, 8, 50, np.float64)
    for metric in ("euclidean", "cosine", "inner_product"):
        host, device = (BruteForce(device=where, metric=metric).fit(X).search(Q, 5) for where in ("cpu", "cuda"))
        np.testing.assert_array_equal(device.indices, host.indices)
        np.testing.assert_array_equal(device.distances, host.distances)


@pytest.mark.parametrize(("n", "d", "k"), [(1, 1, 1), (20_000, 3, 10), (20_000, 3, 40), (5000, 20, 16), (3000, 83, 5)])
def test_the_tree_gives_the_hosts_bits(dtype, monkeypatch, n, d, k):
    monkeypatch.setattr(on_device, "SMALL", 0)
    X, Q = on_both(n, d, 500, dtype)
    found = KDTree(device="cuda").fit(X).search(Q, k)
    hold((found.distances, found.indices), X, Q)
    assert found.certified.all()
    if d == 3:
        assert found.evaluations.mean() < n / 20
    ties = np.random.default_rng(n).integers(0, 3, (4000, d)).astype(dtype)
    again = KDTree(device="cuda").fit(ties).search(ties[:140], min(k, 7))
    hold((again.distances, again.indices), ties, ties[:140])


def test_the_tree_answers_tensors_on_the_callers_stream(monkeypatch):
    torch = pytest.importorskip("torch", reason="tensors on the device; [models] brings it")
    monkeypatch.setattr(on_device, "SMALL", 0)
    X, Q = on_both(20_000, 4, 700, np.float32)
    index = KDTree(device="cuda").fit(torch.as_tensor(X, device="cuda"))
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        found = index.search(torch.as_tensor(Q, device="cuda"), 4)
        doubled = found.indices * 2
    stream.synchronize()
    assert found.indices.is_cuda
    assert found.evaluations.is_cuda
    hold((found.distances.cpu().numpy(), found.indices.cpu().numpy()), X, Q)
    np.testing.assert_array_equal(doubled.cpu().numpy(), 2 * found.indices.cpu().numpy())


@pytest.mark.parametrize("kind", [PrioritizedDCI, MultiLevelDCI, DCI, LSH, PrincipalDCI])
@pytest.mark.parametrize("exact", [False, True])
def test_candidates_of_tensors_are_those_of_arrays_and_lie_on_the_callers_stream(monkeypatch, kind, exact):
    """Queries of another width than the points, written late on a stream that is not the default one."""
    torch = pytest.importorskip("torch", reason="tensors on the device; [models] brings it")
    monkeypatch.setattr(on_device, "SMALL", 0)
    X, Q = on_both(20_000, 16, 200, np.float32)
    index = kind(device="cuda", random_state=0).fit(torch.as_tensor(X, device="cuda"))
    truth = index.search(Q.astype(np.float64), 4, exact=exact)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        queries = torch.full(Q.shape, torch.nan, device="cuda", dtype=torch.float64)
        torch.cuda._sleep(20_000_000)
        queries.copy_(torch.as_tensor(Q, device="cuda"))
        found = index.search(queries, 4, exact=exact)
        doubled = found.indices * 2
    stream.synchronize()
    assert found.indices.is_cuda
    np.testing.assert_array_equal(doubled.cpu().numpy(), 2 * truth.indices)
    np.testing.assert_array_equal(found.distances.cpu().numpy(), truth.distances)
    np.testing.assert_array_equal(found.certified, truth.certified)


@pytest.mark.parametrize("kept", ["bytes", "float32"])
def test_proofs_of_principal_coordinates_are_exact_and_measure_few(dtype, kept):
    rng = np.random.default_rng(2)
    plane = rng.standard_normal((8, 200))
    X, Q = (
        (rng.standard_normal((rows, 8)) @ plane + 0.01 * rng.standard_normal((rows, 200))).astype(dtype)
        for rows in (6000, 300)
    )
    coder = Coder(X, np.arange(2000), np.random.RandomState(0), cpu)
    index = DevicePrincipal(X, np.ones(len(X), bool), coder, kept=kept)
    found = index.answer(Q, 10, 50, True)
    hold((found.distances, found.slots), X, Q)
    assert found.proved.all()
    assert found.evaluations.mean() < 600
    assert DevicePrincipal(X, np.ones(len(X), bool), coder).kept == "bytes"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (PrioritizedDCI, {"candidates": 0.05}),
        (PrioritizedDCI, {"candidates": 0.2, "visits": 0.1}),
        (DCI, {"visits": 0.3}),
        (LSH, {"candidates": 0.05, "n_projections": 4}),
    ],
)
def test_candidates_are_the_hosts_with_their_costs_and_proofs(monkeypatch, dtype, kind, options):
    monkeypatch.setattr(on_device, "SMALL", 0)
    X, Q = on_both(20_001, 30, 333, dtype)
    host, device = (kind(device=where, random_state=0, **options).fit(X) for where in ("cpu", "cuda"))
    for index in (host, device):
        index.delete(np.arange(0, 3000, 7)).insert(Q[:50])
    for k in (1, 10, 300):
        for here, there in zip(host.search(Q, k), device.search(Q, k), strict=True):
            np.testing.assert_array_equal(there, here)


@pytest.mark.parametrize("options", [{}, {"visits": 0.4, "n_levels": 2}, {"beam": 2, "candidates": 1.0}])
def test_several_levels_find_what_the_hosts_find_and_prove_no_less(monkeypatch, dtype, options):
    monkeypatch.setattr(on_device, "SMALL", 0)
    X, Q = on_both(20_001, 30, 333, dtype)
    host, device = (MultiLevelDCI(device=where, random_state=0, **options).fit(X) for where in ("cpu", "cuda"))
    for index in (host, device):
        index.delete(np.arange(0, 3000, 7)).insert(Q[:50])
    for k in (1, 10, 300):
        here, there = host.search(Q, k), device.search(Q, k)
        np.testing.assert_array_equal(there.indices, here.indices)
        np.testing.assert_array_equal(there.distances, here.distances)
        assert (there.certified >= here.certified).all()
        np.testing.assert_array_equal(device.search(Q, k).certified, there.certified)


@pytest.mark.parametrize(("n", "m", "d"), [(2, 3, 1), (700, 1025, 5), (1500, 400, 130)])
def test_sums_over_pairs_are_the_hosts_within_their_certificates(dtype, n, m, d):
    rng = np.random.default_rng(n)
    X, Y = rng.standard_normal((n, d)).astype(dtype), (1.2 * rng.standard_normal((m, d))).astype(dtype)
    for compare in (
        lambda device: energy_distance(X, Y, squared=True, device=device),
        *(
            lambda device, kernel=kernel: mmd(X, Y, kernel=kernel, bandwidth=3.0, squared=True, device=device)
            for kernel in ("gaussian", "laplace", "imq")
        ),
    ):
        device, host = compare("cuda"), compare("cpu")
        assert device.certificate.lower <= host.certificate.upper
        assert device.certificate.upper >= host.certificate.lower
        assert compare("cuda") == device
    X, Y = X.astype(np.float64), Y.astype(np.float64)
    device, host = (parzen_log_densities(X, Y, [0.5, 2.0], device=where) for where in ("cuda", "cpu"))
    assert (np.abs(device[0] - host[0]) <= device[1] + host[1]).all()


def test_imle_trains_on_the_device_with_the_bits_of_the_hosts_search(monkeypatch):
    pytest.importorskip("torch", reason="tensors on the device; [models] brings it")
    from estimators.models import imle

    X = clusters(400, 20, seed=3)[0].astype(np.float32)
    settings = {"hidden": (32,), "n_samples": 300, "steps": 40, "inner_steps": 5, "random_state": 0, "device": "cuda"}
    there = imle.IMLE(**settings).fit(X).sample(50, random_state=1)
    monkeypatch.setattr(imle, "searches_there", lambda device: False)  # noqa: ARG005
    np.testing.assert_array_equal(imle.IMLE(**settings).fit(X).sample(50, random_state=1), there)


def test_importing_kernels_starts_no_driver():
    code = "import knn.kernels.cuda; from numba.cuda.cudadrv.driver import driver; assert driver.pid is None"
    subprocess.run([sys.executable, "-c", code], check=True)
