"""What comes through the door: arrays of other libraries, by NumPy's protocol or by DLPack alone."""

import numpy as np
import pytest

from estimators import (
    Empirical,
    coverage,
    energy_distance,
    frechet_distance,
    jsd_knn,
    kl_knn,
    mmd,
    sinkhorn_divergence,
    sliced_wasserstein,
    two_sample_test,
    wasserstein,
)
from estimators.points import as_points


class OnlyDLPack:
    """An array that NumPy reads by no other way; `device` is what it says of its memory."""

    def __init__(self, values, device=(1, 0)):
        self.values, self.device = values, device

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device


def torch_tensor(values):
    import torch

    return torch.from_numpy(values)


READERS = {"DLPack alone": OnlyDLPack, "torch": torch_tensor}
BETWEEN_SAMPLES = (
    coverage, energy_distance, frechet_distance, jsd_knn, kl_knn, mmd, sinkhorn_divergence, sliced_wasserstein,
    wasserstein,
)  # fmt: skip


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def samples(request):
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 3)).astype(request.param), rng.normal(size=(40, 3)).astype(request.param) + 1


@pytest.mark.parametrize("reader", READERS)
def test_points_and_measures_are_those_of_the_same_numpy_array(reader, samples):
    read = READERS[reader]
    X, _ = samples
    for rows in (X, X[:, 0], X[::2], X.T):  # strides too
        found = as_points(read(rows), "X")
        assert (type(found), found.dtype) == (np.ndarray, np.float64)
        np.testing.assert_array_equal(found, as_points(rows, "X"))
    weights = np.arange(1, 41, dtype=X.dtype)
    weights /= weights.sum()
    # The weights are checked by the roundings of their own type, so that float32 is not held to float64's sum.
    assert Empirical(read(X), read(weights)) == Empirical(X, weights)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("function", BETWEEN_SAMPLES, ids=lambda function: function.__name__)
def test_what_is_between_two_samples_is_that_of_the_same_numpy_arrays(reader, function, samples):
    read, (X, Y) = READERS[reader], samples
    assert function(read(X), read(Y)) == function(X, Y)


@pytest.mark.parametrize("reader", READERS)
def test_a_permutation_test_is_that_of_the_same_numpy_arrays(reader, samples):
    read, (X, Y) = READERS[reader], samples
    found, known = (two_sample_test(*pair, permutations=19) for pair in ((read(X), read(Y)), (X, Y)))
    assert found.p_value == known.p_value


def test_what_is_read_is_not_changed():
    X = np.array([[-0.0, 2.0], [1.0, 3.0]])
    Empirical(OnlyDLPack(X))
    assert X.flags.writeable
    assert np.signbit(X[0, 0])


@pytest.mark.parametrize("call", [lambda X: Empirical(X), lambda X: as_points(X, "atoms")])
def test_a_tensor_on_a_gpu_is_refused_with_the_remedy(call):
    far = OnlyDLPack(np.ones((3, 2)), device=(2, 0))
    with pytest.raises(TypeError, match=r"atoms is in the memory of a GPU .*pass atoms\.cpu\(\)"):
        call(far)
    with pytest.raises(TypeError, match=r"Y is in the memory of a GPU .*pass Y\.cpu\(\)"):
        kl_knn(np.ones((3, 2)), far)
    with pytest.raises(TypeError, match=r"weights is in the memory of a GPU"):
        Empirical(np.ones((3, 2)), OnlyDLPack(np.full(3, 1 / 3), device=(2, 0)))


def test_what_dlpack_or_torch_cannot_hand_over_is_refused_by_name():
    import torch

    with pytest.raises(TypeError, match=r"X cannot be read as an array of real numbers: .*detach"):
        as_points(torch.ones(3, 2, requires_grad=True), "X")
    with pytest.raises(TypeError, match="X has dtype complex128"):
        as_points(OnlyDLPack(np.ones((3, 2)) * 1j), "X")
    with pytest.raises(TypeError, match="X cannot be read"):
        as_points(OnlyDLPack(np.array(["a"])), "X")
