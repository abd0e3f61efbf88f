"""What the normalising flows share: a bijection from zuko, a standard normal behind it, one signature."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from estimators.models.explicit.masked_pass import MaskedLayer, one_by_one
from estimators.training import parameters
from estimators.training.explicit_model import Density, ExplicitModel
from estimators.training.seeding import drawn
from knn.registry import missing_extra


class FlowDensity(Density):
    """p(x) = N(T(x); 0, I) |det ∂T/∂x|, for a bijection T of R^d made of zuko's transformations, in their order."""

    def __init__(self, n_features: int, transforms: Sequence[nn.Module]):
        super().__init__()
        import zuko

        self.transform = zuko.lazy.LazyComposedTransform(*transforms)
        self.n_features = n_features

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        z, volume = self.transform().call_and_ladj(x)
        # A bijection that acts on each feature by itself tells its volume feature by feature.
        volume = volume.reshape(len(z), -1).sum(dim=1)
        found: torch.Tensor = torch.distributions.Normal(z.new_zeros(()), 1).log_prob(z).sum(dim=1) + volume
        return found

    def draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        z = torch.randn(n, self.n_features, generator=rng).to(next(self.parameters()).device)
        return self.inverse(z)

    def inverse(self, x: torch.Tensor) -> torch.Tensor:
        """T⁻¹, (b, d) ↦ (b, d)."""
        for transform in reversed(self.transform.transforms):
            x = masked_inverse(transform, x) if _is_masked(transform) else transform().inv(x)
        return x


def masked_inverse(transform: Any, y: torch.Tensor) -> torch.Tensor:
    """x (n, d) with y_i = f(x_i; coefficients of x_<i), for a masked autoregressive transformation of zuko's.

    zuko's own takes d passes for all outputs of the network, this one each unit once; they differ by rounding.
    """
    import zuko

    layers = [MaskedLayer(part.weight, part.bias, part.mask) for part in list(transform.hyper)[::2]]
    order = transform.order.argsort().tolist()
    x = torch.zeros_like(y)
    for feature, found in zip(order, one_by_one(layers, order, x), strict=True):
        univariate = transform.univariate(*zuko.utils.unpack(found, transform.shapes))
        x[:, feature] = univariate.inv(y[:, feature])
    return x


def _is_masked(transform: nn.Module) -> bool:
    """Whether `masked_inverse` is for it: one order, a rectified perceptron, and no weights in the map of a feature."""
    import zuko

    if not isinstance(transform, zuko.flows.MaskedAutoregressiveTransform) or transform.order is None:
        return False
    parts: list[Any] = list(transform.hyper)
    rectified = all(type(part) is (nn.ReLU if i % 2 else zuko.nn.MaskedLinear) for i, part in enumerate(parts))
    return rectified and transform.passes == len(transform.order) and not isinstance(transform.univariate, nn.Module)


@dataclass(kw_only=True, eq=False, repr=False)
class FlowModel(ExplicitModel):
    """A normalising flow x = T⁻¹(z), z ~ N(0, I), by maximum likelihood: log p(x) = log N(T(x)) + log |det ∂T/∂x|.

    T is made of `n_transforms` bijections of zuko (the extra `models`; ImportError names it). Exact but
    for rounding, and T⁻¹ but for rounding of float32. T and its inverse are continuous, so that the image of the noise
    is connected and bridges the modes of a law whose support is not (Cornish et al. 2020). Arguments of its own
        n_transforms: how many bijections follow one another. hidden: widths of the network in each.
        jitter: standard deviation of Gaussian noise that each datum gets anew in each step, at the
            training scale; data on a lattice or with constant features have no density without any.
    """

    n_transforms: int = 6
    hidden: Sequence[int] = (64, 64)
    jitter: float = 0.0
    steps: int = 1500

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_transforms, "n_transforms")
        parameters.widths(self.hidden, "hidden")
        parameters.real(self.jitter, "jitter", least=0)

    def _make_density(self, rng: torch.Generator) -> Density:
        try:
            import zuko  # noqa: F401
        except ModuleNotFoundError as error:
            raise missing_extra(error, type(self).__name__) from error
        return drawn_from(rng, lambda: FlowDensity(self.n_features_in_, self._transforms(self.n_features_in_)))

    @abstractmethod
    def _transforms(self, d: int) -> list[nn.Module]:
        """The lazy transformations of T on R^d, from the data to the noise."""

    def _minibatch(self) -> torch.Tensor:
        data = super()._minibatch()
        if not self.jitter:
            return data
        shape = data.shape[-2:]
        noise = drawn(self._rng, lambda stream: torch.randn(shape, generator=stream)).to(self.device_)
        return data + self.jitter * noise


def drawn_from(rng: torch.Generator, make: Callable[[], Any]) -> Any:
    """`make()`, whose draws from torch's global generator come from `rng` instead and leave that one as it was.

    For modules of others, which initialise their weights so.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**63 - 1, (), generator=rng)))
        return make()
