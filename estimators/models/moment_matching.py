"""Generative moment matching: a generator trained on a kernel distance, without a critic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import nn

from estimators.training import parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel
from estimators.training.registry import models
from estimators.training.seeding import RandomState

#: Data whose pairwise distances give the median; their number, and so the work, is bounded.
MEDIAN_OF = 1000


def mmd_loss(data: torch.Tensor, samples: torch.Tensor, widest: float, n_widths: int) -> torch.Tensor:
    """The unbiased estimate of MMD² for the mean of Gaussian kernels exp(−‖x−y‖²/2h²), h = widest/2ᵏ, k < n_widths.

    1/(n(n−1)) Σ_{i≠j} k(xᵢ, xⱼ) + 1/(m(m−1)) Σ_{i≠j} k(yᵢ, yⱼ) − 2/(nm) Σ k(xᵢ, yⱼ), for `data` (n, d)
    and `samples` (m, d), n, m ≥ 2. It may be negative. Source: Gretton et al. 2012, equation 3.
    """

    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        # A kernel of half the width is the fourth power: one exponential serves them all.
        power = (_distances(x, y).square() / (-2 * widest * widest)).exp()
        total = power
        for _ in range(n_widths - 1):
            power = power.square().square()
            total = total + power
        return total / n_widths

    among = _mean_over_pairs(kernel(data, data)) + _mean_over_pairs(kernel(samples, samples))
    return among - 2 * kernel(data, samples).mean()


def energy_loss(data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """The unbiased estimate of ℰ² = 2E‖X−Y‖ − E‖X−X'‖ − E‖Y−Y'‖, for `data` (n, d) and `samples` (m, d), n, m ≥ 2.

    Twice the MMD² of the distance-induced kernel. It may be negative. Source: Székely & Rizzo 2013;
    Sejdinovic et al. 2013, theorem 22.
    """
    between = _distances(data, samples).mean()
    return 2 * between - _mean_over_pairs(_distances(data, data)) - _mean_over_pairs(_distances(samples, samples))


@models.register("gmmn")
class GMMN(ImplicitModel):
    """The generative moment matching network (Li, Swersky & Zemel 2015; Dziugaite, Roy & Ghahramani 2015).

    Each step draws `batch_size` data and as many samples and descends an unbiased estimate of a
    squared kernel distance between them by Adam. Arguments of its own
        kernel: "gaussian", the mean of `n_widths` Gaussian kernels, the first as wide as `widest`
            times the median distance between data and each other half as wide as the one before; or
            "energy", the energy distance, which has no width.
        betas: Adam's decay rates.
    `history_` has `loss`, the estimate; near the end it is negative about as often as positive.
    Attribute after `start`: median_distance_, in units of the training scale.
    """

    _between_steps: ClassVar[tuple[str, ...]] = ("median_distance_",)

    def __init__(
        self,
        *,
        latent_dim: int = 4,
        generator: nn.Module | None = None,
        hidden: Sequence[int] = (128, 128),
        kernel: str = "gaussian",
        widest: float = 1.0,
        n_widths: int = 6,
        steps: int = 4000,
        lr: float = 1e-2,
        betas: tuple[float, float] = (0.9, 0.99),
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
        self.kernel = kernel
        self.widest = widest
        self.n_widths = n_widths
        self.steps = steps
        self.lr = lr
        self.betas = betas
        self.schedule = schedule
        self.batch_size = batch_size
        self.standardise = standardise
        self.history_every = history_every
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.batch_size, "batch_size", least=2)  # an unbiased estimate needs a pair
        parameters.choice(self.kernel, "kernel", ("gaussian", "energy"))
        parameters.real(self.widest, "widest", above=0)
        parameters.count(self.n_widths, "n_widths")
        parameters.decay_rates(self.betas, "betas")

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _reset(self) -> None:
        some = torch.randperm(len(self._data), generator=self._rng)[:MEDIAN_OF].to(self.device_)
        distances = torch.pdist(self._data[some])
        apart = distances[distances > 0]
        self.median_distance_ = float(apart.median()) if len(apart) else 1.0

    def _step(self, lr: float) -> dict[str, float]:
        data = self._minibatch()
        samples = self.generator_(self._latents(self.batch_size, self._rng))
        if self.kernel == "energy":
            loss = energy_loss(data, samples)
        else:
            loss = mmd_loss(data, samples, self.widest * self.median_distance_, self.n_widths)
        descend(self.optimiser_, loss, lr)
        return {"loss": float(loss.detach())}


def _distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """‖xᵢ − yⱼ‖ by differences, (n, m), with gradient 0 where two points coincide.

    The matrix-product form would lose the small distances, on which narrow kernels live.
    """
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def _mean_over_pairs(values: torch.Tensor) -> torch.Tensor:
    """The mean of values (n, n) off the diagonal."""
    n = len(values)
    return (values.sum() - values.diagonal().sum()) / (n * (n - 1))
