"""What the experiments measure: recall that believes no method, cells that say all, numbers that are what they say."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from estimators.measures import ring
from reports.experiment import SIZES, experiments
from reports.experiments import implicit_models, nearest_neighbours
from reports.recall import distances, recalls, true_kth_distances
from reports.record import Status
from reports.rivals.contestant import Answer, Contestant, rivals

FOUND = {"digits": "a" * 32, "mnist": "b" * 32}


def naive_kth(X, Q, k):
    return np.array(
        [sorted(float(np.sqrt(((x - q) ** 2).sum())) for x in X.astype(float))[k - 1] for q in Q.astype(float)]
    )


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_true_distances_are_those_of_the_definition_even_far_from_the_origin(offset):
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(200, 7)) + offset, rng.normal(size=(90, 7)) + offset
    assert np.array_equal(true_kth_distances(X, Q, 5), naive_kth(X, Q, 5))


def test_ties_count_whichever_row_is_given_and_repetitions_do_not():
    X = np.array([[0.0], [1.0], [-1.0], [1.0], [5.0]])
    Q = np.array([[0.0]])
    kth = true_kth_distances(X, Q, 2)
    assert kth == [1.0]
    for answer, expected in [
        ([0, 1], 1.0),
        ([0, 2], 1.0),
        ([3, 0], 1.0),
        ([0, 4], 0.5),
        ([0, 0], 0.5),
        ([-1, -1], 0.0),
    ]:
        assert recalls(X, Q, np.array([answer]), kth) == [expected], answer
    assert recalls(X, Q, np.array([[0, 99]]), kth) == [0.5]


def test_more_neighbours_than_rows_are_refused():
    with pytest.raises(ValueError, match="k is 4"):
        true_kth_distances(np.zeros((3, 1)), np.zeros((1, 1)), 4)


def test_a_distance_does_not_depend_on_the_rows_beside_it():
    rng = np.random.default_rng(1)
    X, q = rng.normal(size=(50, 784)).astype(np.float32), rng.normal(size=784).astype(np.float32)
    assert np.array_equal(distances(X, q)[7:8], distances(X[7:8], q))


@pytest.mark.parametrize(
    "name",
    ["claims", "errata-pictures", "implicit-models", "mode-coverage", "nearest-neighbours", "parzen-ordering"],
)
@pytest.mark.parametrize("size", SIZES)
def test_cells_are_distinct_say_all_and_are_the_same_twice(name, size):
    experiment = experiments[name]()
    cells = list(experiment.cells(size, FOUND))
    assert cells
    assert cells == list(experiment.cells(size, FOUND))
    keys = {(tuple(sorted(cell.params.items())), cell.seed) for cell in cells}
    assert len(keys) == len(cells)
    assert all(set(cell.data) <= set(FOUND) for cell in cells)
    assert experiment.question.endswith("?")


def test_without_mnist_only_digits_are_searched_and_without_digits_only_the_ring_is_learned():
    searched = nearest_neighbours.NearestNeighbours().cells("quick", {"digits": "x"})
    assert [cell.params["dataset"] for cell in searched] == ["digits"]
    learned = implicit_models.ImplicitModels().cells("quick", {})
    assert {cell.params["task"] for cell in learned} == {"ring-8"}


def test_larger_sizes_are_searched_on_all_threads_too(monkeypatch):
    monkeypatch.setattr(nearest_neighbours, "_processors", lambda: 3)
    cells = list(nearest_neighbours.NearestNeighbours().cells("standard", {"digits": "x"}))
    assert [(cell.threads, cell.params["on_threads"]) for cell in cells] == [(1, 1), (3, 3)]


def test_reading_the_experiments_loads_no_rival():
    import subprocess

    program = (
        "import sys; from reports.experiments.nearest_neighbours import NearestNeighbours as N; "
        "list(N().cells('quick', {'digits': 'x'})); "
        "sys.exit(bool({'faiss', 'pynndescent', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class Cheat:
    """Contestants that a benchmark must see through: one lies about its indices, one fails, one answers too little."""

    @staticmethod
    def offers():
        def liar(X, seed, threads):
            del X, seed, threads
            return lambda Q, k: Answer(np.zeros((len(Q), k), dtype=np.int64), certified=np.ones(len(Q), dtype=bool))

        def failing(X, seed, threads):
            del threads
            raise OSError(f"cannot build on {len(X)} rows with seed {seed}")

        def exact(X, seed, threads, *, pad):
            del seed, threads

            def search(Q, k, *, only):
                order = np.argsort(((Q[:, None, :] - X[None]) ** 2).sum(axis=2), axis=1, kind="stable")[:, :k]
                order[:, only:] = pad
                return Answer(order)

            return search

        def short(X, seed, threads):
            del X, seed, threads
            return lambda Q, k: Answer(np.zeros((len(Q), min(k, 1)), dtype=np.int64))

        def large(X, seed, threads):
            del X, seed, threads

            def search(Q, k):
                if len(Q) > 2:
                    raise MemoryError(f"{len(Q)} queries are too many")
                return Answer(np.zeros((len(Q), k), dtype=np.int64))

            return search

        return [
            Contestant("short", "numpy", short),
            Contestant("large", "numpy", large),
            Contestant("liar", "numpy", liar),
            Contestant("failing", "numpy", failing),
            Contestant("exact", "numpy", exact, built=({"pad": -1},), asked=({"only": 10}, {"only": 5})),
            Contestant("slow", "numpy", exact, sizes=("full",), why="it is slow"),
        ]


@pytest.fixture(scope="module")
def measured():
    """Every measurement of the quick cell of digits, with few rows, against contestants that cheat."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rivals, "_scanned", True)
        patched.setattr(rivals, "_members", {"cheat": Cheat.offers})
        patched.setitem(nearest_neighbours._SIZES, "quick", (300, 20, 2))
        experiment = nearest_neighbours.NearestNeighbours()
        (cell,) = experiment.cells("quick", {"digits": "x"})
        return list(experiment.measure(cell))


def of(measured, index, metric):
    return [m for m in measured if m.metric == metric and m.payload.get("index") == index]


def test_searches_are_graded_by_distances_and_not_by_their_word(measured):
    (liar,) = of(measured, "liar", "recall")
    assert liar.value <= 0.1
    whole, half = of(measured, "exact", "recall")
    assert whole.value == 1.0
    assert whole.stderr == 0.0
    assert half.value == 0.5
    assert [m.payload["settings"]["only"] for m in of(measured, "exact", "queries per second")] == [10, 5]


def test_a_failing_library_is_a_row_and_the_others_stand(measured):
    (failed,) = of(measured, "failing", "recall")
    assert failed.status is Status.BROKEN
    assert failed.detail == "OSError: cannot build on 256 rows with seed 0"
    (failed,) = of(measured, "large", "recall")
    assert (failed.status, failed.detail) == (Status.BROKEN, "MemoryError: 20 queries are too many")
    (skipped,) = of(measured, "slow", "recall")
    assert (skipped.status, skipped.detail) == (Status.SKIPPED, "it is slow")


def test_fewer_neighbours_than_were_asked_for_are_no_better_recall(measured):
    (refused,) = of(measured, "short", "recall")
    assert refused.status is Status.BROKEN
    assert "shape (20, 1) where (20, 10) were asked for" in refused.detail
    assert of(measured, "short", "queries per second") == []


def test_speed_is_the_median_between_the_slowest_and_the_fastest():
    entry = nearest_neighbours._Entry(Contestant("one", "numpy", None), {}, {}, None, 0.25)
    found = nearest_neighbours._measured(entry, Answer(np.zeros((8, 1))), [1.0, 4.0, 2.0], np.ones(8))
    speed = next(m for m in found if m.metric == "queries per second")
    assert (speed.value, speed.low, speed.high) == (4.0, 2.0, 8.0)


def test_a_slow_search_sits_out_turns_beyond_the_second(monkeypatch):
    clock = iter(np.arange(0.0, 1000.0, 20.0))  # each turn takes twenty seconds
    monkeypatch.setattr(nearest_neighbours.time, "perf_counter", lambda: float(next(clock)))
    asked = []

    def entry(name):
        contestant = Contestant(name, "made up", lambda *_, **__: None)
        return nearest_neighbours._Entry(contestant, {}, {}, lambda *_: asked.append(name), 0.0)

    both = [entry("first"), entry("second")]
    assert nearest_neighbours._take_turns(both, np.zeros((1, 1)), 1, 5) == [[20.0, 20.0]] * 2
    assert asked == ["first", "second", "second", "first"]
    monkeypatch.setattr(nearest_neighbours, "_ENOUGH", 50.0)
    assert [len(turns) for turns in nearest_neighbours._take_turns(both, np.zeros((1, 1)), 1, 5)] == [3, 3]


def test_our_indexes_take_part_and_are_exact_where_they_say_so(measured):
    names = {m.payload["index"] for m in measured if m.payload.get("ours")}
    assert {"knn brute-force", "knn prioritized-dci", "knn prioritized-dci, exact"} <= names
    for name in ("knn brute-force", "knn prioritized-dci, exact"):
        assert [m.value for m in of(measured, name, "recall")] == [1.0]
        assert [m.value for m in of(measured, name, "certified")] == [1.0]
    for m in measured:
        if m.metric == "queries per second":
            assert 0 < m.low <= m.value <= m.high


def test_every_installed_rival_finds_its_neighbours():
    rng = np.random.default_rng(0)
    X, Q = rng.random((400, 8), dtype=np.float32), rng.random((30, 8), dtype=np.float32)
    kth = true_kth_distances(X, Q, 10)
    offers = [entry for offer in rivals.values() for entry in offer() if "quick" in entry.sizes]
    assert {"scikit-learn brute", "SciPy cKDTree"} <= {entry.name for entry in offers}
    for entry in offers:
        for built in entry.built:
            search = entry.build(X, 0, 1, **built)
            best = max(recalls(X, Q, search(Q, 10, **asked).indices, kth).mean() for asked in entry.asked)
            # float32 arithmetic may swap two neighbours whose distances agree to seven digits
            assert best >= 0.95, entry.name


def numbers(name, task):
    experiment = implicit_models.ImplicitModels()
    (cell,) = (
        c
        for c in experiment.cells("full", FOUND)  # the smaller sizes have no ring
        if (c.params["model"], c.params["task"], c.seed) == (name, task, 1)
    )
    short = replace(cell, params={**cell.params, "steps": 20})
    return {m.metric: m for m in experiment.measure(short)}


@pytest.mark.parametrize("task", ["ring-8", "digits"])
def test_true_data_score_what_a_perfect_sampler_scores(task):
    found = numbers(implicit_models.REFERENCE, task)
    assert found["modes"].value == found["modes"].payload["of"]
    assert found["high quality"].value > 0.85
    assert found["high quality"].low < found["high quality"].value <= found["high quality"].high
    energy = found["squared energy distance"]
    assert abs(energy.value) < 0.02
    assert "training" not in found


@pytest.mark.parametrize("task", ["ring-8", "digits"])
def test_a_model_is_measured_the_same_twice(task):
    pytest.importorskip("torch", reason="torch is not installed: no model was measured")
    first, second = (numbers("imle", task) for _ in range(2))
    for metric in ("modes", "high quality", "squared energy distance"):
        assert first[metric].value == second[metric].value
    assert np.array_equal(first["modes"].payload["samples"], second["modes"].payload["samples"])
    assert first["training"].value > 0


def test_collapse_is_seen():
    task = implicit_models._ring(0)
    collapsed = np.tile(ring(8).modes[:1], (2000, 1))
    assert task.judge(collapsed) == (1, 2000)
    task = implicit_models._digits(0)
    # By its definition 95 % of the held-out rows are good, give or take one of the 150.
    assert abs(task.judge(task.held_out)[1] - 0.95 * len(task.held_out)) <= 1
    assert task.judge(np.tile(task.train[:1], (100, 1))) == (1, 100)
    assert task.judge(np.full((100, 64), 0.5))[1] == 0
