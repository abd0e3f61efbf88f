"""A checkpoint is whole or refused, and runs no code."""

import errno
import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from estimators.training import checkpoint
from estimators.training.checkpoint import CheckpointError, read_checkpoint, write_checkpoint

WEIGHTS = torch.arange(6.0).reshape(2, 3)
CONTENT = {"weights": WEIGHTS, "step": 7, "history": [{"loss": 0.5}], "seed": 2**100, "none": None}


@pytest.fixture
def path(tmp_path):
    write_checkpoint(tmp_path / "run", CONTENT)
    return tmp_path / "run"


def test_what_is_written_is_read(path):
    content = read_checkpoint(path)
    assert torch.equal(content.pop("weights"), CONTENT["weights"])
    assert content == {key: value for key, value in CONTENT.items() if key != "weights"}
    assert [p.name for p in path.parent.iterdir()] == ["run"]


def test_every_truncation_is_refused(path):
    whole = path.read_bytes()
    for length in [*range(80), *range(80, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"truncated|not a model") as told:
            read_checkpoint(path)
        if counts := re.search(r"truncated: (\d+)\D+(\d+)", str(told.value)):
            assert int(counts[1]) < int(counts[2]), "as many bytes as there should be are not too few"


def test_every_altered_byte_is_refused(path):
    whole = path.read_bytes()
    for place in [*range(80), *range(80, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(CheckpointError):
            read_checkpoint(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(CheckpointError, match="altered"):
        read_checkpoint(path)


def test_a_newer_format_asks_for_an_upgrade(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "VERSION", 2)
    write_checkpoint(path, CONTENT)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="format 2, this version reads up to 1; upgrade"):
        read_checkpoint(path)


@pytest.mark.parametrize("foreign", [b"", b"PK\x03\x04 a zip", b"\x93NUMPY", b"implicitbench, but a text"])
def test_a_foreign_file_is_named_as_such(path, foreign):
    path.write_bytes(foreign)
    with pytest.raises(CheckpointError, match="is not a model of implicitbench"):
        read_checkpoint(path)


class Planted:
    """Unpickled by an unwary reader, it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_no_code_in_a_file_is_run(tmp_path):
    write_checkpoint(tmp_path / "run", {"planted": Planted(tmp_path / "planted")})
    with pytest.raises(CheckpointError, match="besides tensors and plain values"):
        read_checkpoint(tmp_path / "run")
    assert not (tmp_path / "planted").exists()


def test_a_full_disk_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(path, {"other": 1})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["run"]


def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path):
    """A process that dies without warning at step 40 leaves the checkpoint of step 30, and the end is the same."""
    from estimators.models.gans.non_saturating import NonSaturatingGAN

    sizes = {"steps": 60, "hidden": (8,), "batch_size": 8, "random_state": 3, "device": "cpu"}
    script = textwrap.dedent(f"""
        import os, sys
        import numpy as np, torch
        from estimators.models.gans.non_saturating import NonSaturatingGAN
        from estimators.training.callbacks import Callback, Checkpoint

        class Die(Callback):
            def step(self, model, losses):
                if model.step_ == 40:
                    os._exit(9)

        torch.set_num_threads(1)
        NonSaturatingGAN(**{sizes}).fit(np.load(sys.argv[1]), callbacks=[Checkpoint(sys.argv[2], every=15), Die()])
    """)
    X = np.random.default_rng(0).normal(size=(50, 2))
    np.save(tmp_path / "X.npy", X)
    ended = subprocess.run([sys.executable, "-c", script, tmp_path / "X.npy", tmp_path / "run"], check=False)
    assert ended.returncode == 9
    resumed = NonSaturatingGAN.load(tmp_path / "run")
    assert resumed.step_ == 30
    whole = NonSaturatingGAN(**sizes).fit(X).sample(20, random_state=0)
    assert np.array_equal(resumed.resume(X).sample(20, random_state=0), whole)


def test_a_model_of_another_class_is_refused_by_name(tmp_path):
    from estimators.models.gans.non_saturating import NonSaturatingGAN
    from estimators.models.imle import IMLE

    IMLE(steps=1, n_samples=4).start(np.eye(3)).save(tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"holds a IMLE, not a NonSaturatingGAN; call IMLE.load"):
        NonSaturatingGAN.load(tmp_path / "m")


def test_a_class_that_is_not_registered_loads_its_own_files(tmp_path):
    from estimators.models.imle import IMLE
    from estimators.training.implicit_model import ImplicitModel

    class Private(IMLE):
        pass

    Private(steps=1, n_samples=4, random_state=0).fit(np.eye(3)).save(tmp_path / "m")
    assert Private.load(tmp_path / "m").step_ == 1
    with pytest.raises(CheckpointError, match="holds a Private, which is not registered here"):
        ImplicitModel.load(tmp_path / "m")
