"""Mode coverage counts what it says, on samples whose coverage is known."""

import math

import numpy as np
import pytest

from estimators import Gaussian, Mixture, grid, mode_coverage, ring


def test_a_sample_of_the_law_itself_finds_every_mode_in_the_known_share():
    law, n = ring(), 20_000
    found = mode_coverage(law.sample(n, random_state=0), law, radius_in_sd=3)
    # In the plane a Gaussian has 1 − e^(−9/2) within three standard deviations; six standard errors.
    share = 1 - math.exp(-4.5)
    assert (found.found, found.n_modes) == (8, 8)
    assert abs(found.high_quality - share) <= 6 * math.sqrt(share * (1 - share) / n)
    assert found.high_quality_stderr == pytest.approx(math.sqrt(share * (1 - share) / n), rel=0.1)
    assert found.counts.sum() == round(found.high_quality * n)
    # 2n·KL is nearly χ² with 7 degrees of freedom, which passes 60 once in 10¹⁰ times.
    assert 0 <= found.kl <= 30 / n


def test_collapse_to_some_modes_is_seen():
    law = ring()
    half = law.modes[:4].repeat(100, axis=0)
    found = mode_coverage(half, law)
    assert (found.found, found.high_quality, found.high_quality_stderr) == (4, 1.0, 0.0)
    # 400 of 400: a share of 0.025^(1/400) has one chance in forty of it.
    assert found.high_quality_interval == pytest.approx((0.025 ** (1 / 400), 1.0), rel=1e-12)
    assert found.counts.tolist() == [100] * 4 + [0] * 4
    assert found.kl == pytest.approx(math.log(2), rel=1e-15)
    one = mode_coverage(law.modes[:1], law)
    assert one.kl == pytest.approx(math.log(8), rel=1e-15)


def test_samples_between_the_modes_count_for_none_of_them():
    found = mode_coverage(np.zeros((10, 2)), grid(4))  # an even grid has no mode in the middle
    assert (found.found, found.high_quality) == (0, 0.0)
    assert found.kl > 0


def test_the_radius_is_inclusive_and_in_each_modes_own_deviations():
    law = Mixture([0.5, 0.5], [Gaussian([0.0], 1.0), Gaussian([100.0], 16.0)])
    found = mode_coverage([[3.0], [100.0 - 12.0], [-3.01], [112.5]], law, radius_in_sd=3)
    assert found.counts.tolist() == [1, 1]
    # 21 is 21 deviations from the first mode and 19.75 from the second, though nearer to the first.
    assert mode_coverage([[21.0]], law, radius_in_sd=20).counts.tolist() == [0, 1]


def test_blocks_of_rows_meet():
    law = grid()
    samples = law.sample(40_000, random_state=1)
    whole, halves = mode_coverage(samples, law), [mode_coverage(part, law) for part in np.split(samples, 2)]
    assert whole.counts.tolist() == sum(part.counts for part in halves).tolist()


def test_weights_enter_the_balance():
    law = Mixture([0.25, 0.75], [Gaussian(0.0, 0.01), Gaussian(5.0, 0.01)])
    assert mode_coverage([0.0, 5.0, 5.0, 5.0], law).kl == 0
    assert mode_coverage([0.0, 5.0], law).kl == pytest.approx(0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75))


@pytest.mark.parametrize(
    ("samples", "radius", "message"),
    [
        (np.zeros((3, 3)), 4, "samples has 3 coordinates a point where 2"),
        (np.full((3, 2), np.nan), 4, "samples: row 0"),
        (np.zeros((0, 2)), 4, "samples is empty"),
        (np.zeros((3, 2)), 0, "radius_in_sd is 0"),
        (np.zeros((3, 2)), math.nan, "radius_in_sd is nan"),
    ],
)
def test_bad_input_is_refused(samples, radius, message):
    with pytest.raises(ValueError, match=message):
        mode_coverage(samples, ring(), radius_in_sd=radius)
