"""Two works timed in turns, so that what slows the machine slows both."""

import statistics
import time


def ratio(work, beside, rounds=9):
    """The median over `rounds` of what `work` takes over what `beside` takes, each pair run one right after the other.

    Seconds of the processor: what waits for other processes is not counted. A processor that changes its pace does so
    for both of a pair, and the median leaves out the pair in which it changed. Both run once before, to be compiled.
    """
    work(), beside()
    return statistics.median(_seconds(work) / _seconds(beside) for _ in range(rounds))


def _seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start
