"""What only a real device can show: torch's tensors, on torch's streams and in its graphs."""

import subprocess
import sys

import numpy as np
import pytest

from knn import DCI, LSH, BruteForce, KDTree, MultiLevelDCI, PrincipalDCI, PrioritizedDCI, on_device
from knn.device_rows import DeviceRows
from tests.cuda.truth import hold, on_both
from tests.knn.problems import clusters

pytestmark = pytest.mark.cuda


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
