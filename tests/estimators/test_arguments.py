"""Numbers that are none, or out of range, are refused by the name of the argument."""

import numpy as np
import pandas as pd
import pytest

from estimators import (
    Empirical,
    Gaussian,
    Uniform,
    block_mmd,
    bootstrap,
    coverage,
    data_copying,
    energy_distance,
    f_lower_bound,
    frechet_distance,
    hellinger,
    jackknife,
    jsd,
    kernel_inception_distance,
    kl,
    kl_classifier,
    kl_knn,
    max_sliced_wasserstein,
    memorisation_test,
    mmd,
    mode_coverage,
    parzen_log_likelihood,
    precision,
    precision_recall_curve,
    sinkhorn_divergence,
    sliced_wasserstein,
    two_sample_test,
    wasserstein,
)
from estimators.arguments import real_number, whole_number
from estimators.intervals import clopper_pearson, normal_interval
from estimators.two_sample import rejections
from knn import BruteForce

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
    "confidence_level": [
        lambda bad: bootstrap("energy-distance", X, X, confidence_level=bad),
        lambda bad: jackknife("energy-distance", X, X, confidence_level=bad),
        lambda bad: block_mmd(X, X, confidence_level=bad),
        lambda bad: f_lower_bound(X, X, "kl", confidence_level=bad),
        lambda bad: clopper_pearson(1, 3, bad),
        lambda bad: normal_interval(0.0, 1.0, bad),
    ],
    "level": [
        lambda bad: two_sample_test(X, X, level=bad),
        lambda bad: rejections([], level=bad),
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


@pytest.mark.parametrize("bad", [0, 1, 95, -0.05])
@pytest.mark.parametrize("name", ["level", "confidence_level"])
def test_levels_lie_within_0_and_1(name, bad):
    for door in REALS[name]:
        with pytest.raises(ValueError, match=f"{name} is {bad}: pass a finite number above 0 and below 1.* such as 0"):
            door(bad)


@pytest.mark.parametrize("bad", ["abc", ["a"], True, [True, False], [None]])
def test_bandwidths_are_named(bad):
    with pytest.raises(TypeError, match="bandwidths"):
        parzen_log_likelihood(X, X, bandwidths=bad)


@pytest.mark.parametrize("divergence", [kl, jsd, hellinger])
def test_beside_a_density_the_other_is_named(divergence):
    line = X[:, 0]
    for other in (line, Empirical(line)):
        with pytest.raises(
            TypeError, match=r"^Q is (ndarray|Empirical) where P is a density: .*as Q, .*P\.sample\(n\)"
        ):
            divergence(Gaussian(), other)
        with pytest.raises(
            TypeError, match=r"^P is (ndarray|Empirical) where Q is a density: .*as P, .*Q\.sample\(n\)"
        ):
            divergence(other, Gaussian())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: energy_distance(X[:, 0], X[:, 0], n_jobs=0),
            "n_jobs=0 leaves nobody to work: use a number of threads",
        ),
        (lambda: mmd(X, X, n_jobs=0), r"n_jobs=0 leaves nobody to work: use a number of threads"),
        (lambda: sinkhorn_divergence(X, X, epsilon="nope"), "epsilon is 'nope'"),
        (lambda: frechet_distance(X, X, random_state="a"), "random_state is 'a': pass a whole number"),
        (lambda: sliced_wasserstein(X, X, random_state="a"), "random_state is 'a'"),
        (lambda: max_sliced_wasserstein(X, X, random_state=-1), "random_state is -1"),
        (lambda: kernel_inception_distance(X, X, random_state="a"), "random_state is 'a'"),
        (lambda: kl_knn(X, X + 1e-3, batches=None, random_state="a"), "random_state is 'a'"),
    ],
)
def test_arguments_are_checked_before_any_early_answer(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_number_of_threads_is_whole():
    with pytest.raises(TypeError, match=r"n_jobs must be a whole number of threads, .* not 2\.0"):
        mmd(X, X, n_jobs=2.0)


def test_a_frame_with_a_column_named_as_a_density_has_it_is_a_set_of_points():
    frame = pd.DataFrame({"logpdf": X[:, 0], "sample": X[:, 1]})
    assert energy_distance(frame, X + 1) == energy_distance(X, X + 1)


@pytest.mark.parametrize(
    "function",
    [wasserstein, energy_distance, sinkhorn_divergence, kl_knn, precision, kl_classifier, mmd, parzen_log_likelihood],
)
def test_columns_that_do_not_correspond_are_refused(function):
    wide = np.random.default_rng(5).normal(size=(40, 3)) * [1.0, 5.0, 20.0]
    frame = pd.DataFrame(wide, columns=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"another order \(c, b, a .*a, b, c\).*pass \w+\[list\(\w+\.columns\)\]"):
        function(frame, frame[["c", "b", "a"]])
    with pytest.raises(ValueError, match=r"columns of other names, such as 'd', .*to_numpy\(\)"):
        function(frame, frame.rename(columns={"b": "d"}))


def test_a_tensor_of_a_type_that_numpy_lacks_is_refused_with_the_remedy():
    torch = pytest.importorskip("torch", reason="[models] brings it")
    rows = torch.ones(3, 2, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match=r"P cannot be read .*: pass P\.float\(\)$"):
        energy_distance(rows, rows)
    with pytest.raises(TypeError, match=r"X cannot be read .*: pass X\.float\(\)$"):
        BruteForce().fit(rows)


def test_columns_that_do_not_correspond_are_refused_where_samples_are_drawn_from():
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(40, 2)), columns=["a", "b"])
    with pytest.raises(ValueError, match="sample 1 has the columns of sample 0 in another order"):
        bootstrap("energy-distance", frame, frame[["b", "a"]], n_resamples=20)


def test_columns_that_correspond_and_those_without_names_are_compared_by_position():
    wide = np.random.default_rng(5).normal(size=(40, 3))
    frame, other = (pd.DataFrame(rows, columns=["a", "b", "c"]) for rows in (wide, wide + 1))
    expected = energy_distance(wide, wide + 1)
    assert energy_distance(frame, other) == expected
    assert energy_distance(frame, wide + 1) == expected
    assert energy_distance(pd.DataFrame(wide), pd.DataFrame(wide + 1, columns=[2, 1, 0])) == expected


@pytest.mark.parametrize("function", [wasserstein, energy_distance, sinkhorn_divergence, kl_knn, precision])
def test_a_density_is_no_set_of_points(function):
    with pytest.raises(
        TypeError, match=r"is a density \(Gaussian\) .*\.sample\(n\); two Gaussians have gaussian_wasser"
    ):
        function(Gaussian(), X[:, 0])
    with pytest.raises(TypeError, match=r"is a density \(Uniform\) where points are needed: pass \w+\.sample\(n\)$"):
        function(X[:, 0], Uniform())


def test_modes_are_those_of_a_mixture():
    with pytest.raises(TypeError, match=r"mixture is ndarray: mixture must be a Mixture, such as ring\(8\)"):
        mode_coverage(X, X)


def test_numbers_of_numpy_serve():
    assert whole_number(np.int32(3), "k", 1, 3) == 3
    assert real_number(np.float32(0.5), "level", above=0, below=1) == 0.5
    assert precision(X, X, k=np.int64(3)) == precision(X, X, k=3)
