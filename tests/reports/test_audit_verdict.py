"""What an audit says where tests failed, and where there was nothing to see."""

import re
import sys

import numpy as np
import pytest

import reports
from estimators import ring
from reports import auditing
from reports.auditing.family import family
from reports.auditing.page import document

LAW = ring(8)
TRAIN, TEST, FRESH = (LAW.sample(n, random_state=seed) for seed, n in ((1, 400), (2, 300), (3, 400)))


@pytest.fixture
def audit(monkeypatch):
    """The audit with its tests and without its scores."""
    monkeypatch.setattr(auditing, "pending", lambda _: iter(()))
    return lambda samples, data=TRAIN, **more: reports.audit(samples, data, permutations=399, **more)


def test_tests_that_fail_have_seen_nothing_and_the_verdict_says_so(audit, monkeypatch):
    whole = audit(FRESH)
    assert whole.failed == ()
    assert whole.verdict == "no defect seen at a family-wise level of 0.05"
    assert re.search(r"is seen if it is of 1% with probability [01]\.\d\d, of 5% with", document(whole))
    monkeypatch.setattr(sys.modules[family.__module__], "_memorised", lambda *_: 1 / 0)
    found = audit(FRESH, test=TEST)
    assert found.failed == ("memorisation",)
    assert found.verdict.endswith(f"by {len(found.made)} tests; 1 could not be made")
    page = document(found)
    assert "memorisation could not be made, and saw nothing" in page
    assert 'class="card good"' in document(whole)
    assert 'class="card good"' not in page


def test_rows_that_are_all_equal_are_asked_about_and_no_library_complains(audit, recwarn, tmp_path):
    found = audit(np.ones((40, 2)), np.ones((60, 2)))
    assert found.doubts == ("data: all rows are equal: are these the right ones?",)
    assert len(found.cells.centres) == 1
    found.save(tmp_path / "page.html")
    assert [str(warning.message) for warning in recwarn] == []


def test_after_the_time_limit_the_rest_is_told_as_skipped():
    found = reports.audit(FRESH, TRAIN, permutations=399, time_limit=1e-9)
    asked = found.frame[found.frame.section != "power"]
    assert set(asked.status) == {"skipped"}
    assert asked.detail.str.contains("raise time_limit|pass test").all()
    assert found.defects == found.made == ()
    assert found.verdict.startswith("nothing was tested")
    assert "Nothing tested" in document(found)
