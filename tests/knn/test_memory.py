"""Memory: what building takes is foretold, what there is is known, and what cannot fit is refused with the numbers."""

import os
import subprocess
import sys
import textwrap
import tracemalloc

import numpy as np
import pytest

from knn import BruteForce, CoverTree, KDTree, PrincipalDCI, indexes, memory
from knn.principal_map import PASSING


def limited(monkeypatch, free):
    monkeypatch.setattr(memory, "room", lambda: memory.Room(free, "as the test says"))


@pytest.mark.skipif(sys.platform == "win32", reason="no ru_maxrss on Windows")
@pytest.mark.parametrize("name", ["lsh", *(pytest.param(name, marks=pytest.mark.deep) for name in indexes)])
def test_the_peak_is_foretold_within_half(name):
    """The process that builds is asked for its peak: data and index together, which must fit together.

    With fewer points, what the allocator kept of the small builds would serve the large one, and hide it.
    """
    code = f"""
    import pathlib, resource, sys
    import numpy as np, psutil
    from knn import indexes

    def highest():
        # Linux hands ru_maxrss on from the process that started this one; VmHWM is this one's own.
        if sys.platform == "linux":
            lines = pathlib.Path("/proc/self/status").read_text().splitlines()
            return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    n, d = 150_000, 32
    X = np.empty((n, d), np.float32)
    for start in range(0, n, 10_000):
        X[start : start + 10_000] = np.random.default_rng(start).standard_normal((10_000, d))
    index = indexes[{name!r}](random_state=0)
    index.fit(X[:1000])  # compiles the kernels
    foretold = index.estimated_peak(X.shape)
    before = psutil.Process().memory_info().rss
    index.fit(X)
    peak = highest()
    print(foretold + X.nbytes, peak - before + X.nbytes)
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    told = {"env": own, "capture_output": True, "text": True, "timeout": 500}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], **told)
    assert done.returncode == 0, done.stderr
    foretold, measured = map(int, done.stdout.split())
    assert measured / 1.5 < foretold < measured * 1.5


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_the_data_are_copied_at_most_once(kind, metric):
    """Each further row takes, at the peak, less than two copies of itself; where rows are lifted, that is the copy."""
    d = 512
    X = np.random.default_rng(0).standard_normal((12_000, d)).astype(np.float32)
    index = kind(metric=metric, random_state=0)._fit(X[:50])
    peaks = []
    for n in (6_000, 12_000):
        tracemalloc.start()
        index._fit(X[:n])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    copies = 1 if metric == "euclidean" else 2
    assert (peaks[1] - peaks[0]) / (6_000 * X.itemsize * d) < copies + 0.9


def test_what_cannot_fit_is_refused_before_any_work(kind, monkeypatch):
    X = np.random.default_rng(1).standard_normal((40_000, 16)).astype(np.float32)
    limited(monkeypatch, 1_000)
    index = kind()
    with pytest.raises(MemoryError, match=r"40000 × 16 numbers needs about .*B .*1 kB are left \(as the test says\)"):
        index.fit(X)
    assert not hasattr(index, "n_features_in_")


def test_an_index_that_knows_what_a_point_takes_foretells_it_at_once():
    X = np.random.default_rng(0).standard_normal((8000, 3))
    index = CoverTree()
    assert memory.estimated_peak(index, X, 10**6) == CoverTree.bytes_a_point * 10**6
    memory._allocated(index, X[:300])  # compiles
    # What `fit` allocates besides does not grow with the points, but for some pages of the interpreter's own; and what
    # other threads of this process allocate meanwhile is counted too, which is not in every one of three.
    added = [memory._allocated(index, X[:8000])[0] - memory._allocated(index, X[:500])[0] for _ in range(3)]
    assert min(abs(more - 7500 * CoverTree.bytes_a_point) for more in added) < 4 * 4096
    assert memory.estimated_peak(index, X.astype(int), 2000) > 2000 * (CoverTree.bytes_a_point + X.itemsize * 3)


def test_what_passes_through_memory_while_cells_are_filled_is_foretold():
    """At 16384 rows the sample from which the map is learnt hides it: by the slope of what stays it would be missed."""
    X = np.random.default_rng(2).standard_normal((120_000, 8)).astype(np.float32)
    index = PrincipalDCI(random_state=0)
    foretold = memory.estimated_peak(index, X[: memory.TRIAL], len(X))
    peak, held = memory._allocated(index, X)
    # A tenth for what is not in proportion: the last block of each cell, and the map.
    assert abs((peak - held) / len(X) - PASSING) < 0.1 * PASSING
    assert peak / 1.5 < foretold < peak * 1.5


def test_a_copy_that_casting_makes_is_counted(monkeypatch):
    X = np.zeros((40_000, 64), np.int8)
    limited(monkeypatch, 15_000_000)
    with pytest.raises(MemoryError, match=r"20.5 MB of them for a copy of the data as float64"):
        BruteForce().fit(X)
    BruteForce().fit(np.zeros((40_000, 64), np.float32))


def test_bad_data_have_their_own_errors_however_little_room_there_is(kind, monkeypatch):
    limited(monkeypatch, 0)
    for rows in (np.zeros(3), np.zeros((0, 3)), np.zeros((2, 2), complex), [[1.0, np.nan]], None):
        with pytest.raises((ValueError, TypeError)):
            kind().fit(rows)


def test_no_trial_where_there_is_plenty(monkeypatch):
    limited(monkeypatch, 10**12)
    monkeypatch.setattr(memory, "estimated_peak", None)
    KDTree().fit(np.zeros((5_000, 3)))
    monkeypatch.setattr(memory, "room", None)
    KDTree().fit(np.zeros((100, 3)))  # so few that nobody asks


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("4GB", 4 * 10**9), ("500 MiB", 500 << 20), ("2.5g", 25 * 10**8), ("1T", 10**12), ("7kb", 7000)],
)
def test_sizes_are_read_with_their_units(text, size):
    assert memory.parsed_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "4XB", "1e9", "GB"])
def test_what_is_no_size_is_refused_by_the_name_of_the_variable(text):
    with pytest.raises(ValueError, match=memory.VARIABLE):
        memory.parsed_size(text)


def test_the_variable_limits_the_process(monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "1MB")
    assert memory.room() == (0, f"{memory.VARIABLE}=1MB")
    with pytest.raises(MemoryError, match=memory.VARIABLE):
        BruteForce().fit(np.zeros((2000, 4)))
    monkeypatch.delenv(memory.VARIABLE)
    assert memory.room().free > 0


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_AS on Windows")
def test_the_address_space_limits_the_process():
    code = """
    import resource
    import numpy as np, psutil
    from knn import KDTree, memory
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + 10_000_000, resource.RLIM_INFINITY))
    print(memory.room().free <= 10_000_000, "ulimit" in memory.room().limit)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "True True", done.stderr


def group(folder, **files):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"memory.{name}").write_text(text)


def test_control_groups_of_version_2_limit_from_any_level(tmp_path):
    mounted = tmp_path / "cgroup"
    group(mounted, stat="inactive_file 0\n")
    group(mounted / "box", max="1000000", current="900000", stat="anon 1\ninactive_file 300000\nfile 9\n")
    group(mounted / "box" / "job", max="max", current="5", stat="inactive_file 0\n")
    (tmp_path / "own").write_text("0::/box/job\n")
    (found,) = memory.cgroup_rooms(mounted, tmp_path / "own")
    assert found.free == 400_000
    assert "1 MB" in found.limit
    assert str(mounted / "box") in found.limit


def test_control_groups_of_version_1_limit_by_their_memory_controller(tmp_path):
    mounted = tmp_path / "cgroup"
    group(mounted / "memory", limit_in_bytes=str(2**63 - 4096), usage_in_bytes="7", stat="total_inactive_file 0\n")
    job = {"limit_in_bytes": "5000000", "usage_in_bytes": "2000000", "stat": "total_inactive_file 500000\n"}
    group(mounted / "memory" / "job", **job)
    (tmp_path / "own").write_text("5:cpu,cpuacct:/job\n4:memory:/job\n")
    (found,) = memory.cgroup_rooms(mounted, tmp_path / "own")
    assert found.free == 3_500_000


def test_without_control_groups_there_is_no_limit_of_theirs(tmp_path):
    assert list(memory.cgroup_rooms(tmp_path, tmp_path / "none")) == []
