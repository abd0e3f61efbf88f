"""Mode coverage: what its cells say, that collapse is seen and rates are chosen on other seeds, table and figures."""

from dataclasses import replace

import numpy as np
import pytest

from estimators.toys import TOYS
from reports.experiments import mode_coverage
from reports.experiments.mode_coverage import REFERENCE, ModeCoverage
from reports.figures import figure
from reports.tables import table

LAW = TOYS["ring-8"].law()


def judged(samples):
    return {m.metric: m for m in mode_coverage._judged(samples, LAW, LAW.sample(2000, 1))}


def test_true_data_keep_all_and_collapse_is_seen_by_recall_modes_and_balance_alone():
    true = judged(np.stack([LAW.sample(2000, seed) for seed in (2, 3)]))
    assert true["modes"].payload["each"] == [8, 8]
    assert min(true[name].value for name in ("high quality", "precision", "recall")) > 0.95
    one = LAW.components[3].sample(2000, 4)
    collapsed = judged(np.stack([one, one]))
    assert collapsed["modes"].value == 1
    assert min(collapsed[name].value for name in ("high quality", "precision")) > 0.95
    assert abs(collapsed["recall"].value - 1 / 8) < 0.05
    assert collapsed["balance"].value == pytest.approx(np.log(8), rel=1e-12)
    assert collapsed["modes"].stderr == 0


def cells(size):
    return list(ModeCoverage().cells(size, {}))


def test_quick_has_six_models_and_the_others_every_unconditional_one():
    from estimators.training.conditional import ConditionalModel
    from estimators.training.registry import models

    assert {cell.params["model"] for cell in cells("quick")} == {REFERENCE, *mode_coverage._QUICK}
    named = [cell.params["model"] for cell in cells("standard")]
    assert sorted(named) == sorted(
        [REFERENCE, *(name for name in models if not issubclass(models[name], ConditionalModel))]
    )
    assert {law for cell in cells("standard") for law, _ in mode_coverage._tasks(cell.params["laws"])} == set(TOYS)
    assert all(cell.params["seeds"] >= 10 for cell in cells("standard"))


@pytest.mark.parametrize("name", ["kde-gan", "imle"])
def test_a_cell_is_measured_the_same_twice_and_says_which_rate_was_taken(name, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed: no model was measured")
    monkeypatch.setattr(mode_coverage, "_ROWS", {"train": 200, "held_out": 100, "samples": 100, "drawn": 10})
    (cell,) = (c for c in cells("quick") if c.params["model"] == name)
    laws = "ring-8×2 rare-8×1"
    short = replace(cell, params={**cell.params, "laws": laws, "steps": 12, "seeds": 2, "choosing": 2})
    first, second = ({m.metric: m for m in ModeCoverage().measure(short)} for _ in range(2))
    for metric in ("modes", "high quality", "precision", "recall", "balance"):
        for law in laws.split():
            assert first[f"{law}: {metric}"].payload["each"] == second[f"{law}: {metric}"].payload["each"]
            assert len(first[f"{law}: {metric}"].payload["each"]) == 2
    told = first["ring-8×2: training"].payload
    assert first["rare-8×1: training"].payload == told
    assert told["tried"].keys() == {f"{rate:g}" for rate in mode_coverage._RATES}
    assert told["tried"][f"{told['lr']:g}"] == max(told["tried"].values())
    own = replace(cell, params={**short.params, "choosing": 0})
    assert next(iter(ModeCoverage().measure(own))).payload == {"lr": None, "tried": {}}


@pytest.mark.parametrize("name", ["kde-gan", "gaussian"])  # whose laws are trained at once, and one by one
def test_each_law_is_judged_on_what_was_trained_on_it(name, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed: no model was measured")

    class Bootstrap:
        def __init__(self, rows):
            self.rows = rows

        def sample(self, n, random_state):
            return self.rows[np.random.default_rng(random_state).integers(len(self.rows), size=n)]

    def fitted(*which):
        n_seeds, sets = which[3], which[5]
        return [Bootstrap(rows) for rows in sets for _ in range(n_seeds)]

    monkeypatch.setattr(mode_coverage, "_fitted", fitted)
    (cell,) = (c for c in cells("standard") if c.params["model"] == name)
    found = {m.metric: m.value for m in ModeCoverage().measure(replace(cell, params={**cell.params, "choosing": 0}))}
    for law, _ in mode_coverage._tasks(cell.params["laws"]):
        assert found[f"{law}×1: precision"] > 0.98
        assert found[f"{law}×1: balance"] < 0.02
        assert found[f"{law}×1: training"] >= 0


def test_rates_are_chosen_on_whole_runs_and_none_is_taken_where_all_diverge(monkeypatch):
    loop = pytest.importorskip("estimators.training.loop", reason="torch is not installed: no model was measured")
    (cell,) = (c for c in cells("standard") if c.params["model"] == "imle")
    lengths = []

    def fitted(_, steps, rates, n_seeds, *__):
        lengths.append((steps, len(rates)))
        if set(rates) & set(diverge):
            raise loop.Diverged("the loss is nan", step=1, lr=rates[0])
        return [rate for rate in rates for _ in range(n_seeds)]

    def draws(fitted, _):
        drawn.append(fitted)
        if fitted[0] in odd:
            raise loop.Diverged("the generator returns values that are not finite", step=1, lr=fitted[0])
        return np.full((1, 1, 2), 1.0)

    monkeypatch.setattr(mode_coverage, "_fitted", fitted)
    monkeypatch.setattr(mode_coverage, "_draws", draws)
    monkeypatch.setattr(mode_coverage, "_harmonic", lambda *_: 0.0)
    diverge, odd, drawn = (), (), []
    assert mode_coverage._best_rate(cell, LAW, None, None, 0)[0] == mode_coverage._RATES[0]
    assert lengths == [(cell.params["steps"], 4)]
    assert drawn == [[rate] * 2 for rate in mode_coverage._RATES]
    diverge, drawn = mode_coverage._RATES[:1], []
    rate, tried = mode_coverage._best_rate(cell, LAW, None, None, 0)
    assert lengths[1:] == [(cell.params["steps"], count) for count in (4, 1, 1, 1, 1)]
    assert drawn == [[rate] * 2 for rate in mode_coverage._RATES[1:]]
    assert rate == mode_coverage._RATES[1]
    assert tried[f"{mode_coverage._RATES[0]:g}"] == -np.inf
    diverge, odd = (), mode_coverage._RATES[:1]  # trained, but what it draws is not finite
    rate, tried = mode_coverage._best_rate(cell, LAW, None, None, 0)
    assert (rate, tried[f"{odd[0]:g}"]) == (mode_coverage._RATES[1], -np.inf)
    diverge = mode_coverage._RATES
    with pytest.raises(loop.Diverged, match="nan"):
        mode_coverage._best_rate(cell, LAW, None, None, 0)


def test_the_table_counts_seeds_and_marks_edges_and_failures(results):
    frame = table("mode-coverage", output=results)
    assert list(frame.model) == [REFERENCE, "imle", "gan", "wgan"]
    rows = frame.set_index("model")
    assert rows.all_kept[["imle", "gan"]].tolist() == [3, 0]
    assert (rows.modes_fewest["gan"], rows.modes_of["gan"]) == (17, 25)
    assert rows.modes["gan"] == pytest.approx(53 / 3, rel=1e-15)
    assert rows.on_edge["imle"]
    assert (rows.lr["imle"], rows.balance_stderr["imle"]) == (0.01, pytest.approx(0.1 / 3**0.5, rel=1e-12))
    assert (rows.status["wgan"], rows.detail["wgan"]) == ("failed", "Diverged at step 31")


def test_pictures_name_every_model_and_every_mode_without_samples(results):
    (scatter,) = figure("recall-precision", output=results)
    assert "imle: recall 0.90, precision 0.30" in scatter.description
    assert ">samples choose data<" not in scatter.svg
    (maps,) = figure("mode-maps", output=results)
    assert "true data: 9 of 25 among 40" in maps.description
