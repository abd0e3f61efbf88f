"""The command line: what it prints, what it exits with, and what it does not load."""

import json
import os
import subprocess
import sys

import pytest

import theory.verify as verifier
from reports import journal
from reports.datasets.source import datasets
from reports.experiment import Cell, Experiment, Measurement, experiments
from tests.reports import made_up_results
from tests.reports.command_line import one_line
from theory.claim import Exact, Holds, Refuted, claim, claims_registry


@pytest.fixture
def broken_claim():
    """A claim whose statement is false, registered while the test runs."""

    @claim("two-is-three", says="2 = 3", source="nobody", method=Exact, topic="made-up")
    def two(*, value=3):
        return Holds() if value == 2 else Refuted(value=value, instead_of=2)

    two.mutant("four", value=4)
    yield two
    del claims_registry._members["two-is-three"]


def test_help_names_every_command(call):
    done = call("--help")
    assert done.exit_code == 0
    ours = ("verify", "run", "report", "datasets", "table", "compare", "audit", "doctor", "cite", "export", "merge")
    for command in ours:
        assert command in done.stdout
        assert call(command, "--help").exit_code == 0


def test_version(call):
    assert call("--version").stdout.startswith("implicitbench 0")
    told = [sys.executable, "-m", "reports", "--version"]
    assert subprocess.run(told, capture_output=True, text=True, check=True).stdout.startswith("implicitbench 0")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["verify", "--help"], ["report", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    program = f"""
import sys
from reports.cli import app
try:
    app({arguments!r})
except SystemExit:
    pass
heavy = {{'torch', 'ot', 'matplotlib', 'numba', 'flint', 'pandas', 'sklearn', 'scipy'}} & set(sys.modules)
sys.exit(f'loaded {{heavy}}' if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_verify_prints_one_line_a_claim(call):
    done = call("verify", "imle-guarantees")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    chosen = [claim.id for claim in verifier.selected("imle-guarantees")]
    assert [line.split()[0] for line in lines[:-1]] == chosen
    for line in lines[:-1]:
        assert "HOLDS" in line
        assert "mutants refuted" in line
        assert "resolution" in line
    assert lines[-1] == f"{len(chosen)} of {len(chosen)} claims verified"


def test_verify_writes_json(call):
    done = call("verify", "imle-coverage", "--json", "--root-seed", "3")
    (found,) = json.loads(done.stdout)
    assert found["id"] == "imle-coverage"
    assert found["verified"] is True
    assert found["root_seed"] == 3
    assert found["deep"] is False
    assert found["versions"].keys() >= {"python", "numpy", "python-flint", "implicitbench"}
    assert found["results"][0]["evidence"] == {"configurations": 151}


def test_a_broken_formula_fails_with_the_claim_and_the_evidence(call, broken_claim):
    done = call("verify", "made-up", "imle-coverage")
    assert done.exit_code == 1
    assert "1 of 2 claims verified" in done.stdout
    assert "NOT VERIFIED" in done.stderr
    assert broken_claim.id in done.stderr
    assert "instead_of = 2" in done.stderr


def test_unknown_names_are_refused_in_one_line_that_lists_the_known(call, results):
    assert one_line(call("verify", "no-such-claim"), "no-such-claim", "imle-coverage")
    assert one_line(call("run", "no-such-experiment"), "no-such-experiment", "nearest-neighbours")
    assert one_line(call("table", "no-such-table", "--output", results), "no-such-table", "errata")
    assert one_line(call("datasets", "--get", "no-such-data"), "no-such-data", "digits")
    assert call("table", "claims", "--format", "docx", "--output", results).exit_code == 2
    assert call("run", "--size", "huge").exit_code == 2


def test_an_option_of_the_series_is_refused_without_them(call, monkeypatch):
    monkeypatch.setattr("reports.runner.run", lambda *_, **__: pytest.fail("a run began"))
    assert one_line(call("report", "--asv", "site"), "--asv", "--history")


def test_an_address_that_is_none_is_refused_before_a_bar_is_shown(call, monkeypatch):
    monkeypatch.setattr("reports.progress.RichProgress", lambda: pytest.fail("a bar began"))
    assert one_line(call("run", "claims", "--cluster", "foo"), "'foo' is no address", "tcp://host:8786")


def test_a_bad_choice_is_told_in_the_words_of_the_command_line(call):
    told = call("run", "--size", "huge").stderr
    assert "'--size': 'huge' is not one of 'quick'" in told


@pytest.mark.skipif(os.name != "posix", reason="pipes as a shell makes them")
@pytest.mark.parametrize("arguments", [["datasets"], ["cite", "brute-force"]])
def test_a_command_whose_output_nobody_reads_on_ends_without_a_word(arguments):
    """As a shell counts what ends by SIGPIPE, 141: not everything was told, and nothing was found wanting."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "reports", *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_results_that_are_not_there_or_newer_are_refused(call, tmp_path):
    assert one_line(call("table", "claims"), "results", "implicitbench run")
    assert one_line(call("report", "--no-run"), "results", "implicitbench run")
    newer = made_up_results.write(tmp_path / "newer")
    _, rest = (newer / "journal.jsonl").read_bytes().split(b"\n", 1)
    header = journal.make_line(0, "header", json.dumps({"format": journal.FORMAT, "version": journal.VERSION + 1}))
    (newer / "journal.jsonl").write_bytes(header.to_bytes() + rest)
    for saved in newer.glob("index.sqlite*"):
        saved.unlink()
    assert one_line(call("table", "claims", "--output", newer), "journal.jsonl", "newer")


@pytest.mark.parametrize("form", ["md", "csv", "tex", "html"])
def test_a_table_is_printed_in_every_format(call, results, form):
    done = call("table", "errata", "--format", form, "--output", results)
    assert done.exit_code == 0
    assert "beta" in done.stdout


def test_the_output_folder_may_come_from_the_environment(call, results, monkeypatch):
    monkeypatch.setenv("IMPLICITBENCH_OUTPUT", str(results))
    assert "alpha" in call("table", "claims").stdout


def test_report_prints_where_the_page_is_and_what_a_reader_wants_first(call, tmp_path):
    made_up_results.write_few(tmp_path / "results")
    done = call("report", "--no-run")
    # One model failed on one seed: that is said, and the exit code says it too.
    assert done.exit_code == 1
    for told in ("3 of 3 claims verified", "1 formula wrong", "faiss HNSW", "imle: 7.7 of 8 modes"):
        assert told in done.stdout
    page = tmp_path / "results" / "report" / "index.html"
    assert done.stdout.rstrip().endswith(f"The page: {page}")
    assert page.is_file()
    assert (page.parent / "tables" / "claims.csv").is_file()


class Tiny(Experiment):
    question = "Does the command run what is registered?"

    def cells(self, size, data):
        del size, data
        yield Cell({"fails": False})
        yield Cell({"fails": True})

    def measure(self, cell):
        if cell.params["fails"]:
            raise RuntimeError("on purpose")
        yield Measurement("one", 1)


@pytest.fixture
def tiny(monkeypatch):
    """Runs registered experiments in this process, where the test's own class can be found."""
    monkeypatch.setitem(experiments._members, "tiny", Tiny)


@pytest.mark.usefixtures("tiny")
def test_run_names_what_failed_and_keeps_the_rest(call, monkeypatch):
    from reports import lane

    def measured_here(jobs, *_, **__):
        for job in jobs:
            try:
                yield job, lane.Outcome(list(Tiny().measure(job.cell)), 0.1)
            except RuntimeError as error:
                yield job, lane.Outcome([Measurement("cell", None, status="failed", detail=str(error))], 0.1)

    monkeypatch.setattr("reports.runner.measure_all", measured_here)
    done = call("run", "tiny")
    assert done.exit_code == 1
    assert "2 cells measured" in done.stdout
    assert "failed: tiny (fails=True, seed 0): on purpose" in done.stderr
    again = call("run", "tiny")
    assert "1 cells measured" in again.stdout
    assert "1 were there" in again.stdout


def test_run_names_a_refuted_claim_also_when_it_was_recorded_before(call, monkeypatch, broken_claim):
    from reports import lane
    from reports.experiments.claims import Claims

    chosen = {name: claims_registry[name] for name in ("imle-coverage", broken_claim.id)}
    monkeypatch.setattr("reports.experiments.claims.claims_registry", chosen)

    def measured_here(jobs, *_, **__):
        for job in jobs:
            yield job, lane.Outcome(list(Claims().measure(job.cell)), 0.1)

    monkeypatch.setattr("reports.runner.measure_all", measured_here)
    for measured in (2, 0):
        done = call("run", "claims")
        assert done.exit_code == 1
        assert f"{measured} cells measured" in done.stdout
        assert done.stderr.count("NOT VERIFIED") == 1
        assert f"implicitbench verify {broken_claim.id}" in done.stderr


@pytest.mark.usefixtures("tiny")
def test_ctrl_c_says_that_nothing_is_lost(call, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("reports.runner.run", interrupted)
    done = call("run", "tiny")
    assert done.exit_code == 130
    assert "goes on" in done.stderr


def test_datasets_tells_what_is_known_and_how_to_get_the_rest(call, monkeypatch, tmp_path):
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path))
    monkeypatch.setattr("reports.datasets.source.user_cache_path", lambda _: tmp_path / "cache")
    done = call("datasets")
    assert done.exit_code == 0
    for name, dataset in datasets.items():
        assert name in done.stdout
        assert dataset.checksum in done.stdout
    assert "implicitbench datasets --get mnist" in done.stdout


def test_a_failed_download_is_refused_in_one_line(call, monkeypatch, tmp_path):
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path))
    monkeypatch.setattr("reports.datasets.source.user_cache_path", lambda _: tmp_path / "cache")
    done = call("datasets", "--get", "mnist", "--url", "http://127.0.0.1:1")
    assert done.exit_code == 2
    assert "http://127.0.0.1:1/train-images-idx3-ubyte.gz: no answer" in done.stderr
