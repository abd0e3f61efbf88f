"""Ctrl-C between two cells, never inside the recording of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


def interrupts() -> list[int]:
    """The signals that interrupt: Ctrl-C, and on Windows Ctrl-Break, the one that reaches a process group."""
    return [getattr(signal, name) for name in ("SIGINT", "SIGBREAK") if hasattr(signal, name)]


class DeferredInterrupt:
    """Inside `with`, an interrupt waits for the next `deliver`; a second one does not wait.

    Delivered, it does what the handler of Ctrl-C that was there before does: Python's raises KeyboardInterrupt.
    Does nothing outside the main thread, where no signal arrives, or where Ctrl-C is ignored, since what was noted
    could not be delivered: Ctrl-Break then does at once what it always does.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._pending = False

    def __enter__(self) -> DeferredInterrupt:
        delivers = signal.getsignal(signal.SIGINT) not in (None, signal.SIG_IGN)
        if delivers and threading.current_thread() is threading.main_thread():
            for number in interrupts():
                handler = signal.getsignal(number)
                if handler not in (None, signal.SIG_IGN):
                    self._before[number] = handler
                    signal.signal(number, self._note)
        return self

    def deliver(self) -> None:
        """The place where an interrupt may happen."""
        if self._pending:
            self._pending = False
            signal.raise_signal(signal.SIGINT)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()
        if error is None:
            self.deliver()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._pending = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
