"""What tests of the reports share: results made up once, their page, and commands called in an empty folder."""

import pytest
from typer.testing import CliRunner

from reports.cli import app
from reports.experiment import Measurement
from reports.lane import Outcome
from reports.page import write_report
from reports.record import load
from reports.workers import perform
from tests.reports import made_up_results
from tests.reports.page_elements import Page


@pytest.fixture
def call(monkeypatch, tmp_path):
    """`call("table", "claims", …)` runs a command in an empty folder with wide lines and returns its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IMPLICITBENCH_OUTPUT", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


@pytest.fixture
def measured_here(monkeypatch):
    """Cells are performed in this process, where libraries are loaded.

    Workers have tests of their own, and one experiment that goes through them (`test_distance_experiments`).
    """

    def here(jobs, place, *, tick):  # noqa: ARG001
        place.close()
        for job in jobs:
            found = load(perform(job))
            yield job, Outcome([Measurement(**m) for m in found["measurements"]], found["seconds"])

    monkeypatch.setattr("reports.runner.measure_all", here)


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """Made-up results in a folder whose journal no test changes; `written` adds the page."""
    return made_up_results.write(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def broken(tmp_path_factory):
    """A few of them, with claims that are not verified."""
    return made_up_results.write_few(tmp_path_factory.mktemp("broken"), broken=True)


@pytest.fixture(scope="session")
def written(results):
    """The page of the results."""
    return write_report(results)


@pytest.fixture(scope="session")
def text(written):
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def page(text):
    return Page(text)
