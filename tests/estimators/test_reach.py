"""Precision and recall at one radius: the definition, the closed ball, collapse, and indexes that prove nothing."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from estimators import ring
from estimators.reach import precision_within, recall_within
from knn import DCI


def test_both_are_the_shares_of_the_definition_ends_included():
    rng = np.random.default_rng(0)
    P, Q = rng.integers(0, 20, size=(90, 2)).astype(float), rng.integers(0, 25, size=(70, 2)).astype(float)
    near = cdist(P, Q) <= 2.0
    precision, recall = precision_within(P, Q, radius=2.0), recall_within(P, Q, radius=2.0)
    assert (precision.value, recall.value) == (near.any(axis=0).mean(), near.any(axis=1).mean())
    for share in (precision, recall):
        assert share.interval[0] <= share.value <= share.interval[1]
    assert precision_within([0.0], [2.0, -2.0, 2.5, 9.0], radius=2.0).value == 0.5


def test_collapse_keeps_precision_and_loses_recall():
    law = ring()
    data = law.sample(800, 0)
    collapsed = data[np.linalg.norm(data - law.modes[0], axis=1) < 0.1]
    assert precision_within(data, collapsed, radius=0.02).value == 1.0
    assert recall_within(data, collapsed, radius=0.02).value == len(collapsed) / 800


def test_doors():
    with pytest.raises(ValueError, match="radius is 0: pass a finite number above 0"):
        recall_within([[0.0]], [[1.0]], radius=0)
    rows = np.random.default_rng(1).normal(size=(300, 3))
    share = precision_within(rows, rows * 1.5, radius=0.1, index=DCI(n_simple=2, visits=0.6, random_state=0))
    assert share.interval is None
    assert "not proved" in share.detail
