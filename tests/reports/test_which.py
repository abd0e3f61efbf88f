"""Which index, which divergence: chosen by what is measured, with ties told and needs that are not met."""

import math

import pandas as pd
import pytest

from reports.store import Store
from reports.tables import which_divergence, which_index
from reports.tables.writers import shown

SEARCHES = pd.DataFrame(
    [
        # search, ours, recall, qps, slowest, fastest, certified
        ("ours quick", True, 0.93, 1000.0, 900.0, 1100.0, 0.0),
        ("ours alike", True, 0.97, 950.0, 940.0, 960.0, 0.0),
        ("ours exact", True, 1.0, 100.0, 90.0, 110.0, 1.0),
        ("theirs", False, 0.99, 500.0, 450.0, 550.0, 0.0),
        ("failed", False, math.nan, math.nan, math.nan, math.nan, math.nan),
    ],
    columns=["search", "ours", "recall", "qps", "qps_slowest", "qps_fastest", "certified"],
).assign(
    dataset="made up", rows=100.0, dimensions=4.0, threads=1, settings="", build_seconds=1.0, peak_mib=1.0,
    commit="c", machine="m",
)  # fmt: skip


@pytest.fixture
def table(monkeypatch):
    def made(frame):
        monkeypatch.setattr(which_index, "nearest_neighbours", lambda store, size: frame)  # noqa: ARG005
        monkeypatch.setattr(which_index, "_size", lambda store, size: "quick")  # noqa: ARG005
        return which_index.which_index(None).set_index("need")

    return made


def test_the_fastest_that_meets_the_need_is_named_with_what_is_as_fast(table):
    found = table(SEARCHES)
    assert found.search.to_dict() == {
        "recall ≥ 90 %": "ours quick",
        "recall ≥ 95 %": "ours alike",
        "recall ≥ 99 %": "ours exact",
        "no neighbour missed": "ours exact",
        which_index.PROVED: "ours exact",
    }
    assert found.alike["recall ≥ 90 %"] == "ours alike"  # 960 at its best, 900 the other at its worst
    assert found.alike["recall ≥ 95 %"] == ""
    assert found.other_search.to_dict()["recall ≥ 99 %"] == "theirs"
    assert found.ratio["recall ≥ 99 %"] == 0.2  # a rival that is five times as fast is told
    assert found.other_search["no neighbour missed"] == found.other_search[which_index.PROVED] == ""


def test_what_was_chosen_by_other_queries_is_not_chosen_by_those_scored(table):
    """The setting that looks best on the queries that are scored is not taken for that."""
    found = table(SEARCHES.assign(recall_choosing=[0.85, 0.97, 1.0, 0.99, math.nan]))
    assert found.search["recall ≥ 90 %"] == "ours alike"


def test_both_tables_of_made_up_results_can_be_written(results):
    with Store(results) as store:
        index, divergence = which_index.which_index(store), which_divergence.which_divergence(store)
    assert index["size"].unique().tolist() == ["quick"]
    assert len(index) == 5 * index.dataset.nunique()
    from reports.tables import tables

    for name, frame in (("which-index", index), ("which-divergence", divergence)):
        assert all(all(row) for row in shown(tables[name], frame))


def test_slopes_and_errors_become_samples_and_nats(monkeypatch):
    slopes = pd.DataFrame({"d": [1, 10], "w1_slope": [-0.5, -0.1], "w1_slope_stderr": [0.1, 0.01]})
    slopes = slopes.assign(energy_slope=-0.5, energy_slope_stderr=0.01)
    moved = pd.DataFrame({"shape": "parallel lines", "divergence": ["W1", "energy", "JSD"], "growth": [2.0, 1.5, 1.0]})
    bias = pd.DataFrame({"method": "fixed-k", "d": [1, 1, 10], "n": [100, 400, 400], "k": 5, "bias": [0.9, 0.1, 0.4]})
    for name, frame in (
        ("shifted_measures", moved), ("dimension_curse", slopes), ("knn_divergence", bias.assign(bias_stderr=0.01)),
    ):  # fmt: skip
        monkeypatch.setattr(which_divergence, name, lambda store, size, frame=frame: frame)  # noqa: ARG005
    monkeypatch.setattr(which_divergence, "recorded", lambda *_: [])
    found = which_divergence.which_divergence(None).set_index("divergence")
    assert found.samples_low.round(6).to_dict()["W1"] == 4.0
    assert found.samples_high.round(6).to_dict()["W1"] == 1024.0
    assert found.samples_high.round(6).to_dict()["energy"] == 4.0
    assert found.error_low["KL by neighbours, fixed-k"] == 0.1  # of the most rows
    assert found.error_high["KL by neighbours, fixed-k"] == 0.4
    assert math.isnan(found.samples_low["JSD"])
