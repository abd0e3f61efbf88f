"""The stages of a comparison of two commits: whom they ask how often, and how one that was stopped goes on."""

import contextlib
import json
import math
import random
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import compare, paired_sides, paired_verdict
from benchmarks.paired_record import Kept
from benchmarks.paired_sides import Failed, Key, TooLong

NAMES = ("equal", "slow", "late", "lucky", "wide")


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "knn.py").write_text("", encoding="utf-8")
    subprocess.run(["git", "init", "-q", root], check=True)
    subprocess.run(["git", "-C", root, "add", "."], check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", root, *who, "commit", "-qm", "x"], check=True)
    return root


@pytest.fixture
def sides(monkeypatch):
    """Sides without processes: `asked` lists who was measured; ratios are a function of name and how often before."""
    asked = []

    def ratio(name, before):
        told = {
            "equal": lambda: 1.0,
            "slow": lambda: 2.0 + before / 100,
            "late": lambda: 1.2 if before == 0 else 1.0,  # one of three rounds of screening
            "lucky": lambda: 1.2 if before < 2 else 1.0,  # those that choose it, and none of the fresh ones
            "wide": lambda: 1.2 if before < 3 else 1.0,
        }
        return told[name]()

    def alternated(pair, key, rng, longest):  # noqa: ARG001
        asked.append(key.name)
        return ratio(key.name, asked.count(key.name) - 1)

    monkeypatch.setattr(paired_sides, "listed", lambda *_: [Key(name, 0, "") for name in NAMES])
    monkeypatch.setattr(paired_sides, "workers", lambda *_: contextlib.nullcontext([]))
    monkeypatch.setattr(paired_sides, "alternated", alternated)
    return asked


def stopping(monkeypatch, asked, after):
    """As Ctrl-C would after so many ratios."""
    honest = paired_sides.alternated

    def alternated(*given):
        if len(asked) == after:
            monkeypatch.setattr(paired_sides, "alternated", honest)
            raise KeyboardInterrupt
        return honest(*given)

    monkeypatch.setattr(paired_sides, "alternated", alternated)


#: Rounds of screening of each, two where they agree, and of deciding: all 12, or up to the second that is not slower.
ASKED = {"equal": 1, "slow": 2 + 12, "late": 3, "lucky": 2 + 2, "wide": 2 + 3}


def test_each_is_asked_no_oftener_than_its_verdict_needs(checkout, sides, capsys):
    assert compare.main(["HEAD", "--root", str(checkout)]) == 1
    printed = capsys.readouterr().out
    assert {name: sides.count(name) for name in NAMES} == ASKED
    assert "1 regressions (at least 5 % slower, with confidence 95 % for all together)\n  slow\n" in printed
    assert printed.count("not beyond noise, settled by 2 of 12 rounds") == 1
    assert printed.count("not beyond noise, settled by 3 of 12 rounds") == 1
    assert not list((checkout / ".asv" / "compared").iterdir())


@pytest.mark.parametrize("after", [0, 3, 7, 12, 20])
def test_one_that_was_stopped_says_so_and_goes_on_where_it_was(checkout, sides, after, monkeypatch, capsys, tmp_path):
    stopping(monkeypatch, sides, after)
    command = ["HEAD", "--root", str(checkout), "--output", str(tmp_path / "rows.csv")]
    assert compare.main(command) == 3
    printed = capsys.readouterr().out
    assert (
        f"NOT FINISHED, interrupted: {min(after, 5)} of 5 benchmarks were reached, {after} ratios are kept" in printed
    )
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8").count("not reached") == max(0, 5 - after)
    (kept,) = (checkout / ".asv" / "compared").iterdir()
    with kept.open("a", encoding="utf-8") as file:
        file.write('{"key": ["slow", 0, ""], "sec')  # killed in the middle of a line
    assert compare.main(command) == 1
    assert {name: sides.count(name) for name in NAMES} == ASKED
    assert (f"{after} ratios are kept of a run that was stopped" in capsys.readouterr().out) == (after > 0)
    assert not kept.exists()


def test_a_suspect_that_fails_leaves_the_error_level_of_the_others_as_it_was(checkout, sides, monkeypatch, capsys):
    stopping(monkeypatch, sides, 14)
    stopped = paired_sides.alternated

    def alternated(pair, key, rng, longest):
        ratio = stopped(pair, key, rng, longest)
        if key.name == "lucky" and sides.count("lucky") == 3:
            raise Failed("no")
        return ratio

    monkeypatch.setattr(paired_sides, "alternated", alternated)
    monkeypatch.setattr(paired_sides, "failure_alone", lambda *_: "no")
    assert compare.main(["HEAD", "--root", str(checkout)]) == 3
    assert "3 look slower" in capsys.readouterr().out
    assert compare.main(["HEAD", "--root", str(checkout)]) == 1
    assert "3 look slower" in capsys.readouterr().out
    assert sides.count("lucky") == 3


def test_other_settings_and_other_sources_begin_anew(checkout, sides, monkeypatch):
    stopping(monkeypatch, sides, 4)
    assert compare.main(["HEAD", "--root", str(checkout)]) == 3
    for change in ("settings", "changes", "a new file", "anew"):
        sides.clear()
        stopping(monkeypatch, sides, 4)
        if change == "changes":
            (checkout / "knn.py").write_text("1\n", encoding="utf-8")
        elif change == "a new file":
            (checkout / "other.py").write_text("1\n", encoding="utf-8")
        told = {"settings": ["--seed", "1"], "anew": ["--anew"]}.get(change, [])
        assert compare.main(["HEAD", "--root", str(checkout), *told]) == 3
        assert len(sides) == 4, change


def test_the_budget_ends_a_run_which_neither_passes_nor_fails(checkout, sides, capsys):
    assert compare.main(["HEAD", "--root", str(checkout), "--minutes", "1e-9"]) == 3
    assert "NOT FINISHED, 1e-09 minutes are over: 0 of 5 benchmarks" in capsys.readouterr().out
    assert sides == []
    with pytest.raises(SystemExit):
        compare.main(["HEAD", "--root", str(checkout), "--minutes", "0"])


def test_what_fails_or_takes_too_long_is_named_and_not_asked_again(checkout, sides, monkeypatch, capsys):
    honest = paired_sides.alternated

    def alternated(pair, key, rng, longest):
        ratio = honest(pair, key, rng, longest)
        if key.name == "equal":
            raise TooLong(f"one call at the base takes {longest + 1:g} s")
        if key.name == "slow":
            raise Failed("no")
        return ratio

    monkeypatch.setattr(paired_sides, "alternated", alternated)
    monkeypatch.setattr(paired_sides, "failure_alone", lambda side, *_: "" if side.root != checkout else "no")
    assert compare.main(["HEAD", "--root", str(checkout)]) == 1
    printed = capsys.readouterr().out
    assert "one call at the base takes 11 s" in printed
    assert "1 left out, of which one call takes more than 10 s: raise --longest" in printed
    assert "1 regressions" in printed
    assert "slow: fails here: no" in printed
    assert (sides.count("equal"), sides.count("slow")) == (1, 1)


def test_progress_foretells_what_each_took_before(checkout, sides, monkeypatch, capsys):
    monkeypatch.setattr(compare, "TELL_EVERY", -1.0)
    now = [0.0]
    monkeypatch.setattr(compare, "time", SimpleNamespace(monotonic=lambda: now[0]))
    honest = paired_sides.alternated

    def alternated(pair, key, rng, longest):
        now[0] += {"slow": 40.0}.get(key.name, 5.0)
        return honest(pair, key, rng, longest)

    monkeypatch.setattr(paired_sides, "alternated", alternated)
    compare.main(["HEAD", "--root", str(checkout), "--minutes", "100"])
    assert sides
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.endswith("of the budget")]
    assert lines[0] == "screened, round 1 of 3: 0 of 5, 100 min 00 s of the budget"  # nothing is known yet
    # Then those to come take the mean of those that were measured; the first was the slow one, or another.
    assert lines[1].split(", ")[2] in ("about 2 min 40 s of this round left", "about 20 s of this round left")
    assert lines[5] == "screened, round 2 of 3: 0 of 4, about 55 s of this round left, 99 min 00 s of the budget"


def test_screening_leaves_out_no_round_that_could_choose_otherwise(tmp_path):
    drawn = np.exp(np.random.default_rng(1).normal(0.05, 0.03, size=(400, 3)))
    table = {Key(str(i), 0, ""): row.tolist() for i, row in enumerate(drawn)}
    compared = object.__new__(compare.Comparison)
    compared.given = SimpleNamespace(rounds=3, threshold=0.05)
    compared.kept, compared.keys = Kept(tmp_path / "kept.jsonl"), list(table)
    compared._round = lambda stage, number, _, keys: compared.kept.ratios[stage, number].update(
        {key: table[key][number] for key in keys}
    )
    expected = [key for key, row in table.items() if row[0] > 1.025 and sorted(row)[1] > 1.05]
    assert compared.suspects() == expected
    assert 100 < len(expected) < 300
    assert len(compared.kept) < 2.5 * 400  # and yet a round of many was spared


def test_a_verdict_that_is_settled_is_the_one_of_all_rounds():
    rng = np.random.default_rng(0)
    agreed = {True: 0, False: 0}
    for _ in range(3000):
        ratios = np.exp(rng.choice([0.02, 0.1]) + 0.05 * rng.standard_t(2, size=12)).tolist()
        whole = paired_verdict.slower(ratios, 0.05, 0.05)
        seen = next(
            (n for n in range(13) if not paired_verdict.slower([*ratios[:n], *[math.inf] * (12 - n)], 0.05, 0.05)), None
        )
        assert (seen is None) == whole
        agreed[whole] += 1
    assert min(agreed.values()) > 300


class Side:
    """Answers as a process would, in CPU seconds a call."""

    def __init__(self, name, first, seconds, log):
        self.name, self.first, self.seconds, self.log = name, first, seconds, log

    def ask(self, do, longest=math.inf, number=1, **_):
        self.log.append((self.name, do, number))
        if do == "prepare":
            return {"first": self.first} | ({"seconds": self.seconds} if self.first <= longest else {})
        return {"seconds": number * self.seconds}


@pytest.mark.parametrize(
    ("seconds", "calls", "turns"), [(1.0, 1, 0), (0.25, 1, 1), (0.15, 1, 3), (0.02, 1, 8), (0.001, 20, 9)]
)
def test_slow_ones_take_fewer_turns_the_first_of_them_in_the_second_call(seconds, calls, turns):
    log = []
    pair = Side("base", seconds, seconds, log), Side("new", seconds, 2 * seconds, log)
    assert paired_sides.alternated(pair, Key("a", 0, ""), random.Random(0), 10.0) == 2.0
    assert log.count(("base", "measure", calls)) == log.count(("new", "measure", calls)) == turns
    assert sorted(log[:2]) == [("base", "prepare", 1), ("new", "prepare", 1)]


def test_what_takes_too_long_at_the_base_is_left_out_and_at_the_new_side_alone_is_not():
    log, rng = [], random.Random(0)
    with pytest.raises(TooLong, match="takes 28 s"):
        paired_sides.alternated((Side("base", 28.0, 20.0, log), Side("new", 1.0, 1.0, log)), Key("a", 0, ""), rng, 10.0)
    pair = Side("base", 1.0, 1.0, log), Side("new", 28.0, 20.0, log)
    assert paired_sides.alternated(pair, Key("a", 0, ""), rng, 10.0) == 20.0


def test_each_ratio_is_in_the_file_before_the_next_is_measured(checkout, sides, monkeypatch):
    stopping(monkeypatch, sides, 6)
    compare.main(["HEAD", "--root", str(checkout)])
    (kept,) = (checkout / ".asv" / "compared").iterdir()
    lines = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    assert [line["key"][0] for line in lines] == sides
    assert [line["round"] for line in lines] == [0] * 5 + [1]
