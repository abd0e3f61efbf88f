"""f-GAN: a generator trained on the variational bound of any f-divergence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import logsigmoid

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.non_saturating import r1_penalty
from estimators.training import parameters
from estimators.training.registry import models

Activation = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Fenchel:
    """T(v) = f′(eᵛ) and f*(T(v)) of a generator f, as functions of a score v that estimates log p/q.

    Written in v, no score leaves the domain of f*, and neither function cancels.
    """

    witness: Activation
    conjugate: Activation


#: For every generator of `estimators.fdivergences`, in its standard form f(1) = f′(1) = 0.
FENCHEL: dict[str, Fenchel] = {
    "kl": Fenchel(lambda v: v, torch.expm1),
    "reverse-kl": Fenchel(lambda v: -torch.expm1(-v), lambda v: v),
    "jsd-sum": Fenchel(lambda v: math.log(2) + logsigmoid(v), lambda v: -math.log(2) - logsigmoid(-v)),
    "jsd": Fenchel(lambda v: (math.log(2) + logsigmoid(v)) / 2, lambda v: (-math.log(2) - logsigmoid(-v)) / 2),
    # f is not smooth at 1, and T is any function into [−½, ½], where f*(T) = T (Nowozin et al. 2016, table 2).
    "total-variation": Fenchel(lambda v: torch.tanh(v / 2) / 2, lambda v: torch.tanh(v / 2) / 2),
    "chi-squared": Fenchel(lambda v: 2 * torch.expm1(v), lambda v: torch.expm1(2 * v)),
    "squared-hellinger": Fenchel(lambda v: -torch.expm1(-v / 2) / 2, lambda v: torch.expm1(v / 2) / 2),
}


def variational_bound(scores_of_data: torch.Tensor, scores_of_samples: torch.Tensor, divergence: str) -> torch.Tensor:
    """mean T(v(x)) − mean f*(T(v(G(z)))), scores (…, b, 1): at most D_f of the two batches, whatever the critic v.

    Equal to it at v = log p/q. Source: Nguyen, Wainwright & Jordan 2010; Nowozin, Cseke & Tomioka 2016, equation 4.
    """
    fenchel = FENCHEL[divergence]
    of_data = fenchel.witness(scores_of_data).mean(dim=(-2, -1))
    return of_data - fenchel.conjugate(scores_of_samples).mean(dim=(-2, -1))


@models.register("f-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class FGAN(AdversarialModel):
    """The f-GAN (Nowozin, Cseke & Tomioka 2016): a critic v ≈ log p/q, and a bound of D_f(data, samples).

    The critic ascends E f′(e^v(x)) − E f*(f′(e^v(G(z)))) − r1 · ½ E‖∇v(x)‖², which for every v is at
    most D_f; the generator descends the same value ("minimax") or ascends E f′(e^v(G(z)))
    ("alternative", the paper's algorithm 1 with the trick of its section 3.2, whose gradient does not
    vanish). Arguments of its own
        divergence: a generator of `estimators.fdivergences`: "kl", "reverse-kl", "jsd", "jsd-sum",
            "total-variation", "chi-squared", "squared-hellinger".
        generator_objective: "alternative" or "minimax".
        r1: weight of the gradient penalty on the data (Mescheder et al. 2018), 0 as published.
    `history_` has `loss` (the generator's) and `critic_loss`, minus the penalised bound.
    """

    _stacks: ClassVar[bool] = True

    divergence: str = "reverse-kl"
    generator_objective: str = "alternative"
    r1: float = 3.0

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.choice(self.divergence, "divergence", tuple(FENCHEL))
        parameters.choice(self.generator_objective, "generator_objective", ("alternative", "minimax"))
        parameters.real(self.r1, "r1", least=0)

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        loss = -variational_bound(self.critic_(data), self.critic_(samples), self.divergence)
        return loss + self.r1 * r1_penalty(self.critic_, data) if self.r1 else loss

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        fenchel = FENCHEL[self.divergence]
        scores = self.critic_(samples)
        if self.generator_objective == "minimax":
            return -fenchel.conjugate(scores).mean(dim=(-2, -1))
        return -fenchel.witness(scores).mean(dim=(-2, -1))
