"""Every bad input raises before any work, and names the argument, the row and the remedy."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.exceptions import NotFittedError

GOOD = np.arange(24, dtype=np.float64).reshape(8, 3)


def spoilt(value, row=5, column=1, dtype=np.float64):
    rows = GOOD.astype(dtype)
    rows[row, column] = value
    return rows


BAD_ROWS = {
    "NaN": (spoilt(np.nan), ValueError, (r"\[5, 1\]", "NaN", "impute")),
    "inf": (spoilt(np.inf), ValueError, (r"\[5, 1\]", "inf", "clip")),
    "-inf in float32": (spoilt(-np.inf, dtype=np.float32), ValueError, (r"\[5, 1\]", "inf", "clip")),
    "NaN far down": (np.r_[np.zeros((9000, 3)), [[0, np.nan, 0]]], ValueError, (r"\[9000, 1\]",)),
    "too large": (spoilt(1e200), ValueError, (r"\[5, 1\]", "too large", "rescale")),
    "too small": (GOOD * 1e-170, ValueError, ("vanish", "power of two")),
    "no rows": (np.empty((0, 3)), ValueError, (r"0 sample\(s\)",)),
    "no columns": (np.empty((4, 0)), ValueError, (r"0 feature\(s\)",)),
    "one dimension": (np.arange(3.0), ValueError, ("2D", "reshape")),
    "three dimensions": (np.zeros((2, 2, 2)), ValueError, ("2D", "3D")),
    "a number": (3.0, ValueError, ("2D", "reshape")),
    "words": ([["1", "2", "3"], ["4", "five", "6"]], ValueError, (r"\[1, 1\]", "five", "encode")),
    "numbers in words": ([["1", "2", "3"]], ValueError, (r"\[0, 0\] = .*'1'.*word", "astype")),
    "a word among objects": (
        np.array([[1, 2, 3], [4.0, "5", 6]], dtype=object),
        ValueError,
        (r"\[1, 1\] = '5'", "encode"),
    ),
    "bytes": (np.array([[b"1", b"2", b"3"]]), ValueError, (r"\[0, 0\]", "word")),
    "objects": (np.array([[1, {}, 2]], dtype=object), TypeError, (r"\[0, 1\]", "encode")),
    "ragged": ([[1.0, 2.0, 3.0], [1.0]], ValueError, ("X", "rows of one length")),
    "merged integers": (
        np.array([[0, 1, 2], [3, 4, 2**53 + 1]]),
        ValueError,
        (r"\[1, 2\] = 9007199254740993", "offset"),
    ),
    "merged integers below 0": (np.array([[0, 1, -(2**53) - 1]]), ValueError, (r"\[0, 2\]", "offset")),
    "merged unsigned integers": (np.array([[0, 1, 2**63 + 1]], np.uint64), ValueError, (r"\[0, 2\]", "offset")),
    "merged integers among objects": (np.array([[1, 2, 2**60 + 1]], object), ValueError, (r"\[0, 2\]", "offset")),
    "sparse": (csr_matrix(GOOD), TypeError, ("sparse", "toarray")),
    "complex": (GOOD + 0j, ValueError, ("Complex data not supported",)),
    "nothing": (None, ValueError, ("X",)),
}


@pytest.mark.parametrize("case", list(BAD_ROWS))
def test_fit_insert_and_search_refuse_bad_rows(kind, case):
    rows, error, fragments = BAD_ROWS[case]
    index = kind(n_neighbors=2, random_state=0)
    fitted = kind(n_neighbors=2, random_state=0).fit(GOOD)
    before = fitted.search(GOOD, 2)
    calls = [index.fit, fitted.insert]
    if rows is not None:  # None asks for the points themselves
        calls += [fitted.search, fitted.kneighbors]
    for call in calls:
        with pytest.raises(error) as raised:
            call(rows)
        for fragment in fragments:
            raised.match(fragment)
    with pytest.raises(NotFittedError):
        index.search(GOOD, 1)
    assert fitted.n_samples_fit_ == 8
    for part, twin in zip(before, fitted.search(GOOD, 2), strict=True):
        np.testing.assert_array_equal(part, twin)


def test_more_points_than_places_are_refused_and_nothing_changes(kind, monkeypatch):
    """The dead have places too, until they are cleared away."""
    monkeypatch.setattr(kind, "most_points", 9)
    index = kind(random_state=0).fit(GOOD)
    before = index.search(GOOD, 2)
    with pytest.raises(ValueError, match=r"X has 2 rows, 8 places are taken.*numbers 9 at most: .*Sharded"):
        index.insert(GOOD[:2] + 0.5)
    np.testing.assert_array_equal(index.search(GOOD, 2).indices, before.indices)
    assert index.insert(GOOD[:1] + 0.5).tolist() == [8]
    with pytest.raises(ValueError, match="X has 1 rows, 9 places are taken"):
        index.delete([3]).insert(GOOD[:1])
    with pytest.raises(ValueError, match="X has 16 rows, 0 places are taken"):
        kind(random_state=0).fit(np.r_[GOOD, GOOD + 100])


def test_what_float32_cannot_hold_is_too_large_for_it(kind):
    index = kind().fit(GOOD.astype(np.float32))
    for rows in (spoilt(1e37), spoilt(1e37, dtype=np.float32)):
        with pytest.raises(ValueError, match=r"X\[5, 1\].*too large for float32.*rescale"):
            index.insert(rows)
    with pytest.raises(ValueError, match="too large for float32"):
        kind().fit(spoilt(1e37, dtype=np.float32))


def test_another_width_is_refused_with_both_numbers(kind):
    index = kind().fit(GOOD)
    for call in (index.search, index.insert):
        with pytest.raises(ValueError, match=r"4 features.*built with 3"):
            call(np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("k", "error", "fragment"),
    [
        (9, ValueError, "n_neighbors=9 is more than the 8 points"),
        (0, ValueError, "n_neighbors=0 must be at least 1"),
        (-2, ValueError, "at least 1"),
        (2.0, TypeError, "whole number"),
        (True, TypeError, "whole number"),
        ("3", TypeError, "whole number"),
    ],
)
def test_numbers_of_neighbours_that_cannot_be(kind, k, error, fragment):
    index = kind().fit(GOOD)
    with pytest.raises(error, match=fragment):
        index.search(GOOD, k)
    with pytest.raises(error, match=fragment):
        index.kneighbors(GOOD, k)


def test_a_point_is_not_its_own_neighbour_when_neighbours_are_counted(kind):
    with pytest.raises(ValueError, match="n_neighbors=8 is more than the 7"):
        kind().fit(GOOD).kneighbors(n_neighbors=8)


@pytest.mark.parametrize(
    ("parameters", "error", "fragment"),
    [
        ({"device": "cuda"}, ValueError, "device='cuda'.*use one of"),
        ({"device": 3}, ValueError, "device=3"),
        ({"metric": "cityblock"}, ValueError, "metric='cityblock'.*use one of"),
        ({"metric": "Cosine"}, ValueError, "metric='Cosine'.*did you mean cosine"),
        ({"metric": "l2"}, ValueError, "metric='l2'.*instead of it use metric='euclidean'"),
        ({"metric": "sqeuclidean"}, ValueError, "metric='euclidean', whose neighbours are the same"),
        ({"metric": "angular"}, ValueError, "instead of it use metric='cosine'"),
        ({"metric": "IP"}, ValueError, "instead of it use metric='inner_product'"),
        ({"metric": None}, ValueError, r"metric=None is not known: use one of \([^)]*\)$"),
        ({"metric": max}, ValueError, "metric=<built-in function max> is not known: use one of"),
        ({"n_jobs": 0}, ValueError, "n_jobs=0"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors=0"),
        ({"n_neighbors": 1.5}, TypeError, "n_neighbors"),
        ({"random_state": "x"}, ValueError, "random_state='x' is no seed.*RandomState"),
        ({"random_state": -1}, ValueError, "random_state=-1 is no seed"),
        ({"random_state": 1.5}, ValueError, "random_state=1.5"),
    ],
)
def test_parameters_that_cannot_be(kind, parameters, error, fragment):
    index = kind(**parameters)
    with pytest.raises(error, match=fragment):
        index.fit(GOOD)


@pytest.mark.parametrize("value", [0, -3, 0.0, 1.5, -0.1, float("nan"), True, "all", None])
def test_budgets_that_cannot_be(kind, value):
    for budget in kind.exhaustive:
        with pytest.raises((TypeError, ValueError), match=budget):
            kind(**{budget: value}).fit(GOOD)


def test_rows_without_a_direction_have_no_cosine(kind):
    rows = GOOD.copy()
    rows[3] = 0
    with pytest.raises(ValueError, match=r"X\[3\] is zero"):
        kind(metric="cosine").fit(rows)
    index = kind(metric="cosine").fit(GOOD + 1)
    for call in (index.search, index.insert):
        with pytest.raises(ValueError, match=r"X\[3\] is zero"):
            call(rows)


@pytest.mark.parametrize(
    ("ids", "error", "fragment"),
    [
        ([2, 99], KeyError, r"ids\[1\] = 99"),
        ([-1], KeyError, r"ids\[0\] = -1"),
        ([1, 4, 1], ValueError, r"= 1 occurs more than once"),
        ([0.5], TypeError, "integers"),
        ([[1]], TypeError, "one dimension"),
        ("1", TypeError, "integers"),
    ],
)
def test_deleting_what_is_not_there_deletes_nothing(kind, ids, error, fragment):
    index = kind().fit(GOOD)
    with pytest.raises(error, match=fragment):
        index.delete(ids)
    assert index.n_samples_fit_ == 8


def test_columns_of_other_names_are_refused(kind):
    index = kind(n_neighbors=2).fit(pd.DataFrame(GOOD, columns=["a", "b", "c"]))
    with pytest.raises(ValueError, match="feature names"):
        index.search(pd.DataFrame(GOOD, columns=["a", "b", "x"]))


@pytest.mark.parametrize("given", [np.int8, np.uint8, np.int64, bool, np.float16, np.longdouble, object])
def test_other_numbers_are_cast_to_a_width_that_holds_them(kind, given):
    rows = (GOOD % 2).astype(given)
    index = kind(n_neighbors=2).fit(rows)
    assert index.dtype_ == (np.float32 if given is np.float16 else np.float64)
    np.testing.assert_array_equal(index.search(rows, 2).distances, kind().fit(GOOD % 2).search(GOOD % 2, 2).distances)
