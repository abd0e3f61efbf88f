"""Costs at one quality, growth with n, peak memory: what is read off curves is what the curves say."""

import time

import numpy as np
import pytest

from reports.curves import cost_at, resampled
from reports.experiment import SIZES, experiments
from reports.experiments import dci_and_lsh, search_growth
from reports.peak_memory import PERIOD, PeakMemory
from reports.record import Status

FOUND = {"digits": "x", "mnist": "y"}


def test_a_cost_is_interpolated_in_its_logarithm():
    quality, cost = np.array([1.4, 1.2, 1.0]), np.array([10.0, 100.0, 1000.0])
    assert cost_at(quality, cost, 1.2) == 100.0
    np.testing.assert_allclose(cost_at(quality, cost, 1.3), 10**1.5, rtol=1e-14)  # a few roundings of exp and log
    assert cost_at(quality, cost, 2.0) == 10.0
    assert cost_at(quality, cost, 0.9) == np.inf
    assert cost_at(np.array([np.inf, 1.1]), np.array([5.0, 7.0]), 1.2) == 7.0


def test_resamples_spread_as_the_mean_does():
    """All cost is linear in the queries' costs at a single budget: the spread is that of a mean."""
    rng = np.random.default_rng(0)
    cost = rng.uniform(10, 20, (1, 400))
    spread = resampled(np.ones((1, 400)), cost, 1.0, rng, times=2000)
    # 2000 resamples know a standard deviation to 1/√4000 = 1.6 %; five of those.
    np.testing.assert_allclose(spread, cost.std() / 20, rtol=0.08)
    assert np.isnan(resampled(np.full((1, 9), 2.0), np.ones((1, 9)), 1.0, rng))


def test_an_exponent_is_that_of_a_power_law():
    n = np.array([1e3, 1e4, 1e5])
    slope, error = search_growth.exponent(n, 7 * n**0.625)
    np.testing.assert_allclose(slope, 0.625, rtol=1e-12)  # roundings of three logarithms
    assert error < 1e-12
    assert search_growth.exponent(n, n**0.5 * np.array([1.0, 1.2, 1.0]))[1] > 0.01


def test_a_manifold_has_the_dimension_that_it_is_called_by():
    """Near a point it is flat: d singular values, then a gap; bends are second-order in the size of the ball."""
    for d in (2, 8):
        rows = search_growth.manifold(4000, d, 100, np.random.default_rng(d))
        assert rows.shape == (4000, 100)
        near = rows[np.argsort(((rows - rows[0]) ** 2).sum(axis=1))[: 4 * d]] - rows[0]
        values = np.linalg.svd(near, compute_uv=False)
        assert values[d - 1] > 2 * values[d]


def test_claimed_exponents_are_the_papers():
    """m = 10: distances (n/k)^(1 − m/d'), a logarithm from d' = m down; entries popped (n/k)^(1 − 1/d')."""
    assert search_growth.claimed("Prioritized DCI", "distances", 8) == 0.0
    assert search_growth.claimed("Prioritized DCI", "distances", 32) == 1 - 10 / 32
    assert search_growth.claimed("Prioritized DCI", "entries popped", 2) == 0.5
    assert search_growth.claimed("random hierarchy", "distances", 2) is None


def test_entries_popped_are_those_that_the_papers_queue_pops():
    from knn import PrioritizedDCI
    from knn.kernels import cpu

    rng = np.random.default_rng(0)
    X, Q = rng.standard_normal((300, 12)), rng.standard_normal((7, 12))
    index = PrioritizedDCI(n_simple=5, n_composite=2, candidates=0.1, n_neighbors=10, random_state=0).fit(X)
    queries, total = index._projections.of_queries(Q, cpu)[0], 0
    for query in queries:
        for own in index._composites():
            keys, order = index._projections.keys[own], index._projections.order[own]
            gaps = np.sort(np.abs(keys - query[own][:, None]).max(axis=0))
            args = keys, order, index._projections.bounds, np.empty(0, np.int64), query[own], gaps[29]
            total += cpu.visits_within(*args)
    assert search_growth._popped(index, Q) == total / 7


@pytest.mark.parametrize("name", ["dci-and-lsh", "search-growth"])
@pytest.mark.parametrize("size", SIZES)
def test_cells_are_distinct_say_all_and_are_the_same_twice(name, size):
    experiment = experiments[name]()
    cells = list(experiment.cells(size, FOUND))
    assert cells == list(experiment.cells(size, FOUND))
    assert len({(tuple(sorted(cell.params.items())), cell.seed) for cell in cells}) == len(cells) > 0
    assert experiment.question.endswith("?")


def test_descent_ends_where_no_neighbour_is_cheaper_and_edges_are_told():
    grid = [(1, 2, 3, 4, 5), (0.5, 1.0, 2.0)]
    place, tried = dci_and_lsh.descent(lambda a, b: (a - 4) ** 2 + (b - 1.0) ** 2, grid, (1, 2.0))
    assert place == (4, 1.0)
    assert len(tried) < 15
    assert dci_and_lsh.edges(place, grid) == []
    place, _ = dci_and_lsh.descent(lambda a, b: -a + b, grid, (3, 1.0))
    assert place == (5, 0.5)
    assert dci_and_lsh.edges(place, grid) == ["hashes", "width"]
    assert dci_and_lsh.edges((3, 1.0), [(1, 3, 5), (1.0,)]) == []  # what is not tuned has no edge
    everywhere = dci_and_lsh.descent(lambda a, b: float("inf"), grid, (3, 1.0))  # noqa: ARG005
    assert everywhere[0] == (3, 1.0)


def test_a_setting_that_may_miss_the_ratio_on_other_queries_is_not_chosen():
    falling = np.linspace(1.3, 1.05, 6)[:, None]
    cost, gaps = np.arange(1.0, 7)[:, None] * np.ones(20), np.tile([-1.0, 1.0], 10)
    steady, wild = (dci_and_lsh._Curve(falling + spread * gaps, cost, cost[:, 0], (1,) * 6) for spread in (0.05, 0.2))
    # Three standard errors of twenty ratios, spread / 19^(1/2) each, stay below 0.05 and go beyond it.
    assert steady.cost() == wild.cost() == pytest.approx(5.0)
    assert steady.standing()[0] == 5.0
    assert wild.standing()[0] == np.inf
    assert wild.standing() > steady.standing()
    nothing_found = dci_and_lsh._Curve(np.full((1, 20), np.inf), cost[:1], cost[:1, 0], (1,))
    assert nothing_found.standing() == (np.inf, np.inf)


def test_descent_leaves_where_all_settings_miss_by_the_one_that_misses_least():
    grid = ((1, 2, 3, 4), (0,))
    place, tried = dci_and_lsh.descent(lambda a, _: (np.inf if a > 2 else a, 1.0 + a), grid, (4, 0))
    assert place == (1, 0)
    assert len(tried) == 4


def test_prioritized_dci_computes_fewer_distances_than_lsh_on_digits():
    experiment = dci_and_lsh.DCIAndLSH()
    cell = next(cell for cell in experiment.cells("quick", {"digits": "x"}))
    told = list(experiment.measure(cell))
    assert all(m.status is Status.OK for m in told)
    cost = {m.payload["search"]: m.value for m in told if m.metric == "evaluations"}
    assert cost["Prioritized DCI"] < cost["E2LSH"]
    assert {m.payload["search"] for m in told if m.metric == "memory"} == set(cost)
    tuned = next(m.payload["settings"] for m in told if m.metric == "memory" and m.payload["search"] == "E2LSH")
    assert tuned["at_edge"] == []
    for m in told:
        if m.metric == "ratio":
            assert m.value >= 1.0  # nobody finds neighbours nearer than the true ones


def test_peak_memory_sees_what_is_freed_again():
    with PeakMemory() as peak:
        before = peak._most
        held = np.ones(2**23)
        deadline = time.monotonic() + 60
        while peak._most - before <= 0.9 * 2**26 and time.monotonic() < deadline:
            time.sleep(PERIOD)
        del held
    assert peak.bytes > 0.9 * 2**26
