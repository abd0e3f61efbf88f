"""The interface of models of a law for each input: x = G(c, z)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from estimators.networks import conditional_mlp_generator
from estimators.training import loop, parameters
from estimators.training.callbacks import Callback
from estimators.training.implicit_model import SAMPLE_BLOCK, ImplicitModel
from estimators.training.inference import inference
from estimators.training.seeding import RandomState, seed_of, torch_stream
from estimators.training.training_data import Standardisation, checked_data, fingerprint


@dataclass(kw_only=True, eq=False, repr=False)
class ConditionalModel(ImplicitModel):
    """A distribution of outputs x for every input c, known by its samples x = G(c, z), z ~ N(0, I).

    `fit(X, given=C)` trains on outputs X (n, d) whose inputs are the rows of C (n, k); X is what is learnt, as in
    every model, and what it is learnt *given* goes by that name wherever it is passed. `sample(n, given=c)` draws.

    What differs from `ImplicitModel`
        generator: a `torch.nn.Module` called with two tensors, (b, k) and (b, latent_dim) → (b, d); None makes a
            multilayer perceptron of `hidden` widths on both, side by side.
        standardise: the inputs too, by a centre and one scale of their own.
    Attributes after `start` or `fit`: n_given_ (k), given_standardisation_, besides those of `ImplicitModel`.
    """

    _plain: ClassVar[tuple[str, ...]] = ("n_given_", "given_centre_", "given_scale_")

    latent_dim: int = 8

    def fit(
        self,
        X: Any,
        y: object = None,
        *,
        given: Any = None,
        callbacks: Sequence[Callback] = (),
        max_seconds: float | None = None,
    ) -> Self:
        """Trains on X (n, d), row i an output for the input in row i of `given` (n, k); `y` is ignored.

        Raises as `ImplicitModel.fit` does; TypeError where `given` is missing, ValueError for other rows than X has.
        """
        self.start(X, y, given=given)
        return self._run(callbacks, max_seconds)

    def start(self, X: Any, y: object = None, *, given: Any = None) -> Self:
        """Checks X, `given` and the parameters, builds fresh networks and leaves the model ready for `step()`."""
        self._inputs = self._checked_inputs(given, checked_data(X))
        try:
            return super().start(X, y)
        finally:
            del self._inputs

    def resume(
        self, X: Any, *, given: Any = None, callbacks: Sequence[Callback] = (), max_seconds: float | None = None
    ) -> Self:
        """Goes on to `steps` on the same X and `given`, bitwise as if never stopped; raises ValueError for others."""
        self._require_fitted()
        data = checked_data(X)
        self._inputs = self._checked_inputs(given, data)
        try:
            if self._fingerprint(data) != self.data_fingerprint_:
                raise ValueError(
                    f"X, shape {data.shape}, or given, shape {self._inputs.shape}, is not the data that this run began "
                    "with; give the same arrays, or fit anew"
                )
            self._check_parameters()
            self._attach(data)
        finally:
            del self._inputs
        return self._run(callbacks, max_seconds)

    def sample(self, n: int, *, given: Any = None, random_state: RandomState = None) -> np.ndarray:
        """Draws n outputs for each input: (n, d) for one input `given` (k,), (q, n, d) for `given` (q, k).

        In the units and the float type of the training outputs. A pure function of the weights, `given` and
        `random_state`. Raises TypeError or ValueError for bad inputs, `Diverged` for a value that is not finite.
        """
        n = parameters.count(n, "n")
        self._require_fitted()
        inputs, single = self._queries(given)
        rng = torch_stream(seed_of(random_state), "sample")
        blocks = []
        with inference(self.generator_):
            for some in inputs.split(max(1, SAMPLE_BLOCK // n)):
                # Drawn input by input, so that the samples for one do not depend on those that follow.
                z = torch.cat([self._latents(n, rng) for _ in some])
                pairs = zip(some.repeat_interleave(n, dim=0).split(SAMPLE_BLOCK), z.split(SAMPLE_BLOCK), strict=True)
                blocks += [self.generator_(c, latents).cpu().numpy() for c, latents in pairs]
        unit = np.concatenate(blocks)
        if not np.isfinite(unit).all():
            raise loop.Diverged("the generator returns values that are not finite", step=self.step_, lr=self.lr)
        drawn = self.standardisation_.undo(unit, self.dtype_)
        return drawn if single else drawn.reshape(len(inputs), n, -1)

    @property
    def given_standardisation_(self) -> Standardisation:
        """What was done to the inputs; see `Standardisation`."""
        return Standardisation(self.given_centre_.numpy(), self.given_scale_)

    def _describe(self, data: np.ndarray) -> None:
        super()._describe(data)
        self.n_given_ = self._inputs.shape[1]
        unit = Standardisation.of(self._inputs) if self.standardise else Standardisation.identity(self.n_given_)
        self.given_centre_, self.given_scale_ = torch.from_numpy(unit.centre), unit.scale
        self.data_fingerprint_ = self._fingerprint(data)

    def _build_networks(self, rng: torch.Generator) -> None:
        self.generator_ = self._module(
            "generator",
            self.generator,
            lambda: conditional_mlp_generator(
                self.n_given_, self.latent_dim, self.hidden, self.standardisation_.width, rng=rng
            ),
        )
        self._probe_pair("generator", self.generator_, (self.n_given_, self.latent_dim), self.standardisation_.width)

    def _probe_pair(self, name: str, module: nn.Module, widths: tuple[int, int], n_out: int) -> None:
        """Raises ValueError unless `module` maps two tensors of these widths to (2, n_out)."""
        first, second = widths
        with inference(module):
            try:
                shape = tuple(module(*(torch.zeros(2, width, device=self.device_) for width in widths)).shape)
            except (RuntimeError, TypeError) as error:
                asked = f"two tensors (b, {first}) and (b, {second})"
                raise ValueError(f"{name} does not take {asked}, float32 on {self.device_}: {error}") from error
        if shape != (2, n_out):
            raise ValueError(f"{name} maps (2, {first}) and (2, {second}) to {shape}; it must return (2, {n_out})")

    def _attach(self, data: np.ndarray) -> None:
        super()._attach(data)
        self._given = torch.from_numpy(self.given_standardisation_.apply(self._inputs)).to(self.device_)

    def _release(self) -> None:
        super()._release()
        del self._given

    def _pairs(self) -> tuple[torch.Tensor, torch.Tensor]:
        """`batch_size` inputs and their outputs, drawn independently."""
        chosen = torch.randint(len(self._data), (self.batch_size,), generator=self._rng).to(self.device_)
        return self._given[chosen], self._data[chosen]

    def _fingerprint(self, data: np.ndarray) -> str:
        return fingerprint(data) + fingerprint(self._inputs)

    def _checked_inputs(self, given: Any, data: np.ndarray) -> np.ndarray:
        if given is None:
            raise TypeError(
                f"given is missing: {type(self).__name__} learns X for inputs; pass given=C, one row a datum"
            )
        inputs = checked_data(given, "given")
        if len(inputs) != len(data):
            raise ValueError(f"given has {len(inputs)} rows and X has {len(data)}; give one input a datum")
        return inputs

    def _queries(self, given: Any) -> tuple[torch.Tensor, bool]:
        """Inputs to sample for, (q, k) at the training scale, and whether it was a single one, (k,)."""
        if given is None:
            raise TypeError(f"given is missing: pass the input ({self.n_given_},), or several (q, {self.n_given_})")
        array = np.asanyarray(given)
        single = array.ndim == 1
        if array.ndim not in (1, 2) or array.shape[-1] != self.n_given_:
            raise ValueError(f"given has shape {array.shape}; pass ({self.n_given_},) or (q, {self.n_given_})")
        inputs = checked_data(array[None] if single else array, "given", least=1)
        return torch.from_numpy(self.given_standardisation_.apply(inputs)).to(self.device_), single
