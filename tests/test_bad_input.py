"""Forty kinds of bad input at the door of every index, divergence, score and model: none passes in silence."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, eye

from estimators import Empirical
from estimators.comparison import divergences
from estimators.scoring import scores
from estimators.training.registry import models
from knn.base import indexes

GOOD = np.random.default_rng(0).normal(size=(24, 3))


def spoilt(value, dtype=np.float64):
    rows = GOOD.astype(dtype)
    rows[5, 1] = value
    return rows


class Surprise:
    """An object whose array is no array."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not today")


def mixed(value):
    rows = GOOD.astype(object)
    rows[5, 1] = value
    return rows


KINDS = {
    "NaN": spoilt(np.nan),
    "infinity": spoilt(np.inf),
    "minus infinity": spoilt(-np.inf),
    "NaN in float32": spoilt(np.nan, np.float32),
    "infinity in float16": spoilt(np.inf, np.float16),
    "NaN in the first row": np.r_[[[np.nan] * 3], GOOD],
    "NaN in the last row": np.r_[GOOD, [[np.nan] * 3]],
    "all NaN": np.full((24, 3), np.nan),
    "NaN in a list": spoilt(np.nan).tolist(),
    "NaN among objects": mixed(np.nan),
    "NaN in a frame": pd.DataFrame(spoilt(np.nan)),
    "NA in a frame": pd.DataFrame(GOOD).astype("Float64").mask(pd.DataFrame(GOOD) > 1),
    "masked": np.ma.masked_greater(GOOD, 1.0),
    "None in a list": [[1.0, 2.0, None], [3.0, 4.0, 5.0]],
    "None among objects": mixed(None),
    "no rows": np.empty((0, 3)),
    "no columns": np.empty((24, 0)),
    "an empty list": [],
    "a list of empty lists": [[], []],
    "a number": 3.0,
    "a zero-dimensional array": np.array(2.5),
    "four axes": np.zeros((2, 2, 2, 2)),
    "nothing": None,
    "nothing at all": ...,
    "a word": "samples.npy",
    "bytes": b"samples",
    "words": np.array([["a", "b", "c"]] * 24),
    "numbers in words": np.array([["1", "2", "3"]] * 24),
    "a word among objects": mixed("7"),
    "a word in a frame": pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]}),
    "complex": GOOD + 1j,
    "dates": np.full((24, 3), np.datetime64("2026-01-01")),
    "durations": np.full((24, 3), np.timedelta64(1, "s")),
    "a structured array": np.zeros(24, dtype=[("x", float), ("y", float)]),
    "dicts": np.full((24, 3), {}, dtype=object),
    "a dict": {"x": [1.0, 2.0]},
    "a set": {1.0, 2.0},
    "a generator": (row for row in GOOD),
    "ragged": [[1.0, 2.0, 3.0], [1.0]],
    "sparse": csr_matrix(GOOD),
    "a sparse array": eye(24, 3).tocoo(),
    "a function": len,
    "an object that cannot be read": Surprise(),
}
#: What a message calls the argument, and words that tell a remedy or what is needed.
NAMED = re.compile(r"\b(X|Y|P|Q|atoms|samples?|points?|data|queries|input|array|rows?)\b", re.IGNORECASE)
SILENT = "was taken without a word"


def told(call, rows):
    """The message with which `call(rows)` refuses."""
    try:
        call(rows)
    except (ValueError, TypeError) as error:
        return str(error)
    except Exception as error:
        return f"{SILENT.upper()} of ours: {type(error).__name__}: {error}"
    return SILENT


def index_door(name, way):
    kind = indexes[name]
    return kind().fit if way == "fit" else getattr(kind(n_neighbors=1).fit(GOOD), way)


def comparison_door(name, way):
    member = scores[name] if name in scores else divergences[name]
    if getattr(member, "takes", "samples") == "measures":
        return Empirical if way == "P" else lambda rows: member(rows, Empirical(GOOD))
    return (lambda rows: member(rows, GOOD)) if way == "P" else (lambda rows: member(GOOD, rows))


def model_door(name, way):
    return getattr(models[name](), way)


DOORS = {
    f"{name}, {way}": (door, name, way)
    for door, registry, ways in (
        (index_door, indexes, ("fit", "search", "insert")),
        (comparison_door, {**divergences, **scores}, ("P", "Q")),
        (model_door, models, ("fit",)),
    )
    for name in registry
    for way in ways
}


def test_there_are_forty_kinds():
    assert len(KINDS) >= 40


@pytest.mark.parametrize("door", DOORS)
def test_every_kind_is_refused_and_the_argument_is_named(door):
    make, name, way = DOORS[door]
    call, faults = make(name, way), {}
    for kind, rows in KINDS.items():
        if rows is None and way == "search":  # asks an index for the neighbours of its own points
            continue
        message = told(call, rows)
        if SILENT in message.lower() or not NAMED.search(message):
            faults[kind] = message[:160]
    assert faults == {}
