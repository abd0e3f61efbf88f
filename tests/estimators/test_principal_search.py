"""The search along principal components answers within what it states."""

import numpy as np
import pytest
import torch

from estimators.models.imle import IMLE
from estimators.training import principal_search
from estimators.training.principal_search import PrincipalSearch, search_axes
from estimators.training.search import Bfloat16Search, unfitted_index


def points(n, d, seed):
    """Rows whose spread falls along turned axes, as that of images does."""
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))[0]
    return (rng.normal(size=(n, d)) / (1 + np.arange(d)) @ turned).astype(np.float32)


@pytest.mark.parametrize("d", [5, 64, 100])
def test_an_answer_is_the_nearest_but_for_what_the_axes_leave_out_and_rounding(d, monkeypatch):
    monkeypatch.setattr(principal_search, "BLOCK", 1000)  # blocks that end inside the queries
    X, Y = points(130, d, 1), points(90, d, 2)
    axes = search_axes(torch.from_numpy(points(500, d, 3)))
    found = PrincipalSearch(axes).fit(Y).search(X, 1)
    squared = ((X[:, None].astype(float) - Y[None]) ** 2).sum(axis=2)
    at = np.arange(len(X)), found.indices[:, 0]
    kept = axes.double().numpy()
    rest = squared - (((X[:, None].astype(float) - Y[None]) @ kept) ** 2).sum(axis=2)
    # Coordinates are rounded to u = 2⁻⁸ of their size, and so are the axes, which is in `kept` already.
    rounding = 8 * 2.0**-8 * np.linalg.norm(X, axis=1) * np.linalg.norm(Y, axis=1).max()
    rounding += 4 * 2.0**-8 * (Y.astype(float) ** 2).sum(axis=1).max()
    left_out = rest.max(axis=1) - rest.min(axis=1)
    assert (squared[at] - squared.min(axis=1) <= left_out + rounding).all()
    np.testing.assert_allclose(found.distances[:, 0] ** 2, squared[at], rtol=1000 * float(np.finfo(np.float32).eps))
    assert not found.certified.any()
    assert (found.evaluations == len(Y)).all()
    assert (found.indices[:, 0] == squared.argmin(axis=1)).mean() > 0.9


def test_a_region_of_bfloat16_does_not_round_what_is_compared():
    X, Y = points(200, 100, 1), points(300, 100, 2)
    alone = PrincipalSearch().fit(Y).search(X, 1)
    with torch.autocast("cpu", torch.bfloat16):
        within = PrincipalSearch().fit(Y).search(X, 1)
    assert np.array_equal(alone.indices, within.indices)
    with pytest.raises(ValueError, match="k is 2"):
        PrincipalSearch().fit(Y).search(X, 2)


def test_imle_computes_the_axes_of_its_data_once(monkeypatch):
    seen = []
    monkeypatch.setattr("estimators.models.imle.search_axes", lambda rows: seen.append(rows) or search_axes(rows))
    X = points(100, 6, 0)
    settings = {"n_samples": 50, "inner_steps": 3, "steps": 12, "hidden": (8,), "random_state": 0, "device": "cpu"}
    model = IMLE(index="components", **settings)
    for _ in range(2):
        model.fit(X)
        assert len(seen.pop()) == len(X)
        assert not seen
    assert isinstance(unfitted_index("components", torch.Generator()), PrincipalSearch)


def test_an_offset_that_all_share_takes_no_digits():
    X, Y = points(200, 20, 1), points(300, 20, 2)
    found, moved = (PrincipalSearch().fit(Y + by).search(X + by, 1).indices for by in (np.float32(0), np.float32(32)))
    assert (found == moved).mean() > 0.95


@pytest.mark.parametrize("search", [PrincipalSearch, Bfloat16Search])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.nan, r"{}\[7, 2\] is NaN: drop or impute that row"),
        (np.inf, r"{}\[7, 2\] is infinite \(inf\): drop or clip that row"),
        (3e38, r"{}\[7, 2\] = 3e\+38 is too large .* float32.*: rescale the data"),
    ],
)
def test_rows_that_are_no_points_are_refused_by_name(search, value, told):
    """A sample that is NaN answered every query."""
    good, bad = 10 * points(40, 5, 1), points(40, 5, 2)
    bad[7, 2] = value
    with np.errstate(all="ignore"):
        with pytest.raises(ValueError, match=told.format("Y")):
            search().fit(bad)
        with pytest.raises(ValueError, match=told.format("X")):
            search().fit(good).search(bad, 1)
        bad[7, 2] = 1e30  # an index of `knn` squares it in float64
        with pytest.raises(ValueError, match=r"Y\[7, 2\] = 1e\+30 is too large to be squared in float32: rescale"):
            search().fit(bad)
