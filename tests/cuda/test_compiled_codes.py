"""Principal coordinates as compiled kernels search them, held to the host: on a device, or over the stand-in."""

import numpy as np
import pytest

from knn import PrincipalDCI
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
