"""Shards on the workers of a Dask client: built there, held there, and told when they are lost."""

from __future__ import annotations

import time
import uuid
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from typing import Any

from knn.base import NearestNeighbours
from knn.shards import Call, Recipe, ShardsLost, remade

#: Seconds between two looks at which workers there are, and for which a client without any waits.
_LOOK, _PATIENCE = 0.5, 60.0

#: Bytes above which an argument is sent apart from the task.
_LARGE = 1 << 20

#: On a worker: the indexes that it holds, by (who asked, shard).
_held: dict[tuple[str, int], NearestNeighbours] = {}


class OnWorkers:
    """Each shard is held by one worker, and asked by tasks that only this worker may take.

    Dask would make a lost result again from its task; an index that was changed since is not that result, so the
    shards are kept out of Dask's own store, and what is lost is said.
    """

    def __init__(self, client: Any):
        self.client = client
        self._owner = uuid.uuid4().hex
        self._at: dict[int, str] = {}
        weakref.finalize(self, _release, client, self._owner)

    def build(self, recipes: dict[int, Recipe]) -> None:
        there = self._workers()
        load = Counter(address for shard, address in self._at.items() if shard not in recipes and address in there)
        for shard in recipes:
            self._at[shard] = min(there, key=lambda address: load[address] / there[address])
            load[self._at[shard]] += 1
        # One task: no search that goes on, and none after an interrupt, finds a shard without its changes.
        self._all(_hold, [_making(shard, recipe) for shard, recipe in recipes.items()])

    def run(self, calls: Sequence[Call]) -> list[Any]:
        return self._all(_ask, calls)

    def close(self) -> None:
        with suppress(Exception):  # workers that are gone hold nothing
            self.client.run(_let_go, self._owner)
        self._at.clear()

    def _all(self, task: Callable[..., Any], calls: Sequence[Call]) -> list[Any]:
        """`task` of each call on its shard's worker, all at once; their answers in order."""
        there = self._workers()
        if lost := {call.shard for call in calls if self._at[call.shard] not in there}:
            raise ShardsLost(sorted(lost))
        futures: list[Any] = []
        try:
            self._await(task, calls, futures)
        except BaseException:  # an interrupt too: what waits would change a shard that is built again by then
            for future in futures:
                future.cancel(force=True)
            raise
        return self._results(futures, calls)

    def _await(self, task: Callable[..., Any], calls: Sequence[Call], futures: list[Any]) -> None:
        """Fills `futures`, and returns when all are done."""
        for call in calls:
            try:
                futures.append(self._submit(task, call))
            except Exception:
                if self._at[call.shard] in self._workers():
                    raise
                raise ShardsLost([call.shard]) from None
        while not all(future.done() for future in futures):
            self._wait(futures)
            there = self._workers()
            if lost := {call.shard for call in calls if self._at[call.shard] not in there}:
                raise ShardsLost(sorted(lost))

    def _submit(self, task: Callable[..., Any], call: Call) -> Any:
        # Rows travel as data, not inside the task, of which the scheduler keeps a copy.
        to = [self._at[call.shard]]
        parts = [
            self.client.scatter(part, workers=to, hash=False) if _bytes(part) > _LARGE else part
            for part in call.arguments
        ]
        options = {"workers": to, "allow_other_workers": False, "pure": False, "retries": 0}
        key = f"shard-{call.shard}-{uuid.uuid4().hex}"
        return self.client.submit(task, self._owner, call.shard, call.function, *parts, key=key, **options)

    def _wait(self, futures: list[Any]) -> None:
        from distributed import wait

        with suppress(TimeoutError, CancelledError):
            wait(futures, timeout=_LOOK)

    def _results(self, futures: list[Any], calls: Sequence[Call]) -> list[Any]:
        there, found = self._workers(), []
        lost: set[int] = set()
        for call, future in zip(calls, futures, strict=True):
            try:
                found.append(future.result())
            except _NotHeld:
                lost.add(call.shard)
            except Exception:
                if self._at[call.shard] in there:
                    raise
                lost.add(call.shard)
        if lost:
            raise ShardsLost(sorted(lost))
        return found

    def _workers(self) -> dict[str, int]:
        """The workers that there are, with their threads; waits for one."""
        deadline = time.monotonic() + _PATIENCE
        while not (there := dict(self.client.nthreads())):
            if time.monotonic() > deadline:
                raise RuntimeError("client: no worker is left, and none came for a minute: start some, and ask again")
            time.sleep(_LOOK)
        return there


def _making(shard: int, recipe: Recipe) -> Call:
    """`remade` of the recipe, its arguments one after the other, so that large ones travel as data."""
    steps = [(function, len(arguments)) for function, arguments in recipe]
    return Call(shard, partial(remade, steps), tuple(part for _, arguments in recipe for part in arguments))


def _bytes(part: Any) -> int:
    return len(part) if isinstance(part, bytes) else getattr(part, "nbytes", 0)


class _NotHeld(Exception):
    """A worker was started again since, under the address that it had."""


def _hold(owner: str, shard: int, function: Callable[..., NearestNeighbours], *arguments: Any) -> None:
    _held[owner, shard] = function(*arguments)


def _ask(owner: str, shard: int, function: Callable[..., Any], *arguments: Any) -> Any:
    if (owner, shard) not in _held:
        raise _NotHeld(shard)
    return function(_held[owner, shard], *arguments)


def _let_go(owner: str) -> None:
    for key in [key for key in _held if key[0] == owner]:
        del _held[key]


def _release(client: Any, owner: str) -> None:
    with suppress(Exception):  # at the interpreter's end there may be no client any more
        if client.status == "running":
            client.run(_let_go, owner, wait=False)
