"""Saved indexes that somebody forged, checksum and all: refused at `load`, before a kernel can index by them.

No forged index is searched here: without the checks a search ends the process, or does not end.
"""

import hashlib
import struct

import numpy as np
import pytest

from benchmarks.robustness.containers import packed, unpacked
from knn import NearestNeighbours, indexes
from knn.file_arrays import all_from_first
from tests.knn.problems import clusters

X, _ = clusters(40, 3, seed=0)


def _put(place, value):
    """The array with one entry, or some, replaced."""

    def forged(array):
        array = array.copy()
        array[place] = value
        return array

    return forged


def _swapped(array):
    """The last axis with its first two entries exchanged."""
    array = array.copy()
    array[..., :2] = array[..., 1::-1].copy()
    return array


def _wider(array):
    return array.astype({2: np.int32, 4: np.int64, 8: np.float32, 1: np.int16}[array.dtype.itemsize])


def _shorter(array):
    return array[:-1]


def _circle(links):
    """Two points are each other's next sibling, and linked from nowhere else: every point once, two in a circle."""
    links = links.copy()
    a, b = 1, 2
    flat, ends = links.ravel(), []
    for point in (a, b):
        (at,) = np.flatnonzero(flat == point)
        ends.append(at)
    flat[ends[0]] = flat[ends[1]] = -1
    links[a, 1], links[b, 1] = b, a
    return links


_RUNS = {
    "index.order": [
        _put((0, 3), 2**30),
        _put((0, 3), -1),
        lambda order: _put((0, 3), order[0, 4])(order),
        _swapped,
        _wider,
        _shorter,
    ],
    "index.bounds": [_put(-1, 2**40), _put(0, 1), lambda bounds: np.append(bounds[0], [39, 20, 40]), _wider],
    "index.keys": [_wider, _shorter],
}
_FLOATS = [_put((0, 1), np.nan), _put((0, 1), np.inf)]
_DIRECTIONS = {
    "index.directions": [_put((0, 0), np.nan), lambda directions: 3 * directions, _shorter],
    "index.radius": [_put(0, np.nan), _put(0, -1.0)],
}
_PROJECTIONS = {**_RUNS, **_DIRECTIONS, "index.keys": [*_RUNS["index.keys"], *_FLOATS]}
_LEVELS = {
    "index.levels.slots": [_put(0, 2**30), _put(0, -1), _put(-1, 0), _wider],
    "index.levels.parent": [_put(-1, 2**30), _put(-1, -2), _put(0, 0), _put(-1, 0)],
    "index.levels.begin": [_put(0, 0), _put(0, 2**40), _put(1, 0)],
    "index.levels.end": [_put(0, 2**40), _put(-1, 0), _swapped],
    "index.levels.first": [_put(-1, 2**40), _put(1, 0), _put(1, -1), _put(0, 1)],
    "index.levels.reach": [_put(0, np.nan), _put(0, -1.0), _shorter],
    "index.levels.codes": [_shorter, _wider],
    "index.levels.keys": [_shorter],
    "index.levels.margin": [_put(0, np.nan)],
    "index.counts": [_put(0, -1)],
}
_CODER = {
    "centre": [_put(0, np.nan), _shorter],
    "basis": [_put((0, 0), np.inf), _shorter],
    "numbers": [_put(0, 0.0), _put(2, 0.0), _put(4, 2.0), _put(1, np.nan)],
}
_ROTATED = {
    "index.places": [_put((0, 0), 2**30), _put((0, 0), -1), lambda places: _put((0, 0), places[0, 1])(places)],
    "index.signs": [_put((0, 0), 3)],
    "index.terms": [_put((0, 3), np.nan), _put((0, 3), -np.inf), _put((1, 3), np.inf), lambda terms: terms[:, :-1]],
    "index.words": [_shorter, lambda words: words[:, :1]],
    "index.numbers": [_put(0, np.inf), _put(0, 1e9), _put(1, np.nan)],
    "index.own": [_put(0, -1)],
    "index.centre": [_put(0, np.nan)],
}
#: By index, and the parameters with which it is made: what is done to which array of its file.
DAMAGE = {
    ("dci", ()): _PROJECTIONS,
    ("prioritized-dci", ()): _PROJECTIONS,
    ("lsh", ()): {
        **_RUNS,
        "index.directions": [_put((0, 0), np.nan), _shorter],
        "index.shifts": [_put(0, np.nan), _shorter],
        "index.factors": [_shorter, _wider],
        "index.width": [_put(0, 0.0), _put(0, np.nan)],
    },
    ("multi-level-dci", ()): {
        **_LEVELS,
        "index.levels.keys": [_shorter, *_FLOATS],
        "index.screen.directions": _DIRECTIONS["index.directions"],
        "index.screen.radius": _DIRECTIONS["index.radius"],
    },
    ("random-hierarchy", ()): {
        **_LEVELS,
        **{f"index.screen.{name}": forged for name, forged in _CODER.items()},
        "index.screen.bounds": [_put(0, np.nan), _put(1, -1.0)],
    },
    ("cover-tree", ()): {
        "index.links": [
            _put((5, 0), 2**40),
            _put((5, 0), -2),
            _put((5, 1), 5),
            _put((0, 1), 1),
            _put((slice(None), slice(None)), -1),
            _circle,
            _wider,
            _shorter,
        ],
        "index.spans": [_put((0, 2), np.nan), _put((0, 2), 2.0**-1074), _put((3, 1), -1.0), _shorter],
    },
    ("rotated-dci", ()): _ROTATED,
    ("principal-dci", ()): {
        **{f"index.coder.{name}": forged for name, forged in _CODER.items()},
        "index.cells.places": [_put(0, 2**30), _put(0, -1), lambda places: _put(0, places[1])(places), _wider],
        "index.cells.ends": [_put(1, 2**40), _put(0, 1), _put(-1, 0), _put(1, 0), lambda ends: ends[:2]],
        "index.cells.terms": [_put(-1, 0), _put(slice(None), 0), _put(slice(None), -(2**31)), _shorter],
        "index.cells.blocks": [_shorter, _wider],
        "index.cells.prototypes": [_shorter, _wider],
        "index.cells.tail": [_put(0, 1), _put(0, 41), _put(0, -1)],
        "index.fine": [*_FLOATS, _shorter, _wider],
        "index.numbers": [_put(0, np.nan), _put(4, -1.0)],
        "index.counts": [_put(1, -1)],
    },
    ("kd-tree", ()): {
        "points.rows": _FLOATS[:1],
        "points.ids": [_put(0, -5), _swapped],
        "points.next_id": [_put(0, 3), _shorter, _wider],
        "index.ends": [_put(-1, 2**40), _put(0, 1)],
    },
    ("kd-tree", (("metric", "inner_product"),)): {"lift.sphere": [_put(0, np.nan), _put(1, -1.0)]},
}
_CASES = [
    (*made, array, place) for made, arrays in DAMAGE.items() for array in arrays for place in range(len(arrays[array]))
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The content of an honest file by index and parameters: of points inserted and deleted as well."""
    folder, made = tmp_path_factory.mktemp("honest"), {}
    for name, parameters in DAMAGE:
        index = indexes[name](random_state=0, **dict(parameters)).fit(X)
        index.delete([7])
        index.search(X[:1], 1, exact=True)  # what a proof needs is written from then on
        index.save(folder / "index")
        NearestNeighbours.load(folder / "index")  # what is honest is taken
        made[name, parameters] = (folder / "index").read_bytes()
    return made


def _written(content, forge=None, **told):
    """The file again with its arrays as `forge` leaves them, what is told in its header, and a checksum that fits."""
    header, arrays = unpacked(content)
    if forge is not None:
        forge(arrays)
    return packed(header | told, arrays)


def test_every_array_of_every_index_that_keeps_some_is_forged(files):
    """Rows, marks and ids are those of every index; k-d trees stand for them."""
    for (name, parameters), content in files.items():
        own = {array for array in unpacked(content)[1] if array.startswith("index.")}
        assert own <= {*DAMAGE[name, parameters], "index.screen.width", "index.ends"}, name
        assert {array for array in DAMAGE[name, parameters] if array.startswith("index.")} <= own, name
    assert {name for name, _ in files} >= {*indexes} - {"brute-force"}


def test_a_file_that_is_written_again_is_taken(files, tmp_path):
    for content in files.values():
        (tmp_path / "same.index").write_bytes(_written(content))
        NearestNeighbours.load(tmp_path / "same.index")


@pytest.mark.parametrize(("name", "parameters", "array", "place"), _CASES)
def test_what_a_kernel_would_index_by_is_refused(files, tmp_path, name, parameters, array, place):
    forge = DAMAGE[name, parameters][array][place]

    def change(arrays):
        before, arrays[array] = arrays[array], forge(arrays[array])
        kept = before.shape == arrays[array].shape and before.dtype == arrays[array].dtype
        assert not (kept and np.array_equal(before, arrays[array]))  # forged it is

    (tmp_path / "forged.index").write_bytes(_written(files[name, parameters], change))
    with pytest.raises(ValueError, match=r"forged\.index holds a .* cannot restore .* build it again"):
        NearestNeighbours.load(tmp_path / "forged.index")


@pytest.mark.parametrize("budgets", [[1], {"visits": 0}, {"visits": "all"}, {"visits": float("nan")}], ids=str)
def test_budgets_of_a_file_are_checked_as_those_of_a_user(files, tmp_path, budgets):
    (tmp_path / "forged.index").write_bytes(_written(files["dci", ()], budgets=budgets))
    with pytest.raises(ValueError, match=r"cannot restore .* build it again"):
        NearestNeighbours.load(tmp_path / "forged.index")


def test_arrays_at_odd_places_are_refused(files, tmp_path):
    """A kernel's vectors would be read from addresses that they cannot have."""
    content = files["dci", ()]
    length = struct.unpack_from("<I", content, 12)[0] + 1
    whole = content[:12] + struct.pack("<I", length) + content[16 : 15 + length] + b" " + content[15 + length : -32]
    (tmp_path / "odd.index").write_bytes(whole + hashlib.sha256(whole).digest())
    for mmap in (False, True):
        with pytest.raises(ValueError, match=r"odd\.index is truncated or was altered .*no multiple of 64"):
            NearestNeighbours.load(tmp_path / "odd.index", mmap=mmap)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 100])
def test_a_chain_leads_to_its_first_place_and_a_circle_does_not(size):
    chain = np.maximum(np.arange(size) - 1, 0)
    assert all_from_first(chain)
    assert all_from_first(np.zeros(size, np.int64))
    if size > 2:
        chain[1] = size - 1
        assert not all_from_first(chain)
