"""Scales of samples and data that differ are asked about, and heavy tails are not."""

import numpy as np
import pytest

import reports
from reports.auditing.agreement import refuse_other_shapes, scale_doubt


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        (lambda X: 255 * X, True),
        (lambda X: 2 * X - 1, True),  # the range of tanh, beside data from 0 to 1
        (lambda X: X / 255, True),
        (lambda X: X, False),
        (lambda X: X[:, ::-1] ** 1.5, False),
        (lambda X: np.full_like(X, 0.4), False),  # a sampler that has collapsed, which the tests name
    ],
)
def test_scales_that_differ_are_asked_about(change, asked):
    rng = np.random.default_rng(0)
    data, drawn = rng.random((300, 4)) ** 3, rng.random((200, 4)) ** 3
    assert bool(scale_doubt(change(drawn), data, "samples", "data")) == asked


def test_what_is_all_zeros_has_no_scale():
    known = np.random.default_rng(0).normal(size=(300, 4))
    assert scale_doubt(np.zeros((200, 4)), known, "samples", "data") == ""
    assert scale_doubt(np.full((200, 4), 1e-9), known, "samples", "data")


def test_few_rows_of_a_law_without_a_scale_are_not_asked_about():
    rng = np.random.default_rng(0)
    asked = [bool(scale_doubt(*rng.standard_cauchy((2, 20, 2)), "samples", "data")) for _ in range(300)]
    assert sum(asked) <= 3


IMAGES = np.random.default_rng(0).random((30, 3, 4, 5))


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (IMAGES.transpose(0, 2, 3, 1), "a row of samples is 4x5x3 and one of data 3x4x5: transpose one of them"),
        (IMAGES.reshape(30, 6, 10), "a row of samples is 6x10 and one of data 3x4x5"),
        (
            IMAGES.reshape(30, 60) * 1e300,
            r"samples: row \d+ has a number of magnitude \S+e\+(299|300), too large to square",
        ),
        (IMAGES.reshape(30, 60) * 1e-310, "samples: no number exceeds .*, too small to square: rescale all rows"),
    ],
)
def test_rows_that_have_no_distances_and_axes_in_another_order_are_refused(samples, told):
    with pytest.raises(ValueError, match=told):
        reports.audit(samples, IMAGES, permutations=399)


def test_axes_of_one_and_flat_rows_are_no_other_axes():
    for shape, known in (((3, 4), (1, 3, 4)), ((3, 4), (3, 4, 1)), (None, (3, 4)), ((12,), None)):
        assert refuse_other_shapes(shape, known, "samples", "data") is None


def test_features_may_rescale_what_has_no_distances():
    found = reports.audit(
        IMAGES * 1e300, IMAGES * 1e300, permutations=399, scores=["coverage"], features=lambda rows: rows / 1e300
    )
    assert found.failed == ()
