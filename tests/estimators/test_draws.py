"""How many draws a law gives: as many as are asked for, none included, and no number of draws that cannot be."""

import numpy as np
import pytest

from estimators import Gaussian, Mixture, Product, PushForward, StudentT, Uniform, affine, ring

LAWS = [
    Gaussian(0.0, 1.0), Uniform(0.0, 1.0), Mixture([0.5, 0.5], [Gaussian(0.0, 1.0), Gaussian(1.0, 1.0)]), ring(8),
    StudentT(3.0), Product([StudentT(3.0), Gaussian()]), PushForward(StudentT(3.0), affine(2.0, 1.0)),
]  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_the_number_of_draws_is_what_is_asked_for(law):
    for n in (0, 1, np.int64(7)):
        assert law.sample(n, 0).shape == (n, law.dimension)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
@pytest.mark.parametrize(
    ("n", "error", "fragment"),
    [
        (-1, ValueError, "n=-1 draws cannot be.*at least 0"),
        (2.5, TypeError, "whole number"),
        (True, TypeError, "whole"),
        ("3", TypeError, "'3'"),
    ],
)
def test_a_number_of_draws_that_cannot_be_is_refused_by_name(law, n, error, fragment):
    with pytest.raises(error, match=fragment):
        law.sample(n)


@pytest.mark.parametrize(
    ("matrix", "shift", "fragment"),
    [
        (2.0, np.nan, "^shift: row 0 is not finite"),
        (np.inf, 0.0, "^matrix: row 0 is not finite"),
        ([[1.0, 2.0]], 0.0, r"^matrix has shape \(1, 2\): pass a number or a square"),
        ([1.0, 2.0], 0.0, r"^matrix has shape \(2,\)"),
        ([[]], 0.0, r"^matrix has shape \(1, 0\)"),
        (np.eye(2), [1.0, 2.0, 3.0], r"^shift has shape \(3,\): pass a number or \(2,\)"),
        (np.zeros((2, 2)), 0.0, "^matrix is singular"),
    ],
)
def test_an_affine_map_names_what_it_cannot_be(matrix, shift, fragment):
    with pytest.raises(ValueError, match=fragment):
        affine(matrix, shift)
