"""One coordinator at a time, and none that is dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from reports.lock import CoordinatorLock, Identity, LockHeld, LockLost, read_identity
from reports.store import Store

ROOT = Path(__file__).resolve().parents[2]
HOLD = "import sys, time; from reports.lock import CoordinatorLock as L; from pathlib import Path; "
HOLD += "lock = L(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock, and the lock's path."""
    path = tmp_path / "coordinator.lock"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", HOLD, path], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"held"
        yield process, path
        process.kill()


def test_the_second_is_refused_with_the_firsts_identity(holder):
    process, path = holder
    with pytest.raises(LockHeld, match=rf"process {process.pid} on .* is writing to this store; .*--output") as refused:
        CoordinatorLock(path)
    assert refused.value.holder.pid == process.pid
    with pytest.raises(LockHeld):
        Store(path.parent, write=True)


def test_a_dead_process_is_succeeded_at_once(holder, monkeypatch):
    process, path = holder
    process.kill()
    process.wait()
    assert read_identity(path).pid == process.pid
    monkeypatch.setattr("reports.lock._beats", lambda *_: pytest.fail("waited for a heart that cannot beat"))
    with CoordinatorLock(path) as lock:
        assert lock.identity.pid == os.getpid() == read_identity(path).pid


def test_readers_are_never_refused(tmp_path):
    with Store(tmp_path, write=True), Store(tmp_path) as first, Store(tmp_path) as second:
        assert first.records() == second.records() == []


def elsewhere(path):
    """The lock file as a coordinator on another machine leaves it, through a network file system."""
    identity = replace(Identity.mine(), host="elsewhere", kernel="another")
    path.write_text(json.dumps(asdict(identity)))
    return identity


def test_a_silent_coordinator_elsewhere_is_succeeded_after_the_patience(tmp_path):
    path = tmp_path / "lock"
    elsewhere(path)
    began = time.monotonic()
    with CoordinatorLock(path, patience=0.3) as lock:
        lock.check()
    assert time.monotonic() - began >= 0.3


def test_a_beating_coordinator_elsewhere_is_respected(tmp_path):
    path = tmp_path / "lock"
    identity = elsewhere(path)
    done = threading.Event()

    def beat():
        while not done.wait(0.05):
            os.utime(path)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(LockHeld, match="on elsewhere"):
            CoordinatorLock(path, patience=5)
    finally:
        done.set()
        thread.join()
    assert read_identity(path) == identity


def test_the_heart_beats(tmp_path):
    path = tmp_path / "lock"
    with CoordinatorLock(path, heartbeat=0.02):
        seen, deadline = set(), time.monotonic() + 60
        while len(seen) <= 3:
            assert time.monotonic() < deadline, seen
            seen.add(path.stat().st_mtime_ns)
            time.sleep(0.02)


def test_who_was_succeeded_notices_and_writes_nothing_more(tmp_path):
    path = tmp_path / "lock"
    with CoordinatorLock(path) as lock:
        other = elsewhere(path)
        with pytest.raises(LockLost, match=r"now held by process .* on elsewhere"):
            lock.check()
    assert read_identity(path) == other  # and does not erase its successor


def test_an_unreadable_lock_file_is_nobodys(tmp_path):
    path = tmp_path / "lock"
    path.write_bytes(b"\xff{")
    with CoordinatorLock(path) as lock:
        lock.check()
    assert path.read_bytes() == b""
    lock.close()  # a second time does nothing
