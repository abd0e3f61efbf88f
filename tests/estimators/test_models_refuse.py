"""What every registered model refuses, and what it says: bad data and parameters, and values that are not finite."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

from estimators.training.loop import Diverged
from tests.estimators.test_models import NAMES, WITH_GENERATOR, WITHOUT_GENERATOR, data, known, network, small

pytestmark = pytest.mark.usefixtures("inputs_of_conditional_models")

BAD_DATA = [
    (np.where(np.arange(180).reshape(60, 3) == 100, np.nan, 1.0), ValueError, r"X has nan in row 33, column 1"),
    (np.where(np.arange(180).reshape(60, 3) == 100, np.inf, 1.0), ValueError, r"X has inf in row 33.*remove or impute"),
    (np.zeros((0, 3)), ValueError, "at least 2 rows"),
    (np.zeros((1, 3)), ValueError, "at least 2 rows"),
    (np.zeros((5, 0)), ValueError, "1 column"),
    (np.zeros(5), ValueError, r"X.reshape\(-1, 1\)"),
    (np.zeros((5, 2, 2)), ValueError, r"shape \(5, 2, 2\)"),
    (np.array([["a", "b"], ["c", "d"]]), TypeError, "dtype"),
    (np.zeros((5, 2), complex), TypeError, "complex"),
    ([[1.0, 2.0], [3.0]], ValueError, "rows differ in length"),
    (None, TypeError, "dtype object"),
]


@pytest.mark.parametrize(("X", "error", "message"), BAD_DATA)
@pytest.mark.parametrize("name", NAMES)
def test_bad_data_are_refused_at_the_door(name, X, error, message):
    model = small(name)
    with pytest.raises(error, match=message):
        model.fit(X)
    assert not hasattr(model, model._networks[0])


BAD_PARAMETERS = [
    ("latent_dim", 0, ValueError),
    ("latent_dim", 2.0, TypeError),
    ("steps", -1, ValueError),
    ("steps", True, TypeError),
    ("lr", 0.0, ValueError),
    ("lr", float("nan"), ValueError),
    ("lr", "fast", TypeError),
    ("schedule", "linear", ValueError),
    ("batch_size", 0, ValueError),
    ("hidden", (8, 0), ValueError),
    ("hidden", 8, TypeError),
    ("history_every", 0, ValueError),
    ("random_state", -1, ValueError),
    ("random_state", "seed", TypeError),
    ("device", "abacus", ValueError),
    ("device", 0, TypeError),
    ("generator", "mlp", TypeError),
    ("generator", nn.Linear(4, 2), ValueError),
    ("generator", nn.Linear(3, 3), ValueError),
    ("generator", nn.Sequential(nn.Linear(4, 3), nn.Dropout()), ValueError),
    ("generator", nn.Flatten(), ValueError),
    ("betas", (0.9,), TypeError),
    ("betas", (0.9, 1.0), ValueError),
]


@pytest.mark.parametrize(
    ("name", "parameter", "value", "error"),
    [(name, *bad) for name in NAMES for bad in BAD_PARAMETERS if bad[0] in known(name)],
)
def test_bad_parameters_are_refused_by_name(name, parameter, value, error):
    model = small(name, **{"latent_dim": 4} if "latent_dim" in known(name) else {})
    with pytest.raises(error, match=parameter):
        model.set_params(**{parameter: value}).fit(data())


@pytest.mark.skipif(torch.cuda.is_available(), reason="only where there is no CUDA device")
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_device_is_named_with_the_remedy(name):
    with pytest.raises(ValueError, match=r"finds no CUDA device here; give device='auto' or 'cpu'"):
        small(name).set_params(device="cuda").fit(data())


@pytest.mark.parametrize("name", NAMES)
def test_an_unfitted_model_says_what_to_call(name, tmp_path):
    model = small(name)
    with pytest.raises(NotFittedError, match=r"call fit\(X\) first"):
        model.sample(3)
    with pytest.raises(NotFittedError, match=r"call fit\(X\) first"):
        model.save(tmp_path / "m")
    with pytest.raises(NotFittedError, match=r"call start\(X\)"):
        model.step()
    with pytest.raises(NotFittedError, match=r"call start\(X\)"):
        model.fit(data()).step()


@pytest.mark.parametrize("n", [0, -1, 2.5, None])
@pytest.mark.parametrize("name", NAMES)
def test_a_bad_number_of_samples_is_refused(name, n):
    with pytest.raises((TypeError, ValueError), match=r"^n is"):
        small(name).start(data()).sample(n)


class Exploding(nn.Module):
    """Returns NaN from its fifth call in training on."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.calls = 0

    def forward(self, *inputs):
        self.calls += self.training
        return self.layer(inputs[-1]) * (float("nan") if self.calls > 4 else 1.0)


@pytest.mark.parametrize("name", WITH_GENERATOR)
def test_a_loss_that_is_not_finite_stops_with_a_diagnosis(name):
    with pytest.raises(Diverged, match=r"is nan.* at step \d with lr = .*lower lr") as caught:
        small(name, latent_dim=4, generator=Exploding(), lr=0.25, random_state=0).fit(data())
    assert 0 <= caught.value.step <= 4
    assert 0 < caught.value.lr <= 0.25


@pytest.mark.parametrize("name", WITHOUT_GENERATOR)
def test_broken_weights_stop_the_training_with_a_diagnosis(name):
    model = small(name, random_state=0).start(data())
    for _ in range(4):
        model.step()
    with torch.no_grad():
        next(network(model).parameters()).fill_(float("nan"))
    with pytest.raises(Diverged, match=r"is nan.* at step 4 with lr = .*: (lower lr|raise floor)"):
        model.step()


@pytest.mark.parametrize("name", NAMES)
def test_samples_of_broken_weights_are_not_returned(name):
    model = small(name, random_state=0).fit(data())
    with torch.no_grad():
        next(network(model).parameters()).fill_(float("nan"))
    with pytest.raises(Diverged, match="not finite"):
        model.sample(5, random_state=0)
