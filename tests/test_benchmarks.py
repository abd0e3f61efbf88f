"""The benchmarks run, and leave no registered member out."""

import argparse
import contextlib
import csv
import gzip
import os
import re
import runpy
import shlex
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    code_recall,
    halves,
    knn_suite,
    model_suite,
    ratio_table,
    score_suite,
)
from benchmarks.origin import origin, write_rows
from estimators.scoring import scores
from knn.base import indexes
from reports import provenance, reproducing_page
from tests.browser import needs_chromium

ROOT = Path(__file__).parent.parent


@pytest.fixture
def command(monkeypatch):
    """`command(name, …)` runs what `python -m name …` runs, in this process, where libraries are loaded.

    The module is run anew, as `__main__`, and torch's random numbers are left as they were.
    """

    def call(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with torch_random_numbers_kept():
            runpy.run_module(name, run_name="__main__")

    return call


def torch_random_numbers_kept():
    return (
        contextlib.nullcontext() if find_spec("torch") is None else import_module("torch").random.fork_rng(devices=[])
    )


def test_the_suites_measure_every_index_every_score_and_every_model():
    """asv reads the names before it may import the packages, so that they are written out there."""
    assert sorted(indexes) == knn_suite.NAMES
    assert sorted(scores) == score_suite.NAMES
    pytest.importorskip("torch", reason="without torch the models cannot be read")
    from estimators.training.registry import models

    assert sorted(models) == sorted([*model_suite.NAMES, *model_suite.CONDITIONAL])


def test_the_ratios_are_printed_and_kept_part_by_part(tmp_path):
    for module, extra in (("faiss", "peers"), ("hnswlib", "peers-source")):
        pytest.importorskip(module, reason=f"a peer; [{extra}] brings it")
    rng = np.random.default_rng(0)
    (tmp_path / "mnist").mkdir()
    for name, n in (("train", 600), ("t10k", 60)):
        images = rng.integers(0, 256, (n, 784), dtype=np.uint8)
        (tmp_path / "mnist" / f"{name}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(bytes(16) + images.tobytes(), 1)
        )
    kept = tmp_path / "ratios.csv"
    command = [sys.executable, "-m", "benchmarks.search_ratios", "--data", tmp_path, "--queries", "20", "--turns", "2"]
    command += ["--output", kept, "--cache", tmp_path / "graphs", "--graphs", "8/40", "--cells", "9"]
    told = {"env": {**os.environ, "PYTHONUTF8": "1"}, "capture_output": True, "encoding": "utf-8"}
    for parts in (["exact"], ["approximate", "cost"], ["exact"]):
        done = subprocess.run([*command, *parts], cwd=ROOT, timeout=300, check=False, **told)
        assert done.returncode == 0, done.stderr
    with kept.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["part"] for row in rows] == sorted(
        (row["part"] for row in rows), key=["approximate", "cost", "exact"].index
    )
    shares = {row["what"]: float(row["value"]) for row in rows if row["unit"] == "share"}
    assert list(shares.values()) == [1.0] * 4, shares
    assert sum(row["part"] == "approximate" for row in rows) == 4
    assert (tmp_path / "graphs").exists()


def test_codes_find_more_the_more_bits_they_have():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((1060, 70)).astype(np.float32)
    table = list(code_recall.measured("some", rows[:900], rows[900:1000], rows[1000:]))
    found = [float(row["recall, 12 measured"]) for row in table[1:]]
    assert found == sorted(found)
    # Words of 64 columns, so two of them a plane; centre, places and signs are shared by 1000 points.
    beside = (70 * 8 + 3 * 128 * (4 + 1) + 24) / 1000
    sizes = [float(row["bytes a point"]) for row in table[1:]]
    np.testing.assert_allclose(sizes, [16 * bits + 8 + beside for bits in (1, 2, 3, 4)], atol=0.5)


def test_halves_let_the_nearest_pass_and_what_they_cannot_tell_from_them():
    rng = np.random.default_rng(0)
    X, Q = rng.standard_normal((2, 300, 8))
    counts, lost = halves.passing(X, Q[:50])
    assert counts.min() >= halves.K
    assert np.median(counts) < 2 * halves.K
    assert 2.0**-13 < lost < 2.0**-11
    whole, lost = halves.passing(np.round(100 * X), np.round(100 * Q[:50]))
    assert lost == 0
    assert whole.min() >= halves.K
    together, _ = halves.passing(np.append(X, X * 1e-4 + 9, axis=0), Q[:5] * 1e-4 + 9)
    assert (together >= 300).all()
    assert next(iter(halves.problems(Path("absent"))))[0] == "normal"


def test_times_are_read_at_equal_recall():
    """On log time over −log(1 − recall): halfway between 0.9 and 0.99 lies 1 − 10^−1.5."""
    recalls, seconds = np.array([0.99, 0.9, 0.95]), np.array([4.0, 1.0, 9.0])  # the last is slower than a better one
    assert ratio_table.frontier(recalls, seconds).tolist() == [1, 0]
    assert ratio_table.at_recall(recalls, seconds, 1 - 10**-1.5) == pytest.approx(2.0, rel=1e-12)
    assert ratio_table.at_recall(recalls, seconds, 0.5) == 1.0
    assert np.isnan(ratio_table.at_recall(recalls, seconds, 0.995))
    assert ratio_table.around(recalls, seconds, 0.95) == [1, 0]
    close = np.linspace(0.9, 0.999, 100)  # more settings near the recall than two queries' recalls differ by
    kept = close[ratio_table.around(close, 1 / (1 - close), 0.95)]
    assert 1 - kept[0] >= 1.5 * 0.05
    assert 1 - kept[-1] <= 0.05 / 1.5
    assert len(kept) <= 6


def test_the_cost_of_ten_bandwidths_is_printed_and_kept(tmp_path):
    command = [sys.executable, "-m", "benchmarks.likelihood_ratios", "--rows", "300", "--turns", "2"]
    told = {"env": {**os.environ, "PYTHONUTF8": "1"}, "capture_output": True, "encoding": "utf-8"}
    done = subprocess.run([*command, "--output", tmp_path / "ratios.csv"], cwd=ROOT, timeout=300, check=False, **told)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "ratios.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    for row in rows:
        # The accuracy asked for, kept by the bound and by the error against it.
        assert float(row["error_nats"]) <= float(row["bound_nats"]) <= 1e-3
        assert float(row["ratio_least"]) <= float(row["ratio"]) <= float(row["ratio_largest"])


def test_the_ratios_of_the_divergences_are_printed_and_written(command, tmp_path):
    path = tmp_path / "ratios.csv"
    parts = ("cdist", "gemm", "line", "mmd", "certificate", "large")
    command("benchmarks.divergence_ratios", *parts, "--scale", "0.01", "--turns", "3", "--output", path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["part"] for row in rows] == ["cdist", "gemm", "line", "line", "mmd", *["certificate"] * 2, "large"]
    compared = [row for row in rows if row["relative_difference"]]
    assert len(compared) == 5
    # A matrix product leaves √u of a point's length between it and itself: 1e-8 of n pairs, beside ℰ² of some 1/n.
    assert all(float(row["relative_difference"]) <= 1e-5 for row in compared)
    assert all(row["commit"] and row["machine"] and row["ours_seconds"] for row in rows)


def test_measured_rows_tell_an_unclean_commit_and_replace_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "commit", lambda: "1a2b+dirty")
    where, table = origin(), tmp_path / "rows.csv"
    assert where["commit"] == "1a2b+dirty"
    for part, value in (("a", 1), ("b", 2), ("a", 3)):
        row = {"part": part, "value": value} | where
        write_rows(table, list(row), [row], lambda old, part=part: old["part"] == part)
    with table.open(newline="", encoding="utf-8") as file:
        assert [(row["part"], row["value"], row["commit"]) for row in csv.DictReader(file)] == [
            ("b", "2", "1a2b+dirty"),
            ("a", "3", "1a2b+dirty"),
        ]


WITH_OPTIONS = sorted(
    {
        line
        for path in reproducing_page.PUBLISHED.iterdir()
        for line in reproducing_page.made_by(path.name)
        if line.startswith("python -m benchmarks.") and len(line.split()) > 3
    }
)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("line", WITH_OPTIONS)
def test_a_command_that_writes_a_record_takes_what_the_page_says(line, command, monkeypatch):
    """Each is read by its own parser, and no further."""

    class ReadError(Exception):
        pass

    def reads(parser, *given):
        parse(parser, *given)
        raise ReadError

    parse = argparse.ArgumentParser.parse_args
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", reads)
    _, _, name, *arguments = shlex.split(line)
    with pytest.raises(ReadError):
        command(name, *arguments)
    if "--output" in arguments:
        assert Path(arguments[arguments.index("--output") + 1]).parent == Path("reports/published")


def test_all_runs_of_a_record_are_done_once_more(command, tmp_path, monkeypatch, capsys):
    torch = pytest.importorskip("torch", reason="the models; [models] brings it")
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # other tests are in this process
    monkeypatch.setattr(provenance, "commit", lambda: "1a2b")
    path = tmp_path / "rows.csv"
    common = ("--data", "digits", "--width", "16", "--looks", "1", "--output", path)
    for method, steps in (("imle", "4"), ("plain", "3")):
        command("benchmarks.mnist_training", method, "--steps", steps, "--m", "100", *common)
    first = path.read_text(encoding="utf-8")
    again = ("--again", path, "--output", path)
    command("benchmarks.mnist_training", *again)
    assert capsys.readouterr().out.count("which is of this commit") == 2
    assert path.read_text(encoding="utf-8") == first

    monkeypatch.setattr(provenance, "commit", lambda: "3c4d")
    command("benchmarks.mnist_training", *again)
    before, after = (list(csv.DictReader(text.splitlines())) for text in (first, path.read_text(encoding="utf-8")))
    timed = {"seconds", "search_share", "commit", "date"}
    assert [{k: row[k] for k in row.keys() - timed} for row in before] == [
        {k: row[k] for k in row.keys() - timed} for row in after
    ]
    assert [row["commit"] for row in after] == ["3c4d"] * 2

    with pytest.raises(SystemExit):
        command("benchmarks.mnist_training", "imle", *again)


@pytest.mark.parametrize("method", ["imle", "plain", "gan"])
def test_what_a_second_of_training_buys_is_printed_and_kept(method, command, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="the models; [models] brings it")
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # other tests are in this process
    options = ("--data", "digits", "--steps", "4", "--looks", "1", "--output", tmp_path / "rows.csv")
    command("benchmarks.mnist_training", method, *options)
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as source:
        (row,) = csv.DictReader(source)
    assert (row["method"], row["data"], row["step"]) == (method, "digits", "4")
    assert float(row["test_stderr"]) > 0
    # Two means over as many rows of one law, each with about that standard error: six of their difference's.
    apart = abs(float(row["test_nats"]) - float(row["validation_nats"]))
    assert apart <= 6 * 2**0.5 * float(row["test_stderr"])


def test_which_search_finds_samples_quickest_is_printed_and_kept(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason="the models; [models] brings it")
    from benchmarks import sample_search

    asked = ["--data", "digits", "--samples", "300,600", "--images", "200", "--steps", "10", "--turns", "1"]
    monkeypatch.setattr(sys, "argv", ["sample_search", *asked, "--output", str(tmp_path / "rows.csv")])
    sample_search.main()
    assert "brute force / bfloat16 products" in capsys.readouterr().out
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == 2 * (2 + len(sample_search.BUDGETS))  # at its largest budget each index finds all
    for row in rows:
        assert 0 < float(row["least"]) <= float(row["value"]) <= float(row["most"])
        share = float(re.search(r"which finds ([0-9.]+)", row["what"])[1])
        # What was wanted of the images tuned on, but for four standard errors between two binomial shares. Nothing is
        # promised of bfloat16 but that it searches: another sample at random is the nearest once in 300.
        wanted, images = sample_search.WANTED, 1 / sample_search.TUNING + 1 / 200
        assert share >= (0.5 if "bfloat16" in row["what"] else wanted - 4 * (wanted * (1 - wanted) * images) ** 0.5)


@needs_chromium
def test_how_soon_a_page_shows_its_first_table_is_printed_and_kept(tmp_path, monkeypatch, capsys):
    from benchmarks import page_speed

    page, kept = tmp_path / "index.html", tmp_path / "speed.csv"
    page.write_text("<body><p>one<table><tr><td>1</table><table></table>", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["page_speed", str(page), "--openings", "1", "--output", str(kept)])
    page_speed.main()
    with kept.open(encoding="utf-8", newline="") as source:
        rows = {row["moment"]: float(row["milliseconds"]) for row in csv.DictReader(source)}
    assert set(rows) == set(page_speed.MOMENTS)
    assert min(rows.values()) > 0
    assert "first table" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no table"):
        page_speed.telling("<p>none")
