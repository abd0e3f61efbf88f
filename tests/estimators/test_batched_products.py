"""Stacked products in float32 by whichever library: as exact as float32 is, and no setting left behind."""

import pytest
import torch

from estimators.training import batched_products as products

CPU = torch.device("cpu")
SETTING = torch.backends.mkldnn.matmul


@pytest.fixture(autouse=True)
def _as_it_was():
    assert SETTING.fp32_precision == "none"
    yield
    SETTING.fp32_precision = "none"
    products._keeps_float32.cache_clear()


@pytest.mark.parametrize("shape", [(20, 128, 64, 64), (20, 128, 2, 64), (20, 64, 128, 1), (3, 300, 1024, 70)])
def test_products_round_as_float32_does(shape):
    stack, rows, inner, columns = shape
    left, right = torch.randn(stack, rows, inner), torch.randn(stack, inner, columns)
    with products.batched_products(CPU):
        found = torch.bmm(left, right).double()
    error = (found - left.double() @ right.double()).abs()
    # Higham's bound of a sum of `inner` products in any order.
    assert bool((error <= inner * 2.0**-24 * 1.01 * (left.abs().double() @ right.abs().double())).all())


def test_the_setting_is_there_within_and_gone_after_even_where_the_step_fails(monkeypatch):
    monkeypatch.setattr(products, "_keeps_float32", lambda: True)
    seen = []

    def fails():
        with products.batched_products(CPU):
            seen.append(SETTING.fp32_precision)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fails()
    assert seen == ["bf16"]
    assert SETTING.fp32_precision == "none"


def test_what_the_user_has_set_and_other_devices_are_left_alone(monkeypatch):
    monkeypatch.setattr(products, "_keeps_float32", lambda: True)
    with products.batched_products(torch.device("cuda")):
        assert SETTING.fp32_precision == "none"
    SETTING.fp32_precision = "ieee"
    with products.batched_products(CPU):
        assert SETTING.fp32_precision == "ieee"
    assert SETTING.fp32_precision == "ieee"


def test_the_trial_refuses_products_of_rounded_factors(monkeypatch):
    exact = torch.bmm
    assert all(products._exact(*shape) for shape in products._TRIED)
    monkeypatch.setattr(torch, "bmm", lambda a, b: exact(a.bfloat16().float(), b))
    assert not any(products._exact(*shape) for shape in products._TRIED)


@pytest.mark.parametrize("without", [{"avx512_f": False}, {"avx512_f": True, "amx_tile": True}, {}])
def test_a_processor_that_lacks_the_kernels_or_rounds_to_bfloat16_keeps_its_products(monkeypatch, without):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: without)
    products._keeps_float32.cache_clear()
    with products.batched_products(CPU):
        assert SETTING.fp32_precision == "none"
