"""Matrix products of a training step in bfloat16, and everything else in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

PRECISIONS = ("fp32", "bf16")


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The context of a step: with "bf16" matrix products are rounded to 8 significant bits, with "fp32" nothing is.

    Without autocast's cache of converted weights, which would outlive the optimisers' steps within a context.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)


def answering_in_float32(network: nn.Module, precision: str) -> nn.Module:
    """`network`, whose answers under "bf16" are float32 again, so that losses are computed from them in float32."""
    if precision == "bf16":
        network.register_forward_hook(_to_float32)
    return network


def _to_float32(network: nn.Module, inputs: Any, answer: Any) -> Any:
    if isinstance(answer, tuple):
        return tuple(_to_float32(network, inputs, part) for part in answer)
    return answer.float() if isinstance(answer, torch.Tensor) and answer.dtype == torch.bfloat16 else answer
