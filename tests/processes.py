"""What a test asks of other processes."""

import time

import psutil


def runs(pid):
    """Whether the process does anything yet: one that has ended, and whose exit code nobody asked for, does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition, seconds=120):
    """Looks every fiftieth of a second; a test that waits longer than any machine needs fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
