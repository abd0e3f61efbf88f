"""A whole short run of the project's IMLE, held to the definition of its nested loop.

An outer step draws m latents afresh and finds for each datum xᵢ the nearest of the samples, σ(i). Each of the L inner
steps that follow descends (1/n) Σᵢ ‖xᵢ − G(z_σ(i))‖² at those latents by Adam (Kingma & Ba 2015, Algorithm 1). The
generator z ↦ Az + b, in float64, keeps what it is asked; from that the run is computed again as it is defined.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from theory.outcome import Holds, Outcome, Refuted
from theory.setting import Setting

DATA, SAMPLES, OUTER, INNER, RATE, BETAS = 6, 40, 3, 4, 0.125, (0.75, 0.875)
#: Adam divides each slope by its size, so where a slope all but cancels, digits are lost; of the mutants none is nearer
#: than 2⁻¹⁰.
AGREE = 2.0**-30
#: What may be wrong with a trainer.
CHANGES = (
    "draws half the samples", "assigns in every step", "assigns once for all", "assigns the mirrored sample",
    "pulls by another datum", "descends the distance", "draws in every step",
)  # fmt: skip


def held_to_the_definition(setting: Setting, model: Any = None) -> Outcome:
    """Fits `model`, IMLE unless another class is given, and follows its calls of the generator one by one."""
    from estimators import IMLE

    data = np.round(setting.rng(2).normal(size=(DATA, 2)) * 64) / 64  # the same in float32
    fitted = (model or IMLE)(
        latent_dim=2, generator=_recorder(), n_samples=SAMPLES, inner_steps=INNER, steps=OUTER * INNER,
        batch_size=DATA, lr=RATE, betas=BETAS, schedule="constant", standardise=False, random_state=0, device="cpu",
    ).fit(data)  # fmt: skip
    generator: Any = fitted.generator_
    calls = [call for call in generator.calls if call["z"].any()]  # zeros probe the shape
    problem = next(_differences(data, calls, generator.weights()), "")
    moved = float(np.abs(generator.weights() - calls[0]["weights"]).max())
    return Refuted(reason=problem) if problem else Holds(calls=len(calls), weights_moved=moved)


def _differences(data: np.ndarray, calls: list[dict[str, Any]], last: np.ndarray) -> Iterator[str]:
    """What of the calls is not as defined. `weights` (3, 2) are Aᵀ above b."""
    if len(calls) != OUTER * (1 + INNER):
        yield f"the generator is called {len(calls)} times"
    weights, first, second = calls[0]["weights"], np.zeros((3, 2)), np.zeros((3, 2))
    after = [*(call["weights"] for call in calls[1:]), last]
    asked = (call["z"] for call in calls)
    seen: set[bytes] = set()
    for step in range(OUTER * INNER):
        if step % INNER == 0:
            latents = next(asked)
            drawn = {z.tobytes() for z in latents}
            if len(drawn) != SAMPLES or drawn & seen:
                yield f"step {step}: not {SAMPLES} new latents but {len(drawn - seen)}"
            seen |= drawn
            apart = data[:, None] - _with_one(latents) @ weights
            z = latents[np.argmin((apart**2).sum(axis=2), axis=1)]
        if sorted(next(asked).tolist()) != sorted(z.tolist()):
            yield f"step {step}: the latents are not those of the nearest samples when they were drawn"
        slope = 2 / DATA * _with_one(z).T @ (_with_one(z) @ weights - data)
        first = BETAS[0] * first + (1 - BETAS[0]) * slope
        second = BETAS[1] * second + (1 - BETAS[1]) * slope**2
        unbiased = [average / (1 - beta ** (step + 1)) for average, beta in zip((first, second), BETAS, strict=True)]
        weights = weights - RATE * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)  # Adam's own ε
        if np.abs(after[step + step // INNER + 1] - weights).max() > AGREE:
            yield f"step {step}: the weights are not those of the step that is defined"


def _with_one(z: np.ndarray) -> np.ndarray:
    return np.column_stack([z, np.ones(len(z))])


def _recorder() -> Any:
    """z ↦ Az + b in float64, with what it was called with and its weights then."""
    import torch

    class Recorder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.affine = torch.nn.Parameter(torch.tensor([[1.0, 0.5], [-0.25, 1.0], [2.0, -2.0]], dtype=torch.float64))
            self.calls: list[dict[str, Any]] = []

        def weights(self) -> np.ndarray:
            found: np.ndarray = self.affine.detach().numpy().copy()
            return found

        def forward(self, z: Any) -> Any:
            z = z.double()
            self.calls.append({"z": np.ascontiguousarray(z.detach().numpy()), "weights": self.weights()})
            return z @ self.affine[:2] + self.affine[2]

    return Recorder()


def broken(how: str) -> Any:
    """IMLE with one part of its loop changed, one of `CHANGES`."""
    import torch

    from estimators import IMLE

    class Broken(IMLE):
        latents_: torch.Tensor | None

        @property
        def n_samples_now(self) -> int:
            return super().n_samples_now // (2 if how == "draws half the samples" else 1)

        def outer_due(self) -> bool:
            if how == "assigns once for all":
                return self.latents_ is None
            return how == "assigns in every step" or super().outer_due()

        def _generated(self, z: torch.Tensor) -> np.ndarray:
            samples = super()._generated(z)
            return -samples if how == "assigns the mirrored sample" else samples

        def _assign(self, assigned: torch.Tensor, latents: torch.Tensor, squared: torch.Tensor) -> None:
            super()._assign(assigned, latents.flip(0) if how == "pulls by another datum" else latents, squared)

        def _loss(self, data: torch.Tensor, samples: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
            if how == "descends the distance":
                return (samples - data).square().sum(dim=-1).sqrt().mean(dim=-1)
            return super()._loss(data, samples, chosen)

        def _step(self, lr: float) -> Any:
            if how == "draws in every step":
                assert self.latents_ is not None
                self.latents_ = self._latents(len(self.latents_), self._rng)
            return super()._step(lr)

    return Broken
