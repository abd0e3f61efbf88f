"""Principal DCI's own: codes against their twin, bounds that hold after rounding, maps that are learnt anew."""

import numpy as np
import pytest

from knn import BruteForce, PrincipalDCI
from knn.kernels import cpu
from knn.principal_codes import Coder, canonical_sample, principal_directions
from tests import naive
from tests.knn.problems import clusters


def test_codes_and_their_losses_are_those_of_the_twin():
    values = np.random.default_rng(0).standard_normal((7, 64)) * 40
    values[0, :4] = 0.25, -0.25, 1e300, -1e300  # halves go upwards, and what is far is clipped
    codes, losses = np.empty(values.shape, np.int8), np.empty(7)
    cpu.encode(values, 0.5, codes, losses)
    expected = naive.codes(values, 0.5)
    np.testing.assert_array_equal(codes, expected[0])
    np.testing.assert_array_equal(losses, expected[1])
    np.testing.assert_array_equal(codes[0, :4], [1, 0, 127, -127])


def test_quick_codes_are_the_others_but_for_rounding(dtype):
    X, Q = (part.astype(dtype) for part in clusters(900, 150, seed=23, queries=50))
    for width in (3, 64, 150):
        rows, queries = X[:, :width].copy(), Q[:, :width].copy()
        coder = Coder(rows, np.arange(900), np.random.RandomState(0), cpu)
        codes, looking = np.empty((2, 50, 64), np.int8)
        cpu.quick_codes(queries, coder.seer, codes, looking)
        exact, out, lengths = np.empty_like([codes, looking]), np.empty((50, coder.width)), np.empty((2, 50))
        cpu.seen_queries(queries, *coder.prover, exact[0], exact[1], out, lengths)
        for quick, slow in zip((codes, looking), exact, strict=True):
            # float32 sums of 150 products, and a root of what is left of their squares: far below half a step.
            assert (np.abs(quick.astype(int) - slow) <= 1).all()
            assert (quick == slow).mean() > 0.98


def test_coordinates_do_not_depend_on_the_rows_around(dtype):
    rng = np.random.default_rng(5)
    X, centre = rng.standard_normal((6, 11)).astype(dtype), rng.standard_normal(11)
    basis = principal_directions(X - centre, np.random.RandomState(0), 4)
    out, squared = np.empty((6, 4)), np.empty(6)
    cpu.principal_coordinates(X, centre, 0.25, basis, out, squared)
    exact = (X.astype(np.float64) - centre) * 0.25
    # Sums of eleven products: within eleven units in the last place of the sum of their magnitudes.
    np.testing.assert_allclose(out, exact @ basis, rtol=0, atol=11 * 2.0**-53 * np.abs(exact).sum(axis=1).max())
    np.testing.assert_allclose(squared, (exact**2).sum(axis=1), rtol=12 * 2.0**-53)
    for row in range(6):
        alone, length = np.empty((1, 4)), np.empty(1)
        cpu.principal_coordinates(X[row : row + 1], centre, 0.25, basis, alone, length)
        np.testing.assert_array_equal(alone[0], out[row])
        assert length[0] == squared[row]
    full = np.empty((6, 16))
    cpu.with_residual(out, squared, 4, full)
    np.testing.assert_array_equal(full[:, :4], out)
    np.testing.assert_allclose((full[:, :5] ** 2).sum(axis=1), squared, rtol=20 * 2.0**-53)
    assert not full[:, 5:].any()


@pytest.mark.parametrize("d", [1, 5, 63, 64, 150])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_no_point_is_nearer_than_its_bounds_say(d, offset, dtype):
    """Both bounds, at the k-th distance itself: a point exactly as far as the k-th must not be excluded."""
    rng = np.random.default_rng(d)
    X = (rng.standard_normal((300, d)) * rng.uniform(0.01, 3, d) + offset).astype(dtype)
    Q = np.concatenate([X[:5], (X[:5] + 1e-3).astype(dtype), X[5:9] * dtype(30)])
    coder = Coder(X, canonical_sample(X, np.random.RandomState(0), 300), np.random.RandomState(0), cpu)
    coordinates, squared = coder.coordinates(X, cpu)
    codes, losses = coder.codes(coordinates, squared, cpu)
    fine = coder.fine(coordinates, squared, cpu).astype(np.float32)
    radius = 1.01 * np.sqrt(squared.max())
    coordinates, squared = coder.coordinates(Q, cpu)
    of_queries, lost = coder.codes(coordinates, squared, cpu)
    margins = np.empty((len(Q), 6))
    sizes = coder.sizes(losses.max(), radius)
    cpu.margins_of(of_queries, np.array([squared, lost]), sizes, (d, fine.shape[1]), margins)
    fine_queries = coder.fine(coordinates, squared, cpu)
    assert (margins[:, 3] > 0).all()
    for row, q in enumerate(Q):
        true = np.array([naive.distance(q, x) for x in X])
        apart = np.sqrt(((codes.astype(int) - of_queries[row].astype(int)) ** 2).sum(axis=1))
        assert (apart <= (true * margins[row, 3] + margins[row, 4]) * (1 + 2.0**-40)).all()
        bounds = np.sqrt(((fine - fine_queries[row]) ** 2).sum(axis=1)) * margins[row, 2]
        assert (bounds * (1 - margins[row, 0]) - margins[row, 1] <= true).all()


@pytest.mark.parametrize("d", [3, 63, 64, 65, 200])
def test_directions_are_orthonormal_whatever_the_rank(d):
    rng = np.random.default_rng(6)
    for rows in (np.zeros((5, d)), rng.standard_normal((2, d)), rng.standard_normal((400, d)) * np.arange(d)):
        basis = principal_directions(rows, np.random.RandomState(0), min(d, 63))
        assert basis.shape == (d, min(d, 63))
        # Some hundred reflections, each orthogonal to a few units.
        np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1000 * 2.0**-53)


def test_the_first_directions_hold_the_most():
    X = np.random.default_rng(7).standard_normal((500, 90)) * np.linspace(10, 0.1, 90)
    basis = principal_directions(X - X.mean(axis=0), np.random.RandomState(0), 20)
    held = ((X - X.mean(axis=0)) @ basis).var(axis=0)
    best = np.linalg.eigvalsh(np.cov(X.T, bias=True))[::-1][:20]
    assert (np.diff(held) <= 1e-9 * held[0]).all()  # rounding of 500 squares
    assert held.sum() > 0.999 * best.sum()  # iteration ends early by design; four rounds reach this


def test_the_sample_is_chosen_by_what_the_rows_hold(dtype):
    X = clusters(500, 7, seed=8)[0].astype(dtype)
    order = np.random.default_rng(9).permutation(500)
    plain, moved = (rows[canonical_sample(rows, np.random.RandomState(1), 100)] for rows in (X, X[order]))
    np.testing.assert_array_equal(plain, moved)
    other = X[canonical_sample(X, np.random.RandomState(2), 100)]
    assert (plain != other).any()


def test_a_proof_costs_few_distances_where_the_spectrum_falls(dtype):
    X, Q = (part.astype(dtype) for part in clusters(4000, 100, seed=10, queries=40))
    index = PrincipalDCI(random_state=0).fit(X)
    true = BruteForce().fit(X).search(Q, 10)
    found = index.search(Q, 10, exact=True)
    np.testing.assert_array_equal(found.indices, true.indices)
    assert found.evaluations.mean() < 0.05 * len(X)
    quick = index.search(Q, 10)
    assert (quick.indices == true.indices).mean() > 0.95  # seeded
    assert not quick.certified.any()
    assert len(index._cells.prototypes) == 4000 // 64


def test_as_many_are_found_as_are_asked_for_however_few_lie_near():
    X, Q = clusters(2000, 20, seed=11, queries=10)
    found = PrincipalDCI(n_cells=31, probes=1, candidates=1, random_state=0).fit(X).search(Q, 500)
    assert (found.indices >= 0).all()


def test_bytes_are_kept_as_bytes_until_one_is_none(dtype):
    rng = np.random.default_rng(12)
    X, Q = rng.integers(0, 256, (2, 300, 40)).astype(dtype)
    index = PrincipalDCI(random_state=0).fit(X)
    assert index._bytes.dtype == np.uint8
    index.insert(Q[:9])
    assert len(index._bytes) >= 309
    Q[9, 3] += 0.5
    index.insert(Q[9:10])
    assert index._bytes is None
    true = naive.neighbours(np.concatenate([X, Q[:10]]), Q[:12], 3)
    found = index.search(Q[:12], 3, exact=True)
    np.testing.assert_array_equal(found.distances, true[0])
    np.testing.assert_array_equal(found.indices, true[1])


def test_a_tail_is_put_into_cells_and_a_map_that_no_longer_fits_is_learnt_anew():
    X, more = clusters(1000, 150, seed=13, queries=400)
    index = PrincipalDCI(random_state=0).fit(X)
    step = index._coder.step
    index.insert(more[:100])
    assert index._cells.tail == 100
    index.insert(more[100:200])
    assert index._cells.tail == 0
    assert index._coder.step == step
    beside = np.random.default_rng(14).standard_normal((400, 150)) * 30  # all directions, not the six of the clusters
    index.insert(beside)
    assert index._coder.step != step
    assert index._learnt_on == 1600
    step = index._coder.step
    index.insert(beside[:1] * 1e9)  # one far point would coarsen every margin
    assert index._learnt_on == 1601


def test_a_map_is_learnt_anew_once_the_points_have_more_than_doubled():
    X = clusters(100, 9, seed=18)[0]
    for come, learnt_on in ((100, 100), (101, 201)):
        index = PrincipalDCI(random_state=0).fit(X)
        index.insert(np.concatenate([X, X[:1]])[:come])  # the same points again: nothing has drifted
        assert index._learnt_on == learnt_on


def test_more_cells_are_looked_at_only_while_too_few_points_were_found():
    X, Q = clusters(400, 9, seed=19, queries=20)
    index = PrincipalDCI(probes=1, candidates=1.0, random_state=0).fit(X)
    for q in Q[:, None]:
        held = int(index.search(q, 1).evaluations[0])
        assert index.search(q, held).evaluations[0] == held < 400
        assert index.search(q, held + 1).evaluations[0] > held


def test_a_proof_is_found_for_numbers_whose_squares_all_but_vanish_or_overflow():
    """Beyond the margins' range all points are measured, and the proof is the definition."""
    X, Q = clusters(80, 9, seed=15, queries=10)
    for scale in (2.0**-480, 2.0**480):
        rows, queries = X * scale, Q * scale
        found = PrincipalDCI(candidates=8, random_state=0).fit(rows).search(queries, 4, exact=True)
        distances, indices = naive.neighbours(rows, queries, 4)
        np.testing.assert_array_equal(found.indices, indices)
        np.testing.assert_array_equal(found.distances, distances)
        assert (found.evaluations == 80).all()


def test_drift_is_seen_and_asks_for_a_new_map():
    """Points that turn out of the plane by and by: `drift_` is their share of energy beside it, less what it was."""
    X, more = clusters(1600, 150, seed=16, queries=400)
    rng = np.random.default_rng(17)
    index = PrincipalDCI(random_state=0).fit(X)
    assert index.drift_ == 0.0
    index.insert(more[:150])
    assert abs(index.drift_) < 1e-3  # the same six directions: nothing lies beside them
    step, seen = index._coder.step, []
    for start, turned in ((150, 1.0), (200, 5.0), (250, 60.0)):
        part = more[start : start + 50] + turned * rng.standard_normal((50, 150))
        index.insert(part)
        more[start : start + 50] = part
        seen.append(index.drift_)
    assert index._learnt_on == 1900  # an eighth more than 1600 were inserted, and the last lie far beside
    assert index._coder.step != step
    assert 0 < seen[0] < seen[1]
    assert seen[2] == 0.0
    everything = np.concatenate([X, more[:300]])
    found = index.search(more[300:320], 5, exact=True)
    np.testing.assert_array_equal(found.indices, naive.neighbours(everything, more[300:320], 5)[1])


@pytest.mark.parametrize("cells", ["points", "k-means"])
@pytest.mark.parametrize("directions", ["principal", "random-rotation"])
def test_whatever_the_map_and_the_cells_proofs_hold(cells, directions, dtype):
    """Queries from elsewhere included, for which a proof may measure all."""
    X, Q = (part.astype(dtype) for part in clusters(1500, 90, seed=18, queries=12))
    Q = np.concatenate([Q, np.random.default_rng(19).standard_normal((5, 90)).astype(dtype) * 40])
    index = PrincipalDCI(cells=cells, directions=directions, random_state=0).fit(X)
    found, true = index.search(Q, 6, exact=True), BruteForce().fit(X).search(Q, 6)
    np.testing.assert_array_equal(found.indices, true.indices)
    np.testing.assert_array_equal(found.distances, true.distances)
    assert found.certified.all()


def test_a_random_rotation_needs_no_data_and_loses_to_directions_that_hold_the_energy():
    X, Q = clusters(3000, 200, seed=20, queries=60)
    true = BruteForce().fit(X).search(Q, 10).indices
    share, bases = {}, {}
    for directions in ("principal", "random-rotation"):
        index = PrincipalDCI(directions=directions, candidates=12, probes=1.0, random_state=0).fit(X)
        share[directions] = (index.search(Q, 10).indices[:, :, None] == true[:, None, :]).any(axis=2).mean()
        others = PrincipalDCI(directions=directions, random_state=0).fit(X[:1000] * np.arange(200))
        bases[directions] = index._coder.basis, others._coder.basis
    np.testing.assert_array_equal(*bases["random-rotation"])
    assert (bases["principal"][0] != bases["principal"][1]).any()
    # Some hundred reflections, each orthogonal to a few units.
    np.testing.assert_allclose(
        bases["random-rotation"][0].T @ bases["random-rotation"][0], np.eye(127), atol=1e3 * 2.0**-53
    )
    assert share["principal"] > 0.95 > share["random-rotation"]  # seeded


def test_memory_is_told_and_what_proofs_need_is_made_when_one_is_asked_for():
    rng = np.random.default_rng(21)
    X = rng.integers(0, 256, (3000, 130)).astype(np.float32)
    index = PrincipalDCI(random_state=0).fit(X)
    before = index.memory_
    assert before["proofs"] == 0
    assert before["rows"] >= 3000 * 130
    assert 64 * 3000 < before["codes"] < 110 * 3000 + 8 * 130 * 128
    index.search(X[:1], 3, exact=True)
    assert index.memory_ == {**before, "proofs": 3000 * 128 * 4}


def test_a_saved_index_proves_with_and_without_what_proofs_need(tmp_path):
    X, Q = clusters(900, 40, seed=22, queries=8)
    index = PrincipalDCI(random_state=0).fit(X)
    for _ in range(2):
        index.save(tmp_path / "index")
        loaded = PrincipalDCI.load(tmp_path / "index")
        assert loaded.memory_["proofs"] == index.memory_["proofs"]
        for part, twin in zip(loaded.search(Q, 4, exact=True), index.search(Q, 4, exact=True), strict=True):
            np.testing.assert_array_equal(part, twin)


@pytest.mark.parametrize(("name", "value"), [("cells", "means"), ("directions", "random")])
def test_choices_that_are_none(name, value):
    with pytest.raises(ValueError, match=f"{name}='{value}' is not known: use one of"):
        PrincipalDCI(**{name: value}).fit(np.eye(3))


def test_a_number_of_cells_that_cannot_be():
    with pytest.raises(ValueError, match="n_cells=0 must be at least 1"):
        PrincipalDCI(n_cells=0).fit(np.eye(3))


@pytest.mark.parametrize("bits", [2.0, True, np.array([2, 4]), "2", None])
def test_bits_that_are_no_whole_number(bits):
    with pytest.raises(TypeError, match="bits must be a whole number, not"):
        PrincipalDCI(bits=bits, directions="random-rotation").fit(np.eye(3))


@pytest.mark.parametrize("bits", [5, 16])
def test_numbers_of_bits_that_are_not_served(bits):
    with pytest.raises(ValueError, match=f"bits={bits} must be 8, or"):
        PrincipalDCI(bits=bits, directions="random-rotation").fit(np.eye(3))
