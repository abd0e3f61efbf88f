"""Faults are drawn by their seed, change what they say, and are reported killed or survived rightly."""

import random
import textwrap

import pytest

from benchmarks.fault_effects import moved, shares
from benchmarks.faults import KINDS, draw, faults
from benchmarks.planted_faults import Scratch

SOURCE = '''
"""A docstring of 3 words."""
__all__ = ["area"]


def area(a: "1 + 2", b=4) -> "5":
    """Adds 6 to 7."""
    if a < b:
        raise ValueError(f"{a + 8}" + "9")
    return power(a - b, 3)
'''
CHANGED = {
    "constant": {("4", "8"), ("3", "6")},
    "sign": {("a - b", "a + b")},
    "comparison": {("a < b", "a <= b")},
    "swapped arguments": {("power(a - b, 3)", "power(3, a - b)")},
}


def test_each_kind_changes_the_source_as_said():
    found = list(faults(SOURCE, "area.py", random.Random(0)))
    assert {fault.kind for fault in found} == set(KINDS)
    for kind, pairs in CHANGED.items():
        assert {(fault.before, fault.after) for fault in found if fault.kind == kind} == pairs
    for fault in found:
        assert SOURCE[fault.start : fault.end] == fault.before
        assert fault.planted(SOURCE) == f"{SOURCE[: fault.start]}({fault.after}){SOURCE[fault.end :]}"
        assert fault.line == SOURCE[: fault.start].count("\n") + 1
        assert fault.changes_code(SOURCE)
    assert {f.after for f in found if f.kind == "off-by-one"} <= {"2", "3", "4", "5"}
    assert {f.after for f in found if f.kind == "dropped term"} <= {"a", "-b"}


def test_a_fault_of_many_lines_of_letters_keeps_the_lines():
    source = "α = (1 +\n     2)\nβ = 3\n"
    (fault,) = [fault for fault in faults(source, "greek.py", random.Random(0)) if fault.kind == "sign"]
    values: dict[str, int] = {}
    exec(fault.planted(source), values)
    assert (values["α"], values["β"]) == (-1, 3)
    assert fault.planted(source).count("\n") == source.count("\n")


def test_constants_folded_to_the_same_are_no_effect():
    (fault,) = [f for f in faults("x = 0 - 0\n", "zero.py", random.Random(0)) if f.kind == "sign"]
    assert not fault.changes_code("x = 0 - 0\n")


def test_a_fault_is_found_again_in_later_sources_where_its_line_stands_once(tmp_path):
    then, since = tmp_path / "then", tmp_path / "since"
    for folder in (then, since):
        folder.mkdir()
    (then / "a.py").write_text("x = 1\ny = x + 2\n", encoding="utf-8")
    (fault,) = [f for f in faults((then / "a.py").read_text(), "a.py", random.Random(0)) if f.kind == "sign"]
    later = "é = 0\n\nx = 1\ny = x + 2\n"
    for source, expected in ((later, later.replace("x + 2", "(x - 2)")), ("x = 1\n", None), (2 * later, None)):
        (since / "a.py").write_text(source, encoding="utf-8")
        found = moved(fault, then, since)
        assert (found and found.planted(source)) == expected
        assert found is None or found.line == 4


def test_shares_count_a_fault_without_proof_of_no_effect_as_one_that_changes_a_result():
    names = ("outcome", "effect", "killed since by", "remark")
    rows = [
        ("killed", "", "", ""), ("timed out", "", "", ""), ("no effect", "", "", ""),
        ("survived", "none: 5 outcomes", "", ""), ("survived", "", "", "no effect: done twice"),
        ("survived", "verify is red, larger sizes", "", ""), ("survived", "ordinary sizes: …", "a test", ""),
        ("survived", "ordinary sizes: …", "", "a law of it would tell"), ("unfinished", "", "", ""),
    ]  # fmt: skip
    found = shares([{"number": str(n), **dict(zip(names, row, strict=True))} for n, row in enumerate(rows)])
    assert (found["change a result"], found["shown to change none"]) == (6, 3)
    assert found["not killed"] == [7, 8]
    assert (found["share killed then"], found["share killed by now"]) == (0.5, round(4 / 6, 4))


@pytest.fixture
def tiny(tmp_path):
    def write(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")

    write("tiny/__init__.py", "")
    write(
        "tiny/sums.py",
        """
        def seen(a, b):
            return a + b

        def ignored(a, b):
            return a - b

        def never(a, b):
            return a * (b + 1)
        """,
    )
    write("tests/conftest.py", "")
    write(
        "tests/tiny/test_sums.py",
        """
        from tiny.sums import ignored, seen

        def test_seen():
            assert seen(2, 3) == 5
            assert ignored(3, 0) == 3
        """,
    )
    return tmp_path


def test_the_draw_is_its_seeds_and_a_longer_one_continues_it(tiny):
    drawn = draw(tiny, ["tiny"], 100, seed=1)
    assert drawn == draw(tiny, ["tiny"], 100, seed=1)
    assert draw(tiny, ["tiny"], 3, seed=1) == drawn[:3]
    assert any(draw(tiny, ["tiny"], 100, seed=seed) != drawn for seed in range(2, 6))


def test_a_planted_fault_is_reported_killed_survived_or_without_effect(tiny):
    scratch = Scratch(tiny, packages=("tiny",))
    source = (tiny / "tiny/sums.py").read_text()
    outcomes = {f.before: scratch.judge(f) for f in draw(tiny, ["tiny"], 100, seed=0) if f.kind == "sign"}
    assert outcomes == {
        "a + b": ("killed", "tests/tiny/test_sums.py::test_seen"),
        "a - b": ("survived", ""),
        "b + 1": ("no effect", "no test or claim reaches it"),
    }
    assert (tiny / "tiny/sums.py").read_text() == source


def test_a_fault_that_makes_a_test_last_is_timed_out_by_that_test(tiny):
    (tiny / "tests/tiny/test_sums.py").write_text(
        "import time\nfrom tiny.sums import seen\n\ndef test_seen():\n    assert seen(2, 3) == 5 or time.sleep(60)\n"
    )
    scratch = Scratch(tiny, packages=("tiny",), test_limit=3)
    (fault,) = [f for f in draw(tiny, ["tiny"], 100, seed=0) if (f.kind, f.before) == ("sign", "a + b")]
    assert scratch.judge(fault) == ("timed out", "tests/tiny/test_sums.py::test_seen")


def test_a_test_that_fails_anyway_kills_nothing(tiny):
    (tiny / "tests/tiny/test_sums.py").write_text("from tiny import sums\n\ndef test_red():\n    assert not sums\n")
    with pytest.raises(RuntimeError, match="fails without any fault"):
        Scratch(tiny, packages=("tiny",)).judge(draw(tiny, ["tiny"], 1, seed=0)[0])
