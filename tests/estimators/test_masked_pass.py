"""Samples of autoregressive models: one feature after another gives what whole passes give."""

import numpy as np
import pytest
import torch
import zuko

from estimators.models.explicit.autoregressive_flow import AutoregressiveFlow
from estimators.models.explicit.flow import FlowDensity, masked_inverse
from estimators.models.explicit.made import MADE
from estimators.models.explicit.masked_pass import MaskedLayer, one_by_one
from estimators.models.explicit.nade import NADE
from estimators.models.explicit.triangular_flow import TriangularFlow
from estimators.training.explicit_model import in_double
from tests.estimators.test_explicit_models import small

#: Two orders of some hundred float64 terms below 10, through two layers.
ROUNDING = 1e-11


def double(kind, d, **parameters):
    """The law of a model that was trained a little, so that no weight is where it began, in float64."""
    X = np.random.default_rng(0).normal(size=(60, d))
    return in_double(small(kind, steps=5, lr=0.03, **parameters).fit(X).density_)


def drawn(n, d):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("parameters", [{}, {"conditional": "bernoulli", "standardise": False}])
@pytest.mark.parametrize(
    ("kind", "d", "sizes"),
    [
        (MADE, 1, {"hidden": (4,)}), (MADE, 6, {"hidden": (32, 32)}), (MADE, 9, {"hidden": (3, 2)}),
        (MADE, 5, {"hidden": ()}), (NADE, 1, {}), (NADE, 6, {"n_hidden": 7}),
    ],
)  # fmt: skip
def test_coefficients_one_by_one_are_those_of_a_pass(kind, d, sizes, parameters):
    X = (np.random.default_rng(0).normal(size=(60, d)) > 0).astype(float)
    density = in_double(small(kind, steps=5, lr=0.03, **sizes, **parameters).fit(X).density_)
    rows = drawn(7, d)
    x = torch.zeros_like(rows)
    with torch.no_grad():
        expected = density.coefficients(rows)
        for i, found in enumerate(density.one_by_one(x)):
            assert torch.allclose(found, expected[:, i], rtol=0, atol=ROUNDING)
            x[:, i] = rows[:, i]
    assert torch.equal(x, rows)


@pytest.mark.parametrize("n_transforms", [1, 2, 3])
@pytest.mark.parametrize("kind", [AutoregressiveFlow, TriangularFlow])
@pytest.mark.parametrize(("d", "hidden"), [(2, (8,)), (7, (16, 16)), (9, (3, 20))])
def test_the_inverse_is_that_of_whole_passes_and_is_one(kind, d, hidden, n_transforms):
    density = double(kind, d, hidden=hidden, n_transforms=n_transforms)
    z = drawn(11, d)
    with torch.no_grad():
        x = density.inverse(z)
        assert torch.allclose(x, density.transform().inv(z), rtol=0, atol=1e-8)
        assert torch.allclose(density.transform()(x), z, rtol=0, atol=1e-8)
        for transform in density.transform.transforms:
            assert torch.allclose(masked_inverse(transform, z), transform().inv(z), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    "given",
    [
        {"activation": torch.nn.ELU}, {"residual": True}, {"passes": 2},
        {"adjacency": torch.tril(torch.ones(4, 4, dtype=bool))},
    ],
    ids=lambda given: next(iter(given)),
)  # fmt: skip
def test_what_is_no_rectified_perceptron_of_one_order_is_inverted_by_zuko(given):
    torch.manual_seed(0)
    density = FlowDensity(4, [zuko.flows.MaskedAutoregressiveTransform(4, hidden_features=(8, 8), **given)]).double()
    with torch.no_grad():
        x = density.inverse(drawn(5, 4))
        assert torch.allclose(density.transform()(x), drawn(5, 4), rtol=0, atol=1e-8)


def test_each_unit_is_computed_once(monkeypatch):
    """Rows of products: those of the hidden units once each, and those of the outputs once each."""
    rng = torch.Generator().manual_seed(0)
    density = double(MADE, 6, hidden=(32, 20))
    layers = [MaskedLayer(part.layer.weight, part.layer.bias, part.mask) for part in density.net[::2]]
    rows, whole = [], torch.addmm
    monkeypatch.setattr(torch, "addmm", lambda bias, a, b: rows.append(len(a)) or whole(bias, a, b))
    with torch.no_grad():
        outputs = list(one_by_one(layers, range(6), torch.randn(4, 6, generator=rng, dtype=torch.float64)))
    assert len(outputs) == 6
    assert sum(rows) == 32 + 20 + len(layers[-1].bias)
