"""What the library launches is what is compiled: the types of arguments seen in the simulator, held to the list."""

import numpy as np
import pytest
from numba import cuda, typeof

from benchmarks.device_code_kernels import kernels
from estimators import energy_distance, mmd
from estimators.parzen import parzen_log_densities
from knn import DCI, LSH, BruteForce, KDTree, MultiLevelDCI, PrincipalDCI, PrioritizedDCI, device_tree, on_device
from knn.device_principal import DevicePrincipal
from knn.kernels import cpu
from knn.principal_codes import Coder
from tests.knn.problems import clusters

pytestmark = [
    pytest.mark.simulator,
    pytest.mark.simulator_alone,
    pytest.mark.usefixtures("small_candidates"),
    pytest.mark.filterwarnings("ignore:overflow encountered in scalar:RuntimeWarning"),  # hashes are modulo 2⁶⁴
]


def of(value):
    """Numba's type of an argument, as text; the simulator's arrays tell theirs."""
    if isinstance(value, tuple):
        return f"({', '.join(map(of, value))})"
    if getattr(value, "size", 1) == 0:  # of no extent, which the simulator takes for a broadcast array
        return str(typeof(np.ones((1,) * value.ndim, value.dtype)))
    return str(getattr(value, "_numba_type_", None) or typeof(value))


def listed_type(type_):
    parts = getattr(type_, "types", None)
    return str(type_) if parts is None else f"({', '.join(map(listed_type, parts))})"


@pytest.fixture(scope="module")
def listed():
    return {(kernel.function.__qualname__, *map(listed_type, kernel.signature)) for kernel in kernels()}


@pytest.fixture
def launched(monkeypatch):
    """(name, types…) of each launch."""
    seen, call = set(), type(cuda.jit(lambda: None)).__call__

    def told(kernel, *arguments):
        if kernel.grid_dim is not None and not kernel._device:
            seen.add((kernel.__qualname__, *map(of, arguments)))
        return call(kernel, *arguments)

    monkeypatch.setattr(type(cuda.jit(lambda: None)), "__call__", told)
    monkeypatch.setattr(on_device, "SMALL", 0)
    monkeypatch.setattr(device_tree, "WALKERS", 4)
    monkeypatch.setattr(device_tree, "WAITING", 0)  # queries are lined up, however few
    return seen


INDEXES = {
    "exact": (BruteForce, {}),
    "tree": (KDTree, {}),
    "principal": (PrincipalDCI, {"candidates": 3, "random_state": 0}),
    "prioritized": (PrioritizedDCI, {"n_simple": 2, "n_composite": 1, "visits": 9, "candidates": 5, "random_state": 0}),
    "levels": (MultiLevelDCI, {"n_simple": 2, "n_composite": 1, "candidates": 5, "beam": 2, "random_state": 0}),
    "dci": (DCI, {"n_simple": 2, "n_composite": 1, "visits": 9, "random_state": 0}),
    "lsh": (LSH, {"n_tables": 2, "n_projections": 2, "width": 9.0, "candidates": 5, "random_state": 0}),
}


@pytest.mark.parametrize("name", INDEXES)
@pytest.mark.parametrize("other", [np.float32, np.float64], ids=lambda kind: f"{kind.__name__} queries")
def test_all_that_is_launched_is_compiled_and_answers_as_the_host(name, dtype, other, launched, listed):
    """Queries as wide as the points, wider and narrower; of the host and of the device, after changes."""
    kind, options = INDEXES[name]
    X, Q = clusters(19, 3, seed=0, queries=3)
    X, Q = X.astype(dtype), Q.astype(other)
    there, here = (kind(device=where, **options).fit(X) for where in ("cuda", "cpu"))
    for k in (2, 17) if name == "tree" else (2,):  # beyond what shared memory holds
        exact = name == "principal"  # what it proves is the host's; what it answers without a proof is its own
        for mine, twin in zip(there.search(Q, k, exact=exact)[:2], here.search(Q, k, exact=exact)[:2], strict=True):
            np.testing.assert_array_equal(mine, twin)
    for index in (there, here):
        index.delete([1, 2, 3, 4, 5, 6]).insert(Q)  # ids are slots no more
    found = there.search(cuda.to_device(Q), 2, exact=exact)
    np.testing.assert_array_equal(found.indices.copy_to_host(), here.search(Q, 2, exact=exact).indices)
    assert launched
    assert launched - listed == set()


def test_principal_coordinates_in_float32_launch_what_is_compiled(dtype, launched, listed):
    X, Q = (part.astype(dtype) for part in clusters(19, 3, seed=0, queries=3))
    coder = Coder(X, np.arange(len(X)), np.random.RandomState(0), cpu)
    for kept in ("bytes", "float32"):
        DevicePrincipal(X, np.ones(len(X), bool), coder, kept=kept).answer(Q, 2, 3, True)
    assert launched - listed == set()


@pytest.mark.usefixtures("small_pairs")
def test_all_sums_over_pairs_that_are_launched_are_compiled(dtype, launched, listed):
    X, Y = (part.astype(dtype) for part in clusters(5, 3, seed=0, queries=4))
    energy_distance(X, Y, device="cuda")
    mmd(X, Y, kernel="imq", bandwidth=2.0, device="cuda")
    parzen_log_densities(X.astype(float), Y.astype(float), [1.0], device="cuda")
    assert launched
    assert launched - listed == set()
