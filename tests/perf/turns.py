"""Two works timed in turns, so that what slows the machine slows both."""

import statistics
import time

from threadpoolctl import threadpool_limits

#: Seconds for which a side runs in its turn at least: twenty ticks of the clock, which are 16 ms on some systems.
TURN = max(0.01, 20 * time.get_clock_info("process_time").resolution)


def ratio(work, beside, rounds=9):
    """The median over `rounds` of what `work` takes over what `beside` takes, each pair run one right after the other.

    Seconds of the processor on one thread of BLAS: what waits for other processes is not counted, and threads would add
    up. A processor that changes its pace does so for both of a pair, and the median leaves out the pair in which it
    changed. Both run once before, to be compiled.
    """
    with threadpool_limits(1):
        work(), beside()
        return statistics.median(_seconds(work) / _seconds(beside) for _ in range(rounds))


def _seconds(work):
    start, times = time.process_time(), 0
    while True:
        work()
        times += 1
        taken = time.process_time() - start
        if taken >= TURN:
            return taken / times
