"""Trained models by the papers' protocol, and that no number of theirs stands without its reference rows."""

from dataclasses import replace

import numpy as np
import pytest

from estimators.training.registry import models
from reports.experiments.mnist_parzen import MODELS, MnistParzen, network_settings
from reports.figures import figure
from reports.store import Store
from reports.tables import table
from reports.tables.mnist_parzen import PUBLISHED, UNREAD
from tests.reports import made_up_results

#: Three steps of small networks on few rows.
TINY = {
    "fit": 200,
    "validation": 60,
    "test": 60,
    "judged": 40,
    "centres": 60,
    "most": 80,
    "width": 8,
    "batch": 50,
    "m": 40,
    "steps": 3,
}


@pytest.mark.parametrize("model", MODELS)
def test_a_cell_measures_all_that_the_table_shows(model):
    cell = next(c for c in MnistParzen().cells("quick", {"digits": "x"}) if c.params["model"] == model)
    first, again = (
        {m.metric: m for m in MnistParzen().measure(replace(cell, params={**cell.params, **TINY}))} for _ in range(2)
    )
    assert set(first) == {
        "log-likelihood", "log-likelihood, fewer samples", "log-likelihood, more samples", "variance", "training",
        "precision", "recall", "coverage",
    }  # fmt: skip
    assert {name: m.value for name, m in first.items() if name != "training"} == {
        name: m.value for name, m in again.items() if name != "training"
    }
    payload = first["log-likelihood"].payload
    assert [row[0] for row in payload["curve"]] == [1, 2, 3]
    assert np.all(np.diff([row[1] for row in payload["curve"]]) > 0)
    assert payload["samples"].shape == payload["nearest"].shape == payload["between"].shape == (10, 64)
    assert (first["log-likelihood, fewer samples"].payload["samples"], payload["side"]) == (6, 8)


def test_mnist_is_taken_where_it_is_found_with_the_papers_sizes():
    assert {c.params["dataset"] for c in MnistParzen().cells("quick", {"digits": "x", "mnist": "y"})} == {"mnist"}
    assert list(MnistParzen().cells("full", {})) == []
    cells = list(MnistParzen().cells("standard", {"mnist": "y"}))
    assert {(c.params["centres"], c.params["test"], c.params["most"]) for c in cells} == {(10_000, 10_000, 50_000)}
    assert sorted({c.seed for c in cells}) == [0, 1, 2]


def test_on_mnist_each_model_has_a_batch_and_a_budget_of_its_own():
    def budgets(size, data):
        cells = MnistParzen().cells(size, {data: "x"})
        return {c.params["model"]: (c.params["batch"], c.params["steps"]) for c in cells}

    assert len(set(budgets("standard", "mnist").values())) == len(MODELS)
    for size, data in (("quick", "mnist"), ("quick", "digits"), ("standard", "digits"), ("full", "digits")):
        assert set(budgets(size, data)) == set(MODELS)
        assert len(set(budgets(size, data).values())) == 1
    pairs = zip(budgets("standard", "mnist").values(), budgets("full", "mnist").values(), strict=True)
    assert all(short[0] == long[0] and 2 * short[1] == long[1] for short, long in pairs)


@pytest.mark.parametrize("name", MODELS)
def test_what_a_cell_says_of_the_networks_is_what_is_built(name):
    params = {"components": 7, "latent": 3, "layers": 2, "width": 8, "batch": 20, "m": 50, "steps": 2}
    model = models[name](**network_settings(name, params)).start(np.random.default_rng(0).normal(size=(60, 12)))
    weights = [tuple(weight.shape) for weight in model.generator_.parameters() if weight.ndim == 2]
    assert weights == [(8, 3), (8, 8), (7, 8)]
    assert model.batch_size == 20
    pixels = models[name](**network_settings(name, params | {"components": 0}))
    assert pixels.principal_components is None
    if name == "imle":
        assert (model.n_samples, model.n_assigned, model.inner_steps) == (50, 50, 3)


def test_other_models_have_no_settings_for_images():
    params = {"components": 7, "latent": 3, "layers": 2, "width": 8, "batch": 20, "m": 50, "steps": 2}
    with pytest.raises(ValueError, match="wgan has no settings for images; those of imle, gmmn"):
        network_settings("wgan", params)


def test_the_table_stands_beside_its_references(tmp_path):
    frame = table("mnist-parzen", output=made_up_results.write(tmp_path))
    assert frame.kind.tolist() == ["ours"] * 3 + ["reference"] * 3
    imle = frame.set_index("row").loc["imle"]
    assert (imle.seeds, imle.log_likelihood, imle.log_likelihood_stderr, imle.fewer) == (2, 260.5, 0.5, 200.0)
    assert (frame.status[2], frame.row[2]) == ("failed", "non-saturating-gan")
    assert {"fresh images", "centroids, 20 rounds"} <= set(frame.row[3:])


def test_without_reference_rows_the_table_and_the_picture_say_so(tmp_path):
    with Store(tmp_path, write=True) as store:
        for cell in made_up_results.likelihoods():
            store.append(cell)
    frame = table("mnist-parzen", output=tmp_path)
    assert (frame.kind.iloc[-1], frame.status.iloc[-1], frame.detail.iloc[-1]) == ("reference", "missing", UNREAD)
    curves, images = figure("mnist-parzen", output=tmp_path)
    assert UNREAD in curves.description
    assert UNREAD in curves.svg
    assert "<image" in images.svg


def test_the_pictures_tell_every_model_and_reference(tmp_path):
    curves, images = figure("mnist-parzen", output=made_up_results.write(tmp_path))
    for words in ("imle: 258 nats", "gmmn: 148 nats", "fresh images: 244 nats", "centroids, 20 rounds: 338 nats"):
        assert words in curves.description, words
    assert "nearest training images" in images.description


def test_the_published_rows_are_those_of_the_talk():
    assert [(name, nats, error) for name, nats, error, _ in PUBLISHED] == [
        ("DBN", 138, 2), ("SCAE", 121, 1.6), ("DGSN", 214, 1.1), ("GAN", 225, 2), ("GMMN", 147, 2), ("IMLE", 257, 6),
    ]  # fmt: skip
