"""A mixture of Gaussians: its density, its draws, and the best mixture for given memberships."""

from __future__ import annotations

import math

import torch
from torch import nn

from estimators.training.explicit_model import Density


class MixtureDensity(Density):
    """p(x) = Σ_k w_k N(x; μ_k, Σ_k) in float64, with Σ_k = U_k diag(λ_k) U_kᵀ; U_k = I where `diagonal`.

    `weights` (K,), `means` (K, d), `variances` λ (K, d), `axes` U (K, d, d) or None.
    """

    def __init__(self, n_components: int, n_features: int, *, diagonal: bool):
        super().__init__()
        k, d = n_components, n_features
        self.means = _fixed(torch.zeros(k, d))
        self.variances = _fixed(torch.ones(k, d))
        self.weights = _fixed(torch.full((k,), 1 / k))
        self.axes = None if diagonal else _fixed(torch.eye(d).repeat(k, 1, 1))

    def log_joint(self, x: torch.Tensor) -> torch.Tensor:
        """log w_k + log N(x; μ_k, Σ_k), (b, K), for x (b, d); −∞ for a component of weight 0."""
        columns = []
        for k in range(len(self.weights)):
            centred = x - self.means[k]
            along = centred if self.axes is None else centred @ self.axes[k]
            squared = (along.square() / self.variances[k]).sum(dim=1)
            columns.append(-0.5 * (squared + self.variances[k].log().sum()))
        constant = 0.5 * x.shape[1] * math.log(2 * math.pi)
        return torch.stack(columns, dim=1) + self.weights.log() - constant

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return self.log_joint(x).logsumexp(dim=1)

    def draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        weights = self.weights.cpu()
        chosen = torch.multinomial(weights, n, replacement=True, generator=rng).to(self.means.device)
        noise = torch.randn(n, self.means.shape[1], generator=rng, dtype=torch.float64).to(self.means.device)
        noise *= self.variances.sqrt()[chosen]
        if self.axes is not None:
            for k in chosen.unique():
                noise[chosen == k] = noise[chosen == k] @ self.axes[k].T
        return self.means[chosen] + noise

    def fit_to(self, x: torch.Tensor, memberships: torch.Tensor, floor: float) -> None:
        """The M-step: argmax of Σᵢ Σ_k r_ik log(w_k N(xᵢ; μ_k, Σ_k)) where every eigenvalue of Σ_k is ≥ `floor`.

        w_k = mean of r_k; μ_k and S_k the mean and covariance of x (b, d) under the weights r_k; Σ_k is S_k
        with its eigenvalues (variances, where diagonal) raised to the floor, which is the maximiser
        under that constraint, so that EM stays monotone. A component without members keeps its place
        and has weight 0. `memberships` r (b, K) ≥ 0, rows of sum 1.
        """
        self.weights.copy_(memberships.mean(dim=0))
        for k, share in enumerate(memberships.sum(dim=0)):
            if share <= 0:
                continue
            r = memberships[:, k, None] / share
            self.means[k] = (r * x).sum(dim=0)
            centred = x - self.means[k]
            if self.axes is None:
                self.variances[k] = (r * centred.square()).sum(dim=0).clamp_min(floor)
            else:
                values, vectors = torch.linalg.eigh((r * centred).T @ centred)
                self.variances[k] = values.clamp_min(floor)
                self.axes[k] = vectors


def _fixed(value: torch.Tensor) -> nn.Parameter:
    """A parameter that no gradient trains."""
    return nn.Parameter(value.double(), requires_grad=False)
