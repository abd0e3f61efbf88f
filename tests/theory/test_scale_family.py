"""The best spread of plain IMLE: held to certified enclosures, to a quadrature of its own, and to the proved limits."""

import numpy as np
import pytest
from flint import fmpq
from scipy.integrate import dblquad
from scipy.special import ndtr

from theory.location_family import nearest
from theory.nearest_sample import LARGEST_OFFSET_SQUARED, nearest_squared
from theory.scale_family import best_variance, nearest_on_grid


@pytest.mark.parametrize("m", [2, 64, 4096])
def test_the_mean_least_distance_is_that_of_the_certified_integrals(m):
    line, plane = nearest_on_grid(m, 1), nearest_on_grid(m, 2)
    # Below the least radius 1e-16 of the integral is lost, of which 1e-7 is left at m = 4096: 1e-9 of it.
    for a, g in list(zip(*line, strict=True))[3:130:36]:
        assert g == pytest.approx(float(nearest(float(a), m)), rel=1e-8)
    close = [(a, g) for a, g in zip(*plane, strict=True) if a * a < LARGEST_OFFSET_SQUARED]
    for a, g in close[1::12]:
        exact = fmpq(*float(a).as_integer_ratio()) ** 2
        assert g == pytest.approx(float(nearest_squared(exact, m, 2)), rel=1e-8)


def loss_on_the_line(s, m):
    """E min_j (s X_j − x)² by SciPy's adaptive rule over x and r."""

    def inner(r, x):
        miss = 1 - ndtr((x + r) / s) + ndtr((x - r) / s)
        return 2 * r * miss**m * 2 * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)

    return dblquad(inner, 0, 9, 0, 40, epsabs=1e-10, epsrel=1e-10)[0]


@pytest.mark.parametrize("m", [2, 5, 8])
def test_nothing_beside_the_best_variance_loses_less(m):
    best = best_variance(m, 1)
    least = loss_on_the_line(best**0.5, m)
    for factor in (0.98, 1.02):
        assert least < loss_on_the_line((factor * best) ** 0.5, m)


def test_it_passes_the_truth_where_the_certified_slopes_say_so():
    # Boundary case of imle-overdispersion: the slope at 1 is positive for m = 4 and negative for m = 5.
    assert best_variance(4, 1) < 1 < best_variance(5, 1)


@pytest.mark.parametrize("d", [1, 2])
def test_it_grows_from_a_point_towards_the_proved_limit(d):
    found = [best_variance(m, d) for m in (1, 2, 8, 64, 1024, 16384)]
    assert found[0] == 0
    assert found == sorted(found)
    gaps = [(d + 2) / d - v for v in found]
    assert 0 < gaps[-1] < 0.02
    assert gaps[-1] < gaps[-2] / 3


def test_what_the_grid_cannot_serve_is_refused():
    with pytest.raises(ValueError, match="m=0"):
        best_variance(0, 1)
    with pytest.raises(ValueError, match="d=5"):
        best_variance(2, 5)


def test_a_minimum_at_an_end_is_no_minimum(monkeypatch):
    monkeypatch.setattr("theory.scale_family.SCALES", (0.25, 1.0))
    with pytest.raises(ValueError, match=r"m=64, d=1 lies outside \(0.25, 1.0\)"):
        best_variance(64, 1)
