"""The loop, what watches it, and the streams of random numbers behind it."""

import io
import math

import numpy as np
import pytest
import torch

from estimators.models.gans.non_saturating import NonSaturatingGAN
from estimators.models.imle import IMLE
from estimators.training import seeding, training_data
from estimators.training.callbacks import Callback, Checkpoint, Progress
from estimators.training.seeding import seed_of, torch_stream
from estimators.training.training_data import Standardisation, checked_data, fingerprint


def cloud(n=40, d=2):
    return np.random.default_rng(1).normal(size=(n, d))


def imle(**parameters):
    sizes = {"steps": 12, "inner_steps": 5, "n_samples": 16, "batch_size": 8, "hidden": (8,), "device": "cpu"}
    return IMLE(**sizes | parameters)


class Recorder(Callback):
    """Writes down what it is told; asks for the end at a step or an outer step."""

    def __init__(self, *, end_at_step=None, end_at_outer_step=None):
        self.events = []
        self.end_at_step = end_at_step
        self.end_at_outer_step = end_at_outer_step

    def fit_start(self, model):
        self.events.append(("fit_start", model.step_))

    def outer_step(self, model):
        self.events.append(("outer_step", model.outer_step_))
        return model.outer_step_ == self.end_at_outer_step

    def step(self, model, losses):
        assert losses["loss"] >= 0
        self.events.append(("step", model.step_))
        return model.step_ == self.end_at_step

    def fit_end(self, model):
        self.events.append(("fit_end", model.step_))


def test_callbacks_are_told_in_order():
    recorder = Recorder()
    model = imle().fit(cloud(), callbacks=[recorder])
    expected = [("fit_start", 0)]
    for outer, steps in enumerate((range(1, 6), range(6, 11), range(11, 13)), start=1):
        expected += [("outer_step", outer), *(("step", step) for step in steps)]
    assert recorder.events == [*expected, ("fit_end", 12)]
    assert model.stopped_by_ == "steps"
    assert model.outer_step_ == 3


@pytest.mark.parametrize(("end", "last"), [({"end_at_step": 4}, 4), ({"end_at_outer_step": 2}, 6)])
def test_a_callback_may_end_the_fit(end, last):
    model = imle().fit(cloud(), callbacks=[Callback(), Recorder(**end)])
    assert model.step_ == last
    assert model.stopped_by_ == "Recorder"


def test_a_fit_that_a_callback_ended_is_resumed_to_the_same_end():
    whole = imle(random_state=0).fit(cloud())
    part = imle(random_state=0).fit(cloud(), callbacks=[Recorder(end_at_step=4)])
    part.resume(cloud())
    assert np.array_equal(whole.sample(9, random_state=1), part.sample(9, random_state=1))


def test_wall_time_ends_the_fit():
    class Slow(Callback):
        def step(self, model, losses):  # noqa: ARG002
            import time

            time.sleep(0.02)

    model = imle(steps=10_000).fit(cloud(), callbacks=[Slow()], max_seconds=0.1)
    assert model.stopped_by_ == "max_seconds"
    assert 1 <= model.step_ <= 6  # five sleeps of 0.02 s fill 0.1 s, and the step in progress is finished
    with pytest.raises(ValueError, match="max_seconds is 0"):
        imle().fit(cloud(), max_seconds=0)


def test_progress_reports_start_every_and_end():
    reports = []
    imle().fit(cloud(), callbacks=[Progress(lambda *report: reports.append(report), every=5)])
    assert [(step, steps) for step, steps, _ in reports] == [(0, 12), (5, 12), (10, 12), (12, 12)]
    assert reports[0][2] == {}
    assert set(reports[-1][2]) == {"loss", "objective"}


def test_verbose_writes_to_the_standard_error(capsys):
    imle(verbose=True).fit(cloud())
    out, err = capsys.readouterr()
    assert out == ""
    assert "step 12/12" in err


def test_checkpoints_are_written_on_the_way_and_at_the_end(tmp_path):
    steps = []

    class Look(Callback):
        def step(self, model, losses):  # noqa: ARG002
            if (tmp_path / "run").exists():
                steps.append(IMLE.load(tmp_path / "run").step_)

    imle().fit(cloud(), callbacks=[Checkpoint(tmp_path / "run", every=5), Look()])
    assert steps == [5] * 5 + [10] * 3
    assert IMLE.load(tmp_path / "run").step_ == 12


@pytest.mark.parametrize("every", [0, 2.5])
def test_a_bad_interval_is_refused(every):
    with pytest.raises((TypeError, ValueError), match="every is"):
        Progress(every=every)


def test_a_fit_that_raises_keeps_no_data():
    class Refuse(Callback):
        def step(self, model, losses):  # noqa: ARG002
            raise RuntimeError("no")

    model = imle()
    with pytest.raises(RuntimeError, match="no"):
        model.fit(cloud(), callbacks=[Refuse()])
    assert not hasattr(model, "_data")


def test_the_cosine_schedule_falls_from_lr_to_zero():
    model = imle(steps=8, lr=0.5).start(cloud())
    rates = []
    while model.step_ < 8:
        rates.append(model.lr_now)
        model.step()
    assert rates == [0.5 * 0.5 * (1 + math.cos(math.pi * k / 8)) for k in range(8)]
    assert model.lr_now == 0.0
    assert imle(schedule="constant", lr=0.5).fit(cloud()).lr_now == 0.5


def test_the_schedule_reaches_every_optimiser():
    model = NonSaturatingGAN(steps=4, lr=0.5, critic_lr=0.25, hidden=(4,), batch_size=4, device="cpu").start(cloud())
    for _ in range(3):
        model.step()
    factor = 0.5 * (1 + math.cos(math.pi * 2 / 4))
    assert model.optimiser_.param_groups[0]["lr"] == 0.5 * factor
    assert model.critic_optimiser_.param_groups[0]["lr"] == 0.25 * factor


def test_a_longer_budget_extends_a_finished_run(tmp_path):
    model = imle(schedule="constant", random_state=0).fit(cloud())
    model.save(tmp_path / "m")
    longer = IMLE.load(tmp_path / "m", steps=20).resume(cloud())
    assert longer.step_ == 20
    assert [row["step"] for row in longer.history_] == [12, 20]
    assert np.array_equal(
        longer.sample(9, random_state=0),
        imle(schedule="constant", steps=20, random_state=0).fit(cloud()).sample(9, random_state=0),
    )


def test_streams_of_one_seed_are_independent_and_repeatable():
    def draw(seed, purpose):
        return torch.randn(1000, generator=torch_stream(seed, purpose), dtype=torch.float64).numpy()

    assert np.array_equal(draw(1, "train"), draw(1, "train"))
    pairs = [(1, "train"), (1, "sample"), (2, "train"), (1, "initialise")]
    streams = np.stack([draw(*pair) for pair in pairs])
    correlation = np.corrcoef(streams)[np.triu_indices(4, 1)]
    # Independent normals: each correlation is N(0, 1/1000), and six of them stay within 5 sd but once in 300 000.
    assert np.abs(correlation).max() < 5 / math.sqrt(1000)


def test_every_kind_of_random_state_gives_an_integer():
    assert seed_of(5) == 5
    assert seed_of(np.int64(5)) == 5
    assert seed_of(2**90) == 2**90
    assert seed_of(None) != seed_of(None)
    generator = np.random.default_rng(0)
    assert seed_of(generator) != seed_of(generator)
    assert seed_of(np.random.RandomState(0)) == seed_of(np.random.RandomState(0))
    assert torch_stream(2**90, "train").initial_seed() != torch_stream(2**91, "train").initial_seed()
    assert not hasattr(seeding, "manual_seed")


def test_standardisation_keeps_the_order_of_distances():
    X = cloud(50, 3) * [1.0, 10.0, 100.0] + 1e4
    unit = Standardisation.of(X)
    moved = unit.apply(X)
    assert moved.dtype == np.float32
    # Single precision: one entry is rounded by at most ε/2 of the largest.
    rounding = float(np.abs(moved).max()) * np.finfo(np.float32).eps
    assert abs(math.sqrt(np.square(moved.astype(np.float64)).mean()) - 1) < rounding
    before = np.linalg.norm(X[0] - X[1:], axis=1) / unit.scale
    after = np.linalg.norm(moved[0].astype(np.float64) - moved[1:], axis=1)
    # A distance in three dimensions moves by at most √3 times the rounding of a difference.
    assert np.abs(before - after).max() < math.sqrt(3) * rounding
    assert np.abs(unit.undo(moved, "float64") - X).max() < rounding * unit.scale


def test_data_beyond_the_range_are_refused_with_the_row():
    X = np.ones((4, 2))
    X[2] = 1e39
    with pytest.raises(ValueError, match="too large for float32 in row 2; rescale it, or give standardise=True"):
        imle(standardise=False).fit(X)
    X[2] = 1e300
    with pytest.raises(ValueError, match="variance overflows"):
        imle().fit(X)


def test_checked_data_keeps_float32_and_widens_the_rest():
    assert checked_data(np.ones((2, 1), np.float32)).dtype == np.float32
    for given in (np.ones((2, 1), int), np.ones((2, 1), bool), [[1], [2]], np.ones((2, 1), np.float16)):
        assert checked_data(given).dtype == np.float64
    from scipy.sparse import csr_array

    with pytest.raises(TypeError, match=r"sparse; give X.toarray\(\)"):
        checked_data(csr_array(np.eye(3)))


def test_a_fingerprint_sees_shape_type_and_every_value():
    X = cloud()
    moved = X.copy()
    moved[7, 1] = np.nextafter(moved[7, 1], 9.0)
    prints = {fingerprint(A) for A in (X, X.reshape(20, 4), X.astype(np.float32), moved, X[::-1].copy())}
    assert len(prints) == 5
    assert fingerprint(np.asfortranarray(X)) == fingerprint(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fingerprint_sees_reflections_and_swaps(dtype):
    """Changes of the sign bits or of few high bits, which sums of words would miss."""
    X = np.random.default_rng(0).integers(0, 2, size=(2048, 2)).astype(dtype) + 1
    swapped = X.copy()
    swapped[[0, 1000]] = swapped[[1000, 0]]
    swapped[[3, 4], 0] = 3 - swapped[[3, 4], 0]
    others = [-X, X * [1, -1], X * [-1, 1], X * np.where(np.arange(2048) < 2, -1, 1)[:, None], swapped, 3 - X]
    assert len({fingerprint(other.astype(dtype)) for other in (X, *others)}) == 7


def test_a_fingerprint_sees_each_word_of_each_block(monkeypatch):
    """One bit of one value, and two values that change places, at the ends of blocks and in the last, shorter one."""
    monkeypatch.setattr(training_data, "BLOCK", 1024)
    X = np.random.default_rng(0).normal(size=(3, 700))
    known = fingerprint(X)
    for place in (0, 1023, 1024, 2047, 2048, 2099):
        moved = X.copy().reshape(-1)
        moved.view(np.uint64)[place] ^= np.uint64(1) << np.uint64(place % 64)
        assert fingerprint(moved.reshape(X.shape)) != known
        swapped = X.copy().reshape(-1)
        swapped[[place, 5]] = swapped[[5, place]]
        assert fingerprint(swapped.reshape(X.shape)) != known


def test_float32_data_far_from_zero_keep_their_differences():
    """In float32 an offset of 2²⁰ leaves three bits behind the point; the centre is one of the floats there."""
    offset = np.float32(2**20)
    X = (np.random.default_rng(0).integers(-32, 32, size=(50, 3)) / 8).astype(np.float32) + offset
    unit = Standardisation.of(X)
    assert np.array_equal(unit.centre.astype(np.float32), unit.centre)
    assert np.array_equal(unit.undo(unit.apply(X), "float32"), X)
    large = np.array([[3e38], [-3e38], [-3e38], [-3e38]], dtype=np.float32)  # further from the centre than float32 goes
    assert np.abs(Standardisation.of(large).apply(large)).max() < 2
    wide = unit.apply(X.astype(np.float64))
    assert np.abs(unit.apply(X) - wide).max() <= 2.0**-23 * np.abs(wide).max()


def test_a_report_may_be_any_function():
    stream = io.StringIO()
    imle().fit(cloud(), callbacks=[Progress(lambda step, *_: stream.write(f"{step} "), every=6)])
    assert stream.getvalue() == "0 6 12 "
