"""Two works timed in turns, so that what slows the machine slows both."""

import math
import statistics
import time

#: Seconds for which a side runs in its turn at least, since some clocks of processors tick in milliseconds.
TURN = 0.01


def ratio(work, beside, rounds=9):
    """The median over `rounds` of what `work` takes over what `beside` takes, each pair run one right after the other.

    Seconds of the processor: what waits for other processes is not counted. A processor that changes its pace does so
    for both of a pair, and the median leaves out the pair in which it changed. Both run before, to be compiled and to
    see how often what is short is repeated in a turn.
    """
    times = [_times(side) for side in (work, beside)]
    return statistics.median(_seconds(work, times[0]) / _seconds(beside, times[1]) for _ in range(rounds))


def _times(work):
    work()
    start = time.perf_counter()
    work()
    return math.ceil(TURN / max(time.perf_counter() - start, TURN / 1000))


def _seconds(work, times):
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times
