"""Networks of several seeds as one: perceptrons as batched matrix products, and modules that are a pure function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

#: Activations that act on each number alone and hold no weights.
ELEMENTWISE = (
    nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.GELU, nn.ELU, nn.SELU, nn.Softplus, nn.Identity,
)  # fmt: skip


class StackedLinear(nn.Module):
    """x (S, b, n_in) ↦ x_s W_sᵀ + c_s (S, b, n_out): S affine layers, layer s on slice s.

    It takes the layers' weights over: theirs are views of its own from then on, and change with them.
    """

    def __init__(self, layers: Sequence[nn.Linear]):
        super().__init__()
        self.weight = _taken_over([layer.weight for layer in layers])
        self.bias = None if layers[0].bias is None else _taken_over([layer.bias for layer in layers])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        turned = self.weight.transpose(1, 2)
        return torch.bmm(x, turned) if self.bias is None else torch.baddbmm(self.bias[:, None], x, turned)


class StackedModule(nn.Module):
    """(S, …) ↦ (S, …): the modules' own functions of their weights and arguments, mapped over a first axis (vmap).

    For modules that say `pure = True`: no state but weights, no draws, the same buffers in each.
    """

    def __init__(self, modules: Sequence[nn.Module]):
        super().__init__()
        self.names = [name for name, _ in modules[0].named_parameters()]
        each = [dict(module.named_parameters()) for module in modules]
        self.weights = nn.ParameterList([_taken_over([own[name] for own in each]) for name in self.names])
        self._one = [modules[0]]  # in a list: its weights are no parameters of the stack

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        def one(weights: dict[str, torch.Tensor], *inputs: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = torch.func.functional_call(self._one[0], weights, inputs)
            return answer

        found: torch.Tensor = torch.vmap(one)(dict(zip(self.names, self.weights, strict=True)), *inputs)
        return found


def stacked_network(name: str, networks: Sequence[nn.Module]) -> nn.Module:
    """The S networks as one map (S, b, n_in) ↦ (S, b, n_out), which takes their weights over in their order.

    Raises ValueError, which names the `name` and the layer, unless they are perceptrons, `nn.Linear` and elementwise
    activations, one after another; or modules that say that they are `pure` (`StackedModule`).
    """
    if getattr(networks[0], "pure", False):
        return StackedModule(networks)
    layers: list[nn.Module] = []
    for together in zip(*(_layers(name, network) for network in networks), strict=True):
        first = together[0]
        layers.append(StackedLinear(together) if isinstance(first, nn.Linear) else first)
    return nn.Sequential(*layers)


def release(network: nn.Module) -> None:
    """Gives weights that `stacked_network` took over back: each a copy of its own, the values as they are."""
    for weight in network.parameters():
        weight.data = weight.data.clone()


def _layers(name: str, network: nn.Module) -> Iterator[nn.Module]:
    if type(network) is nn.Sequential:
        for part in network:
            yield from _layers(name, part)
    elif type(network) is nn.Linear or type(network) in ELEMENTWISE:
        yield network
    else:
        raise ValueError(
            f"{name} holds {type(network).__name__}, which has no stacked form: give a Sequential of Linear layers and "
            "elementwise activations, or fit the model once for each seed"
        )


def _taken_over(weights: Sequence[torch.Tensor]) -> nn.Parameter:
    stacked = nn.Parameter(torch.stack([weight.data for weight in weights]), requires_grad=weights[0].requires_grad)
    for weight, own in zip(weights, stacked.data, strict=True):
        weight.data = own
    return stacked
