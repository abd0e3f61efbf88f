"""An index is a scikit-learn estimator."""

import re

import numpy as np
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from knn import BruteForce, NearestNeighbours, Neighbours
from tests.knn.problems import clusters

#: Checks of scikit-learn that an index fails by intent, with the reason. None does.
EXPECTED_FAILURES: dict[str, str] = {}


def test_scikit_learns_own_checks(kind):
    results = check_estimator(kind(), expected_failed_checks=EXPECTED_FAILURES, on_skip=None, on_fail=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert not failed
    assert sum(result["status"] == "passed" for result in results) > 30


def test_answers_come_as_from_scikit_learn(kind):
    X, Q = clusters(40, 6, seed=0, queries=7)
    index = kind(n_neighbors=3, random_state=0).fit(X)
    distances, indices = index.kneighbors(Q)
    assert distances.shape == indices.shape == (7, 3)
    assert distances.dtype == np.float64
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(index.kneighbors(Q, 3, return_distance=False), indices)
    assert index.kneighbors()[1].shape == (40, 3)
    assert index.fit(X) is index


def test_a_generator_gives_each_fit_a_number_of_its_own(kind):
    X, Q = clusters(60, 6, seed=0, queries=5)

    def answers(random_state, fits=2):
        index = kind(random_state=random_state)
        return [[part.tolist() for part in index.fit(X).search(Q, 3)] for _ in range(fits)]

    first, second = (int(number) for number in np.random.default_rng(5).integers(2**32, size=2))
    rng = np.random.default_rng(5)
    assert answers(rng) == answers(first, 1) + answers(second, 1)
    after = np.random.default_rng(5)
    after.integers(2**32, size=2)
    assert rng.integers(2**32) == after.integers(2**32)  # neither a look at the parameters nor a search draws


def test_help_tells_what_an_answer_holds_and_what_every_index_takes():
    found = BruteForce(n_neighbors=2).fit(np.eye(4)).search(np.eye(4)[:3])
    for name, array in found._asdict().items():
        told = re.search(rf"^ +{name} +(\w+) \((.*?)\)", Neighbours.__doc__, re.MULTILINE)
        assert told, f"{name} is not in the docstring"
        assert told[1] == str(array.dtype)
        assert len(told[2].strip(",").split(", ")) == array.ndim
    for name in BruteForce().get_params():
        assert re.search(rf"^ +{name} +\S", NearestNeighbours.__doc__, re.MULTILINE), name


def test_parameters_are_stored_as_they_are_given(kind):
    for name, value in kind().get_params().items():
        assert kind(**{name: value}).get_params()[name] is value
    assert clone(kind(n_neighbors=7)).n_neighbors == 7
    assert set(kind().get_params()) >= {"n_neighbors", "metric", "device", "n_jobs", "random_state"}
