"""Every registered score keeps the laws that it claims."""

import math

import numpy as np
import pytest

from estimators import Empirical, Estimate, scores

NAMES = sorted(scores)
RNG = np.random.default_rng(0)
#: Dyadic rows: shifts by whole numbers and scalings by powers of two round nothing.
X, Y = RNG.integers(-64, 64, size=(40, 3)) / 16, RNG.integers(-48, 80, size=(30, 3)) / 16
#: Sums of 40 rows of products of three features up to 5, cubed by the kernel: (25 + 1)³ a term, of which all but the
#: value may cancel. An ulp for each of the 40 additions. Scaled by 8, squares are 64 times that.
_ULPS = 40 * float(np.finfo(float).eps)
CLOSE = {"rel": 64 * _ULPS, "abs": 26**3 * _ULPS}


@pytest.mark.parametrize("name", NAMES)
def test_values_are_in_range_the_same_twice_and_say_how(name):
    found = scores[name](X, Y)
    assert isinstance(found, Estimate)
    assert scores[name].lowest <= found.value <= scores[name].highest
    assert found == scores[name](X, Y)
    assert found.method
    assert len(scores[name].__doc__.splitlines()[0]) > 20
    assert found.interval is None or found.interval[0] <= found.value <= found.interval[1]
    assert found.stderr is not None or found.interval is not None or found.detail


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_rows_does_not_matter(name):
    moved = scores[name](X[RNG.permutation(len(X))], Y[RNG.permutation(len(Y))])
    assert moved.value == pytest.approx(scores[name](X, Y).value, **CLOSE)


@pytest.mark.parametrize("name", [name for name in NAMES if scores[name].degree is not None])
def test_shifts_leave_it_and_scaling_multiplies_it_as_claimed(name):
    value = scores[name](X, Y).value
    assert scores[name](X + 1024, Y + 1024).value == pytest.approx(value, **CLOSE)
    assert scores[name](8 * X, 8 * Y).value == pytest.approx(value * 8.0 ** scores[name].degree, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_the_law_scores_better_than_one_far_away(name):
    """Better is more for shares and less for distances: which of the two, the score of equal samples tells."""
    good, far, same = (scores[name](X, Q).value for Q in (Y, Y + 1000, X))
    assert (good - far) * (same - far) > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_form_of_array_serves_and_a_measure_does_not(name):
    value = scores[name](X, Y).value
    for form in (X.tolist(), X.astype(np.float32), np.asfortranarray(X)):
        assert scores[name](form, Y).value == value
    with pytest.raises(TypeError, match="Empirical"):
        scores[name](Empirical(X), Y)


@pytest.mark.parametrize("name", NAMES)
def test_the_least_number_of_rows_serves(name):
    least = scores[name].least
    found = scores[name](X[:least], Y[:least])
    assert not math.isnan(found.value)


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_is_refused(name):
    with pytest.raises(ValueError, match="P has 3 coordinates a point and Q has 2"):
        scores[name](X, Y[:, :2])
    with pytest.raises(ValueError, match="Q: row 0 is not finite"):
        scores[name](X, np.full_like(X, np.nan))
