"""What an audit reads, what it refuses, its command and its page."""

import io
import re
import struct
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from reports import auditing
from reports.auditing.formats import read_rows
from reports.cli import app

ROWS = np.random.default_rng(0).random((40, 3))


def torch_file(path, value):
    import torch

    torch.save(torch.tensor(value), path)


def hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values


def parquet(path, values):
    import pandas as pd

    pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])]).to_parquet(path)


WRITERS = {
    "rows.npy": lambda path: np.save(path, ROWS),
    "rows.npz": lambda path: np.savez(path, any=ROWS),
    "rows.pt": lambda path: torch_file(path, ROWS),
    "rows.h5": lambda path: hdf5(path, any=ROWS),
    "rows.parquet": lambda path: parquet(path, ROWS),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_rows(name, tmp_path):
    WRITERS[name](tmp_path / name)
    found = read_rows(tmp_path / name, "data")
    np.testing.assert_array_equal(found.values, ROWS)
    assert found.origin == name


@pytest.mark.parametrize(
    "make",
    [
        lambda torch: {"rows": torch.ones(5, 3), "epoch": 3},
        lambda torch: torch.nn.Parameter(torch.ones(5, 3)),
        lambda torch: torch.ones(10, 6, dtype=torch.uint16)[::2, :3],
        lambda torch: torch.nn.Linear(3, 5, bias=False).state_dict(),
    ],
)
def test_plain_tensors_of_every_kind_are_read(make, tmp_path):
    torch_saved(tmp_path / "a.pt", make)
    assert read_rows(tmp_path / "a.pt", "data").values.shape == (5, 3)


def test_one_of_several_arrays_is_chosen_by_its_name(tmp_path):
    np.savez(tmp_path / "two.npz", a=ROWS, b=ROWS[:5])
    hdf5(tmp_path / "two.h5", **{"group/a": ROWS, "b": ROWS[:5]})
    for path, key in (("two.npz", "b"), ("two.h5", "b")):
        assert len(read_rows(f"{tmp_path / path}::{key}", "data").values) == 5
    assert len(read_rows(f"{tmp_path / 'two.h5'}::group/a", "data").values) == 40


@pytest.mark.parametrize(("mode", "shape"), [("L", (4, 5)), ("RGB", (4, 5, 3))])
def test_a_folder_of_images_is_read_in_the_order_of_names(tmp_path, mode, shape):
    for name, grey in (("b.png", 255), ("a.png", 0)):
        Image.new(mode, (5, 4), color=grey if mode == "L" else (grey,) * 3).save(tmp_path / name)
    found = read_rows(tmp_path, "samples")
    assert found.shape == shape
    assert found.values.mean(axis=1).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_of_grey_are_all_read(tmp_path, ending):
    greys = np.array([[0, 1, 255], [256, 40000, 65535]], dtype=np.uint16)
    Image.fromarray(greys).save(tmp_path / f"a.{ending}")
    assert read_rows(tmp_path, "samples").values.tolist() == [(greys.ravel() / 65535).tolist()]


def archive(path, content, member="any.npy", method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as held:
        held.writestr(member, content)


def npy(array):
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


def torch_saved(path, make, **options):
    import torch

    torch.save(make(torch), path, **options)


def large_png(folder):
    """A PNG of 60 000 × 60 000 pixels in some hundred bytes."""
    folder.mkdir()
    Image.new("L", (3, 2)).save(folder / "a.png")
    content = bytearray((folder / "a.png").read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (folder / "a.png").write_bytes(content)


def image(folder, mode, colour, ending, **more):
    folder.mkdir()
    Image.new(mode, (3, 2), colour).save(folder / f"a.{ending}", **more)


BAD = {
    "absent": ("nowhere.npy", None, "data: nowhere.npy is not there; pass"),
    "another ending": ("a.txt", lambda p: p.write_text("1"), "ends in .txt: pass .npy"),
    "no npy": ("a.npy", lambda p: p.write_bytes(b"1"), "data: .*whole .npy file.*numpy.save"),
    "cut npy": ("a.npy", lambda p: (np.save(p, ROWS), p.write_bytes(p.read_bytes()[:-8])), "data: .*whole .npy"),
    "no zip": ("a.npz", lambda p: p.write_bytes(b"PK"), "data: .*no .npz file"),
    "a npy as npz": ("a.npz", lambda p: p.write_bytes(npy(ROWS)), "data: .*no .npz file of numbers.*numpy.savez"),
    "no header": ("a.npy", lambda p: p.write_bytes(npy(ROWS).replace(b"'<f8'", b"',f8'")), "data: .*whole .npy"),
    "no header in npz": ("a.npz", lambda p: archive(p, npy(ROWS).replace(b"'<f8'", b"',f8'")), "no .npz file"),
    "npz that claims": ("a.npz", lambda p: archive(p, npy(ROWS).replace(b"(40,", b"(4000000000,")), "declares"),
    "npz that unpacks": (
        "a.npz",
        lambda p: archive(p, bytes(1 << 25)),
        r"a\.npz claim to hold 33554432: write .* .npy",
    ),
    "parquet that unpacks": ("a.parquet", lambda p: parquet(p, np.zeros((1 << 23, 1), np.int8)), "claim to hold 671"),
    "tensor that repeats": (
        "a.pt",
        lambda p: torch_saved(p, lambda torch: torch.zeros(1).expand(1 << 20, 1 << 20)),
        r"holds fewer numbers than its shape \(1048576, 1048576\): save tensor.contiguous",
    ),
    "sparse tensor": ("a.pt", lambda p: torch_saved(p, lambda torch: torch.eye(3).to_sparse()), "its pickle calls"),
    "pickle that allocates": (
        "a.pt",
        lambda p: archive(p, b"\x80\x02cbuiltins\nbytearray\nJ\0\0\0\x7f\x85R.", "a/data.pkl"),
        "data: .*torch.save.*its pickle calls builtins bytearray",
    ),
    "torch of before 1.6": (
        "a.pt",
        lambda p: torch_saved(p, lambda torch: torch.eye(30), _use_new_zipfile_serialization=False),
        "data: .*no tensor that can be read without running code: write it with torch.save",
    ),
    "pixels that are not there": ("folder", large_png, "row 0, a.png, is no image that can be read .*3600000000"),
    "a program for a printer": (
        "folder",
        lambda p: (p.mkdir(), (p / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 5\n")),
        "row 0, a.png, is no image that can be read",
    ),
    "objects in npz": ("a.npz", lambda p: np.savez(p, a=np.array([{}])), "data: .*no .npz file of numbers"),
    "several in npz": ("a.npz", lambda p: np.savez(p, a=ROWS, b=ROWS), "holds the arrays a, b: choose one, a.npz::a"),
    "complex in h5": ("a.h5", lambda p: hdf5(p, a=ROWS * 1j), r"a.h5: a claims \(40, 3\) of complex128: write it with"),
    "a h5 entry without a shape": ("a.h5", lambda p: hdf5(p, a=h5py.Empty("f8")), "a claims None of float64: write it"),
    "none in h5": ("a.h5", lambda p: hdf5(p), "holds no array"),
    "no h5": ("a.h5", lambda p: p.write_bytes(b"\x89HDF" * 9), "data: .*cannot be read as HDF5"),
    "no pt": ("a.pt", lambda p: p.write_bytes(b"\x80\x02c"), "data: .*no tensor.*torch.save"),
    "no tensor": ("a.pt", lambda p: __import__("torch").save([1], p), "holds list and no tensor"),
    "tensors beside what runs code": (
        "a.pt::b",
        lambda _: torch_saved(Path("a.pt"), lambda torch: {"a": torch.eye(3), "b": torch.eye(3), "c": Fraction(1, 3)}),
        r"a\.pt holds tensors at 'a', 'b', beside .*\(fractions Fraction\).*'a.pt', weights_only=False\)\['b'\], 'rows",
    ),
    "tensors further down": (
        "a.pt",
        lambda p: torch_saved(p, lambda torch: {"model": {"w": torch.eye(3)}, "epoch": 3}),
        "a dictionary without a tensor at its keys 'model', 'epoch': write the one that holds the rows alone",
    ),
    "what runs code alone": (
        "a.pt",
        lambda p: torch_saved(p, lambda _: Fraction(1, 3)),
        "its pickle calls fractions Fr",
    ),
    "a key that nests without end": (  # its hash ended the interpreter
        "a.pt",
        lambda p: archive(p, b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.", "a/data.pkl", zipfile.ZIP_STORED),
        "data: .*torch.save.*nests tuples more than 100 deep",
    ),
    "no parquet": ("a.parquet", lambda p: p.write_bytes(b"PAR1"), "data: .*Parquet"),
    "words in parquet": ("a.parquet", lambda p: parquet(p, np.array([["a"]])), "column 'x0'.*holds no numbers"),
    "NaN": ("a.npy", lambda p: np.save(p, np.r_[ROWS, [[0, np.nan, 0]]]), "data: row 40 is not finite"),
    "few rows": ("a.npy", lambda p: np.save(p, ROWS[:4]), "data has 4 rows: pass 20 or more"),
    "another width": ("a.npy", lambda p: np.save(p, ROWS[:, :2]), "samples has 3 coordinates a row and data has 2"),
    "transposed": (
        "a.npy",
        lambda p: np.save(p, ROWS.T),
        "samples has 3 coordinates a row and data has 40: they must agree; data has 3 rows: transpose it if",
    ),
    "labels": (
        "a.npy",
        lambda p: np.save(p, ROWS[:, 0]),
        r"data has 1: they must agree; data is read as 40 rows of one number: pass \(rows, coordinates\)",
    ),
    "one row": ("a.npy", lambda p: np.save(p, ROWS[:1]), "data has 1 row: pass 20 or more"),
    "no images": ("folder", lambda p: p.mkdir(), "holds no images"),
    "no image": ("folder", lambda p: (p.mkdir(), (p / "a.png").write_bytes(b"?")), "row 0, a.png, is no image"),
    "image of reals": ("folder", lambda p: image(p, "F", 0.5, "tif"), "row 0, a.tif, is of mode F.*give rows as .npy"),
    "image of 32 bits": ("folder", lambda p: image(p, "I", 7, "tif"), "row 0, a.tif, is of mode I, whose range"),
    "transparent": ("folder", lambda p: image(p, "RGBA", (1, 2, 3, 4), "png"), "a.png, has transparent pixels.*first"),
    "transparent palette": ("folder", lambda p: image(p, "P", 1, "png", transparency=1), "a.png, has transparent"),
    "no module": ("nomodule:fn", None, "data is 'nomodule:fn': No module named 'nomodule'"),
    "no function": ("math:nothing", None, "data is 'math:nothing'.*nothing"),
    "no callable": ("math:pi", None, "is float and cannot be called"),
}


@pytest.mark.parametrize("name", BAD)
def test_the_command_refuses_bad_files_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, write, told = BAD[name]
    if write is not None:
        write(tmp_path / path)
    np.save("samples.npy", ROWS)
    done = CliRunner().invoke(app, ["audit", "samples.npy", "--data", path])
    assert done.exit_code == 2, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert re.search(told, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--level", "1.5", "level is 1.5"),
        ("--permutations", "50", "permutations is 50: pass a whole number 399 or more"),
        ("--max-rows", "3", "max_rows is 3: pass a whole number 20 or more"),
        ("--time-limit", "-1", "time_limit is -1"),
        ("--n-samples", "0", "n_samples is 0"),
        ("--seed", "-1", "random_state is -1"),
        ("--features", "pca:9", "features: pca:k is 9: pass a whole number from 1 to 3"),
        ("--features", "nothing", "features is 'nothing': pass module:function"),
        ("--features", "pca", "features is 'pca': pass pca:k, k principal components, such as pca:20"),
        ("--score", "Energy", "; did you mean energy-distance"),
        ("--log-density", "math:pi", "log_density is 'math:pi'"),
        ("--shape", "2xx", "--shape is '2xx': pass height x width"),
        ("--shape", "5x5", "shape is 5x5, and a row has 3 coordinates"),
        ("--modes", "narrow.npy", "modes has 2 coordinates a row where 3 are needed"),
        ("--output", "nowhere/page.html", "--output: the folder nowhere is not there"),
        ("--output", ".", "--output: . is a folder; give a file in it"),
    ],
)
def test_the_command_refuses_bad_options_in_one_line(option, value, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", ROWS)
    np.save("narrow.npy", ROWS[:, :2])
    done = CliRunner().invoke(app, ["audit", "rows.npy", "--data", "rows.npy", option, value])
    assert done.exit_code == 2, done.output
    assert told in done.stderr


def test_columns_in_another_order_are_no_defect_of_a_sampler(tmp_path):
    pd, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow", reason="[parquet] brings it")
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)) * [1, 5, 20], columns=["a", "b", "c"])
    other = frame[["c", "b", "a"]]
    other.to_parquet(tmp_path / "other.parquet")
    for samples in (other, tmp_path / "other.parquet"):
        with pytest.raises(ValueError, match=r"samples has the columns of data in another order \(c, b, a"):
            auditing.audit(samples, frame)
    assert read_rows(tmp_path / "other.parquet", "samples").columns == ("c", "b", "a")
