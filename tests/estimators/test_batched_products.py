"""Stacked products in float32 by whichever library: as exact as float32 is, and no setting left behind."""

import threading
from types import SimpleNamespace

import pytest
import torch

from estimators.models.gans.non_saturating import NonSaturatingGAN
from estimators.training import batched_products as products
from estimators.training.stacked import StackedSeeds
from tests.estimators.test_models import data

CPU = torch.device("cpu")


@pytest.fixture
def setting(monkeypatch):
    """One that stands for torch's own, on a processor that has the kernels."""
    made = SimpleNamespace(fp32_precision="none")
    monkeypatch.setattr(products, "_setting", lambda: made)
    monkeypatch.setattr(products, "_keeps_float32", lambda: True)
    return made


def of_torch():
    """Torch's own, None where it has none."""
    return getattr(products._setting(), "fp32_precision", None)


@pytest.mark.parametrize("shape", [(20, 128, 64, 64), (20, 128, 2, 64), (20, 64, 128, 1), (3, 300, 1024, 70)])
def test_products_round_as_float32_does(shape):
    stack, rows, inner, columns = shape
    stream = torch.Generator().manual_seed(0)
    left, right = (torch.randn(s, generator=stream) for s in ((stack, rows, inner), (stack, inner, columns)))
    before = of_torch()
    with products.batched_products(CPU):
        assert of_torch() == ("bf16" if products._setting() and products._keeps_float32() else before)
        found = torch.bmm(left, right).double()
    assert of_torch() == before
    error = (found - left.double() @ right.double()).abs()
    # Higham's bound of a sum of `inner` products in any order.
    assert bool((error <= inner * 2.0**-24 * 1.01 * (left.abs().double() @ right.abs().double())).all())


def test_the_setting_is_there_within_and_gone_after_even_where_the_step_fails(setting):
    seen = []

    def fails():
        with products.batched_products(CPU):
            seen.append(setting.fp32_precision)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fails()
    assert seen == ["bf16"]
    assert setting.fp32_precision == "none"


def test_threads_share_the_setting_and_the_last_gives_it_back(setting):
    inside, leave, seen = threading.Event(), threading.Event(), []

    def other():
        with products.batched_products(CPU):
            inside.set()
            leave.wait(60)
            seen.append(setting.fp32_precision)

    thread = threading.Thread(target=other)
    with products.batched_products(CPU):
        thread.start()
        assert inside.wait(60)
    assert setting.fp32_precision == "bf16", "the other thread is in the middle of its step"
    leave.set()
    thread.join(60)
    assert (seen, setting.fp32_precision) == (["bf16"], "none")


def test_what_the_user_sets_meanwhile_stays(setting):
    with products.batched_products(CPU):
        setting.fp32_precision = "ieee"
    assert setting.fp32_precision == "ieee"


def test_a_step_of_stacked_seeds_has_it(setting, monkeypatch):
    seen, step = [], NonSaturatingGAN._step

    def watched(self, lr):
        seen.append(setting.fp32_precision)
        return step(self, lr)

    monkeypatch.setattr(NonSaturatingGAN, "_step", watched)
    model = NonSaturatingGAN(steps=2, batch_size=16, hidden=(8,), device="cpu", random_state=0)
    StackedSeeds(model, n_seeds=2).fit(data())
    assert seen == ["bf16"] * 2
    model.fit(data())
    assert seen[2:] == ["none"] * 2


def test_what_the_user_has_set_and_other_devices_are_left_alone(setting):
    with products.batched_products(torch.device("cuda")):
        assert setting.fp32_precision == "none"
    setting.fp32_precision = "ieee"
    with products.batched_products(CPU):
        assert setting.fp32_precision == "ieee"
    assert setting.fp32_precision == "ieee"


def test_the_trial_refuses_products_of_rounded_factors(monkeypatch):
    exact = torch.bmm
    assert all(products._exact(*shape) for shape in products._TRIED)
    monkeypatch.setattr(torch, "bmm", lambda a, b: exact(a.bfloat16().float(), b))
    assert not any(products._exact(*shape) for shape in products._TRIED)


@pytest.mark.parametrize("without", [{"avx512_f": False}, {"avx512_f": True, "amx_tile": True}, {}])
def test_a_processor_that_lacks_the_kernels_or_rounds_to_bfloat16_keeps_its_products(monkeypatch, without):
    made = SimpleNamespace(fp32_precision="none")
    monkeypatch.setattr(products, "_setting", lambda: made)
    monkeypatch.setattr(products, "_keeps_float32", products._keeps_float32.__wrapped__)  # asked anew
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: without, raising=False)
    with products.batched_products(CPU):
        assert made.fp32_precision == "none"


def test_a_torch_without_the_setting_keeps_its_products(monkeypatch):
    monkeypatch.setattr(products, "_setting", lambda: None)
    with products.batched_products(CPU):
        assert not products._Open.count
