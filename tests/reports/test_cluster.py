"""Cells on the workers of a Dask scheduler: the same records, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import threading
import time

import psutil
import pytest

from reports import cluster as clusters
from reports.cluster import Cluster, WorkersDiffer, differences
from reports.experiment import Cell, experiments
from reports.record import Status
from reports.runner import run
from reports.store import Store
from reports.workers import WorkersBroken
from tests.processes import runs, wait_until
from tests.reports.probes import Probe, TimedProbe

distributed = pytest.importorskip("distributed", reason="the cluster; [cluster] brings it")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setattr(experiments, "_scanned", True)
    monkeypatch.setitem(experiments._members, "probe", Probe)
    monkeypatch.setitem(experiments._members, "timed-probe", TimedProbe)


@pytest.fixture(scope="module")
def dask():
    """A scheduler with two workers of one thread, which their nannies start again."""
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(**options) as cluster:
        yield cluster


def listed(monkeypatch, *cells, kind=Probe):
    monkeypatch.setattr(kind, "listed", list(cells))


def values(folder):
    with Store(folder) as store:
        frame = store.frame("probe")
    return frame[frame.metric != "pid"].drop(columns=["seconds", "created", "detail", "commit"])


def test_a_cell_fails_there_as_it_does_here_and_its_limits_hold(tmp_path, monkeypatch, dask):
    cells = [Cell({"do": "draw"}, seed) for seed in range(4)]
    cells += [
        Cell({"do": "fail"}),
        Cell({"do": "die"}),
        Cell({"do": "sleep", "for": 60}, seconds=0.5),
        Cell({"do": "fill-memory"}, memory=400 << 20),
    ]
    listed(monkeypatch, *cells)
    listed(monkeypatch, Cell({"n": 1}), kind=TimedProbe)
    run(["probe"], output=tmp_path / "here", jobs=1)
    run(["probe", "timed-probe"], output=tmp_path / "there", cluster=dask.scheduler_address)
    here, there = (Store(tmp_path / name).records("probe") for name in ("here", "there"))
    assert values(tmp_path / "here").equals(values(tmp_path / "there"))
    assert [r.detail for r in here] == [r.detail for r in there]
    assert {r.status for r in there} >= {Status.OK, Status.FAILED, Status.DIED, Status.TIMEOUT, Status.MEMORY}
    assert all(r.machine["fingerprint"] for r in there)
    (alone,) = Store(tmp_path / "there").records("timed-probe", metric="processors")
    assert alone.value == 1  # pinned, so on this machine


def test_the_cells_of_a_killed_worker_are_measured_by_another_and_say_why(tmp_path, monkeypatch, dask):
    marker = tmp_path / "under-way"
    listed(monkeypatch, *(Cell({"do": "draw-slowly", "marker": str(marker), "for": 60}, seed) for seed in range(4)))
    killed = []

    def kill():
        while not marker.exists():
            time.sleep(0.02)
        pid = int(marker.read_text())  # the cell's process; its worker is the parent
        killed.append(psutil.Process(pid).ppid())
        os.kill(killed[0], signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    summary = run("probe", output=tmp_path, cluster=dask.scheduler_address)
    assert killed
    assert summary.counts == {Status.OK: 4}
    told = [r.detail for r in Store(tmp_path).records("probe", metric="mean")]
    assert any("second attempt, because its worker tcp://" in detail and "was lost" in detail for detail in told)
    assert len(Store(tmp_path).records(history=True)) == 8


def test_a_run_that_is_left_leaves_no_cell_running_on_the_workers(tmp_path, monkeypatch, dask):
    marker = tmp_path / "under-way"
    listed(monkeypatch, Cell({"do": "draw-slowly", "marker": str(marker), "for": 60}))

    def interrupt(state):  # noqa: ARG001
        if marker.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("probe", output=tmp_path, cluster=dask.scheduler_address, progress=interrupt)
    pid = int(marker.read_text())
    wait_until(lambda: not runs(pid))


def test_a_worker_that_would_compute_something_else_is_refused_by_name(tmp_path, monkeypatch, dask):
    listed(monkeypatch, Cell({"do": "draw"}))
    real = clusters.description

    def with_another_numpy(modules, data):
        return {**real(modules, data), "numpy": "1.0", "knn/exact.py": "0123456789abcdef"}

    monkeypatch.setattr(clusters, "description", with_another_numpy)
    with pytest.raises(
        WorkersDiffer, match=r"worker tcp://.* differs in knn/exact\.py .*numpy \([\d.]+ there, 1\.0 here"
    ):
        run("probe", output=tmp_path, cluster=dask.scheduler_address)
    assert Store(tmp_path).records() == []


def test_an_address_where_nobody_answers_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(clusters, "_ANSWER", 0.5)
    with pytest.raises(WorkersBroken, match=r"no scheduler answers at 'tcp://127\.0\.0\.1:9'.*--cluster local"):
        Cluster("tcp://127.0.0.1:9", 1)


@pytest.mark.parametrize(
    "address", ["foo", "", "tcp://", "tcp://host", "host:", "a b:1", "tcp://host:8786/x", "locals"]
)
def test_what_is_no_address_is_refused_at_once(address):
    with pytest.raises(WorkersBroken, match="is no address of a scheduler: give --cluster tcp://host:8786, or local"):
        Cluster(address, 1)


def test_a_cluster_of_ones_own_is_closed_when_it_cannot_be_used(monkeypatch):
    ended = []

    class Owned:
        def __init__(self, **options):
            pass

        def close(self, timeout):
            ended.append(timeout)

    def refuse(*_, **__):
        raise OSError("no way")

    monkeypatch.setattr(distributed, "LocalCluster", Owned)
    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(WorkersBroken, match=r"no way.*__main__"):
        Cluster("local", 1)
    assert len(ended) == 1
    monkeypatch.setattr(distributed, "LocalCluster", refuse)
    with pytest.raises(WorkersBroken, match=r"no way.*__main__"):
        Cluster("local", 1)


def test_differences_are_told_by_name_and_not_without_end():
    assert differences({"a": "1"}, {"a": "1"}) == ""
    assert differences({"a": "1", "b": "2"}, {"a": "3"}) == "a (3 there, 1 here), b (absent there, 2 here)"
    assert differences({str(i): "1" for i in range(10)}, {}).endswith(" and 4 more")
