"""Scales of samples and data that differ are asked about, and heavy tails are not."""

import numpy as np
import pytest

from reports.auditing.agreement import scale_doubt


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
