"""What MMD GAN and Cramér GAN share: a kernel distance between features that a critic learns."""

from __future__ import annotations

from abc import abstractmethod

import torch

from estimators.models.gans.adversarial import AdversarialModel
from estimators.training import parameters


def off_diagonal_mean(values: torch.Tensor) -> torch.Tensor:
    """The mean of values (n, n) over i ≠ j."""
    n = len(values)
    return (values.sum() - values.diagonal().sum()) / (n * (n - 1))


class FeatureKernelModel(AdversarialModel):
    """A generator and a critic h: R^d → R^s that play for D² = E k(h, h′) + E k(g, g′) − 2 E k(h, g).

    h = h(x) of data and g = h(G(z)) of samples; D² is estimated without bias. The critic ascends
    D² − penalty · E(‖∇w(x̂)‖ − 1)², with the witness w(x) = E k(h(x), h) − E k(h(x), g) and x̂ uniform on
    the segment from a sample to a datum; the generator descends D². Arguments besides those of
    `AdversarialModel`
        n_critic_features: s. penalty: weight of the gradient penalty, at the training scale.
    `history_` has `loss`, the estimate of D² that the generator descends, and `critic_loss`.
    """

    n_critic_features: int
    penalty: float

    @abstractmethod
    def _kernel(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """k of every row of x (n, s) with every row of y (m, s), shape (n, m)."""

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_critic_features, "n_critic_features")
        parameters.real(self.penalty, "penalty", above=0)
        parameters.count(self.batch_size, "batch_size", least=2)

    def _critic_outputs(self) -> int:
        return self.n_critic_features

    def _squared_distance(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """The unbiased estimate of D², for features (n, s) and (m, s)."""
        among = off_diagonal_mean(self._kernel(data, data)) + off_diagonal_mean(self._kernel(samples, samples))
        return among - 2 * self._kernel(data, samples).mean()

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        mixing = torch.rand(len(data), 1, generator=self._rng).to(self.device_)
        between = (mixing * data + (1 - mixing) * samples).requires_grad_(True)
        h, g = self.critic_(data), self.critic_(samples)
        at = self.critic_(between)
        witness = self._kernel(at, h).mean(dim=1) - self._kernel(at, g).mean(dim=1)
        (gradient,) = torch.autograd.grad(witness.sum(), between, create_graph=True)
        return self.penalty * (gradient.norm(dim=1) - 1).square().mean() - self._squared_distance(h, g)

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return self._squared_distance(self.critic_(self._minibatch()).detach(), self.critic_(samples))
