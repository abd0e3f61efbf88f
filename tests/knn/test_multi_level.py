"""Levels of cells: nested, complete, with radii that hold; searches proved by them; changes at equal recall."""

import numpy as np
import pytest

from knn import BruteForce, MultiLevelDCI, PrioritizedDCI, RandomHierarchy
from tests.knn.problems import clusters

KINDS = (RandomHierarchy, MultiLevelDCI)
#: Recall may differ by so much between two builds: three standard errors of a difference, 100 queries of spread 0.2.
NOISE = 3 * 0.2 * np.sqrt(2 / 100)


def levels_of(index):
    return index._hierarchy.levels


def check_tree(index):
    """Every point alive is in one place of the last level or the tail, heads come first, and reach is wide enough."""
    levels, points = levels_of(index), index._points
    first, size = levels.first, levels.size
    slots = levels.slots[:size]
    bottom = slots[first[-2] :]
    assert len(np.unique(bottom)) == len(bottom)
    assert set(np.flatnonzero(points.alive)) <= set(bottom.tolist())
    for level in range(len(first) - 2):
        heads = np.arange(first[level], first[level + 1])
        np.testing.assert_array_equal(slots[levels.begin[heads]], slots[heads])
        spans = np.concatenate([np.arange(levels.begin[h], levels.end[h]) for h in heads])
        np.testing.assert_array_equal(spans, np.arange(first[level + 1], first[level + 2]))
        np.testing.assert_array_equal(levels.parent[spans], np.repeat(heads, levels.end[heads] - levels.begin[heads]))
    for place in range(first[-2], first[-1]):
        head = levels.parent[place]
        while head >= 0:
            far = np.linalg.norm(points.rows[slots[place]].astype(float) - points.rows[slots[head]])
            # Two sums of d squares in different orders: d ulps are generous.
            assert far <= levels.reach[head] * (1 + points.rows.shape[1] * 2.0**-52)
            head = levels.parent[head]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_levels", [2, 3, 4])
def test_the_tree_is_whole_after_any_change(kind, dtype, n_levels):
    X = clusters(700, 12, seed=0)[0].astype(dtype)
    index = kind(n_levels=n_levels, random_state=0).fit(X[:400])
    check_tree(index)
    gathered = 0
    for start in range(400, 700, 25):
        before = int(levels_of(index).first[-1])
        index.insert(X[start : start + 25])
        gathered += int(levels_of(index).first[-1]) > before
        check_tree(index)
    assert gathered > 0  # the tail was put into cells, which is what could go wrong
    index.delete(np.arange(0, 90))
    check_tree(index)
    index.delete(np.arange(90, 300))
    check_tree(index)
    index.insert(np.concatenate([X, X]) + 1)
    check_tree(index)


@pytest.mark.parametrize("kind", KINDS)
def test_changes_keep_recall_and_ids(kind):
    X, Q = clusters(1500, 20, seed=1, queries=100)
    index = kind(n_levels=3, beam=6, random_state=0).fit(X[:900])
    index.insert(X[900:])
    index.delete(np.arange(0, 300))
    alive = np.arange(300, 1500)
    fresh = kind(n_levels=3, beam=6, random_state=0).fit(X[300:])
    truth = BruteForce().fit(X[300:]).search(Q, 10)
    shares = [(other.search(Q, 10).distances <= truth.distances[:, -1:]).mean() for other in (index, fresh)]
    assert abs(shares[0] - shares[1]) <= NOISE
    assert shares[0] > 0.5
    np.testing.assert_array_equal(index.search(Q, 10, exact=True).indices, alive[truth.indices])


@pytest.mark.parametrize("kind", KINDS)
def test_radii_prove_answers_without_looking_everywhere(kind):
    """Tight clusters far apart: one cell's radius excludes the others, and answers are certified at a small cost."""
    rng = np.random.default_rng(2)
    centres = 1e3 * rng.standard_normal((40, 8))
    X = np.repeat(centres, 30, axis=0) + rng.standard_normal((1200, 8))
    Q = centres + rng.standard_normal((40, 8))
    truth = BruteForce().fit(X).search(Q, 5)
    index = kind(n_levels=2, beam=8, random_state=0, candidates=1.0).fit(X)
    found, proved = index.search(Q, 5), index.search(Q, 5, exact=True)
    assert found.certified.mean() > 0.3
    assert proved.evaluations.mean() < 0.5 * len(X)
    np.testing.assert_array_equal(found.indices[found.certified], truth.indices[found.certified])
    np.testing.assert_array_equal(proved.indices, truth.indices)
    # The mutant: without radii the same rule would call wrong answers proved.
    levels_of(index).reach[:] = 0.0
    wrong = index.set_params(beam=1).search(Q, 5)
    assert (wrong.indices[wrong.certified] != truth.indices[wrong.certified]).any()


def test_a_wider_beam_finds_more_and_measures_more():
    X, Q = clusters(3000, 30, seed=3, queries=100)
    truth = BruteForce().fit(X).search(Q, 10).distances[:, -1:]
    index = RandomHierarchy(random_state=0).fit(X)
    looks = [index.set_params(beam=beam).search(Q, 10) for beam in (1, 4, 16, 64)]
    recall = [(found.distances <= truth).mean() for found in looks]
    assert recall == sorted(recall)
    assert recall[-1] > 0.97
    assert recall[0] < recall[-1]
    assert looks[-1].evaluations.mean() < 0.2 * len(X)


def test_many_neighbours_are_found_where_cells_hold_few():
    X, Q = clusters(800, 10, seed=4, queries=5)
    for kind in KINDS:
        found = kind(n_levels=4, beam=1, candidates=1.0, random_state=0).fit(X).search(Q, 500)
        assert (found.indices >= 0).all()
    few = MultiLevelDCI(beam=30, candidates=2, n_composite=1, random_state=0).fit(X).search(Q, 5)
    assert (few.indices == -1).any()  # a budget below k is kept to, as on one level


def test_levels_of_prioritized_dci_are_those_of_the_multi_level_index():
    X, Q = clusters(900, 16, seed=5, queries=20)
    parameters = {"n_simple": 5, "n_composite": 2, "n_levels": 3, "beam": 4, "candidates": 0.4, "random_state": 0}
    one, other = PrioritizedDCI(**parameters).fit(X), MultiLevelDCI(**parameters).fit(X)
    for part, twin in zip(one.search(Q, 5), other.search(Q, 5), strict=True):
        np.testing.assert_array_equal(part, twin)
    assert one.directions_.shape == (16, 10)
    fewer = other.set_params(candidates=0.1).search(Q, 5).evaluations
    assert fewer.mean() < one.search(Q, 5).evaluations.mean()
    simple = MultiLevelDCI(n_simple=1, n_composite=1, beam=4, candidates=1.0, random_state=0).fit(X)
    all_visits = simple.search(Q, 5).evaluations
    assert simple.set_params(visits=0.5).search(Q, 5).evaluations.mean() < all_visits.mean()


def test_the_queue_serves_one_level_only():
    with pytest.raises(ValueError, match=r"traversal='queue'.*n_levels=2.*use 'scan'"):
        PrioritizedDCI(traversal="queue", n_levels=2).fit(np.eye(3))


@pytest.mark.parametrize("width", [5, 63, 64, 193, 250])
def test_bytes_bound_the_definition_from_below(dtype, width):
    """No bound exceeds a distance, at any magnitude; and where all coordinates are in the bytes it comes near."""
    from knn.kernels import cpu
    from knn.kernels.cpu_level_bounds import lower_bounds
    from knn.principal_screen import PrincipalScreen

    rng = np.random.default_rng(width)
    for scale, offset in ((1.0, 0.0), (1e-20, 0.0), (1e15, 1e18), (1.0, 1e4)):
        X = (rng.standard_normal((60, width)) * rng.random(width) * scale + offset).astype(dtype)
        Q = (rng.standard_normal((9, width)) * 3 * scale + offset).astype(dtype)
        screen = PrincipalScreen(X, np.arange(60), 0, cpu)
        table = screen.of_rows(X, cpu)
        codes, keys, numbers = screen.of_queries(Q, cpu)
        lower = np.empty(60)
        for row in range(9):
            query = (Q[row].astype(float), codes[row], keys[row], numbers[row])
            lower_bounds(table, query, np.arange(60), lower)
            true = np.array([np.sqrt(cpu.definition_sum(Q[row].astype(float), x)) for x in X])
            assert (lower <= true).all()
            if scale == 1.0 and offset == 0.0 and width <= 63:
                assert (lower > 0.1 * true).mean() > 0.9
