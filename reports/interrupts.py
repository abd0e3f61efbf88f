"""Ctrl-C between two cells, never inside the recording of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class DeferredInterrupt:
    """Inside `with`, an interrupt waits for the next `deliver`; a second one does not wait.

    Delivered, it does what the handler that was there before does: Python's raises KeyboardInterrupt.
    Does nothing outside the main thread, where no signal arrives, or where interrupts are ignored.
    """

    def __init__(self) -> None:
        self._before: Any = None
        self._pending = False

    def __enter__(self) -> DeferredInterrupt:
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and handler not in (None, signal.SIG_IGN):
            self._before = handler
            signal.signal(signal.SIGINT, self._note)
        return self

    def deliver(self) -> None:
        """The place where an interrupt may happen."""
        if self._pending:
            self._pending = False
            signal.raise_signal(signal.SIGINT)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if error is None:
            self.deliver()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._pending = True
        signal.signal(signal.SIGINT, self._before)
