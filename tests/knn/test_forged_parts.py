"""What a forger may do besides: arrays that overlap, sizes that no number holds, marks, ids and magnitudes.

Each is refused with its name; what was taken once ended, misled or slowed what searched it.
"""

import json
import tracemalloc

import numpy as np
import pytest

from benchmarks.robustness.containers import packed, sealed_json, unpacked
from knn import CoverTree, KDTree, NearestNeighbours, Sharded, indexes
from tests.knn.problems import clusters

X, _ = clusters(40, 3, seed=0)


def _saved(index, folder):
    """(header, arrays) of the file of an index."""
    index.save(folder / "honest")
    return unpacked((folder / "honest").read_bytes())


@pytest.fixture
def load(tmp_path):
    """Loads what was forged: parameters, arrays, and places in the file."""

    def loaded(header, arrays, *alter, **options):
        (tmp_path / "forged.index").write_bytes(packed(header, arrays, *alter))
        return NearestNeighbours.load(tmp_path / "forged.index", **options)

    return loaded


@pytest.fixture
def honest(tmp_path):
    """(header, arrays) of a k-d tree."""
    return _saved(KDTree().fit(X), tmp_path)


@pytest.mark.parametrize("mmap", [False, True])
def test_arrays_that_share_bytes_are_refused(honest, load, mmap):
    """A deletion writes marks: of what lies there too it would make what no check has seen."""
    header, arrays = honest

    def overlap(told):
        told["arrays"]["points.alive"]["offset"] = told["arrays"]["points.ids"]["offset"]

    with pytest.raises(ValueError, match=r"forged\.index .*points\.(alive|ids) begins at \d+, within points"):
        load(header, arrays | {"points.alive": np.zeros(40, bool), "points.ids": np.arange(40)}, overlap, mmap=mmap)


def test_arrays_of_nothing_may_lie_anywhere(honest, load):
    header, arrays = honest
    load(header, arrays | {"points.more": np.empty(0)})


@pytest.mark.parametrize("shape", [[0, 2**63], [0, 10**30], [10**30]], ids=str)
def test_sizes_that_no_integer_holds_are_refused(honest, load, shape):
    with pytest.raises(ValueError, match=r"forged\.index is truncated or was altered"):
        load(*honest, lambda told: told["arrays"]["points.ids"].update(shape=shape))


def test_a_format_before_the_first_is_refused(honest, tmp_path):
    content = packed(*honest)
    forged = content[:8] + bytes(4) + content[12:]
    (tmp_path / "forged.index").write_bytes(forged)
    with pytest.raises(ValueError, match=r"forged\.index .*its format is 0"):
        NearestNeighbours.load(tmp_path / "forged.index")


@pytest.mark.parametrize("names", [[1, 2, 3], [["a"], ["b"], ["c"]], ["a", "b"], 3], ids=str)
def test_names_of_features_are_words(honest, load, names):
    header, arrays = honest
    with pytest.raises(ValueError, match=r"forged\.index is truncated or was altered"):
        load(header | {"feature_names": names}, arrays)


def test_marks_of_the_living_are_0_or_1(honest, load):
    """NumPy adds the bytes of marks up: 255 would count as so many points."""
    header, arrays = honest
    marks = np.ones(40, np.uint8)
    marks[3] = 255
    with pytest.raises(ValueError, match="alive has a mark that is neither 0 nor 1"):
        load(header, arrays | {"points.alive": marks.view(bool)})


def test_ids_leave_room_for_those_to_come(honest, load):
    header, arrays = honest
    assert load(header, arrays | {"points.next_id": np.array([2**62])}).insert(X[:2]).tolist() == [2**62, 2**62 + 1]
    with pytest.raises(ValueError, match="ids beyond the next one"):
        load(header, arrays | {"points.next_id": np.array([2**63 - 1])})


@pytest.mark.parametrize(("dtype", "value"), [(np.float32, 2.0**120), (np.float64, 2.0**510), (np.float64, np.nan)])
@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_points_are_such_as_fit_lets_in(load, tmp_path, dtype, value, metric):
    header, arrays = _saved(KDTree(metric=metric).fit(X.astype(dtype)), tmp_path)
    for column in {0, arrays["points.rows"].shape[1] - 1}:
        rows = arrays["points.rows"].copy()
        rows[5, column] = value
        with pytest.raises(ValueError, match=r"points\.rows has an entry that is no number up to"):
            load(header, arrays | {"points.rows": rows})


def test_trees_are_not_built_of_what_cannot_be_sorted(honest, load):
    """Points that nobody looked at, NaN among them, were halved without end."""
    header, arrays = honest
    with pytest.raises(ValueError, match=r"points\.rows has an entry that is no number"):
        load(header, arrays | {"points.rows": np.full((40, 3), np.nan)}, verify=False)


def test_a_sphere_is_no_larger_than_points_may_ask_for(load, tmp_path):
    header, arrays = _saved(KDTree(metric="inner_product").fit(X), tmp_path)
    with pytest.raises(ValueError, match="a sphere of radius 1e"):
        load(header, arrays | {"lift.sphere": np.array([1e306, 0.0])})


@pytest.mark.parametrize(("name", "array"), [("dci", "index.keys"), ("multi-level-dci", "index.levels.keys")])
def test_gaps_between_projections_do_not_overflow(load, tmp_path, name, array):
    header, arrays = _saved(indexes[name](random_state=0).fit(X.astype(np.float32)), tmp_path)
    with pytest.raises(ValueError, match="keys"):
        load(header, arrays | {array: np.where(arrays[array] == arrays[array].max(), np.float32(3e38), arrays[array])})


@pytest.mark.parametrize(("name", "array"), [("kd-tree", "index.ends"), ("lsh", "index.bounds")])
def test_runs_are_few(load, tmp_path, name, array):
    """As merging leaves them: a run a point would make a search, or a load, as slow as a forger likes."""
    header, arrays = _saved(indexes[name](random_state=0).fit(X), tmp_path)
    forged = {array: np.arange(41)}
    if name == "lsh":
        forged["index.order"] = np.tile(np.arange(40, dtype=np.int32), (len(arrays["index.order"]), 1))
    with pytest.raises(ValueError, match="runs that end at"):
        load(header, arrays | forged)
    load(header, arrays | {**forged, array: np.array([0, 26, 39, 40]), "index.keys": np.zeros((20, 40), np.uint64)})


def test_a_tail_that_is_told_is_not_laid_out(load, tmp_path):
    """A quarter of a gigabyte of places for forty points, and so on up to thirty-two."""
    header, arrays = _saved(indexes["principal-dci"](random_state=0).fit(X), tmp_path)
    load(header, arrays)  # what is loaded with it is loaded by now
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="a tail of more points than there are"):
            load(header, arrays | {"index.cells.tail": np.array([2**25])})
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("n_jobs", "many", "n_jobs must be a whole number"),
        ("n_jobs", 1.5, "n_jobs must be a whole number"),
        ("n_jobs", True, "n_jobs must be a whole number"),
        ("device", "gpu", "device='gpu' does not serve LSH"),
        ("device", ["cuda"], "does not serve LSH"),
        ("width", 10**400, "too large to convert"),
        ("n_tables", 10**30, "cannot restore"),
    ],
)
def test_parameters_are_those_that_an_index_takes(load, tmp_path, name, value, said):
    header, arrays = _saved(indexes["lsh"](random_state=0).fit(X), tmp_path)
    header["parameters"][name] = value
    with pytest.raises(ValueError, match=rf"forged\.index holds a LSH .*{said}"):
        load(header, arrays)


def test_directions_beyond_what_arrays_have(load, tmp_path):
    header, arrays = _saved(indexes["dci"](random_state=0).fit(X), tmp_path)
    header["parameters"]["n_simple"] = 10**30
    with pytest.raises(ValueError, match=r"forged\.index holds a DCI .*directions"):
        load(header, arrays)


@pytest.mark.parametrize("name", indexes)
def test_an_index_that_was_emptied_finds_nothing_and_goes_on(name):
    """A cover tree without nodes was read at its first one; an id that is not there was an IndexError."""
    index = indexes[name](random_state=0).fit(X)
    index.delete(np.arange(40))
    if hasattr(index, "radius_neighbors"):
        assert [len(row) for row in index.radius_neighbors(X[:2], 1e3)[1]] == [0, 0]
    with pytest.raises(KeyError, match=r"ids\[0\] = 3 is no point"):
        index.delete([3])
    ids = index.insert(X)
    assert index.search(X[:1], 1, exact=True).indices.tolist() == [[ids[0]]]


class Folder:
    """A sharded index whose parts can be forged, each by its name."""

    def __init__(self, path):
        self.path = path
        Sharded(CoverTree(), n_shards=3).fit(X).save(path)
        text = (path / "sharded.json").read_bytes().rpartition(b"\n")[0]
        self.told = json.loads(text)

    def load(self, **told):
        (self.path / "sharded.json").write_bytes(sealed_json(self.told | told))
        return Sharded.load(self.path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("alive", [13, 13, 15], "alive or runs"),
        ("alive", [10**30, 13, 14], "alive or runs"),
        ("alive", [13, 13], "alive or runs"),
        ("runs", [[0, 10**12, 0, 0]], "alive or runs"),
        ("runs", [[0, 10**30, 0, 0]], "runs: one of"),
        ("runs", [[0, 40.0, 0, 0]], "runs: one of"),
        ("features", 4, "features or dtype"),
        ("features", float("inf"), "features or dtype"),
        ("features", 3.0, "features or dtype"),
        ("dtype", "float16", "features or dtype"),
        ("feature_names", [1, 2, 3], "feature_names"),
        ("feature_names", ["a"], "feature_names"),
        ("index", "no such", "no such"),
        ("index", ["kd-tree", {"n_jobs": "many"}], "n_jobs"),
        ("index", ["kd-tree", {"n_neighbors": 0}], "n_neighbors"),
        ("shards", [], "alive or runs|runs: one of"),
    ],
    ids=str,
)
def test_what_is_told_of_shards_is_so(tmp_path, name, value, said):
    folder = Folder(tmp_path / "whole")
    folder.load()
    with pytest.raises(ValueError, match=rf"whole is no whole sharded index \(.*({said})"):
        folder.load(**{name: value})


def test_shards_are_of_one_index(tmp_path):
    folder, other = Folder(tmp_path / "whole"), Folder(tmp_path / "other")
    Sharded(CoverTree(), n_shards=3).fit(X[:, :2]).save(other.path)
    (folder.path / "shard-1").write_bytes((other.path / "shard-1").read_bytes())
    told = json.loads((other.path / "sharded.json").read_bytes().rpartition(b"\n")[0])
    digests = [folder.told["shards"][0], told["shards"][1], folder.told["shards"][2]]
    with pytest.raises(ValueError, match=r"whole is no whole sharded index \(features or dtype"):
        folder.load(shards=digests)


def test_json_that_nests_without_end_is_refused(tmp_path):
    folder = Folder(tmp_path / "whole")
    (folder.path / "sharded.json").write_bytes(sealed_json(b"[" * 300_000))
    with pytest.raises(ValueError, match=r"whole is no whole sharded index \(sharded\.json nests without end"):
        Sharded.load(folder.path)
