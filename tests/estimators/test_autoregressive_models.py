"""Models p(x) = Π_i p(x_i | x_<i): each conditional sees the features before its own, all of them and no other."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy import stats

from estimators.models.explicit.autoregressive_flow import AutoregressiveFlow
from estimators.models.explicit.made import MADE
from estimators.models.explicit.nade import NADE
from estimators.models.explicit.triangular_flow import TriangularFlow
from tests.estimators.test_explicit_models import small


@pytest.mark.parametrize("kind", [MADE, NADE])
def test_binary_masses_sum_to_one(kind):
    rng = np.random.default_rng(0)
    X = (rng.random((200, 4)) < 0.7).astype(float)
    X[:, 3] = X[:, 0]
    model = small(kind, conditional="bernoulli", standardise=False, steps=150).fit(X)
    every = np.array(list(product((0.0, 1.0), repeat=4)))
    masses = np.exp(model.log_prob(every))
    # Sixteen exponentials of sums of four float64 logarithms.
    assert masses.sum() == pytest.approx(1, abs=1000 * np.finfo(float).eps)
    samples = model.sample(4000, random_state=0)
    counts = (samples[:, None] == every).all(axis=2).sum(axis=0)
    assert counts.sum() == 4000
    kept = masses * 4000 > 10
    statistic = ((counts - masses * 4000) ** 2 / (masses * 4000))[kept].sum()
    assert statistic < stats.chi2.isf(1e-6, kept.sum())
    # The copied feature was learnt: independent ones would agree in 58 %.
    assert (samples[:, 0] == samples[:, 3]).mean() > 0.9
    with pytest.raises(ValueError, match=r"X has 0\.5 in row 1"):
        model.log_prob([[0, 1, 0, 1], [0.5, 0, 0, 0]])
    with pytest.raises(ValueError, match="standardise=False"):
        small(kind, conditional="bernoulli").fit(X)


@pytest.mark.parametrize("kind", [MADE, NADE])
def test_a_coefficient_depends_on_earlier_features_alone(kind):
    """Coefficients of feature i change with x_j for j < i, and by no bit for j ≥ i."""
    model = small(kind, hidden=(32, 32)) if kind is MADE else small(kind)
    density = model.start(np.random.default_rng(0).normal(size=(50, 4))).density_
    x = torch.randn(1, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        base = density.coefficients(x)
        for j in range(4):
            moved = x.clone()
            moved[0, j] += 3.0
            changed = (density.coefficients(moved) != base).any(dim=2)[0]
            assert changed.tolist() == [False] * (j + 1) + [True] * (3 - j)


@pytest.mark.parametrize(("d", "hidden"), [(7, (5, 9)), (12, (3, 2)), (12, (1,)), (40, (16,))])
def test_conditionals_of_a_narrow_network_see_every_feature_before_their_own(d, hidden):
    """The Jacobian of the coefficients after some steps: 0 at and above the diagonal, and nowhere below it."""
    X = np.random.default_rng(0).normal(size=(64, d))
    density = small(MADE, n_components=2, hidden=hidden, steps=3).fit(X).density_
    x = torch.from_numpy(X).float().requires_grad_(True)
    found = density.coefficients(x)
    seen = torch.stack(
        [torch.autograd.grad(found[:, i].sum(), x, retain_graph=True)[0].abs().amax(0) for i in range(d)]
    )
    assert torch.equal(seen > 0, torch.ones(d, d, dtype=torch.bool).tril(-1))


def test_hidden_units_have_every_degree_where_they_are_enough():
    """Without the direct layer, as narrower networks have it: at width d − 1 the masks alone leave nothing out."""
    for d, hidden in ((7, (6,)), (7, (9, 6)), (3, (8, 8)), (1, (4,))):
        density = small(MADE, hidden=hidden).start(np.random.default_rng(0).normal(size=(9, d))).density_
        assert density.direct is None
        paths = torch.eye(d)
        for layer in density.net[::2]:
            paths = layer.mask @ paths
        counts = paths.view(d, -1, d)
        assert torch.equal((counts > 0).all(dim=1), torch.ones(d, d, dtype=torch.bool).tril(-1))


def test_a_copied_feature_is_learnt_by_a_network_narrower_than_the_data():
    """x_12 = x_11 + noise of 0.1, by 4 units: −½ log(1 − ρ²) = ½ log 101 = 2.3 nats apart from independence, half kept.

    Independent normals of the same marginals are the model that does not see it.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 12))
    X[:, 11] = X[:, 10] + 0.1 * rng.normal(size=1200)
    X, fresh = X[:800], X[800:]
    model = small(MADE, hidden=(4,), n_components=1, steps=400, lr=2e-2).fit(X)
    apart = stats.norm(X.mean(axis=0), X.std(axis=0)).logpdf(fresh).sum(axis=1).mean()
    assert model.score(fresh) > apart + 0.25 * np.log(101)


@pytest.mark.parametrize("kind", [AutoregressiveFlow, TriangularFlow])
def test_a_flow_narrower_than_the_data_sees_every_feature_before_each(kind):
    """Paths through the masks of a layer, for widths below d − 1 = 11: a triangle without a 0 below its diagonal."""
    density = small(kind, hidden=(4, 5), n_transforms=1).start(np.random.default_rng(0).normal(size=(64, 12))).density_
    paths = torch.eye(12)
    for layer in density.transform.transforms[0].hyper:
        if hasattr(layer, "mask"):
            paths = layer.mask.float() @ paths
    seen = (paths.view(12, -1, 12) > 0).all(dim=1)
    assert torch.equal(seen, torch.ones(12, 12, dtype=torch.bool).tril(-1))
