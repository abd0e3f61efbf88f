"""What a model's numeric parameters must be; every error names the parameter and the remedy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import torch


def count(value: object, name: str, *, least: int = 1) -> int:
    """`value` as an int ≥ `least`; raises TypeError or ValueError that names `name`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}; give an integer ≥ {least}")
    if value < least:
        raise ValueError(f"{name} is {value}; give an integer ≥ {least}")
    return int(value)


def count_or_none(value: object, name: str) -> int | None:
    """`value` as an int ≥ 1, or None; raises as `count` does."""
    return None if value is None else count(value, name)


def real(value: object, name: str, *, above: float | None = None, least: float | None = None) -> float:
    """`value` as a finite float > `above` or ≥ `least`; raises TypeError or ValueError that names `name`."""
    wanted = (
        f"a number > {above:g}" if above is not None else f"a number ≥ {least:g}" if least is not None else "a number"
    )
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; give {wanted}")
    number = float(value)
    if not math.isfinite(number) or (above is not None and number <= above) or (least is not None and number < least):
        raise ValueError(f"{name} is {value!r}; give {wanted}")
    return number


def reals(value: object, name: str, *, above: float) -> tuple[float, ...]:
    """`value` as finite floats > `above`, at least one, no two equal; TypeError or ValueError name `name`."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name} is {value!r}; give a sequence of numbers > {above:g}")
    if not value:
        raise ValueError(f"{name} is empty; give one number > {above:g} or more")
    numbers = tuple(real(one, f"{name}[{i}]", above=above) for i, one in enumerate(value))
    for i, number in enumerate(numbers):
        if number in numbers[:i]:
            raise ValueError(f"{name}[{i}] is {number:g} again; give each number once")
    return numbers


def widths(value: object, name: str) -> tuple[int, ...]:
    """`value` as the widths of hidden layers, each ≥ 1; empty for an affine map."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name} is {value!r}; give a sequence of layer widths, such as (128, 128)")
    return tuple(count(width, f"{name}[{i}]") for i, width in enumerate(value))


def decay_rates(value: object, name: str) -> tuple[float, float]:
    """`value` as Adam's two decay rates, each in [0, 1)."""
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise TypeError(f"{name} is {value!r}; give two numbers in [0, 1), such as (0.9, 0.99)")
    first, second = (real(rate, f"{name}[{i}]", least=0) for i, rate in enumerate(value))
    if max(first, second) >= 1:
        raise ValueError(f"{name} is {value!r}; give two numbers in [0, 1), such as (0.9, 0.99)")
    return first, second


def choice(value: object, name: str, among: Sequence[str]) -> str:
    """`value`, which must be one of `among`."""
    if not isinstance(value, str) or value not in among:
        raise ValueError(f"{name} is {value!r}; give one of {', '.join(map(repr, among))}")
    return value


def torch_device(value: object, name: str = "device") -> torch.device:
    """The device that `value` names; "auto" is CUDA where there is one, else the CPU."""
    if value == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not isinstance(value, str | torch.device):
        raise TypeError(f"{name} is {value!r}; give 'auto', 'cpu' or 'cuda'")
    try:
        device = torch.device(value)
    except RuntimeError as error:
        raise ValueError(f"{name} is {value!r}, which torch does not know; give 'auto', 'cpu' or 'cuda'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{name} is {value!r}, but torch finds no CUDA device here; give device='auto' or 'cpu'")
    return device
