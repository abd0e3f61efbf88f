"""When an interrupt arrives, and whom it does not reach."""

from __future__ import annotations

import signal
import threading

import pytest

from reports import child
from reports.child import group_of_its_own
from reports.interrupts import DeferredInterrupt


@pytest.fixture(autouse=True)
def _restored():
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


def steps(*taken):
    """Takes steps with interrupts deferred: "arrive", "break", "deliver", an exception to raise; others are noted."""
    noted = []
    try:
        with DeferredInterrupt() as interrupt:
            for step in taken:
                if step == "arrive":
                    signal.raise_signal(signal.SIGINT)
                elif step == "break":
                    signal.raise_signal(signal.SIGBREAK)
                elif step == "deliver":
                    interrupt.deliver()
                elif isinstance(step, Exception):
                    raise step
                else:
                    noted.append(step)
    except (KeyboardInterrupt, ZeroDivisionError) as error:
        noted.append(type(error))
    return noted


@pytest.mark.parametrize(
    ("taken", "noted"),
    [
        (("deliver", "a"), ["a"]),
        (("arrive", "a", "deliver", "b"), ["a", KeyboardInterrupt]),
        (("arrive", "a"), ["a", KeyboardInterrupt]),  # the end is the last place
        (("arrive", "a", "arrive", "b"), ["a", KeyboardInterrupt]),  # a second one does not wait
        (("arrive", ZeroDivisionError(), "a"), [ZeroDivisionError]),  # an error is not hidden
    ],
)
def test_an_interrupt_waits_until_it_is_delivered(taken, noted):
    assert steps(*taken) == noted


def test_in_another_thread_nothing_is_touched():
    found = []

    def work():
        with DeferredInterrupt() as interrupt:
            interrupt.deliver()
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


def test_ctrl_break_of_windows_waits_too_and_interrupts_as_ctrl_c_does(monkeypatch):
    """Here another signal has its name, since POSIX has none."""
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGTERM, raising=False)
    before = signal.getsignal(signal.SIGTERM)
    assert steps("break", "a", "deliver", "b") == ["a", KeyboardInterrupt]
    assert signal.getsignal(signal.SIGTERM) is before
    with DeferredInterrupt():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_where_ctrl_c_is_ignored_ctrl_break_is_left_alone(monkeypatch):
    """Noted, it would wait for a Ctrl-C that does nothing."""
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGTERM, raising=False)
    before = signal.getsignal(signal.SIGTERM)
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with DeferredInterrupt():
            assert signal.getsignal(signal.SIGTERM) is before
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, mine)


@pytest.mark.parametrize(("platform", "told"), [("linux", "start_new_session"), ("win32", "creationflags")])
def test_a_child_is_in_a_group_of_its_own_on_every_system(platform, told):
    options = group_of_its_own(platform)
    assert list(options) == [told]
    assert options[told] == (0x200 if platform == "win32" else True)


def test_a_child_on_windows_is_told_so_and_a_childs_child_stays_in_its_group(monkeypatch):
    told = []

    def refused(*_, **options):
        told.append(options)
        raise OSError("not here")

    monkeypatch.setattr(child, "group_of_its_own", lambda: group_of_its_own("win32"))
    monkeypatch.setattr(child.subprocess, "Popen", refused)
    for serving in (False, True):
        monkeypatch.setattr(child._Serving, "now", serving)
        with pytest.raises(OSError, match="not here"):
            child.Child(int)
    assert [one.get("creationflags") for one in told] == [0x200, None]
    assert not any("start_new_session" in one for one in told)
