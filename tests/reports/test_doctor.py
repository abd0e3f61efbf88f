"""Each finding of the doctor, planted."""

import collections
import json
import os
import sys
from importlib import metadata

import pytest
from typer.testing import CliRunner

from reports import doctor
from reports.cli import app
from tests.reports import made_up_results


def found(subject, *, level=None, output=None):
    """What the doctor says of the subject, worst first."""
    ranks = {"broken": 0, "note": 1, "fine": 2}
    own = sorted((f for f in doctor.examine(output) if f.subject == subject), key=lambda f: ranks[f.level])
    return [f for f in own if level in (None, f.level)]


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    """A working directory and an environment that say nothing."""
    monkeypatch.chdir(tmp_path)
    for name in (*doctor._THREADS, "IMPLICITBENCH_DATA", "IMPLICITBENCH_OUTPUT", "NUMBA_ENABLE_CUDASIM"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_is_broken_here_and_every_finding_says_what_it_means():
    everything = doctor.examine()
    assert {f.level for f in everything} <= {"fine", "note"}, [f for f in everything if f.level == "broken"]
    assert {f.subject for f in everything} >= {
        "python", "libraries", "names", "threads", "BLAS", "CUDA", "memory", "caches", "data", "disk", "store",
    }  # fmt: skip
    assert all(f.found and (f.level == "fine" or (f.means and f.remedy)) for f in everything)


def test_an_old_python_is_broken(monkeypatch):
    monkeypatch.setattr(doctor, "_requires_python", lambda: (4, 1))
    assert "4.1" in found("python", level="broken")[0].remedy


@pytest.mark.parametrize(("planted", "told"), [(None, "pandas is not installed"), ("0.1", "pandas is 0.1, and >=2.2")])
def test_an_absent_or_old_library_is_broken(monkeypatch, planted, told):
    version = metadata.version

    def of(name):
        if name != "pandas":
            return version(name)
        if planted is None:
            raise metadata.PackageNotFoundError(name)
        return planted

    monkeypatch.setattr(metadata, "version", of)
    finding = found("libraries", level="broken")[0]
    assert finding.found.startswith(told)
    assert "pip install 'pandas>=2.2'" in finding.remedy


def test_a_name_that_leads_elsewhere_is_broken_and_one_that_lurks_is_noted(monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "reports.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "elsewhere")])
    (note,) = found("names")
    assert (note.level, str(tmp_path / "elsewhere" / "reports.py") in note.found) == ("note", True)
    monkeypatch.setattr(doctor, "_ROOT", tmp_path / "ours")
    broken = found("names", level="broken")
    assert [f.found.split("`")[1] for f in broken] == [f"import {name}" for name in doctor.PACKAGES]


@pytest.mark.parametrize(("value", "level"), [("1", "fine"), ("100000", "note"), ("many", "broken"), ("0", "broken")])
def test_numbers_of_threads(monkeypatch, value, level):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert found("threads")[0].level == level


@pytest.mark.parametrize(
    ("loaded", "told"),
    [
        ([], "may be slow"),
        ([("blas", "libmkl"), ("openmp", "libomp"), ("openmp", "libgomp")], "two OpenMP runtimes"),
    ],
)
def test_slow_or_doubled_libraries_are_noted(monkeypatch, loaded, told):
    import threadpoolctl

    pools = [{"user_api": api, "internal_api": api, "prefix": name, "num_threads": 1} for api, name in loaded]
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: pools)
    assert told in found("BLAS", level="note")[0].means


def test_the_simulator_is_noted(monkeypatch):
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    assert "NUMBA_ENABLE_CUDASIM" in found("CUDA")[0].found


def test_memory_that_is_short_or_no_size(monkeypatch):
    from knn.memory import VARIABLE

    monkeypatch.setenv(VARIABLE, "1KB")
    assert found("memory")[0].level == "note"
    monkeypatch.setenv(VARIABLE, "much")
    assert "much" in found("memory", level="broken")[0].found


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "absent"))
    assert "cannot be compiled" in found("caches", level="broken")[0].means
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr("knn.kernels.jit.cache_folder", lambda _: None)
    assert "anew" in found("caches", level="note")[0].means


def test_a_folder_of_data_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path / "absent"))
    assert "no folder" in found("data", level="broken")[0].found


@pytest.mark.parametrize(("free", "level"), [(1 << 20, "broken"), (1 << 29, "note"), (1 << 35, "fine")])
def test_a_full_disk(monkeypatch, free, level):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(1 << 40, 0, free))
    assert {f.level for f in found("disk")} == {level}


def test_a_disk_that_cannot_be_written(monkeypatch):
    monkeypatch.setattr(doctor, "_writable", lambda folder: os.environ.get("NUMBA_CACHE_DIR") == str(folder))
    assert "cannot be written" in found("disk", level="broken")[0].found


def test_a_damaged_store_and_one_from_the_future(tmp_path):
    folder = made_up_results.write(tmp_path / "results")
    assert "every checksum right" in found("store", output=folder)[0].found
    journal = folder / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-9])
    assert found("store", output=folder)[0].level == "note"  # the index has the line
    (folder / "index.sqlite").unlink()
    middle = len(whole) // 2
    journal.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert found("store", output=folder)[0].level == "broken"


def test_uncommitted_sources_are_noted(monkeypatch):
    monkeypatch.setattr("reports.provenance.commit", lambda: "0123+dirty")
    assert found("commit")[0].level == "note"


def test_a_check_that_fails_is_itself_a_finding(monkeypatch):
    def broken():
        raise OSError("no")

    monkeypatch.setattr("reports.provenance.commit", broken)
    assert found("commit", level="broken")[0].found == "OSError: no"


def test_the_command_exits_1_only_where_something_is_broken(monkeypatch):
    finding = doctor.Finding("disk", "note", "little", "it may not fit", "free some")
    monkeypatch.setattr(doctor, "examine", lambda _: [finding])
    done = CliRunner().invoke(app, ["doctor"])
    assert (done.exit_code, "remedy: free some" in done.stdout) == (0, True)
    monkeypatch.setattr(doctor, "examine", lambda _: [doctor.Finding("disk", "broken", "none")])
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)[0]["level"] == "broken"
