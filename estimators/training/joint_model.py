"""One model that stands for many: its networks, optimisers and state are those of all, stacked."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch

from estimators.training.implicit_model import ImplicitModel
from estimators.training.precision import answering_in_float32
from estimators.training.stacked_networks import stacked_network


def joined(members: Sequence[ImplicitModel]) -> Any:
    """The stack: a model of the members' class, whose weights' parts are theirs from now on."""
    joint: Any = copy.copy(members[0])
    joint._members = members
    rates = torch.tensor([member.lr for member in members], dtype=torch.float64)
    joint.lr = members[0].lr if bool((rates == rates[0]).all()) else rates
    joint._rng = [member._rng for member in members]
    data = [member._data for member in members]
    joint._data = data[0] if all(own is data[0] for own in data) else torch.stack(data)
    for name in joint._networks:
        told = name.rstrip("_").replace("_", " ")
        stacked = stacked_network(told, [getattr(member, name) for member in members])
        setattr(joint, name, answering_in_float32(stacked, joint.precision))
    joint._build_optimisers()
    for name in joint._optimisers:
        theirs = [_states(getattr(member, name)) for member in members]
        for i, weight in enumerate(_weights(getattr(joint, name))):
            states = [state[i] for state in theirs]
            if states[0]:
                getattr(joint, name).state[weight] = {
                    key: value.clone() if key == "step" else torch.stack([state[key] for state in states])
                    for key, value in states[0].items()
                }
    gather(joint, members)
    return joint


def gather(joint: Any, members: Sequence[ImplicitModel]) -> None:
    """What the members keep between steps, into the stack: tensors and numbers get a first axis of seeds."""
    for name in joint._between_steps:
        setattr(joint, name, _together([getattr(member, name) for member in members]))


def scatter(joint: Any, members: Sequence[ImplicitModel]) -> None:
    """The stack's state back into the members; their weights are views of its own already."""
    scatter_state(joint, members)
    for s, member in enumerate(members):
        for name in joint._optimisers:
            optimiser = getattr(member, name)
            group = getattr(joint, name).param_groups[0]
            optimiser.param_groups[0]["lr"] = float(group["lrs"][s]) if "lrs" in group else group["lr"]
            for weight, state in zip(_weights(optimiser), _states(getattr(joint, name)), strict=True):
                if state:
                    optimiser.state[weight] = {
                        key: value.clone() if key == "step" else value[s].clone() for key, value in state.items()
                    }


def scatter_state(joint: Any, members: Sequence[ImplicitModel]) -> None:
    """What the stack keeps between steps, back into the members."""
    for s, member in enumerate(members):
        for name in joint._between_steps:
            setattr(member, name, _part_of(getattr(joint, name), s, getattr(member, name)))


def _weights(optimiser: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def _states(optimiser: torch.optim.Optimizer) -> list[dict[str, torch.Tensor]]:
    return [optimiser.state.get(weight, {}) for weight in _weights(optimiser)]


def _together(values: list[Any]) -> Any:
    """Tensors stacked; floats as a float64 tensor (S,); what all share as it is."""
    if isinstance(values[0], torch.Tensor):
        return torch.stack(values)
    if isinstance(values[0], float):
        return torch.tensor(values, dtype=torch.float64)
    return values[0]


def _part_of(value: Any, s: int, like: Any) -> Any:
    """What `_together` made of a member's value, back in the form of that."""
    if isinstance(like, float):
        return float(value[s])
    return value[s].clone() if isinstance(value, torch.Tensor) else value
