"""Insertion and deletion in any order answer as a fresh build does, compared through the permanent ids."""

import copy
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knn.kdtree import KDTree
from knn.lsh import LSH
from knn.prioritized_dci import PrioritizedDCI
from tests import naive
from tests.knn.problems import clusters

#: What happens to an index: so many points come, or each point goes with such a chance.
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(1, 9)),
        st.tuples(st.just("delete"), st.sampled_from((0.1, 0.5, 0.9))),
    ),
    min_size=1,
    max_size=8,
)


@given(changes=CHANGES, seed=st.integers(0, 2**32 - 1), coarse=st.booleans(), share=st.sampled_from((0.3, 1.0)))
def test_any_sequence_answers_as_a_fresh_build(kind, dtype, changes, seed, coarse, share):
    rng = np.random.default_rng(seed)

    def draw(n):
        rows = rng.standard_normal((n, 5))
        return (np.round(rows) if coarse else rows).astype(dtype)

    parameters = {"random_state": 0, **dict.fromkeys(kind.exhaustive, share)}
    rows = draw(12)
    index, alive, given_out = kind(**parameters).fit(rows), np.arange(12), 12
    for change, amount in changes:
        if change == "insert":
            more = draw(amount)
            ids = index.insert(more)
            np.testing.assert_array_equal(ids, np.arange(given_out, given_out + amount))
            rows, alive, given_out = np.concatenate([rows, more]), np.concatenate([alive, ids]), given_out + amount
        else:
            gone = rng.random(len(alive)) < amount
            gone[rng.integers(len(alive))] = False
            assert index.delete(rng.permutation(alive[gone])) is index
            alive = alive[~gone]
        assert index.n_samples_fit_ == len(alive)
        queries, k = draw(10), min(4, len(alive))
        # What an index learnt from other points may lead a short budget elsewhere, but not a proof.
        fresh = kind(**parameters).fit(rows[alive]).search(queries, k, exact=kind.learns)
        found = index.search(queries, k, exact=kind.learns)
        np.testing.assert_array_equal(found.distances, fresh.distances)
        np.testing.assert_array_equal(found.indices, np.where(fresh.indices >= 0, alive[fresh.indices], -1))
        if share == 1.0:
            np.testing.assert_array_equal(found.indices, naive.neighbours(rows[alive], queries, k, ids=alive)[1])
            assert found.certified.all()


def test_ids_are_never_used_again(kind):
    index = kind(n_neighbors=1).fit(np.arange(4.0)[:, None])
    index.delete([3, 1])
    np.testing.assert_array_equal(index.insert([[7.0], [8.0]]), [4, 5])
    index.delete([4, 5, 0, 2])
    with pytest.raises(ValueError, match=r"the index is empty, .*: insert points"):
        index.search([[1.0]], 1)
    np.testing.assert_array_equal(index.insert([[9.0]]), [6])
    np.testing.assert_array_equal(index.search([[1.0]], 1).indices, [[6]])
    with pytest.raises(ValueError, match="holds one point, which has no other"):
        index.search(None, 1)
    with pytest.raises(KeyError, match=r"ids\[0\] = 3"):
        index.delete([3])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
@pytest.mark.parametrize("changed", ["the copy", "the original"])
def test_a_copy_and_its_original_change_apart(kind, metric, changed):
    X, Q = clusters(60, 4, seed=3, queries=5)
    first = kind(random_state=0, metric=metric).fit(X[:40])
    first.insert(X[40:50])  # leaves room behind the rows
    second = copy.copy(first)
    before = first.search(Q, 5, exact=True)
    one, other = (second, first) if changed == "the copy" else (first, second)
    one.insert(10 * X[50:])
    one.delete(np.arange(0, 50, 2))
    for part, twin in zip(other.search(Q, 5, exact=True), before, strict=True):
        np.testing.assert_array_equal(part, twin)
    np.testing.assert_array_equal(other.insert(X[50:52]), [50, 51])
    assert (one.n_samples_fit_, other.n_samples_fit_) == (35, 52)
    np.testing.assert_array_equal(one.search(10 * X[50:], 1, exact=True).indices[:, 0] >= 50, True)


def test_a_copy_of_an_unfitted_index_has_its_parameters(kind):
    assert copy.copy(kind(n_neighbors=3)).get_params() == kind(n_neighbors=3).get_params()


def test_a_copy_holds_no_rows_of_its_own_until_it_changes(kind):
    index = kind(random_state=0).fit(clusters(40, 4, seed=3)[0])
    assert np.shares_memory(copy.copy(index)._points.rows, index._points.rows)


def test_a_changed_index_is_saved_whole(kind, tmp_path):
    X, Q = clusters(60, 8, seed=1, queries=9)
    index = kind(random_state=0).fit(X[:40])
    index.delete(np.arange(0, 18, 2))
    index.insert(X[40:])
    index.save(tmp_path / "index")
    loaded = kind.load(tmp_path / "index")
    for part, twin in zip(index.search(Q, 5), loaded.search(Q, 5), strict=True):
        np.testing.assert_array_equal(part, twin)
    np.testing.assert_array_equal(loaded.insert(X[:1]), [60])


def test_the_callers_array_is_left_alone(kind):
    X = clusters(20, 3, seed=2)[0]
    before = X.copy()
    index = kind(n_neighbors=1).fit(X)
    index.delete([0, 1])
    index.insert(X[:5] + 1)
    index.delete(np.arange(2, 15))
    np.testing.assert_array_equal(X, before)


def test_points_far_from_the_first_ones_are_found(kind, dtype):
    """What a screen learnt from the first points need not fit later ones."""
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((30, 4)).astype(dtype)
    far = (rng.standard_normal((25, 4)) * 1e15 + 1e18).astype(dtype)
    index = kind(random_state=0, **kind.exhaustive).fit(rows)
    index.insert(far)
    queries = np.concatenate([rows[:10], far[:10]])
    distances, indices = naive.neighbours(np.concatenate([rows, far]), queries, 3)
    found = index.search(queries, 3)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)


def test_searches_and_changes_may_come_from_several_threads(kind):
    """Each search sees the index before or after a change, never in between: its answer is one of a few."""
    X = clusters(400, 6, seed=4)[0]
    index = kind(random_state=0, **kind.exhaustive).fit(X[:200])
    failures = []

    def look():
        for _ in range(30):
            found = index.search(X[:10], 1)
            if not (found.distances[:, 0] == 0).all():
                failures.append(found)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for start in range(200, 400, 20):
        ids = index.insert(X[start : start + 20])
        index.delete(ids[:10])
        index.delete(np.arange(start // 2 - 90, start // 2 - 80))
    for thread in threads:
        thread.join()
    assert not failures


def test_runs_are_merged_logarithmically():
    """n single insertions move O(log n) entries each, where one sorted array would move O(n): runs at least halve."""
    index = PrioritizedDCI(n_simple=2, n_composite=1).fit(np.zeros((1, 3)))
    longest = 0
    for row in np.random.default_rng(5).standard_normal((300, 3)):
        index.insert(row[None])
        lengths = np.diff(index._projections.bounds)
        assert (lengths[:-1] >= 2 * lengths[1:]).all()
        longest = max(longest, len(lengths))
    assert longest <= np.log2(301) + 1
    for keys, order in zip(index._projections.keys, index._projections.order[:, :301], strict=True):
        for start, stop in zip(index._projections.bounds[:-1], index._projections.bounds[1:], strict=True):
            assert (np.diff(keys[order[start:stop]]) >= 0).all()
        np.testing.assert_array_equal(np.sort(order), np.arange(301))


@pytest.mark.parametrize("kind", [PrioritizedDCI, LSH])
def test_a_compacted_index_keeps_its_keys_row_by_row(kind, monkeypatch):
    """Kernels take them whole: column by column they would be read with strides, after compiling everything anew."""
    from knn.runs import SortedRuns

    kept = []
    monkeypatch.setattr(
        SortedRuns, "keep", lambda runs, rows, keep=SortedRuns.keep: (keep(runs, rows), kept.append(runs))
    )
    X = np.random.default_rng(0).standard_normal((200, 4))
    kind(random_state=0).fit(X).delete(np.arange(150))
    assert [runs.keys.flags.c_contiguous and runs.order.flags.c_contiguous for runs in kept] == [True]


def test_trees_are_merged_when_the_earlier_has_fewer_than_twice_the_points():
    """Less merging leaves more trees to search, more of it moves more points: 100 and 50 stay, 100 and 51 do not."""
    points = np.random.default_rng(6).standard_normal((151, 3))
    for come, sizes in ((50, [100, 50]), (51, [151])):
        index = KDTree().fit(points[:100])
        index.insert(points[100 : 100 + come])
        assert np.diff(index._ends, prepend=0).tolist()[-len(sizes) :] == sizes
