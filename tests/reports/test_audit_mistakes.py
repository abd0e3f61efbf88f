"""What the system does not give, and what newcomers give: an audit says what it is, before it works for minutes."""

import errno
import os
import re
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from reports.auditing.files import refusing
from reports.auditing.formats import read_rows
from reports.cli import app
from reports.datasets.hdf5_entries import one_here
from reports.datasets.source import DataError
from reports.durable import check_target
from reports.unread import readable
from tests.reports.test_audit_formats import ROWS, WRITERS, hdf5, image


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EACCES, r"Permission denied: make it, and the folders that it is in, readable for you \(chmod\)"),
        (errno.EIO, "Input/output error: its disk or its network did not give it: copy it to another place"),
        (errno.ENOENT, "No such file or directory: see that the path is right"),
    ],
)
def test_what_the_system_does_not_give_is_not_called_malformed(name, number, told, tmp_path, monkeypatch):
    WRITERS[name](tmp_path / name)
    monkeypatch.setattr(Path, "open", refused_by_the_system(number))
    with pytest.raises(type(OSError(number, "")), match=rf"^data: .*{re.escape(name)} cannot be read \({told}"):
        read_rows(tmp_path / name, "data")


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("exists", "^data: .*folder cannot be read"),
        ("iterdir", "^data: .*folder cannot be read"),
        ("read_bytes", "^data: row 0, a.png, cannot be read"),
    ],
)
def test_what_the_system_does_not_give_of_a_folder_of_images(method, told, tmp_path, monkeypatch):
    image(tmp_path / "folder", "L", 7, "png")
    monkeypatch.setattr(Path, method, refused_by_the_system(errno.EACCES))
    with pytest.raises(PermissionError, match=rf"{told} \(Permission denied: make it"):
        read_rows(tmp_path / "folder", "data")


def refused_by_the_system(number):
    def refuse(*_, **__):
        raise OSError("what it says") if number is None else OSError(number, "what it says")

    return refuse


def test_a_disk_that_fails_in_the_middle_is_told_and_a_place_outside_the_file_is_malformed():
    for number, kind in ((errno.EIO, OSError), (errno.EINVAL, ValueError), (None, ValueError)):
        with pytest.raises(kind) as caught, readable("data: a.npz"), refusing("data", "data: a.npz is no such file"):
            raise OSError(number, "seek") if number else OSError("a library's own")
        assert str(caught.value).startswith(
            "data: a.npz " + ("cannot be read (" if number == errno.EIO else "is no such")
        )


@pytest.mark.parametrize(
    ("number", "told"), [(errno.EIO, "cannot be read (Input/output"), (None, "as HDF5 (what it says): remedy")]
)
def test_hdf5_that_the_system_does_not_give(number, told, tmp_path, monkeypatch):
    hdf5(tmp_path / "a.h5", any=ROWS)
    monkeypatch.setattr(h5py, "File", refused_by_the_system(number))
    with pytest.raises(DataError, match=re.escape(told)):
        one_here(tmp_path / "a.h5", "remedy", "any")


def test_a_folder_that_may_not_be_written_to_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match=r"--output: .* may not be written to; make it writable, or choose"):
        check_target(tmp_path / "page.html", "--output")


def test_the_command_of_two_samples_asks_about_scales_and_names_what_is_transposed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", ROWS)
    np.save("b.npy", (ROWS * 255).astype(np.uint8))
    np.save("t.npy", ROWS.T)
    done = CliRunner().invoke(app, ["compare", "a.npy", "b.npy", "--only", "sliced-wasserstein"])
    assert done.exit_code == 0, done.output
    assert re.search(
        r"implicitbench: B: numbers from \d to 25\d, A: from 0\.\d+ to 0\.9\d+: were they scaled", done.stderr
    )
    np.save("one.npy", ROWS[:1])
    few = CliRunner().invoke(app, ["compare", "a.npy", "one.npy"])
    assert few.exit_code == 0, few.output
    assert re.search(r"B has 1 row, too few for classifier, .*recall, which are left out", few.stderr)
    refused = CliRunner().invoke(app, ["compare", "a.npy", "t.npy"])
    assert refused.exit_code == 2
    assert (
        "B (t.npy) has 40 coordinates a row and A (a.npy) has 3: they must agree; B (t.npy) has 3 rows: transpose"
        in (" ".join(refused.stderr.split()))
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["faulty:fails", "--data", "rows.npy"], "samples: faulty:fails(1000) raised RuntimeError: no weights"),
        (
            ["faulty:alone", "--data", "rows.npy"],
            "samples: faulty:alone(1000) raised TypeError: alone() takes 0 positional",
        ),
        (["faulty:reads", "--data", "rows.npy"], "samples: faulty:reads(1000) raised FileNotFoundError: [Errno 2]"),
        (
            ["rows.npy", "--data", "rows.npy", "--features", "faulty:fails"],
            "features of samples raised RuntimeError: no w",
        ),
        (["broken:draw", "--data", "rows.npy"], "samples is 'broken:draw', whose module raises SyntaxError: "),
    ],
)
def test_what_somebodys_function_raises_is_no_defect_of_samples(arguments, told, tmp_path, monkeypatch):
    """An error that passes makes the exit code 1, which says that a defect was found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "faulty.py").write_text(
        "def fails(n): raise RuntimeError('no weights')\ndef alone(): return 1\ndef reads(n): open('nothing.bin')\n"
    )
    (tmp_path / "broken.py").write_text("def draw(:")
    np.save("rows.npy", ROWS)
    done = CliRunner().invoke(app, ["audit", *arguments])
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    for name in ("faulty", "broken"):
        sys.modules.pop(name, None)
