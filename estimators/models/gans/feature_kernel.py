"""What MMD GAN and Cramér GAN share: a kernel distance between features that a critic learns."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch

from estimators.kernel_sums import mean_kernel, mean_kernel_within, pull
from estimators.models.gans.adversarial import AdversarialModel
from estimators.training import parameters


@dataclass(kw_only=True, eq=False, repr=False)
class FeatureKernelModel(AdversarialModel):
    """A generator and a critic h: R^d → R^s that play for D² = E k(h, h′) + E k(g, g′) − 2 E k(h, g).

    h = h(x) of data and g = h(G(z)) of samples; D² is estimated without bias. The critic ascends
    D² − penalty · E(‖∇w(x̂)‖ − 1)², with the witness w(x) = E k(h(x), h) − E k(h(x), g) and x̂ uniform on
    the segment from a sample to a datum; the generator descends D². Arguments besides those of
    `AdversarialModel`
        n_critic_features: s. penalty: weight of the gradient penalty, at the training scale.
    `history_` has `loss`, the estimate of D² that the generator descends, and `critic_loss`.
    """

    n_critic_features: int = 16
    penalty: float = 1.0
    critic_steps: int = 2
    steps: int = 2000
    betas: tuple[float, float] = (0.5, 0.9)

    @abstractmethod
    def _kernel(self, squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """k as a function of s = ‖x − y‖², and dk/ds, d²k/ds², elementwise, in new tensors."""

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_critic_features, "n_critic_features")
        parameters.real(self.penalty, "penalty", above=0)
        parameters.count(self.batch_size, "batch_size", least=2)

    def _critic_outputs(self) -> int:
        return self.n_critic_features

    def _squared_distance(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """The unbiased estimate of D², for features (…, n, s) and (…, m, s)."""
        among = mean_kernel_within(self._kernel, data) + mean_kernel_within(self._kernel, samples)
        return among - 2 * mean_kernel(self._kernel, data, samples)

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        mixing = self._uniform(data.shape[-2])
        between = (mixing * data + (1 - mixing) * samples).requires_grad_(True)
        h, g = self.critic_(data), self.critic_(samples)
        at = self.critic_(between)
        slope = pull(self._kernel, at, h) - pull(self._kernel, at, g)
        (gradient,) = torch.autograd.grad(at, between, grad_outputs=slope, create_graph=True)
        return self.penalty * (gradient.norm(dim=-1) - 1).square().mean(dim=-1) - self._squared_distance(h, g)

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return self._squared_distance(self.critic_(self._minibatch()).detach(), self.critic_(samples))
