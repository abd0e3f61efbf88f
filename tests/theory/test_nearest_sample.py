"""The law of the distance to samples of N(0, I_d), against SciPy, a second enclosure and closed forms."""

import numpy as np
import pytest
from flint import arb, fmpq
from scipy.stats import ncx2

from theory.certified import precision
from theory.location_family import nearest
from theory.nearest_sample import miss, nearest_squared, normal_density, unit_ball_volume


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 10])
@pytest.mark.parametrize("a_squared", [fmpq(1, 4), fmpq(9, 4), fmpq(8)])
def test_the_tail_is_that_of_noncentral_chi_squared(d, a_squared):
    for r in (0.5, 2.0, 2.8284, 2.8285, 6.0):  # on both sides of y = r²/2 = 4, where the series changes
        enclosed = float(miss(a_squared, arb(r), d).real)
        # SciPy's own error is some 1e-13 of the larger of the tail and its complement.
        assert enclosed == pytest.approx(ncx2.sf(r * r, d, float(a_squared)), abs=1e-12)


def test_the_two_series_agree_where_they_meet():
    # The disc reaches over y = 4, so its one value must enclose those of both sides.
    for d in (1, 2, 3, 10):
        below, above = (miss(fmpq(2), arb(8).sqrt() * arb(factor), d).real for factor in ("0.999999999", "1.000000001"))
        assert 0 < float(below - above) < 1e-8


def test_one_dimension_is_the_location_family():
    with precision(90):
        for m in (2, 16, 1000):
            assert nearest_squared(fmpq(4), m, 1).overlaps(nearest(2, m))


def test_one_sample_is_the_mean_squared_distance():
    assert (nearest_squared(fmpq(3, 2), 1, 7) - (7 + fmpq(3, 2))).contains(0)


def test_volumes_and_densities():
    assert float(unit_ball_volume(3)) == pytest.approx(4 * np.pi / 3, rel=1e-15)
    assert float(normal_density(fmpq(2), 4)) == pytest.approx(np.exp(-1) / (2 * np.pi) ** 2, rel=1e-15)


def test_an_offset_beyond_the_bound_is_refused():
    with pytest.raises(ValueError, match=r"a_squared=9 must be"):
        miss(fmpq(9), arb(1), 2)
