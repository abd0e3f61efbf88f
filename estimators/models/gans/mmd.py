"""MMD GAN: a maximum mean discrepancy between learnt features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from estimators.models.gans.feature_kernel import FeatureKernelModel
from estimators.training.registry import models
from estimators.training.seeding import RandomState

#: Shapes of the mixture, those of Bińkowski et al. 2018.
ALPHAS = (0.2, 0.5, 1.0, 2.0, 5.0)


def rational_quadratic(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Σ_α (1 + ‖xᵢ − yⱼ‖²/2α)^−α over the five `ALPHAS`, (n, m), for x (n, s) and y (m, s).

    Its tails keep a gradient where a Gaussian kernel has none. Source: Bińkowski et al. 2018, equation 6.
    """
    squared = (x[:, None] - y[None]).square().sum(dim=2)
    return torch.stack([(1 + squared / (2 * alpha)) ** -alpha for alpha in ALPHAS]).sum(dim=0)


@models.register("mmd-gan")
class MMDGAN(FeatureKernelModel):
    """The MMD GAN (Li et al. 2017; Bińkowski, Sutherland, Arbel & Gretton 2018) with rational quadratic kernels.

    min over G, max over h of MMD²(h(x), h(G(z))), with the witness's gradient penalty of the latter
    paper: D² of the base class at k = Σ_α (1 + ‖·‖²/2α)^−α. A fixed h is `GMMN`.
    """

    def __init__(
        self,
        *,
        latent_dim: int = 4,
        generator: nn.Module | None = None,
        hidden: Sequence[int] = (128, 128),
        critic: nn.Module | None = None,
        critic_hidden: Sequence[int] | None = None,
        n_critic_features: int = 16,
        penalty: float = 1.0,
        critic_steps: int = 2,
        steps: int = 2000,
        lr: float = 3e-3,
        critic_lr: float | None = None,
        betas: tuple[float, float] = (0.5, 0.9),
        schedule: str = "cosine",
        batch_size: int = 128,
        standardise: bool = True,
        history_every: int = 50,
        random_state: RandomState = None,
        device: str = "auto",
        verbose: bool = False,
    ):
        self.latent_dim = latent_dim
        self.generator = generator
        self.hidden = hidden
        self.critic = critic
        self.critic_hidden = critic_hidden
        self.n_critic_features = n_critic_features
        self.penalty = penalty
        self.critic_steps = critic_steps
        self.steps = steps
        self.lr = lr
        self.critic_lr = critic_lr
        self.betas = betas
        self.schedule = schedule
        self.batch_size = batch_size
        self.standardise = standardise
        self.history_every = history_every
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def _kernel(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return rational_quadratic(x, y)
