"""The Parzen ordering: its samplers are what their names say, its cell, its table and its figure."""

from dataclasses import replace

import numpy as np
import pytest

from reports.experiments import parzen_ordering
from reports.experiments.parzen_ordering import REFERENCE, ParzenOrdering, centroids, samplers
from reports.figures import figure
from reports.tables import table

ROWS = np.random.default_rng(0).random((300, 64)).astype(np.float32)
PARAMS = {"centres": 40, "rounds": 3}


def made(name):
    return samplers[name](ROWS, PARAMS, np.random.default_rng(1))


@pytest.mark.parametrize("name", samplers)
def test_every_sampler_gives_as_many_images_as_it_is_asked_for_the_same_twice(name):
    assert made(name).shape == (40, 64)
    assert np.isfinite(made(name)).all()
    assert np.array_equal(made(name), made(name))


def test_samplers_are_what_they_are_called():
    rows = {tuple(row) for row in ROWS}
    assert {tuple(row) for row in made("training images")} <= rows
    repeated = made("a few training images, repeated")
    assert {tuple(row) for row in repeated} <= rows
    assert len(np.unique(repeated, axis=0)) <= 4
    # A fit of 40 draws: pixels have the training images' means to six standard errors, as do those of the Gaussian.
    for name in ("independent pixels", "gaussian"):
        assert np.abs(made(name).mean(axis=0) - ROWS.mean(axis=0)).max() < 6 * (1 / 12 / 40) ** 0.5
    assert made("training images, blurred").std() < 0.5 * made("training images").std()


def test_centroids_are_those_of_lloyd():
    rng = np.random.default_rng(1)
    centres = ROWS[rng.permutation(300)[:40]].astype(float)
    for _ in range(3):
        own = ((ROWS[:, None].astype(float) - centres.astype(np.float32).astype(float)) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.stack(
            [ROWS[own == k].mean(axis=0, dtype=float) if (own == k).any() else c for k, c in enumerate(centres)]
        )
    assert centroids(ROWS, PARAMS, np.random.default_rng(1)) == pytest.approx(centres, abs=1e-12)
    spread = [
        ((ROWS[:, None] - centroids(ROWS, PARAMS | {"rounds": r}, np.random.default_rng(1))) ** 2)
        .sum(axis=2)
        .min(axis=1)
        .sum()
        for r in (0, 1, 3)
    ]
    assert spread[0] > spread[1] > spread[2]


def measured(sampler, rounds=0):
    cells = ParzenOrdering().cells("quick", {"digits": "x"})
    (cell,) = (c for c in cells if (c.params["sampler"], c.params["rounds"]) == (sampler, rounds))
    return {m.metric: m for m in ParzenOrdering().measure(cell)}


def test_centroids_of_digits_score_above_the_digits_and_cover_no_more():
    fresh, prototypes = measured(REFERENCE), measured("centroids", 5)
    assert prototypes["log-likelihood"].value > fresh["log-likelihood"].value + 2 * fresh["log-likelihood"].stderr
    assert prototypes["recall"].value < fresh["recall"].value
    assert fresh["nearer to train"].payload["p"] > 0.01
    for m in fresh.values():
        assert m.low is None or m.low <= m.value <= m.high


def test_mnist_is_taken_where_it_is_found_and_nothing_where_there_is_neither():
    assert {c.params["dataset"] for c in ParzenOrdering().cells("quick", {"digits": "x", "mnist": "y"})} == {"mnist"}
    assert list(ParzenOrdering().cells("full", {})) == []
    standard = next(iter(ParzenOrdering().cells("standard", {"mnist": "y"})))
    assert (standard.params["centres"], standard.params["test"]) == (10_000, 10_000)


def test_a_sampler_cannot_be_graded_on_rows_that_it_was_given(monkeypatch):
    """Training, validation and fresh rows are apart, and the sampler sees the first alone, or the last."""
    seen = {}

    def watch(name):
        def sampler(rows, params, _):
            seen[name] = {row.tobytes() for row in rows}
            return rows[: params["centres"]]

        return sampler

    monkeypatch.setattr(parzen_ordering, "samplers", {name: watch(name) for name in (REFERENCE, "training images")})
    for cell in ParzenOrdering().cells("quick", {"digits": "x"}):
        list(ParzenOrdering().measure(replace(cell, params={**cell.params, "judged": 20})))
    train, fresh = seen["training images"], seen[REFERENCE]
    assert len(train) == 900
    assert len(fresh) == 1497 - 900 - 250
    assert not train & fresh


def test_the_table_orders_by_likelihood_and_averages_over_seeds(results):
    frame = table("parzen-ordering", output=results)
    assert frame.sampler.tolist() == ["centroids, 20 rounds", "centroids, 1 round", "fresh images", "gaussian"]
    one = frame.set_index("sampler").loc["centroids, 1 round"]
    assert (one.seeds, one.log_likelihood, one.log_likelihood_stderr) == (2, 327.0, 0.5)
    assert frame.log_likelihood_stderr[0] == 2.0
    assert frame.on_edge[0]
    assert (frame.status[3], frame.detail[3]) == ("failed", "Out of memory")


def test_the_figure_names_every_sampler_and_its_scores(results):
    (drawn,) = figure("parzen-ordering", output=results)
    for words in ("centroids, 20 rounds: 338.0 ± 2.0 nats", "fresh images: 244.0 ± 2.0 nats", "recall 90"):
        assert words in drawn.description
    assert "<image" in drawn.svg  # one, into which matplotlib puts them all
