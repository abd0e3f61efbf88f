"""What drives the training: vanishing gradients, cycles, and an objective that falls, each measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from estimators.measures import ring
from reports.experiment import Cell, Experiment, Measurement, experiments
from reports.record import Scalar

Array = NDArray[np.float64]

#: Distances between N(0, I) and the generator's N((Δ, 0), I); at the last the two hardly overlap.
DISTANCES = (1.0, 3.0, 6.0)
#: Steps s = ησ of the bilinear game, and the ways to play it.
_STEPS = (0.1, 0.5)
METHODS = ("simultaneous", "alternating", "extragradient")
#: Rounds of the game.
_ROUNDS = 100
#: Models whose objective is followed: the registered one, its name in `history_`, and what the constructor is told.
MODELS: dict[str, tuple[str, str, dict[str, float]]] = {
    "imle": ("imle", "objective", {}),
    "minimax-gan without R1": ("minimax-gan", "loss", {"r1": 0.0}),
    "non-saturating-gan": ("non-saturating-gan", "loss", {"r1": 1.0}),
}
#: By size: critic steps, batch; training steps of the models, their looks, seeds.
_SIZES = {"quick": (256, 128, 400, 10, 2), "standard": (4096, 512, 4000, 40, 5), "full": (16384, 1024, 12_000, 60, 10)}
_LIMITS = {"quick": 600.0, "standard": 1800.0, "full": 3600.0}


@experiments.register("gradients")
class Gradients(Experiment):
    """Three parts, each with a truth beside what is measured.

    `vanishing`: the generator z + θ stands still at distance Δ while the discriminator trains; the norm of the
    generator's gradient in θ, of minimax and of the non-saturating loss, and what it is at the best discriminator,
    where the score is log p/q: Δ E_q D and Δ E_q (1 − D), by quadrature.
    `cycling`: on min over x, max over y of xy, gradients by torch; ‖z_k‖²/‖z₀‖² against (1 + s²)^k for simultaneous
    and (1 − s² + s⁴)^k for extragradient steps, and the invariant x² + y² − sxy of alternating ones.
    `objective`: as a model trains on the ring, Spearman's correlation of its own objective with the energy distance
    of its samples to held-out data, and the share of looks at which the objective rose. For IMLE with the latents
    kept and full-batch steps also the number of outer steps that raised its objective, which theory says is 0.
    """

    question = (
        "Do a GAN's gradients vanish and its steps cycle, and does IMLE's objective fall where its samples improve?"
    )
    timing = False
    caveats = (
        "The discriminator is a small network that sees fresh data: it tends to the best one from below, and at large "
        "distances takes longer than is shown.",
        "One bilinear game, where everything is known, says that cycling can happen, not how often it does.",
        "A GAN's loss is a value of a game at its present critic; that it does not fall is no failure, but nothing to "
        "stop by. On this easy ring it may fall with the distance all the same, above all with R1.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del data
        critic_steps, batch, steps, looks, seeds = _SIZES[size]
        limit = _LIMITS[size]
        for s in _STEPS:
            yield Cell({"part": "cycling", "s": s, "rounds": _ROUNDS}, seconds=limit)
        for seed in range(seeds):
            for distance in DISTANCES:
                vanishing: dict[str, Scalar] = {
                    "part": "vanishing",
                    "distance": distance,
                    "steps": critic_steps,
                    "batch": batch,
                }
                yield Cell(vanishing, seed=seed, modules=("estimators.models.gans.minimax",), seconds=limit)
            for name, (registered, _, settings) in MODELS.items():
                yield Cell(
                    {"part": "objective", "model": name, "steps": steps, "looks": looks, **settings},
                    seed=seed, modules=(_module(registered),), seconds=limit,
                )  # fmt: skip
            yield Cell(
                {"part": "fixed latents", "steps": steps // 2}, seed=seed, modules=(_module("imle"),), seconds=limit
            )

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        parts = {
            "vanishing": _vanishing, "cycling": _cycling, "objective": _objective, "fixed latents": _fixed_latents
        }  # fmt: skip
        yield from parts[str(cell.params["part"])](cell)


def _module(name: str) -> str:
    from estimators.training.registry import models

    return str(models[name].__module__)


def at_best_discriminator(distance: float) -> tuple[float, float]:
    """|∇θ| of E log(1 − D) and of −E log D for N(0, I) and N((Δ, 0), I) at the best D: Δ E_q D and Δ E_q(1 − D).

    The score log p/q is Δ²/2 − Δ x₁, and ∇ₓ of it −Δ. By Gauss–Hermite quadrature, x₁ = Δ + u.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    share = float(weights @ expit(-(distance**2) / 2 - distance * nodes) / weights.sum())
    return distance * share, distance * (1 - share)


def _vanishing(cell: Cell) -> Iterator[Measurement]:
    import torch

    from estimators.models.gans.minimax import saturating_loss
    from estimators.models.gans.non_saturating import discriminator_loss, non_saturating_loss
    from estimators.networks import mlp_critic
    from estimators.training.descent import adam, descend

    distance, steps, batch = (float(str(cell.params[name])) for name in ("distance", "steps", "batch"))
    rng = torch.Generator().manual_seed(cell.seed)
    critic = mlp_critic(2, (64, 64), rng=rng)
    optimiser = adam(critic, (0.9, 0.99))
    moved = torch.tensor([distance, 0.0])
    held = torch.randn(4000, 2, generator=rng)
    looks = [0, *(2**k for k in range(int(np.log2(steps)) + 1))]
    for step in range(int(steps) + 1):
        if step in looks:
            for name, loss in (("minimax", saturating_loss), ("non-saturating", non_saturating_loss)):
                theta = moved.clone().requires_grad_(True)
                (gradient,) = torch.autograd.grad(loss(critic(held + theta)), theta)
                yield Measurement(f"{name} gradient", float(gradient.norm()), "nats a unit", payload={"step": step})
        data, samples = (torch.randn(int(batch), 2, generator=rng) for _ in range(2))
        descend(optimiser, discriminator_loss(critic(data), critic(samples + moved)), 3e-3)
    for name, value in zip(("minimax", "non-saturating"), at_best_discriminator(distance), strict=True):
        yield Measurement(f"{name} gradient, best discriminator", value, "nats a unit")


def _cycling(cell: Cell) -> Iterator[Measurement]:
    s, rounds = float(str(cell.params["s"])), int(str(cell.params["rounds"]))
    for name in METHODS:
        path = np.array(played(name, s, rounds))
        squared = (path**2).sum(axis=1)
        expected = squared[0] * growth(name, s) ** np.arange(rounds + 1)
        seen = squared
        if name == "alternating":  # turns on an ellipse: what stays is its invariant
            seen = squared - s * path[:, 0] * path[:, 1]
            expected = np.full(rounds + 1, seen[0])
        yield Measurement(
            f"{name}, growth", float(np.sqrt(squared[-1] / squared[0])), "times as far",
            payload={"path": path, "expected": float(np.sqrt(growth(name, s) ** rounds))},
        )  # fmt: skip
        # In units of the rounding that each round may add.
        deviation = float(np.abs(seen / expected - 1).max()) / (rounds * np.finfo(np.float64).eps)
        yield Measurement(f"{name}, deviation", deviation, "roundings a round")


def growth(name: str, s: float) -> float:
    """The factor by which a round multiplies ‖z‖² on xy; 1 for alternating steps, whose norm is only bounded."""
    return {"simultaneous": 1 + s**2, "alternating": 1.0, "extragradient": 1 - s**2 + s**4}[name]


def played(name: str, s: float, rounds: int) -> list[tuple[float, float]]:
    """Rounds of the game xy from (1, 0), each gradient by torch's differentiation, in float64."""
    import torch

    point = torch.tensor([1.0, 0.0], dtype=torch.float64)
    sign = torch.tensor([-1.0, 1.0], dtype=torch.float64)

    def field(at: Any) -> Any:
        at = at.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(at.prod(), at)
        return s * sign * gradient

    path = [tuple(point.tolist())]
    for _ in range(rounds):
        if name == "alternating":
            point = point + field(point) * torch.tensor([1.0, 0.0])
            point = point + field(point) * torch.tensor([0.0, 1.0])
        else:
            point = point + field(point + field(point) if name == "extragradient" else point)
        path.append(tuple(point.tolist()))
    return path


def _objective(cell: Cell) -> Iterator[Measurement]:
    from estimators.kernel_distances import energy_distance
    from estimators.training.callbacks import Callback
    from estimators.training.registry import models

    name, steps, looks = str(cell.params["model"]), int(str(cell.params["steps"])), int(str(cell.params["looks"]))
    every = steps // looks
    law = ring(8)
    rng = np.random.default_rng(cell.seed)
    X, held_out = law.sample(2000, rng), law.sample(500, rng)
    distances = []

    class Look(Callback):
        def step(self, model: Any, losses: dict[str, float]) -> None:  # noqa: ARG002
            if model.step_ % every == 0:
                drawn = model.sample(500, random_state=model.step_)
                distances.append(energy_distance(drawn, held_out).value)

    registered, loss, settings = MODELS[name]
    model = models[registered](
        steps=steps, history_every=every, random_state=cell.seed, device="cpu",
        **{key: cell.params[key] for key in settings},
    )  # fmt: skip
    model.fit(X, callbacks=[Look()])
    objective = np.array([row[loss] for row in model.history_])
    curves = {"step": [row["step"] for row in model.history_], "objective": objective, "energy": np.array(distances)}
    order = np.corrcoef(rankdata(objective), rankdata(distances))[0, 1]
    yield Measurement("rank correlation", float(order), "", payload=curves)
    yield Measurement("rises", float((np.diff(objective) > 0).mean()), "share")


def _fixed_latents(cell: Cell) -> Iterator[Measurement]:
    import torch

    from estimators.models.imle import imle_loss, nearest_sample_objective
    from estimators.networks import mlp_generator

    rng = torch.Generator().manual_seed(cell.seed)
    X = torch.from_numpy(ring(8).sample(300, cell.seed))
    generator = mlp_generator(2, (32, 32), 2, rng=rng).double()
    z = torch.randn(256, 2, generator=rng, dtype=torch.float64)
    weights = list(generator.parameters())
    values = []
    for step in range(int(str(cell.params["steps"]))):
        if step % 10 == 0:
            with torch.no_grad():
                samples = generator(z)
                nearest = torch.cdist(X, samples).argmin(dim=1)
                values.append(float(nearest_sample_objective(X, samples)) / len(X))
        gradient = torch.autograd.grad(imle_loss(X, generator(z[nearest]), 1), weights)
        with torch.no_grad():
            for weight, slope in zip(weights, gradient, strict=True):
                weight.sub_(0.02 * slope)
    found = np.array(values)
    yield Measurement(
        "outer steps that rose", int((np.diff(found) > 0).sum()), f"of {len(found) - 1}", payload={"objective": found}
    )
    yield Measurement("objective left", float(found[-1] / found[0]), "share")
