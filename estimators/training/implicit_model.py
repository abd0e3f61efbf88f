"""The interface of every implicit model: scikit-learn outside, plain torch inside."""

from __future__ import annotations

import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

from estimators.networks import mlp_generator
from estimators.training import loop, parameters, run_state
from estimators.training.callbacks import Callback, Progress
from estimators.training.checked_networks import CheckedNetworks
from estimators.training.held_data import HeldData
from estimators.training.inference import inference
from estimators.training.precision import PRECISIONS, autocast
from estimators.training.seeding import RandomState, seed_of, torch_stream
from estimators.training.training_data import Standardisation, checked_data, fingerprint
from knn.estimator import BaseEstimator

#: Samples drawn at once: 64 MB of float32 at 4096 features.
SAMPLE_BLOCK = 4096

#: What a step reports: numbers by name, or where seeds are trained together one for each, (S,).
Losses = Mapping[str, float | torch.Tensor]


@dataclass(kw_only=True, eq=False, repr=False)
class ImplicitModel(HeldData, CheckedNetworks, BaseEstimator, ABC):
    """A distribution that is known by its samples x = G(z), z ~ N(0, I), and has no density.

    `fit(X)` trains; `sample(n)` draws; `start(X)` and `step()` are the same training by hand. There
    is no `log_prob`: an implicit model has none.

    Constructor arguments that all models share
        latent_dim: the dimension of z.
        generator: a `torch.nn.Module` (b, latent_dim) → (b, d), copied and trained from its present
            weights; None makes a multilayer perceptron of `hidden` widths, initialised from
            `random_state`.
        steps: the budget, in optimiser steps. lr: the first learning rate; `schedule` "cosine" takes
            it to 0 over the budget, "constant" keeps it. betas: Adam's decay rates.
        batch_size: data in one step. standardise: train at the unit scale (see `Standardisation`).
        principal_components: p, to train networks of width p on the coordinates along the p leading principal axes of
            the data, which is quicker for wide ones. Samples lie in the span of these; losses leave out the rest.
        history_every: steps in a row of `history_`.
        random_state: an integer, a numpy Generator or RandomState, or None for fresh entropy. Torch's
            and NumPy's global generators are neither read nor set.
        device: "auto" (CUDA where there is one), or what torch calls a device. verbose: report to
            the standard error.
        precision: "fp32", the reference, or "bf16": matrix products of training in bfloat16 (torch's
            autocast), whose numbers have 8 significant bits; weights, optimisers and samples stay in
            float32. Quicker for wide layers on hardware that has it.

    Attributes after `start` or `fit`
        generator_, step_, outer_step_, seed_ (an integer random_state that repeats the run),
        n_features_in_, standardisation_, device_, history_ (a list of dicts: step, outer_step, lr,
        seconds of training so far, and the mean of each loss since the last row), stopped_by_
        ("steps", "max_seconds" or the callback that ended the fit).

    On the CPU at a fixed number of threads a seed fixes the run bit by bit; `fit` trains small networks by one.
    """

    #: Names of the attributes that a checkpoint keeps; a subclass extends them. The first network draws the samples.
    _networks: ClassVar[tuple[str, ...]] = ("generator_",)
    _optimisers: ClassVar[tuple[str, ...]] = ("optimiser_",)
    _between_steps: ClassVar[tuple[str, ...]] = ()
    #: Those that the networks are built by, beside the ones of `ImplicitModel`: plain values or tensors.
    _plain: ClassVar[tuple[str, ...]] = ()

    #: True where `_step` of this very class also takes tensors with a first axis of seeds, (S, b, d), as
    #: `estimators.training.stacked` gives them; a subclass says it again, whose step may be another.
    _stacks: ClassVar[bool] = False

    latent_dim: int = 4
    generator: nn.Module | None = None
    hidden: Sequence[int] = (128, 128)
    steps: int = 2000
    lr: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.99)
    schedule: str = "cosine"
    batch_size: int = 128
    standardise: bool = True
    principal_components: int | None = None
    history_every: int = 50
    random_state: RandomState = None
    device: str = "auto"
    precision: str = "fp32"
    verbose: bool = False

    generator_: nn.Module = field(init=False)

    def fit(
        self, X: Any, y: object = None, *, callbacks: Sequence[Callback] = (), max_seconds: float | None = None
    ) -> Self:
        """Trains on X (n, d) for `steps` steps; `y` is ignored. `max_seconds` of wall time may end it earlier.

        Raises TypeError or ValueError for bad data or parameters, `Diverged` for a loss that is not finite.
        """
        self.start(X, y)
        return self._run(callbacks, max_seconds)

    def start(self, X: Any, y: object = None) -> Self:  # noqa: ARG002
        """Checks X and the parameters, builds fresh networks and leaves the model ready for `step()`."""
        data = checked_data(X)
        self._check_parameters()
        self._describe(data)
        self._begin()
        self._attach(data)
        self._reset()
        return self

    def _describe(self, data: np.ndarray) -> None:
        """What is kept of the data themselves."""
        self.n_features_in_ = data.shape[1]
        self.standardisation_ = Standardisation.identity(self.n_features_in_)
        if self.standardise:
            self.standardisation_ = Standardisation.of(data, self.principal_components)
        self.dtype_ = str(data.dtype)
        self.data_fingerprint_ = fingerprint(data)

    def _begin(self) -> None:
        """Fresh networks, optimisers and counters from `random_state`; no data yet."""
        self.seed_ = seed_of(self.random_state)
        self.step_ = self.outer_step_ = 0
        self.seconds_ = 0.0
        self.history_: list[dict[str, float]] = []
        self._sums: dict[str, float] = {}
        self._rng = torch_stream(self.seed_, "train")
        self._build()

    def step(self) -> dict[str, float]:
        """One step of the optimiser(s), after an outer step where one is due; returns the losses."""
        if getattr(self, "_data", None) is None:
            raise NotFittedError(f"this {type(self).__name__} holds no training data; call start(X) before step()")
        if self.outer_due():
            self.outer_step()
        began = time.perf_counter()
        lr = self.lr_now
        with autocast(self.precision, self.device_):
            losses = {name: float(value) for name, value in self._step(lr).items()}
        loop.require_finite(losses, step=self.step_, lr=lr)
        self.step_ += 1
        self.seconds_ += time.perf_counter() - began
        self._record(losses, lr)
        return losses

    def outer_step(self) -> None:
        """Begins an outer step now; `step()` does so by itself when one is due."""
        began = time.perf_counter()
        with autocast(self.precision, self.device_):
            self._outer_step()
        self.outer_step_ += 1
        self.seconds_ += time.perf_counter() - began

    def outer_due(self) -> bool:
        """Whether the next step begins an outer step; False for a model that has none."""
        return False

    @property
    def lr_now(self) -> float:
        """The learning rate of the next step: `lr`, or lr · ½(1 + cos(π step/steps))."""
        return self.lr * self._schedule_factor()

    def sample(self, n: int, *, random_state: RandomState = None) -> np.ndarray:
        """Draws n samples, shape (n, d), in the units and the float type of the training data.

        A pure function of the trained weights and `random_state`; None takes fresh entropy, so two
        calls differ. Raises `Diverged` where the generator returns a value that is not finite.
        """
        n = parameters.count(n, "n")
        self._require_fitted()
        rng = torch_stream(seed_of(random_state), "sample")
        with inference(getattr(self, self._networks[0])):
            blocks = [self._draw(min(SAMPLE_BLOCK, n - first), rng).cpu() for first in range(0, n, SAMPLE_BLOCK)]
        unit = torch.cat(blocks).numpy()
        if not np.isfinite(unit).all():
            raise loop.Diverged("the generator returns values that are not finite", step=self.step_, lr=self.lr)
        return self.standardisation_.undo(unit, self.dtype_)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the whole run to `path`, atomically: weights, optimisers, generators, cached latents, history."""
        self._require_fitted()
        run_state.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], **replacements: Any) -> Self:
        """The model that `save` or a `Checkpoint` wrote; `replacements` stand for constructor arguments of the file.

        A generator (or another object) of your own must be passed again: the file holds its weights
        and no code. `ImplicitModel.load` takes any registered model. Raises `CheckpointError`.
        """
        return run_state.load(cls, path, replacements)

    def resume(self, X: Any, *, callbacks: Sequence[Callback] = (), max_seconds: float | None = None) -> Self:
        """Goes on to `steps` on the same X; the result is bitwise that of a run without interruption.

        Raises ValueError when X is not the data that the run began with.
        """
        self._require_fitted()
        data = checked_data(X)
        if fingerprint(data) != self.data_fingerprint_:
            raise ValueError(
                f"X, shape {data.shape}, is not the data that this run began with; give the same array, or fit anew"
            )
        self._check_parameters()
        self._attach(data)
        return self._run(callbacks, max_seconds)

    @abstractmethod
    def _step(self, lr: float) -> Losses:
        """One update of the networks at this learning rate; the losses by name, detached."""

    @abstractmethod
    def _build_optimisers(self) -> None:
        """Sets the attributes that `_optimisers` names."""

    def _build_networks(self, rng: torch.Generator) -> None:
        """Sets the attributes that `_networks` names, initialised from `rng`."""
        self.generator_ = self._module(
            "generator",
            self.generator,
            lambda: mlp_generator(self.latent_dim, self.hidden, self.standardisation_.width, rng=rng),
        )
        self._probe("generator", self.generator_, self.latent_dim, self.standardisation_.width)

    def _outer_step(self) -> None:
        """What an outer step does; nothing by default."""

    def _reset(self) -> None:
        """Sets the attributes that `_between_steps` names to their first values; the data are at hand."""

    def _check_parameters(self) -> None:
        """Raises TypeError or ValueError for a bad constructor argument."""
        parameters.count(self.latent_dim, "latent_dim")
        parameters.widths(self.hidden, "hidden")
        parameters.count(self.steps, "steps")
        parameters.real(self.lr, "lr", above=0)
        parameters.decay_rates(self.betas, "betas")
        parameters.choice(self.schedule, "schedule", ("cosine", "constant"))
        parameters.count(self.batch_size, "batch_size")
        parameters.count(self.history_every, "history_every")
        parameters.choice(self.precision, "precision", PRECISIONS)
        parameters.count_or_none(self.principal_components, "principal_components")
        if self.principal_components is not None and not self.standardise:
            raise ValueError("principal_components needs standardise=True: axes go through the centre of the data")
        if self.generator is not None and not isinstance(self.generator, nn.Module):
            raise TypeError(f"generator is a {type(self.generator).__name__}; give a torch.nn.Module or None")

    def _draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        """n samples at the training scale, (n, d)."""
        samples: torch.Tensor = self.generator_(self._latents(n, rng))
        return samples

    def _schedule_factor(self) -> float:
        if self.schedule == "constant":
            return 1.0
        return 0.5 * (1.0 + math.cos(math.pi * min(self.step_, self.steps) / self.steps))

    def _build(self) -> None:
        self.device_ = parameters.torch_device(self.device)
        self._build_networks(torch_stream(self.seed_, "initialise"))
        self._build_optimisers()

    def _run(self, callbacks: Sequence[Callback], max_seconds: float | None) -> Self:
        if max_seconds is not None:
            parameters.real(max_seconds, "max_seconds", above=0)
        watching = (*callbacks, *([Progress()] if self.verbose else []))
        try:
            self.stopped_by_ = loop.run(self, callbacks=watching, max_seconds=max_seconds)
        finally:
            self._release()
        self._require_finite_weights()
        return self

    def _require_finite_weights(self) -> None:
        for name in self._networks:
            if not all(bool(torch.isfinite(weight).all()) for weight in getattr(self, name).parameters()):
                raise loop.Diverged(f"{name} has weights that are not finite", step=self.step_, lr=self.lr)

    def _record(self, losses: dict[str, float], lr: float) -> None:
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        last = self.history_[-1]["step"] if self.history_ else 0
        if self.step_ % self.history_every == 0 or self.step_ == self.steps:
            means = {name: total / (self.step_ - last) for name, total in self._sums.items()}
            place = {"step": self.step_, "outer_step": self.outer_step_, "lr": lr, "seconds": self.seconds_}
            self.history_.append(place | means)
            self._sums = {}

    def _require_fitted(self) -> None:
        if not hasattr(self, self._networks[0]):
            raise NotFittedError(f"this {type(self).__name__} is not fitted; call fit(X) first")
