"""No confident number where the rule missed the mass, options that nobody reads, or saturated classifiers."""

import math

import numpy as np
import pytest

from estimators import (
    Gaussian,
    Mixture,
    NotConverged,
    PushForward,
    chi_squared,
    f_lower_bound,
    jsd,
    jsd_classifier,
    jsd_knn,
    kl,
    kl_classifier,
    kl_knn,
    two_sample_test,
)
from estimators.composed import exponential


class Unmarked:
    """A law of one's own that tells nothing about where its mass is but its moments."""

    dimension = 1

    def __init__(self, law):
        self._law = law
        self.mean, self.cov, self.logpdf, self.sample = law.mean, law.cov, law.logpdf, law.sample


def two_spikes(width, share):
    return Unmarked(Mixture([share, 1 - share], [Gaussian(0.0, width**2), Gaussian(1.7, width**2)]))


@pytest.mark.parametrize("width", [1e-4, 1e-6])
def test_mass_that_no_node_meets_is_told_with_the_remedy(width):
    with pytest.raises(NotConverged, match=r"met mass .* instead of 1: give the laws `landmarks`.*monte carlo") as told:
        jsd(two_spikes(width, 0.3), two_spikes(width, 0.6))
    # Of spikes that do not overlap JSD is that of their weights; nothing narrower than all it can be is claimed.
    assert told.value.partial.interval == (0.0, math.log(2))
    with pytest.raises(NotConverged):
        float(told.value.partial)


def test_spikes_that_are_wide_enough_to_be_met_or_marked_are_integrated():
    weights = np.array([[0.3, 0.7], [0.6, 0.4]])
    middle = weights.mean(axis=0)
    truth = float((weights * np.log(weights / middle)).sum() / 2)
    marked = [Mixture(share, [Gaussian(0.0, 1e-8), Gaussian(1.7, 1e-8)]) for share in weights]
    found = jsd(*marked)
    assert found.interval[0] <= truth <= found.interval[1]


@pytest.mark.parametrize(
    ("P", "Q"),
    [(Gaussian(-760.0, 1.0), Gaussian(-760.0, 2.0)), (Gaussian(0.0, 100.0), Gaussian(1.0, 200.0))],
    ids=["below float64", "over more scales than float64 places"],
)
@pytest.mark.parametrize("f", [jsd, kl])
def test_images_that_float64_cannot_place_are_no_answer(f, P, Q):
    with pytest.raises(NotConverged, match="monte carlo"):
        f(PushForward(P, exponential()), PushForward(Q, exponential()))


def test_images_over_the_scales_that_float64_places_are_integrated():
    """Log-normals with standard deviations of e^±1.7: six decades about 1, KL that of the Gaussians."""
    P, Q = Gaussian(0.0, 1.0), Gaussian(1.0, 3.0)
    found = kl(PushForward(P, exponential()), PushForward(Q, exponential()))
    assert found.interval[0] <= kl(P, Q).value <= found.interval[1]
    assert found.interval[1] - found.interval[0] <= 1e-6 * found.value


@pytest.mark.parametrize("given", [
    {"n_draws": 5000}, {"method": "closed form", "tolerance": 1e-3}, {"method": "monte carlo", "bits": 64},
    {"method": "quadrature", "random_state": 1}, {"method": "enclosure", "tolerance": 1e-3},
])  # fmt: skip
def test_an_option_that_the_method_does_not_read_is_refused_with_those_it_does(given):
    name = next(key for key in given if key != "method")
    with pytest.raises(TypeError, match=rf"^{name} is no option of method='{given.get('method', 'auto')}'.*it takes "):
        kl(Gaussian(0.0, 1.0), Gaussian(1.0, 1.0), **given)


def test_a_seed_that_is_the_default_is_none_of_those_that_a_method_does_not_read():
    told = kl(Gaussian(0.0, 1.0), Gaussian(1.0, 1.0), random_state=np.int64(0))
    assert told == kl(Gaussian(0.0, 1.0), Gaussian(1.0, 1.0))
    with pytest.raises(TypeError, match=r"^random_state is no option of method='auto'"):
        kl(Gaussian(0.0, 1.0), Gaussian(1.0, 1.0), random_state=False)


@pytest.mark.parametrize("law", [Gaussian(), Mixture([1.0], [Gaussian()])], ids=["closed form", "quadrature"])
@pytest.mark.parametrize("tolerance", [-5, 0, 1, math.nan, "a", True])
def test_a_tolerance_that_cannot_be_is_refused_before_any_route_is_taken(law, tolerance):
    with pytest.raises(ValueError, match=r"^tolerance is "):
        chi_squared(law, Gaussian(1.0), tolerance=tolerance)


def test_a_number_of_draws_is_checked_though_a_closed_form_needs_none():
    P, Q = Gaussian(np.zeros(3)), Gaussian(np.ones(3))
    assert kl(P, Q, n_draws=2000).value == 1.5
    with pytest.raises(ValueError, match=r"^n_draws is -5: pass a whole number 1000 or more"):
        kl(P, Q, n_draws=-5)


def test_separated_classes_are_no_estimate_of_kl_and_have_no_interval_of_a_bound():
    X, Y = Gaussian().sample(60, 0), Gaussian().sample(60, 1)
    with pytest.raises(NotConverged, match=r"separates all 60 points of X.*kl_knn") as told:
        kl_classifier(X, Y + 1e6)
    assert told.value.partial.stderr is told.value.partial.interval is None
    bound = jsd_classifier(X, Y + 1e6)
    assert bound.stderr is bound.interval is None
    assert bound.value <= math.log(2)
    assert "separated" in bound.detail
    assert kl_classifier(X, Y).stderr > 0


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"steps": "5"}, "steps is '5'"), ({"steps": 2.5}, "steps is 2.5"), ({"batch": True}, "batch is True"),
        ({"hidden": 64}, "hidden is 64"), ({"hidden": (8, 0)}, r"hidden\[1\] is 0"), ({"clip": "3"}, "clip is '3'"),
        ({"clip": 51}, "clip is 51"), ({"learning_rate": -1}, "learning_rate is -1"),
        ({"confidence_level": 1}, "confidence_level is 1"),
    ],
)  # fmt: skip
def test_each_option_of_the_critic_is_refused_by_its_name_and_value(option, told):
    X = Gaussian().sample(10, 0)
    with pytest.raises(ValueError, match=told):
        f_lower_bound(X, X, **option)


@pytest.mark.parametrize("bandwidth", ["a", 0, math.inf, True])
def test_a_bandwidth_that_cannot_be_is_refused_by_its_name(bandwidth):
    X = Gaussian().sample(10, 0)
    with pytest.raises(ValueError, match="bandwidth is "):
        two_sample_test(X, X, "mmd", bandwidth=bandwidth)


def test_equal_points_are_told_of_the_sample_that_has_them():
    X, Y = Gaussian().sample(10, 0), Gaussian().sample(10, 1)
    Y[7] = Y[3]
    with pytest.raises(ValueError, match=r"^Y: row 3 has 1 equal points in Y"):
        jsd_knn(X, Y, k=1)
    with pytest.raises(ValueError, match=r"^X: row 3 has 1 equal points in X"):
        jsd_knn(Y, X, k=1)


def test_balls_are_counted_in_parts_without_a_change(monkeypatch):
    """As many pairs at once as are allowed: one query at a time gives what all at once give."""
    from estimators.fdivergences import neighbours

    X, Y = Gaussian([0.0, 0.0]).sample(80, 0), Gaussian([3.0, 0.0]).sample(80, 1)
    whole = [kl_knn(X, Y, method="adaptive", k=2), jsd_knn(X, Y, k=2)]
    monkeypatch.setattr(neighbours, "_PAIRS", 1)
    monkeypatch.setattr(neighbours, "_FEWEST", 1)
    assert [kl_knn(X, Y, method="adaptive", k=2), jsd_knn(X, Y, k=2)] == whole


def test_landmarks_of_two_components_that_nearly_coincide_are_no_narrow_feature():
    beside = Mixture([0.5, 0.5], [Gaussian(1.0, 1.0), Gaussian(1.0 + 2.0**-50, 1.0)])
    found = jsd(beside, Gaussian(0.0, 1.0))
    assert found.interval[1] - found.interval[0] <= 1e-9 * found.value
