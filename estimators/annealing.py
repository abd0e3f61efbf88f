"""The likelihood of a model with a decoder: annealed importance sampling from below, its reverse from above."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.intervals import LEVEL
from estimators.points import as_points
from estimators.result import Estimate, NotConverged

if TYPE_CHECKING:
    import torch

LogLikelihood = Callable[[Any, Any], Any]
Progress = Callable[[int, int], None]

#: Acceptance at which Hamiltonian Monte Carlo mixes fastest per gradient (Neal 2011, section 5.4.4).
_ACCEPTANCE = 0.65
#: Half-width of the sigmoid by which the temperatures are spaced (Wu et al. 2017).
_STEEPNESS = 4.0


class GaussianObservation:
    """log p(x|z) = log N(x; decoder(z), scale²I), and draws of x given z; `decoder` maps z (b, k) to (b, d)."""

    def __init__(self, decoder: Callable[[Any], Any], scale: float):
        if not 0 < scale < math.inf:
            raise ValueError(f"scale is {scale}: pass the positive standard deviation of the observation noise")
        self.decoder, self.scale = decoder, float(scale)

    def __call__(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        squares = ((x - self.decoder(z)) ** 2).sum(dim=1)
        constant = x.shape[1] * (math.log(self.scale) + 0.5 * math.log(2 * math.pi))
        return -0.5 * squares / self.scale**2 - constant

    def sample(self, z: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """One draw of x (b, d) for each z."""
        import torch

        with torch.no_grad():
            mean = self.decoder(z)
        return mean + self.scale * torch.randn(mean.shape, generator=rng, dtype=mean.dtype)


class Annealing(NamedTuple):
    """How the chains run: `n_chains` a row, `n_temperatures` from prior to posterior, `n_leapfrog` steps at each."""

    n_chains: int = 16
    n_temperatures: int = 200
    n_leapfrog: int = 10
    step_size: float = 0.1


DEFAULT = Annealing()


@dataclass(frozen=True)
class AnnealedEstimate(Estimate):
    """An Estimate of a mean over rows, with `rows` (m,), each row's own bound on log p(x), in nats.

    `acceptance`, the share of proposals accepted; `effective_chains`, the smallest (Σw)²/Σw² over the rows.
    """

    rows: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), compare=False, repr=False)
    acceptance: float = math.nan
    effective_chains: float = math.nan


def annealed_importance(
    log_likelihood: LogLikelihood,
    test: Any,
    *,
    latent_dim: int,
    annealing: Annealing = DEFAULT,
    dtype: Any = None,
    random_state: Any = 0,
    progress: Progress | None = None,
) -> AnnealedEstimate:
    """A stochastic lower bound on the mean of log p(x) = log ∫ p(x|z) N(z; 0, I) dz, in nats, over `test` (m, d).

        log ŵ = log (1/C) Σ_c exp Σₜ (βₜ − βₜ₋₁) log p(x|z_c,ₜ₋₁),    z_c,ₜ by HMC for N(z; 0, I) p(x|z)^βₜ

    `log_likelihood(z, x)` maps tensors z (b, latent_dim) and x (b, d) to log p(x|z) (b,), differentiably in z;
    `GaussianObservation` makes one of a decoder. Step sizes are adapted in a run of chains that is then thrown away,
    and kept: so E ŵ = p(x) exactly, and E log ŵ ≤ log p(x). It is a bound, never the likelihood itself: how far below
    is not known here, and `bidirectional_annealing` shows it on data of the model's own.

    The standard error is that of a mean over rows of `test`. The interval, for these very rows, is one-sided and exact:
    by Markov's inequality their mean log p is above value − log(20)/m with probability 95 % over the chains. `dtype` is
    that of the latents, by default float64. `progress(done, all)` is called at each temperature.

    Raises ValueError for bad rows or settings, and where log p(x|z) is not finite at a draw of the prior.
    Source: Neal 2001; Wu, Burda, Salakhutdinov & Grosse 2017.
    """
    x, rng, _ = _prepared(test, latent_dim, annealing, dtype, random_state)
    chains = _Chains(log_likelihood, x, latent_dim, annealing, rng, progress, n_runs=2)
    steps = chains.run(chains.prior(), adapt=True).steps
    run = chains.run(chains.prior(), steps=steps)
    bounds = _log_mean(run.log_weights)
    return _estimate(bounds, run, "lower", (-math.log(1 - LEVEL) / len(bounds), math.inf))


class Bracket(NamedTuple):
    """Bounds from both sides on one mean log-likelihood, and the exact 95 % `interval` that they make together."""

    lower: AnnealedEstimate
    upper: AnnealedEstimate
    interval: tuple[float, float]


def bidirectional_annealing(
    log_likelihood: Any,
    n_rows: int,
    *,
    latent_dim: int,
    annealing: Annealing = DEFAULT,
    dtype: Any = None,
    random_state: Any = 0,
    progress: Progress | None = None,
) -> Bracket:
    """Lower and upper stochastic bounds on the mean of log p(x) over `n_rows` rows that the model itself simulates.

    Of a simulated row the latent is a draw from the posterior, so that chains may also run from it back to the prior:
    E exp(−log ŵ) = 1/p(x), a bound from above. `log_likelihood` also has `sample(z, rng)`, as `GaussianObservation`.
    The gap is what `annealed_importance` loses on such data with these settings; of real data it says nothing, if the
    model is far from them. Raises NotConverged where the bounds cross by more than their reach at 95 %: `sample` and
    the density disagree. Source: Grosse, Ancha & Roy 2016 (BDMC).
    """
    if not (isinstance(n_rows, (int, np.integer)) and n_rows >= 2):
        raise ValueError(f"n_rows is {n_rows!r}: pass 2 or more, for a standard error")
    import torch

    _, rng, kind = _prepared(np.zeros((1, 1)), latent_dim, annealing, dtype, random_state)
    z = torch.randn((int(n_rows), latent_dim), generator=rng, dtype=kind)
    with torch.no_grad():
        x = log_likelihood.sample(z, rng).to(kind)
    chains = _Chains(log_likelihood, x, latent_dim, annealing, rng, progress, n_runs=3)
    steps = chains.run(chains.prior(), adapt=True).steps
    forward = chains.run(chains.prior(), steps=steps)
    backward = chains.run(z.repeat_interleave(annealing.n_chains, dim=0), steps=steps, backward=True)
    below, above = _log_mean(forward.log_weights), -_log_mean(-backward.log_weights)
    # Each side may err with half of the probability.
    reach = -math.log((1 - LEVEL) / 2) / int(n_rows)
    lower = _estimate(below, forward, "lower", (reach, math.inf))
    upper = _estimate(above, backward, "upper", (math.inf, reach))
    ends = lower.value - reach, upper.value + reach
    if ends[0] > ends[1]:
        raise NotConverged(
            f"the lower bound {lower.value:.4g} is above the upper one {upper.value:.4g} by more than chance allows at "
            f"{LEVEL:.0%}: make log_likelihood.sample draw from the very density that log_likelihood returns; if it "
            "does, take another random_state",
            replace(lower, converged=False),
        )
    return Bracket(lower, upper, ends)


class _Run(NamedTuple):
    log_weights: NDArray[np.float64]  # (rows, chains)
    steps: Any  # (temperatures, rows)
    acceptance: float


class _Chains:
    """`n_chains` Hamiltonian chains for each row of x (m, d), all at once."""

    def __init__(
        self, log_likelihood: LogLikelihood, x: torch.Tensor, latent_dim: int, annealing: Annealing,
        rng: torch.Generator, progress: Progress | None, n_runs: int,
    ):  # fmt: skip
        self.log_likelihood, self.rng, self.annealing = log_likelihood, rng, annealing
        self.n_rows, self.latent_dim, self.kind = len(x), latent_dim, x.dtype
        self.x = x.repeat_interleave(annealing.n_chains, dim=0)
        spaced = 1 / (1 + np.exp(-np.linspace(-_STEEPNESS, _STEEPNESS, annealing.n_temperatures + 1)))
        self.betas = (spaced - spaced[0]) / (spaced[-1] - spaced[0])
        self.progress, self.done, self.all = progress, 0, n_runs * annealing.n_temperatures

    def prior(self) -> torch.Tensor:
        return self._normal()

    def run(self, z: torch.Tensor, *, steps: Any = None, adapt: bool = False, backward: bool = False) -> _Run:
        """Anneals from z, by the step sizes given or adapting them as it goes; `backward` from posterior to prior."""
        import torch

        chosen = torch.full((self.n_rows,), self.annealing.step_size, dtype=self.kind)
        used = torch.empty((self.annealing.n_temperatures, self.n_rows), dtype=self.kind)
        log_weights, accepted = np.zeros(len(z)), 0.0
        order = range(1, len(self.betas))
        for t in reversed(order) if backward else order:
            here = chosen if steps is None else steps[t - 1]
            used[t - 1] = here
            rise = self.betas[t] - self.betas[t - 1]
            if not backward:
                log_weights += rise * self._values(z)
            z, share = self._transition(z, float(self.betas[t]), here)
            if backward:
                log_weights += rise * self._values(z)
            if adapt:
                chosen = chosen * torch.where(share > _ACCEPTANCE, 1.05, 0.95).to(self.kind)
            accepted += float(share.mean())
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.all)
        return _Run(log_weights.reshape(self.n_rows, -1), used, accepted / self.annealing.n_temperatures)

    def _transition(self, z: torch.Tensor, beta: float, steps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One proposal by leapfrog steps, accepted or not; a proposal of infinite energy or none at all is not."""
        import torch

        step = steps.repeat_interleave(self.annealing.n_chains)[:, None]
        momentum = self._normal()
        energy, slope = self._energy(z, beta)
        before = energy + 0.5 * (momentum**2).sum(dim=1)
        moved = z
        momentum = momentum - 0.5 * step * slope
        for place in range(self.annealing.n_leapfrog):
            moved = moved + step * momentum
            energy, slope = self._energy(moved, beta)
            momentum = momentum - (1.0 if place + 1 < self.annealing.n_leapfrog else 0.5) * step * slope
        after = energy + 0.5 * (momentum**2).sum(dim=1)
        draws = torch.rand(len(z), generator=self.rng, dtype=self.kind)
        accepted = torch.log(draws) < before - after  # False for a NaN
        shares = accepted.to(self.kind).reshape(self.n_rows, -1).mean(dim=1)
        return torch.where(accepted[:, None], moved, z), shares

    def _energy(self, z: torch.Tensor, beta: float) -> tuple[torch.Tensor, torch.Tensor]:
        """½‖z‖² − β log p(x|z), and its gradient."""
        import torch

        z = z.detach().requires_grad_(True)
        energy = 0.5 * (z**2).sum(dim=1) - beta * self.log_likelihood(z, self.x)
        (slope,) = torch.autograd.grad(energy.sum(), z)
        return energy.detach(), slope

    def _values(self, z: torch.Tensor) -> NDArray[np.float64]:
        import torch

        with torch.no_grad():
            values = self.log_likelihood(z, self.x).double().numpy()
        if values.shape != (len(z),):
            raise ValueError(f"log_likelihood gave shape {values.shape} for {len(z)} pairs: return one number a row")
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values))) // self.annealing.n_chains
            raise ValueError(
                f"log_likelihood is not finite for row {row} of test: mend the decoder, or widen its noise"
            )
        return values

    def _normal(self) -> torch.Tensor:
        import torch

        return torch.randn((len(self.x), self.latent_dim), generator=self.rng, dtype=self.kind)


def _prepared(test: Any, latent_dim: int, annealing: Annealing, dtype: Any, random_state: Any) -> tuple[Any, Any, Any]:
    for name, value, least in (
        ("latent_dim", latent_dim, 1), ("n_chains", annealing.n_chains, 1),
        ("n_temperatures", annealing.n_temperatures, 1), ("n_leapfrog", annealing.n_leapfrog, 1),
    ):  # fmt: skip
        if not (isinstance(value, (int, np.integer)) and value >= least):
            raise ValueError(f"{name} is {value!r}: pass a whole number ≥ {least}")
    if not 0 < annealing.step_size < math.inf:
        raise ValueError(f"step_size is {annealing.step_size}: pass a positive number, from which it is adapted")
    rows = as_points(test, "test")
    import torch

    from estimators.training.seeding import seed_of, torch_stream

    kind = torch.float64 if dtype is None else dtype
    return torch.as_tensor(rows).to(kind), torch_stream(seed_of(random_state), "annealing"), kind


def _log_mean(log_weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """log of the mean of the weights of each row."""
    top = log_weights.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(log_weights - top).mean(axis=1))


def _estimate(bounds: NDArray[np.float64], run: _Run, side: str, reach: tuple[float, float]) -> AnnealedEstimate:
    value = math.fsum(bounds) / len(bounds)
    stderr = float(bounds.std(ddof=1)) / math.sqrt(len(bounds)) if len(bounds) > 1 else None
    signed = run.log_weights if side == "lower" else -run.log_weights
    weights = np.exp(signed - signed.max(axis=1, keepdims=True))
    effective = float((weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1)).min())
    article = "a lower" if side == "lower" else "an upper"
    detail = f"{article} bound in expectation; {run.acceptance:.0%} accepted, {effective:.1f} effective chains at worst"
    return AnnealedEstimate(
        value, stderr, (value - reach[0], value + reach[1]), f"annealed importance sampling, stochastic {side} bound",
        unit="nats", detail=detail, bound=side, rows=bounds, acceptance=run.acceptance, effective_chains=effective,
    )  # fmt: skip
