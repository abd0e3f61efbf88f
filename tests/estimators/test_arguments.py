"""Numbers that are none, or out of range, are refused by the name of the argument."""

import numpy as np
import pytest

from estimators import (
    bootstrap,
    coverage,
    data_copying,
    jackknife,
    kernel_inception_distance,
    memorisation_test,
    parzen_log_likelihood,
    precision,
    precision_recall_curve,
)
from estimators.arguments import real_number, whole_number

X = np.random.default_rng(0).normal(size=(40, 2))

DOORS = {
    "k": [lambda bad: precision(X, X, k=bad), lambda bad: coverage(X, X, k=bad)],
    "subset_size": [lambda bad: kernel_inception_distance(X, X, n_subsets=3, subset_size=bad)],
    "n_subsets": [lambda bad: kernel_inception_distance(X, X, n_subsets=bad)],
    "degree": [lambda bad: kernel_inception_distance(X, X, degree=bad)],
    "n_permutations": [
        lambda bad: memorisation_test(X, X, X, n_permutations=bad),
        lambda bad: data_copying(X, X, X, n_permutations=bad),
    ],
    "n_cells": [lambda bad: data_copying(X, X, X, n_cells=bad)],
    "n_clusters": [lambda bad: precision_recall_curve(X, X, n_clusters=bad)],
    "n_resamples": [lambda bad: bootstrap("energy-distance", X, X, n_resamples=bad)],
    "n_groups": [lambda bad: jackknife("energy-distance", X, X, n_groups=bad)],
}
REALS = {
    "coef": [lambda bad: kernel_inception_distance(X, X, coef=bad)],
    "gamma": [lambda bad: kernel_inception_distance(X, X, gamma=bad)],
    "level": [
        lambda bad: bootstrap("energy-distance", X, X, level=bad),
        lambda bad: jackknife("energy-distance", X, X, level=bad),
    ],
    "least_share": [lambda bad: data_copying(X, X, X, least_share=bad)],
}


@pytest.mark.parametrize("bad", ["a", True, np.True_, 2.5, -1, float("nan"), [3]])
@pytest.mark.parametrize("name", DOORS)
def test_counts_are_named(name, bad):
    for door in DOORS[name]:
        with pytest.raises(ValueError, match=f"{name} is .*: pass a whole number"):
            door(bad)


@pytest.mark.parametrize("bad", ["a", True, float("nan"), float("inf"), [0.5], 1j])
@pytest.mark.parametrize("name", REALS)
def test_reals_are_named(name, bad):
    for door in REALS[name]:
        with pytest.raises(ValueError, match=f"{name} is .*: pass a finite number"):
            door(bad)


@pytest.mark.parametrize("bad", ["abc", ["a"], True, [True, False], [None]])
def test_bandwidths_are_named(bad):
    with pytest.raises(TypeError, match="bandwidths"):
        parzen_log_likelihood(X, X, bandwidths=bad)


def test_numbers_of_numpy_serve():
    assert whole_number(np.int32(3), "k", 1, 3) == 3
    assert real_number(np.float32(0.5), "level", above=0, below=1) == 0.5
    assert precision(X, X, k=np.int64(3)) == precision(X, X, k=3)
