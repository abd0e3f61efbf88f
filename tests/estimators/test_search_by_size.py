"""The search that is chosen by size answers as the index that it chooses."""

import numpy as np
import pytest

from estimators.models.imle import IMLE
from estimators.training import search
from knn import indexes


@pytest.mark.parametrize(
    ("n_samples", "d", "chosen"),
    [(300, 2, "brute-force"), (301, 8, "kd-tree"), (301, 9, "principal-dci"), (300, 9, "brute-force")],
)
def test_a_run_is_that_of_the_index_which_its_size_chooses(n_samples, d, chosen, monkeypatch):
    monkeypatch.setattr(search, "ALL_COMPARED", 300)
    asked = []
    plain = search.unfitted
    monkeypatch.setattr(search, "unfitted", lambda name: asked.append(name) or plain(name))
    X = np.random.default_rng(0).normal(size=(30, d))
    runs = [
        IMLE(n_samples=n_samples, hidden=(8,), steps=12, index=index, random_state=0, device="cpu").fit(X)
        for index in ("auto", chosen)
    ]
    assert set(asked) == {chosen}
    assert np.array_equal(*(model.sample(9, random_state=0) for model in runs))


def test_it_is_exact_up_to_40_000_points():
    assert search.ALL_COMPARED == 40_000
    rng = np.random.default_rng(0)
    Y, X = rng.normal(size=(2000, 12)), rng.normal(size=(50, 12))
    found, truth = search.unfitted_index("auto", None).fit(Y).search(X, 2), indexes["brute-force"]().fit(Y).search(X, 2)
    assert found.certified.all()
    assert np.array_equal(found.indices, truth.indices)
