"""When an interrupt arrives."""

from __future__ import annotations

import signal
import threading

import pytest

from reports.interrupts import DeferredInterrupt


@pytest.fixture(autouse=True)
def _restored():
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


def steps(*taken):
    """Takes the steps with interrupts deferred: "arrive", "deliver", or an exception to raise; the others are noted."""
    noted = []
    try:
        with DeferredInterrupt() as interrupt:
            for step in taken:
                if step == "arrive":
                    signal.raise_signal(signal.SIGINT)
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
