"""Divergences from classifiers and critics: near the truth where they can be, lower bounds where they say so."""

import math

import numpy as np
import pytest

from estimators import Gaussian, f_lower_bound, jsd, jsd_classifier, kl_classifier
from estimators.fdivergences.generators import generators

P, Q = Gaussian([0.0, 0.0], 1.0), Gaussian([1.0, 0.0], 1.0)


def test_a_right_classifier_is_near_the_truth():
    """Logistic regression holds the log ratio of two Gaussians with one covariance."""
    from sklearn.linear_model import LogisticRegression

    X, Y = P.sample(1500, 0), Q.sample(1000, 1)
    found = kl_classifier(X, Y, classifier=LogisticRegression())
    # Six of its standard errors, and as much for the classifier's own, whose coefficients are of the same order.
    assert abs(found.value - 0.5) <= 12 * found.stderr
    bound = jsd_classifier(X, Y, classifier=LogisticRegression())
    assert abs(bound.value - jsd(P, Q).value) <= 12 * bound.stderr
    assert str(bound).startswith("≥ ")
    assert "lower bound" in bound.method
    assert jsd_classifier(X, Y) == jsd_classifier(X, Y)


def test_a_lower_bound_is_one_on_the_mean_over_samples():
    values = [jsd_classifier(P.sample(60, s), Q.sample(60, 100 + s), folds=2) for s in range(12)]
    mean, error = np.mean([v.value for v in values]), np.std([v.value for v in values]) / math.sqrt(12)
    assert mean <= jsd(P, Q).value + 6 * error


def test_certain_probabilities_and_bad_options_are_refused():
    from sklearn.tree import DecisionTreeClassifier

    X, Y = P.sample(40, 0), Q.sample(40, 1)
    with pytest.raises(ValueError, match="probability 0 or 1 to row"):
        kl_classifier(X, Y, classifier=DecisionTreeClassifier(random_state=0))
    with pytest.raises(ValueError, match="folds is 1"):
        kl_classifier(X, Y, folds=1)
    with pytest.raises(TypeError, match="without predict_proba"):
        kl_classifier(X, Y, classifier=object())


@pytest.mark.parametrize("estimator", [kl_classifier, jsd_classifier, f_lower_bound])
def test_coordinates_whose_squares_leave_float64_are_refused_with_the_remedy(estimator):
    """Standardised they would be NaN, or all 0 and told apart by nothing."""
    X, Y = P.sample(40, 0), Q.sample(40, 1)
    Y[3, 1] = 9
    for scale in (1e160, 1e200):
        with pytest.raises(ValueError, match=r"Y: row 3 has a coordinate of 9e\+\d+, .*too large.*: rescale X and Y"):
            estimator(X, Y * scale)
    with pytest.raises(ValueError, match=r"no coordinate exceeds 9e-200, .*too small.*: rescale both"):
        estimator(X * 1e-200, Y * 1e-200)


@pytest.mark.parametrize("estimator", [kl_classifier, jsd_classifier])
def test_one_row_is_refused_by_its_name(estimator):
    X = P.sample(40, 0)
    for pair, name in (((X[:1], X), "X"), ((X, X[:1]), "Y")):
        with pytest.raises(ValueError, match=f"^{name} has one row, .*: pass two or more"):
            estimator(*pair)


NAMES = ("kl", "reverse-kl", "jsd", "jsd-sum", "total-variation", "chi-squared", "squared-hellinger")


@pytest.mark.parametrize("name", NAMES)
def test_the_duals_are_the_derivative_and_its_conjugate(name):
    from estimators.fdivergences.variational import _DUALS, _witness

    f, v = generators[name], np.linspace(-3, 3, 25)
    own = _DUALS[name][1](v, np)
    # The conjugate of Total variation's kink and of logarithms near their ends: a few roundings of sizes up to e⁶.
    np.testing.assert_allclose(f.conjugate(_witness(f, v)), own, rtol=1e-11, atol=1e-12)
    if name != "total-variation":
        h = 1e-5  # central difference: h² of third derivatives up to e⁶
        t = np.exp(v)
        slope = (f.f(t * (1 + h)) - f.f(t * (1 - h))) / (2 * h * t)
        np.testing.assert_allclose(_witness(f, v), slope, rtol=1e-4, atol=1e-5)


def test_the_variational_bound_is_below_the_truth_and_above_nothing():
    torch = pytest.importorskip("torch", reason="without [models] there is no critic")
    # The fixture sees torch only where it was loaded before; small networks lose by a second thread.
    torch.set_num_threads(1)
    X, Y = P.sample(4000, 0), Q.sample(4000, 1)
    options = {"steps": 120, "hidden": (16,), "batch": 128, "learning_rate": 0.01}
    seen = []
    found = f_lower_bound(X, Y, "jsd", progress=lambda done, of: seen.append((done, of)), **options)
    truth = jsd(P, Q).value
    assert found.bound == "lower"
    assert str(found).startswith("≥ ")
    assert 0 < found.interval[0] < found.value <= truth + 6 * found.stderr
    assert found.interval[0] <= truth <= found.interval[1]
    assert seen[-1][0] >= 100
    assert found == f_lower_bound(X, Y, "jsd", **options)


def test_bad_options_of_the_critic_are_refused():
    X = P.sample(10, 0)
    with pytest.raises(KeyError, match="unknown generator"):
        f_lower_bound(X, X, "kullback")
    with pytest.raises(ValueError, match="X has 3 rows"):
        f_lower_bound(X[:3], X)
    with pytest.raises(ValueError, match="clip is 0"):
        f_lower_bound(X, X, clip=0)
