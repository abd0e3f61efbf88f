"""One pass through a masked perceptron, feature by feature: what a sample costs where its density costs a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch


class MaskedLayer(NamedTuple):
    """y = (mask ∘ weight) x + bias, with mask and weight (out, in) and bias (out,)."""

    weight: torch.Tensor
    bias: torch.Tensor
    mask: torch.Tensor


def one_by_one(layers: Sequence[MaskedLayer], order: Sequence[int], x: torch.Tensor) -> Iterator[torch.Tensor]:
    """The outputs (n, c) of a rectified perceptron for one feature after another of `order`, while x (n, d) is filled.

    `layers` lead from d features to d·c outputs, those of a feature side by side, with masks that let an output read
    only what comes before its feature in `order`. When the outputs of the k-th feature are asked for, x must hold
    those before it. Each hidden unit is computed once, as soon as all that it reads is known: O(n) times the weights
    for all features together, where d whole passes cost d times that. Nothing of it is for a gradient.
    """
    needs = torch.empty(len(order), dtype=torch.long)  # how many features, in their order, must be known for a unit
    needs[list(order)] = torch.arange(1, len(order) + 1)
    weights = [layer.weight * layer.mask for layer in layers]
    units = []
    for layer in layers[:-1]:
        needs = torch.where(layer.mask.cpu().bool(), needs, 0).amax(dim=1)
        units.append([(needs == count).nonzero()[:, 0].to(x.device) for count in range(len(order))])
    # Units are rows here, so that what becomes known is written in one piece.
    held = [x.new_zeros(layer.weight.shape[1], len(x)) for layer in layers]
    bias = layers[-1].bias
    c = len(bias) // len(order)
    for count, feature in enumerate(order):
        if count:
            held[0][order[count - 1]] = x[:, order[count - 1]]
        for depth, waiting in enumerate(units):
            now = waiting[count]
            found = torch.addmm(layers[depth].bias[now, None], weights[depth][now], held[depth])
            held[depth + 1][now] = found.relu_()
        own = slice(feature * c, (feature + 1) * c)
        yield torch.addmm(bias[own, None], weights[-1][own], held[-1]).T
