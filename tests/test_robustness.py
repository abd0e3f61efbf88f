"""The figures of robustness are counted by doing; a small part of each is done here."""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks.robustness import containers, damage, files, forgery, kills, searched
from knn import KDTree
from reports.child import Abandoned, Child, ChildDied, ChildNotStarted
from tests.processes import runs, wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits of address space, and signals")


@pytest.fixture(scope="module")
def child():
    held = Child(os.getpid)
    yield held
    held.kill()


@pytest.fixture
def child_of_its_own():
    held = Child(os.getpid)
    yield held
    held.kill()


#: Kernels that check their bounds take minutes to compile.
KINDS = [pytest.param(kind, marks=pytest.mark.deep) if kind == files.BOUNDS else kind for kind in files.SHARES]


@pytest.mark.parametrize("kind", KINDS)
def test_no_malformed_file_is_a_crash_a_hang_or_an_allocation(kind, tmp_path):
    """The first thousand inputs of the index found rows that claim a gigabyte, for which SQLite set memory aside."""
    count = 1000 if kind == "sqlite-index" else 400
    child = files.started(kind)
    try:
        refused, wrong = child.call(files.batch, kind, 0, count, tmp_path / "at", limit=files.LIMIT)
    finally:
        child.kill()
    assert wrong == []
    assert refused > 0 or kind == "sqlite-index"  # which is a second copy: what does not verify is passed over
    if kind in files.FORGERS:
        assert refused < 0.9 * count  # the others are searched


def test_a_count_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    (whole,) = files.fuzz_kind("cifar", tmp_path, 40)
    (tmp_path / "cifar.json").unlink()
    monkeypatch.setitem(files.BATCH, "cifar", 10)
    called = []
    call = Child.call

    def interrupted(self, function, *arguments, **options):
        called.append(arguments)
        if function is files.batch and len(called) == 5:
            raise KeyboardInterrupt
        return call(self, function, *arguments, **options)

    monkeypatch.setattr(Child, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(files.fuzz_kind("cifar", tmp_path, 40))
    (again,) = files.fuzz_kind("cifar", tmp_path, 40)
    asked = [arguments[1] for arguments in called if len(arguments) > 2]
    assert asked == [0, 10, 20, 20, 30]
    assert again == whole


def test_an_answer_of_no_living_point_is_seen():
    index = KDTree().fit(np.eye(5))
    searched.ask(index, np.random.default_rng(0))
    index._points.ids_of = lambda slots: slots + 7
    with pytest.raises(AssertionError, match="of which there is no living point"):
        searched.ask(index, np.random.default_rng(0))


def test_what_is_forged_differs_is_the_same_again_and_is_a_file():
    corpus = files.seeds(files.SAVED)
    made = [files.made(files.SAVED, corpus, number) for number in range(1, 200, 2)]
    assert made == [files.made(files.SAVED, corpus, number) for number in range(1, 200, 2)]
    assert len({*made, *corpus}) > 0.9 * len(made) + len(corpus)
    for content in corpus:
        header, arrays = containers.unpacked(content)
        again = containers.unpacked(containers.packed(header, arrays))
        assert again[0] == header
        assert all(np.array_equal(again[1][name], array) for name, array in arrays.items())


def test_what_was_forged_before_is_forged_again():
    """Parameters that are already no object, in every way of forging a header."""
    for seed in range(40):
        header = {"parameters": 0.5, "budgets": {}, "features": 3, "feature_names": None}
        forgery._forge_header(header, np.random.default_rng(seed))
        assert header != {"parameters": 0.5, "budgets": {}, "features": 3, "feature_names": None}


def test_mutations_differ_and_are_the_same_again():
    corpus = files.seeds("idx")
    made = [files.mutated(corpus, np.random.Generator(np.random.PCG64(i))) for i in range(200)]
    assert made == [files.mutated(corpus, np.random.Generator(np.random.PCG64(i))) for i in range(200)]
    assert len(set(made)) > 150


def test_damage_is_told_and_kept_aside(tmp_path):
    rows = list(damage.damage(tmp_path, 24))
    assert [str(row) for row in rows if not row.met] == []


@pytest.mark.deep  # tests/reports/test_kill.py kills in the ordinary suite
def test_kills_lose_nothing(tmp_path):
    rows = list(kills.kill(tmp_path, 2))
    assert [row.what for row in rows if not row.met] == ["instants of kill -9"]  # two are not two hundred


def test_a_child_answers_and_says_how_it_ended(child):
    assert child.call(divmod, 7, 2, limit=10.0) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        child.call(divmod, 7, 0, limit=10.0)
    assert child.call(os.path.join, "a", "b", limit=10.0) == "a/b"
    with pytest.raises(ChildDied, match="exit code 3"):
        child.call(os._exit, 3, limit=10.0)
    assert not child.alive


def test_a_child_is_killed_at_its_limit_and_when_nobody_waits():
    import time

    for options, error in (({"limit": 0.2}, TimeoutError), ({"limit": 60.0, "wanted": lambda: False}, Abandoned)):
        child = Child(os.getpid)
        with pytest.raises(error):
            child.call(time.sleep, 60, **options)
        assert not child.alive


def test_a_child_that_cannot_begin_says_so():
    with pytest.raises(ChildNotStarted, match="exit code 4"):
        Child(os._exit, 4)


def test_what_a_child_cannot_send_is_an_error_and_not_an_end():
    held = Child(os.getpid)
    with pytest.raises(TypeError, match="cannot pickle"):
        held.call(open, os.devnull, limit=10.0)
    assert held.call(abs, -1, limit=10.0) == 1
    held.kill()


class OnlyThere:
    """Can be sent, and not be read where it arrives."""

    def __reduce__(self):
        return refuse_in, (os.getpid(),)


def refuse_in(process):
    if process != os.getpid():
        raise EOFError("not here")


def test_an_answer_that_cannot_be_read_is_an_error_at_once_and_the_next_one_comes(child_of_its_own):
    with pytest.raises(EOFError, match="not here"):
        child_of_its_own.call(OnlyThere, limit=60.0)
    assert child_of_its_own.call(abs, -1, limit=10.0) == 1


def test_a_preparation_that_fails_leaves_no_process(monkeypatch):
    ended = []
    kill = Child.kill
    monkeypatch.setattr(Child, "kill", lambda self: (kill(self), ended.append(self)))
    with pytest.raises(ZeroDivisionError):
        Child(divmod, 1, 0)
    assert [one.alive for one in ended] == [False]


def begin_another():
    """A child of a child, which stays."""
    global another
    another = Child(os.getpid)
    return another._process.pid


def test_whoever_kills_a_child_reaches_the_child_of_that_child():
    """Also where a library holds the interpreter's lock, so that the pipe's end would not be noticed."""
    held = Child(os.getpid)
    pid = held.call(begin_another, limit=60.0)
    assert os.getpgid(pid) == os.getpgid(held._process.pid) != os.getpgid(0)
    held.kill()
    wait_until(lambda: not runs(pid))


def end_another():
    another = Child(os.getpid)
    another.kill()
    return another.alive


def test_the_end_of_a_childs_child_is_not_that_childs(child_of_its_own):
    assert child_of_its_own.call(end_another, limit=60.0) is False
    assert child_of_its_own.call(abs, -1, limit=10.0) == 1
