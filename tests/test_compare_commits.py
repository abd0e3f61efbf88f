"""The comparison of two commits: what the interval claims, and that a slower commit fails by name."""

import csv
import math
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest

from benchmarks import base_checkout, compare, paired_sides, paired_verdict, paired_worker

SUITE = """
class Work:
    params = (["ab", "c"], [1, 2])
    param_names = ("letters", "times")

    def setup_cache(self):
        return 60

    def setup(self, cache, letters, times):
        from knn import same, slowed
        self.same, self.slowed, self.n = same, slowed, cache * times

    def time_slowed(self, cache, letters, times):
        self.slowed(self.n)

    def time_same(self, cache, letters, times):
        print("a benchmark may print")
        self.same(self.n)


def time_younger_than_the_base():
    from knn import younger
    younger()


def time_broken_since():
    from knn import older
    older()
"""
BASE = "def same(n): return sum(range(100 * n))\nslowed = same\ndef older(): return sum(range(5000))\n"
NEW = "def same(n): sum(range(100 * n))\ndef slowed(n): return list(map(same, 16 * [n]))\ndef younger(): same(9)\n"


def commit(root, text):
    (root / "knn").mkdir(exist_ok=True)
    (root / "knn" / "__init__.py").write_text(text, encoding="utf-8")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", root, "add", "."], check=True)
    subprocess.run(["git", "-C", root, *who, "commit", "-qm", "x"], check=True)


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "checkout"
    (root / "benchmarks").mkdir(parents=True)
    (root / "benchmarks" / "work_suite.py").write_text(SUITE, encoding="utf-8")
    subprocess.run(["git", "init", "-q", root], check=True)
    commit(root, BASE)
    commit(root, NEW)
    return root


def test_a_slower_commit_fails_by_name_and_an_equal_one_does_not(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paired_sides, "TURN_SECONDS", 0.002)
    monkeypatch.setattr(paired_sides, "ROUND_SECONDS", 0.01)
    kept = tmp_path / "rows.csv"
    told = ["--root", str(repository), "--rounds", "1", "--confirm", "7", "--output", str(kept)]
    # Sixteen times the work beside a threshold of four: no machine is so uneven in seven rounds of seven.
    assert compare.main(["HEAD~1", "--threshold", "3", "--bench", r"'c', 2|younger|broken", *told]) == 1
    printed = capsys.readouterr().out
    assert "at least 300 % slower, with confidence 95 %" in printed
    with kept.open(newline="", encoding="utf-8") as file:
        verdicts = {(row["stage"], row["benchmark"]): row["verdict"] for row in csv.DictReader(file)}
    assert verdicts == {
        ("screened", "work_suite.Work.time_slowed('c', 2)"): "look again",
        ("screened", "work_suite.Work.time_same('c', 2)"): "",
        ("decided", "work_suite.Work.time_slowed('c', 2)"): "REGRESSION",
        ("failed", "work_suite.time_broken_since"): "BROKEN",
        (
            "failed",
            "work_suite.time_younger_than_the_base",
        ): "fails at the base alone: ImportError: cannot import name 'younger' from 'knn' "
        f"({repository}/.asv/compare/{git(repository, 'rev-parse', '--short=12', 'HEAD~1')}/knn/__init__.py)",
    }
    assert not any((repository / ".asv" / "compare").iterdir())
    assert git(repository, "worktree", "list").count("\n") == 0
    assert compare.main(["HEAD", "--threshold", "3", "--bench", "same.*'c', 1", *told]) == 0


def git(root, *arguments):
    return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def test_an_unknown_commit_and_a_pattern_without_benchmarks_are_refused(repository):
    with pytest.raises(SystemExit, match="nowhere"):
        compare.main(["nowhere", "--root", str(repository)])
    with pytest.raises(SystemExit, match="matches no timed benchmark"):
        compare.main(["HEAD", "--root", str(repository), "--bench", "nothing of the kind"])


@pytest.mark.parametrize(("n", "alpha"), [(6, 0.05), (12, 0.05), (12, 0.01), (25, 0.001)])
def test_the_interval_of_the_median_is_the_tightest_of_its_level(n, alpha):
    """Its ends err by the binomial law exactly; a rank further in would err more often than asked."""
    ratios = np.random.default_rng(0).permutation(np.arange(1.0, n + 1)).tolist()
    found = paired_verdict.median_interval(ratios, alpha)
    k = int(found.low) - 1
    err = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    assert err <= alpha / 2 < err + math.comb(n, k + 1) / 2**n
    assert found.high == n - k
    assert found.level == pytest.approx(1 - 2 * err, rel=1e-12)
    assert found.middle == (n + 1) / 2


FAILING = """
from knn import fails, waits
calls = 0

def time_fails_later():
    global calls
    calls += 1
    if fails and calls > 2:
        raise ArithmeticError("in a measured call")

def time_hangs():
    if waits:
        import time
        time.sleep(60)

def time_fails_once():
    import pathlib
    marker = pathlib.Path(MARKER)
    if not marker.exists():
        marker.touch()
        raise ArithmeticError("once")
"""


def test_a_benchmark_that_fails_only_when_measured_or_hangs_or_fails_once_is_broken(tmp_path, monkeypatch, capsys):
    root = tmp_path / "checkout"
    (root / "benchmarks").mkdir(parents=True)
    suite = FAILING.replace("MARKER", repr(str(tmp_path / "marker")))
    (root / "benchmarks" / "failing_suite.py").write_text(suite, encoding="utf-8")
    subprocess.run(["git", "init", "-q", root], check=True)
    commit(root, "fails = waits = False\n")
    commit(root, "fails = waits = True\n")
    monkeypatch.setattr(paired_sides, "TURN_SECONDS", 1e-7)
    monkeypatch.setattr(paired_sides, "ANSWER_SECONDS", 20.0)  # a start of Python, also on a busy machine
    assert compare.main(["HEAD~1", "--root", str(root), "--rounds", "1", "--threshold", "1e9"]) == 1
    printed = capsys.readouterr().out
    assert "failing_suite.time_fails_later: fails here: ArithmeticError: in a measured call" in printed
    assert "failing_suite.time_hangs: fails here: " in printed
    assert "in 20 s" in printed
    assert "failing_suite.time_fails_once: failed once, not again: ArithmeticError: once" in printed
    assert "3 regressions" in printed


def test_too_few_rounds_prove_nothing():
    """Five rounds of five, each ten times slower, happen by chance once in 32: not beyond an error of 1 in 40."""
    assert not paired_verdict.slower([10.0] * 5, 0.05, 0.05)
    assert paired_verdict.slower([10.0] * 6, 0.05, 0.05)
    assert paired_verdict.rounds_needed(0.05, 1) == 6
    for compared in (1, 3, 40):
        needed = paired_verdict.rounds_needed(0.05, compared)
        assert paired_verdict.slower([2.0] * needed, 0.05, 0.05 / compared)
        assert not paired_verdict.slower([2.0] * (needed - 1), 0.05, 0.05 / compared)
    with pytest.raises(ValueError, match="positive"):
        paired_verdict.median_interval([1.0, math.nan], 0.05)


def test_equal_commits_fail_as_seldom_as_stated():
    """Heavy-tailed rounds of median 1, screened and decided as `compare` does, 400 runs of 20 benchmarks."""
    rng = np.random.default_rng(0)
    failed = 0
    for _ in range(400):
        first, fresh = np.exp(0.1 * rng.standard_t(2, size=(20, 3))), np.exp(0.1 * rng.standard_t(2, size=(20, 12)))
        chosen = [i for i in range(20) if paired_verdict.suspect(first[i], 0.0)]
        failed += any(paired_verdict.slower(fresh[i], 0.0, 0.05 / len(chosen)) for i in chosen)
    # At most 2.5 % by one end of intervals of 5 % in all: 24 of 400 or more is an event of 10⁻⁴ there.
    assert 0 < failed < 24


def test_every_timed_benchmark_of_the_suites_is_listed(monkeypatch):
    monkeypatch.syspath_prepend(str(compare.Path(paired_worker.__file__).parent))
    found = dict(item for module in ("knn_suite", "divergence_suite") for item in paired_worker.listed(module))
    assert len(found["knn_suite.Searching.time_one"]) == 10
    assert found["divergence_suite.Pairwise.time_pairs"][0] == "'energy', (2000, 64)"
    assert found["knn_suite.Codes.time_keys_of_60000"] == [""]
    assert not any("_OnEveryIndex" in name or "track_" in name for name in found)


def test_another_pin_of_a_library_that_computes_asks_for_an_environment_of_its_own(tmp_path, monkeypatch, capsys):
    here = version("numpy")
    pins = tmp_path / "constraints.txt"
    assert base_checkout.other_versions(pins) == []
    pins.write_text(f"numpy=={here}\nmkdocs==0.1\nscipy==0.0.1\n", encoding="utf-8")
    assert base_checkout.other_versions(pins) == ["scipy 0.0.1"]
    asked = []
    monkeypatch.setattr(base_checkout.subprocess, "run", lambda command, **_: asked.append([str(c) for c in command]))
    python = base_checkout.environment(tmp_path)
    assert python.is_relative_to(tmp_path / ".venv")
    assert asked[0][1:3] == ["-m", "venv"]
    assert asked[1][-4:] == ["-c", str(pins), "-e", f"{tmp_path}[all]"]
    assert "scipy 0.0.1" in capsys.readouterr().out
    pins.write_text(f"numpy=={here}\n", encoding="utf-8")
    assert str(base_checkout.environment(tmp_path)) == sys.executable
