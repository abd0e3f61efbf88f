"""Search problems that are hard to get right: ties, duplicates, offsets, scales, narrow and wide rows."""

import numpy as np
from hypothesis import strategies as st

#: Widths on both sides of every border in the definition of a distance: lanes of 16, chunks of 64.
WIDTHS = (1, 2, 3, 15, 16, 17, 64, 65, 83)
OFFSETS = (0.0, 1.0, 1e4)
SCALES = (1.0, 1e30, 1e-30)


@st.composite
def problems(draw, *, most=24):
    """(X, Q, k) in float64, to be cast: coarse integers, which tie, or normal deviates; some columns constant."""
    n, d, q = draw(st.integers(1, most)), draw(st.sampled_from(WIDTHS)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        rows = rng.integers(-2, 3, (n + q, d)).astype(np.float64)
    else:
        rows = rng.standard_normal((n + q, d))
    rows[:, rng.random(d) < draw(st.sampled_from((0.0, 0.5)))] = 1.0
    if draw(st.booleans()):
        rows = rows[rng.integers(0, len(rows), len(rows))]
    rows = (rows + draw(st.sampled_from(OFFSETS))) * draw(st.sampled_from(SCALES))
    return rows[:n], rows[n:], draw(st.integers(1, n))


def clusters(n, d, *, seed, queries=0):
    """Points and queries around random centres on a plane of six dimensions: easy enough for short budgets."""
    rng = np.random.default_rng(seed)
    plane = rng.standard_normal((6, d))
    centres = 4 * rng.standard_normal((10, 6))
    rows = (centres[rng.integers(0, 10, n + queries)] + rng.standard_normal((n + queries, 6))) @ plane
    return rows[:n], rows[n:]


def same(found, other):
    """Two answers, part by part, agree in every bit."""
    for part, twin in zip(found, other, strict=True):
        np.testing.assert_array_equal(part, twin)
