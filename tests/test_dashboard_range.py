"""The dashboard's command asks asv for a range of commits: some words of asv's own stand for a single one."""

import inspect
import re
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"


@pytest.fixture
def asked():
    """The range in the dashboard's recipe."""
    (found,) = re.findall(r"^\t\$\(ASV\) run .*--steps \$\(COMMITS\).* (\S+)$", MAKEFILE.read_text(), re.M)
    return found


def test_the_range_is_no_word_of_asvs_own_for_one_commit(asked):
    asv_run = pytest.importorskip("asv.commands.run", reason="asv is not installed: its words were not compared")
    own_words = set(re.findall(r'range_spec == "(\w+)"', inspect.getsource(asv_run)))
    assert "ALL" in own_words, "asv writes its words otherwise: look for them anew"
    assert asked not in own_words


def test_the_range_is_the_whole_history(asked, tmp_path):
    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        return subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    git("init", "-q")
    for message in ("first", "second", "third"):
        git("commit", "-q", "--allow-empty", "-m", message)
    assert len(git("rev-list", "--first-parent", asked, "--").split()) == 3
