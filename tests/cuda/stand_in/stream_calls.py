"""Functions of the driver about streams, events and graphs."""

from __future__ import annotations

from typing import Any

from tests.cuda.stand_in.entries import Refused, entry, give
from tests.cuda.stand_in.streams import Event, Graph

NON_BLOCKING, WITHOUT_TIME = 1, 2
CAPTURING, INVALIDATED = 1, 2


@entry("pu")
def cuStreamCreate(driver: Any, out: int, flags: int) -> None:
    give(out, "p", driver.streams.create(not flags & NON_BLOCKING).handle)


@entry("pui")
def cuStreamCreateWithPriority(driver: Any, out: int, flags: int, priority: int) -> None:  # noqa: ARG001
    cuStreamCreate(driver, out, flags)


@entry("pp")
def cuCtxGetStreamPriorityRange(driver: Any, least: int, greatest: int) -> None:  # noqa: ARG001
    """None goes before another."""
    give(least, "i", 0)
    give(greatest, "i", 0)


@entry("p")
def cuStreamDestroy(driver: Any, stream: int) -> None:
    driver.streams.destroy(stream)


@entry("p")
def cuStreamSynchronize(driver: Any, stream: int) -> None:
    found = driver.streams.stream(stream)
    driver.streams.check(found)
    driver.streams.finish(driver.streams.last(found))


@entry("p")
def cuStreamQuery(driver: Any, stream: int) -> None:
    found = driver.streams.stream(stream)
    driver.streams.check(found)
    if not driver.streams.step(driver.streams.last(found)):
        raise Refused("NOT_READY")


@entry("ppu")
def cuStreamWaitEvent(driver: Any, stream: int, event: int, flags: int) -> None:  # noqa: ARG001
    driver.streams.wait(driver.streams.stream(stream), driver.streams.event(event))


@entry("pu")
def cuEventCreate(driver: Any, out: int, flags: int) -> None:
    event = Event(not flags & WITHOUT_TIME)
    driver.streams.events[event.handle] = event
    give(out, "p", event.handle)


@entry("p")
def cuEventDestroy(driver: Any, event: int) -> None:
    driver.streams.event(event)
    del driver.streams.events[event]


@entry("pp")
def cuEventRecord(driver: Any, event: int, stream: int) -> None:
    driver.streams.record(driver.streams.event(event), driver.streams.stream(stream))


@entry("p")
def cuEventSynchronize(driver: Any, event: int) -> None:
    driver.streams.finish(_seen(driver, event).record)


@entry("p")
def cuEventQuery(driver: Any, event: int) -> None:
    if not driver.streams.step(_seen(driver, event).record):
        raise Refused("NOT_READY")


@entry("ppp")
def cuEventElapsedTime(driver: Any, out: int, start: int, stop: int) -> None:
    first, last = (_seen(driver, event) for event in (start, stop))
    if not (first.timed and last.timed and first.record and last.record):
        raise Refused("INVALID_HANDLE")
    if not (driver.streams.step(first.record) and driver.streams.step(last.record)):
        raise Refused("NOT_READY")
    give(out, "f", (last.record.time - first.record.time) * 1e3)


@entry("pi")
def cuStreamBeginCapture(driver: Any, stream: int, mode: int) -> None:
    driver.streams.begin(driver.streams.stream(stream), mode)


@entry("pp")
def cuStreamEndCapture(driver: Any, stream: int, out: int) -> None:
    give(out, "p", None)
    give(out, "p", driver.streams.end(driver.streams.stream(stream)).handle)


@entry("pp")
def cuStreamIsCapturing(driver: Any, stream: int, out: int) -> None:
    capture = driver.streams.stream(stream).capture
    give(out, "i", 0 if capture is None else CAPTURING if capture.valid else INVALIDATED)


@entry("ppppppp", "cuStreamGetCaptureInfo:12030")
def captured(driver: Any, stream: int, status: int, number: int, graph: int, *rest: int) -> None:
    """Whether it is captured, and into which graph; what its next operation would come behind is not told."""
    capture = driver.streams.stream(stream).capture
    cuStreamIsCapturing(driver, stream, status)
    if any(rest):
        raise Refused("NOT_SUPPORTED")
    if capture is not None:
        give(number, "n", capture.graph.handle)
        give(graph, "p", capture.graph.handle)


@entry("ppn")
def cuGraphInstantiateWithFlags(driver: Any, out: int, graph: int, flags: int) -> None:  # noqa: ARG001
    give(out, "p", driver.streams.keep(Graph(_graph(driver, graph).tasks)).handle)


@entry("pp")
def cuGraphLaunch(driver: Any, graph: int, stream: int) -> None:
    driver.streams.launch(_graph(driver, graph), driver.streams.stream(stream))


@entry("p", "cuGraphDestroy", "cuGraphExecDestroy")
def forget(driver: Any, graph: int) -> None:
    """What was started of it runs all the same."""
    _graph(driver, graph)
    del driver.streams.graphs[graph]


def _graph(driver: Any, handle: int) -> Graph:
    if handle not in driver.streams.graphs:
        raise Refused("INVALID_VALUE")
    return driver.streams.graphs[handle]


def _seen(driver: Any, handle: int) -> Event:
    """An event that the host may ask for."""
    event = driver.streams.event(handle)
    if event.capture is not None:
        raise Refused("CAPTURED_EVENT")
    driver.streams.check()
    return event
