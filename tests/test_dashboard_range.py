"""The dashboard's command asks asv for a range of commits: some words of asv's own stand for a single one."""

import inspect
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_dashboard_measures_more_than_one_commit():
    asv_run = pytest.importorskip("asv.commands.run", reason="asv is not installed: its words were not compared")
    (asked,) = re.findall(r"^\t\$\(ASV\) run .*--steps \$\(COMMITS\).* (\S+)$", (ROOT / "Makefile").read_text(), re.M)
    own_words = set(re.findall(r'range_spec == "(\w+)"', inspect.getsource(asv_run)))
    assert "ALL" in own_words, "asv writes its words otherwise: look for them anew"
    assert asked not in own_words
    whole, told = (
        subprocess.run(["git", "rev-list", "--first-parent", spec, "--"], cwd=ROOT, capture_output=True, text=True)
        for spec in ("HEAD", asked)
    )
    if whole.returncode:
        pytest.skip("no git history here: the range was compared with asv's words alone")
    assert (told.returncode, told.stdout) == (0, whole.stdout)
