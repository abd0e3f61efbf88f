"""The conditional generative adversarial network: generator and critic both see the input."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from estimators.models.gans.non_saturating import discriminator_loss, non_saturating_loss, r1_penalty
from estimators.models.gans.with_critic import WithCritic
from estimators.networks import conditional_mlp_critic
from estimators.training import parameters
from estimators.training.conditional import ConditionalModel
from estimators.training.descent import descend
from estimators.training.registry import models


@models.register("conditional-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class ConditionalGAN(ConditionalModel, WithCritic):
    """The conditional GAN (Mirza & Osindero 2014), and with `l1` that of Isola, Zhu, Zhou & Efros 2016.

    A step is `critic_steps` of the critic down −E log D(c, x) − E log(1 − D(c, G(c, z))) + r1 · ½ E‖∇ₓD(c, x)‖²,
    then one of the generator down −E log D(c, G(c, z)) + l1 · E (1/d)‖x − G(c, z)‖₁. Most inputs have one datum, so
    that nothing asks that several outputs differ. Arguments of its own
        critic: called with (b, k) and (b, d) → (b, 1), a score whose sigmoid is D; None makes a perceptron on both,
            side by side. r1, l1: the weights, at the training scale.
    `history_` has `loss` (the generator's) and `critic_loss`.
    """

    r1: float = 1.0
    l1: float = 0.0
    lr: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.99)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.r1, "r1", least=0)
        parameters.real(self.l1, "l1", least=0)

    def _build_networks(self, rng: torch.Generator) -> None:
        super()._build_networks(rng)
        hidden = self.hidden if self.critic_hidden is None else self.critic_hidden
        sizes = self.n_given_, self.standardisation_.width
        self.critic_ = self._module("critic", self.critic, lambda: conditional_mlp_critic(*sizes, hidden, rng=rng))
        self._probe_pair("critic", self.critic_, sizes, 1)

    def _step(self, lr: float) -> dict[str, float]:
        critic_lr = self._critic_lr(lr)
        for _ in range(self.critic_steps):
            critic_loss = self._critic_loss(*self._pairs())
            descend(self.critic_optimiser_, critic_loss, critic_lr)
        given, data = self._pairs()
        samples = self.generator_(given, self._latents(len(given), self._rng))
        loss = non_saturating_loss(self.critic_(given, samples))
        if self.l1:
            loss = loss + self.l1 * (samples - data).abs().mean()
        descend(self.optimiser_, loss, lr)
        return {"loss": float(loss.detach()), "critic_loss": float(critic_loss.detach())}

    def _critic_loss(self, given: torch.Tensor, data: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            samples = self.generator_(given, self._latents(len(given), self._rng))
        loss = discriminator_loss(self.critic_(given, data), self.critic_(given, samples))
        return loss + self.r1 * r1_penalty(lambda x: self.critic_(given, x), data) if self.r1 else loss
