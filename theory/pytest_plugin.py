"""pytest: each claim and each of its mutants is an item of its own.

Two ways, both for this repository and for any package that registers claims through the entry
point `implicitbench.claims`:

* `pytest --claims` (all), `pytest --claims=TOPIC,ID` or the ini option `claims`: items without a test file;
* a test function with the argument `claim_trial`, run once per trial:
  `def test_claim(claim_trial): claim_trial.require()`; a mark `claims("TOPIC", "ID")` selects.

Until it is asked the plugin imports nothing of the suite: it is installed in everybody's pytest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

ALL = "all"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("implicitbench", "implicitbench: claims as test items")
    group.addoption(
        "--claims", nargs="?", const=ALL, default=None, metavar="IDS",
        help="run claims: all of them, or those of these ids and topics (comma-separated); write --claims=IDS",
    )  # fmt: skip
    group.addoption("--claim-mutants", choices=("hand", "all"), default="hand", help="which mutants to run")
    group.addoption("--claims-deep", action="store_true", help="run claims at their larger sizes")
    group.addoption("--claims-root-seed", type=int, default=0, metavar="N", help="root seed of the claims' draws")
    parser.addini("claims", "claims to run by default, as of --claims", default="")
    parser.addini("claims_record", "what trials of root seed 0 and ordinary size must find again (theory/recorded.py)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "claims(*ids_or_topics): the claims for which claim_trial runs")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "claim_trial" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("claims")
    chosen = list(_trials(metafunc.config, mark.args if mark else ()))
    metafunc.parametrize("claim_trial", chosen, ids=[_ascii(entry.trial.id) for entry in chosen])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = config.getoption("claims") or config.getini("claims")
    if not asked:
        return
    names = () if asked == ALL else tuple(name.strip() for name in asked.split(",") if name.strip())
    found: list[pytest.Item] = [
        ClaimItem.from_parent(session, name=f"claims::{_ascii(entry.trial.id)}", entry=entry)
        for entry in _trials(config, names)
    ]
    items.extend(found)
    # The terminal counts what collectors report; these items came from no file.
    report = pytest.CollectReport(nodeid="claims", outcome="passed", longrepr=None, result=list(found))
    config.hook.pytest_collectreport(report=report)


class PlannedTrial:
    """A trial with the conditions that the command line asked for."""

    def __init__(self, trial: Any, root_seed: int, deep: bool, recorded: Mapping[str, Any]):
        self.trial = trial
        self.root_seed = root_seed
        self.deep = deep
        self.recorded = recorded

    def require(self) -> None:
        """Runs the trial; raises AssertionError with the evidence if its outcome is not the one it must have, or if
        it is, and yet something else was found than what is recorded."""
        result = self.trial.perform(root_seed=self.root_seed, deep=self.deep)
        if not result.passed:
            raise ClaimFailed(result.complaint())
        if self.recorded:
            from theory.recorded import difference

            if told := difference(result, self.recorded):
                raise ClaimFailed(f"{told}; if that is meant, write the record again: python -m reports.evidence")


class ClaimFailed(AssertionError):
    """A true statement that does not hold, a mutant that is not refuted, or evidence that is not the recorded one."""


class ClaimItem(pytest.Item):
    """One trial as a test item without a file."""

    def __init__(self, *, entry: PlannedTrial, **keywords: Any):
        super().__init__(**keywords)
        self.entry = entry

    def runtest(self) -> None:
        self.entry.require()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ClaimFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int | None, str]:
        return "claims", None, self.name


def _trials(config: pytest.Config, names: tuple[str, ...]) -> Iterator[PlannedTrial]:
    from theory.trial import trials
    from theory.verify import selected

    automatic = config.getoption("claim_mutants") == "all"
    root_seed, deep = config.getoption("claims_root_seed"), config.getoption("claims_deep")
    kept = config.getini("claims_record") if root_seed == 0 and not deep else ""
    recorded = json.loads((config.rootpath / kept).read_text(encoding="utf-8")) if kept else {}
    for claim in selected(*names):
        for trial in trials(claim, automatic=automatic):
            # Automatic mutants are many, and are kept in no record.
            yield PlannedTrial(trial, root_seed, deep, {} if trial.kind == "automatic" else recorded)


def _ascii(text: str) -> str:
    """Ids are ASCII for pytest: other letters would be escaped one by one, and long formulas are cut by their users."""
    return text.encode("ascii", "backslashreplace").decode().replace("::", ":")
