"""The most memory that the process held while something ran, whoever allocated it."""

from __future__ import annotations

import gc
import threading
from types import TracebackType

import psutil

#: Seconds between two looks: short beside any build worth its memory, and idle otherwise.
PERIOD = 0.005


class PeakMemory:
    """A context whose `bytes`, afterwards, are (most resident memory seen inside) − (resident memory at the start).

    Looks every 5 ms and at the end. What is taken from memory that the process had kept from earlier does not show, so
    it is a lower bound; libraries' own allocations are seen as well as NumPy's.
    """

    bytes = 0

    def __enter__(self) -> PeakMemory:
        gc.collect()
        self._process, self._done = psutil.Process(), threading.Event()
        self._start = self._most = self._process.memory_info().rss
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(PERIOD):
            self._look()

    def _look(self) -> None:
        self._most = max(self._most, self._process.memory_info().rss)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        self._watcher.join()
        self._look()
        self.bytes = self._most - self._start
