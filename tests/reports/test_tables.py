"""Tables are pure functions of the store, and hide neither errors nor failures."""

import dataclasses
import json
import math
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from reports.store import Store, StoreError
from reports.tables import table, tables
from reports.tables.comparison import as_text
from reports.tables.headline import winners
from reports.tables.numerals import count, seconds, share, significant, with_error
from reports.tables.seeds import mean_and_error
from reports.tables.writers import WRITERS, shown, write_all
from tests.reports.made_up_claims import claim_report
from tests.reports.made_up_records import record
from tests.reports.made_up_searches import SEARCHES, searches


@pytest.mark.parametrize("name", tables)
def test_a_table_is_a_function_of_the_journal_alone(name, results, tmp_path):
    shutil.copy(results / "journal.jsonl", tmp_path)
    again = table(name, output=tmp_path)
    pd.testing.assert_frame_equal(table(name, output=results), again)
    assert len(again)
    for ending, write in WRITERS.items():
        assert write(tables[name], again) == write(tables[name], table(name, output=results)), ending


@pytest.mark.parametrize("name", tables)
def test_every_column_that_people_see_exists_and_has_text_in_every_row(name, results, broken):
    for output in (results, broken):
        frame = table(name, output=output)
        assert {column.key for column in tables[name].columns} <= set(frame.columns)
        for row in shown(tables[name], frame):
            assert all(isinstance(text, str) for text in row)
            assert "nan" not in " ".join(row)


@pytest.mark.parametrize("name", tables)
def test_an_empty_store_gives_empty_tables_of_the_same_shape(name, results, tmp_path):
    with Store(tmp_path, write=True):
        pass
    empty = table(name, output=tmp_path)
    assert list(empty.columns) == list(table(name, output=results).columns)
    if name == "headline":
        assert set(empty.status) == {"not run"}
    else:
        assert empty.empty
    for write in WRITERS.values():
        write(tables[name], empty)


def test_csv_reads_back_every_digit(results):
    frame = table("nearest-neighbours", output=results)
    text = WRITERS["csv"](tables["nearest-neighbours"], frame)
    from io import StringIO

    read = pd.read_csv(StringIO(text))
    for column in ("recall", "qps", "qps_slowest", "evaluations"):
        pd.testing.assert_series_equal(read[column], frame[column])


def test_special_letters_survive_every_format(results):
    frame = table("claims", output=results)
    assert r"a \< b & c" in WRITERS["md"](tables["claims"], frame)
    assert r"a < b \& c" in WRITERS["tex"](tables["claims"], frame)
    assert "a &lt; b &amp; c" in WRITERS["html"](tables["claims"], frame)
    frame["says"] = "P(a | b) of\nx"
    assert r"P(a \| b) of x" in WRITERS["md"](tables["claims"], frame)
    lines = WRITERS["md"](tables["claims"], frame).splitlines()
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_files_of_a_table_lie_beside_the_page(results, tmp_path):
    frame = table("errata", output=results)
    paths = write_all(tables["errata"], frame, tmp_path / "tables")
    assert [path.name for path in paths] == ["errata.csv", "errata.md", "errata.tex", "errata.html"]
    assert all(path.read_text() for path in paths)


def test_claims_count_mutants_and_leave_out_what_is_no_formula(results, broken):
    frame = table("claims", output=results)
    assert list(frame.id) == ["alpha", "beta", "gamma"]
    assert frame.verified.all()
    assert list(frame.mutants) == list(frame.refuted) == [2, 2, 2]
    frame = table("claims", output=broken).set_index("id")
    assert not frame.verified["gamma"]
    assert not frame.verified["delta"]
    assert frame.status["delta"] == "died"
    assert frame.complaints["delta"] == "killed, twice"


def test_errata_are_confirmed_only_by_a_verified_claim(results, tmp_path):
    with Store(tmp_path, write=True) as store:
        told = claim_report("beta", verified=False, printed=True)
        params = {"claim": "beta", "mutants": "hand", "deep": False}
        store.append([record("claims", "claim-beta", params, "verified", 0.0, payload=told)])
    unproved = table("errata", output=tmp_path)
    assert list(unproved.outcome) == ["REFUTED"]
    assert not unproved.confirmed.any()
    frame = table("errata", output=results)
    assert list(frame.claim) == ["beta"]
    assert frame.confirmed.all()
    assert frame.printed[0] == "a = −b"


def test_what_failed_or_was_left_out_keeps_its_row(results):
    frame = table("nearest-neighbours", output=results)
    for dataset, part in frame.groupby("dataset"):
        assert len(part) == len(SEARCHES) + 2, dataset
        assert set(part.status) == {"ok", "skipped", "failed"}
        assert list(part.status[-2:]) != ["ok", "ok"]
    models = table("implicit-models", output=results).set_index(["task", "model"])
    row = models.loc["ring-8", "gan"]
    assert row.seeds == 2
    assert row.status == "failed"
    assert row.detail == "1 of 3 seeds: Diverged at step 31"


def test_the_frontier_is_what_nothing_beats_in_both(results):
    frame = table("nearest-neighbours", output=results)
    best = frame[(frame.dataset == "mnist") & frame.frontier]
    assert set(best.search) == {"faiss HNSW", "faiss Flat", "knn prioritized-dci"} - {"knn prioritized-dci"}


def test_settings_are_chosen_by_other_queries_than_those_scored(tmp_path):
    """Settings that were lucky on the scored queries are no frontier; one thread and two are judged apart."""
    with Store(tmp_path, write=True) as store:
        for threads in (1, 2):
            records = searches("digits", 1000, threads)
            lucky = {"faiss HNSW": 0.5}  # that recall among the others, 0.96 among the scored
            store.append(
                [
                    dataclasses.replace(r, value=lucky[r.payload["index"]])
                    if r.metric == "recall, choosing" and r.payload["index"] in lucky
                    else r
                    for r in records
                ]
            )
    frame = table("nearest-neighbours", output=tmp_path)
    assert sorted(frame.threads.unique()) == [1, 2]
    for _, part in frame.groupby("threads"):
        assert set(part[part.frontier].search) == {"faiss HNSW", "faiss Flat", "knn prioritized-dci"}


def test_means_over_seeds_have_the_standard_error_of_the_mean(results):
    row = table("implicit-models", output=results).set_index(["task", "model"]).loc["ring-8", "imle"]
    assert row.energy == pytest.approx(0.03, rel=1e-12)  # three sums and a division of numbers of one size: a few ulps
    assert row.energy_stderr == pytest.approx(0.001 / math.sqrt(3), rel=1e-9)  # differences cancel to 6 digits
    assert (row.modes_fewest, row.modes_most, row.modes_of) == (7, 8, 8)


def test_the_headline_answers_four_questions(results, broken):
    answers = table("headline", output=results).set_index("name")
    assert answers.answer["claims"] == "3 of 3 claims verified"
    assert answers.detail["claims"] == "6 of 6 mutants refuted by the same checks"
    assert answers.answer["errata"] == "1 formula wrong as printed"
    assert answers.answer["nearest-neighbours"].startswith("faiss HNSW (M=16, efSearch=10): 300\u202f000 queries/s")
    assert "knn prioritized-dci (candidates=0.1)" in answers.detail["nearest-neighbours"]
    assert answers.answer["implicit-models"] == "imle: 7.7 of 8 modes"
    assert answers.status["claims"] == "ok"
    answers = table("headline", output=broken).set_index("name")
    assert answers.answer["claims"] == "2 of 4 claims verified"
    claims = table("claims", output=broken)
    assert answers.detail["claims"].endswith("; not verified: " + ", ".join(claims.id[~claims.verified.astype(bool)]))
    assert answers.status["claims"] == "failed"


def test_the_fastest_proved_search_proves_every_answer(results):
    frame = table("nearest-neighbours", output=results)
    best = winners(frame[frame.dataset == "mnist"])
    assert (best["fastest"].search, best["rival"].search) == ("faiss HNSW", "knn prioritized-dci")
    assert best["proved"].search == "knn brute-force"  # though a search that proves a quarter is faster


def test_where_ours_is_the_fastest_its_rival_is_the_best_of_the_others(results):
    frame = table("nearest-neighbours", output=results)
    mnist = frame[frame.dataset == "mnist"]
    ours = mnist.assign(qps=mnist.qps.where(~mnist.ours.astype(bool), 1000 * mnist.qps))
    best = winners(ours)
    assert best["fastest"].ours
    assert not best["rival"].ours
    assert best["rival"].search == winners(mnist)["fastest"].search


def test_unknown_names_sizes_and_folders_are_refused(results, tmp_path):
    with pytest.raises(KeyError, match="unknown table 'klaims'; known: claims"):
        table("klaims", output=results)
    with pytest.raises(ValueError, match="size must be one of quick"):
        table("claims", output=results, size="tiny")
    with pytest.raises(StoreError, match="implicitbench run"):
        table("claims", output=tmp_path / "nothing")
    assert table("claims", output=results, size="full").empty


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (significant(1234567.0), "1\u202f230\u202f000"),
        (significant(0.00001234), "1.23 × 10⁻⁵"),
        (significant(-0.5), "−0.500"),
        (significant(float("nan")), "–"),
        (significant(float("inf")), "∞"),
        (significant(0.0), "0"),
        (count(60000), "60\u202f000"),
        (with_error(0.123456, 0.00789), "0.1235 ± 0.0079"),
        (with_error(123.4, 5.6), "123.4 ± 5.6"),
        (with_error(-0.0002, 0.0005), "−0.00020 ± 0.00050"),
        (with_error(1.0, None), "1.00"),
        (share(1.0), "100 %"),
        (share(0.9997), "99.97 %"),
        (share(0.99999), "99.999 %"),
        (share(0.0), "0 %"),
        (share(0.0001), "0.01 %"),
        (share(0.5, 0.013), "50.0 ± 1.3 %"),
        (seconds(0.034), "34 ms"),
        (seconds(2.0), "2.0 s"),
        (seconds(600), "10.0 min"),
    ],
)
def test_numbers_are_written_with_the_digits_that_they_deserve(text, expected):
    assert text == expected


def test_a_comparison_shows_errors_and_failures():
    frame = pd.DataFrame(
        [
            {"divergence": "a", "value": 0.5, "stderr": 0.01, "unit": "nats", "method": "m", "status": "ok"},
            {
                "divergence": "b", "value": 0.5, "lower": 0.4, "upper": 0.6, "unit": "nats", "method": "m",
                "status": "ok",
            },
            {"divergence": "c", "status": "error", "detail": "ValueError: no"},
            {
                "divergence": "d", "value": 0.5, "stderr": 0.01, "low": 0.48, "high": 0.52, "lower": 0.5, "upper": 0.5,
                "interval": "95 % of directions", "unit": "nats", "method": "m", "status": "ok",
            },
        ]
    )  # fmt: skip
    lines = as_text(frame).splitlines()
    assert re.search(r"^a +0\.500 ± 0\.010 +– +– +nats +m$", lines[1])
    assert re.search(r"^b +0\.500000 +– +0\.4 – 0\.6 +nats +m$", lines[2])
    assert lines[3].endswith("error: ValueError: no")
    # No ± of an error that is none of sampling, and what its interval is of.
    told = r"^d +0\.500000 +0\.480000 – 0\.520000 \(95 % of directions\) +the digits shown +nats +m$"
    assert re.search(told, lines[4])


def test_tables_load_neither_torch_nor_matplotlib(results):
    program = (
        f"import json, sys; from reports.tables import table; table('headline', output={str(results)!r}); "
        "print(json.dumps([name for name in ('torch', 'matplotlib', 'ot') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_seeds_that_agree_have_no_error():
    """The mean of three times 0.13 is rounded to another number, which would be an error of 1e-17."""
    records = [record("conditional", str(seed), {}, "error", 0.13, seed=seed) for seed in range(3)]
    assert mean_and_error(records) == (0.13, 0.0)
    assert mean_and_error([*records, dataclasses.replace(records[0], value=0.14)])[1] > 0
