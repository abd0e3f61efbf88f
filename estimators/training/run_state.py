"""A training run as plain values, and back: what a checkpoint of a model holds."""

from __future__ import annotations

import os
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from estimators.training.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from estimators.training.registry import models
from estimators.training.training_data import Standardisation

if TYPE_CHECKING:
    from estimators.training.implicit_model import ImplicitModel

Model = TypeVar("Model", bound="ImplicitModel")

#: Attributes that are plain values and go into the file as they are.
_PLAIN = (
    "seed_",
    "n_features_in_",
    "dtype_",
    "data_fingerprint_",
    "step_",
    "outer_step_",
    "seconds_",
    "history_",
    "_sums",
)


def save(model: ImplicitModel, path: str | os.PathLike[str]) -> None:
    """Writes the run of `model` to `path`; see `checkpoint` for the format."""
    write_checkpoint(path, content(model))


def content(model: ImplicitModel) -> dict[str, Any]:
    """The run of `model` as tensors and plain values."""
    parameters: dict[str, Any] = {}
    objects: list[str] = []
    for name, value in model.get_params(deep=False).items():
        try:
            parameters[name] = _plain(value)
        except TypeError:
            objects.append(name)
    # An integer that repeats the run stands for a generator of random numbers, whose state has moved on.
    parameters["random_state"] = model.seed_
    return {
        "class": type(model).__name__,
        "parameters": parameters,
        "objects": [name for name in objects if name != "random_state"],
        "plain": {name: getattr(model, name) for name in (*_PLAIN, *model._plain)},
        "centre": torch.from_numpy(model.standardisation_.centre),
        "scale": model.standardisation_.scale,
        "axes": None if model.standardisation_.axes is None else torch.from_numpy(model.standardisation_.axes),
        "rng": model._rng.get_state(),
        "networks": {name: getattr(model, name).state_dict() for name in model._networks},
        "optimisers": {name: getattr(model, name).state_dict() for name in model._optimisers},
        "between_steps": {name: getattr(model, name) for name in model._between_steps},
    }


def load(cls: type[Model], path: str | os.PathLike[str], replacements: dict[str, Any]) -> Model:
    """The model in `path`, of class `cls` or below, with constructor arguments replaced."""
    return restored(cls, read_checkpoint(path), path, replacements)


def restored(
    cls: type[Model], content: dict[str, Any], path: str | os.PathLike[str], replacements: dict[str, Any]
) -> Model:
    """The model of a `content` that was read from `path`, which errors name."""
    kind = _class_called(content["class"], cls, path)
    missing = [name for name in content["objects"] if name not in replacements]
    if missing:
        asked = ", ".join(f"{name}=…" for name in missing)
        raise TypeError(
            f"{path} was saved with your own {' and '.join(missing)}, whose code it does not hold; load(path, {asked})"
        )
    lacking = [name for name in (*_PLAIN, *kind._plain) if name not in content["plain"]]
    if lacking:
        raise CheckpointError(f"{path} is of an earlier version, without {', '.join(lacking)}; fit anew")
    model = kind(**{**content["parameters"], **replacements})
    for name, value in content["plain"].items():
        setattr(model, name, value)
    axes = content.get("axes")  # a file of an older release has none
    axes = None if axes is None else axes.numpy()
    model.standardisation_ = Standardisation(content["centre"].numpy(), content["scale"], axes)
    model._rng = torch.Generator()
    model._rng.set_state(content["rng"])
    model._check_parameters()
    model._build()
    for part in ("networks", "optimisers"):
        for name, state in content[part].items():
            try:
                getattr(model, name).load_state_dict(state)
            except (RuntimeError, ValueError) as error:
                told = name.rstrip("_").replace("_", " ")
                raise CheckpointError(
                    f"{path} does not fit the {told} here; give the one that it was trained with: {error}"
                ) from error
    for name, value in content["between_steps"].items():
        setattr(model, name, value.to(model.device_) if isinstance(value, torch.Tensor) else value)
    return model


def _class_called(name: str, cls: type[Model], path: str | os.PathLike[str]) -> type[Model]:
    for kind in (cls, *models.values()):
        if kind.__name__ == name:
            if issubclass(kind, cls):
                return kind
            raise CheckpointError(f"{path} holds a {name}, not a {cls.__name__}; call {name}.load(path)")
    raise CheckpointError(f"{path} holds a {name}, which is not registered here; call load on that class itself")


def _plain(value: Any) -> Any:
    """`value` as JSON-like plain Python; raises TypeError for an object."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    raise TypeError(type(value).__name__)
