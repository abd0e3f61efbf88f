"""One model for many seeds, learning rates and data sets at once: a comparison without seeds says nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from estimators.training import loop, parameters, run_state
from estimators.training.batched_products import batched_products
from estimators.training.callbacks import Callback, Progress
from estimators.training.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from estimators.training.implicit_model import ImplicitModel
from estimators.training.joint_model import gather, joined, scatter, scatter_state
from estimators.training.precision import autocast
from estimators.training.seeding import RandomState, seed_of
from estimators.training.stacked_networks import release
from estimators.training.training_data import checked_data, fingerprint


class StackedSeeds(BaseEstimator):
    """`n_seeds` runs of one model, trained as stacked tensors: a step is one batched product a layer for all seeds.

    Seed s of it is `clone(model).set_params(random_state=r + s).fit(X)`, r the model's own `random_state`: the same
    draws of random numbers, the same data, the same steps. It differs by the rounding of batched products alone, which
    add the same terms in another order; training doubles such differences every few steps, so that late samples of a
    run that is not contracting agree in law, not in digits. Draws, searches and solvers are done one seed after
    another. Networks must be perceptrons, and the model one whose step has a stacked form.

    model: an `ImplicitModel`, not fitted; cloned. n_seeds: their number, ≥ 1. rates: learning rates, > 0, at each of
    which all seeds are trained, those of one rate after those of the rate before; None: the model's own.

    Data X (n, d), or k sets of them (k, n, d), on each of which all rates and seeds are trained, those of one set after
    those of the set before: a step of many members costs each less than one of few. Each member then has a copy of its
    set.

    Attributes after `start` or `fit`
        members_: a list of fitted models, one a set, rate and seed, each as if it had been fitted alone: `sample`,
        `save`, any score. seeds_: their random states. sets_: the places of their data sets. history_: the rows of all
        members, each with its `seed`; `seconds` is a member's share, the time of all over their number. losses_: those
        of the last step, (members,) by name. step_, outer_step_, stopped_by_: as in `ImplicitModel`.
    """

    def __init__(self, model: ImplicitModel, *, n_seeds: int = 20, rates: Sequence[float] | None = None):
        self.model = model
        self.n_seeds = n_seeds
        self.rates = rates

    def fit(
        self, X: Any, y: object = None, *, callbacks: Sequence[Callback] = (), max_seconds: float | None = None
    ) -> Self:
        """Trains all seeds on X, (n, d) or (k, n, d); the arguments and errors are those of `ImplicitModel.fit`.

        Callbacks see this object, and the mean of each loss over all members. Raises TypeError or
        ValueError for a model without a stacked form, `Diverged`, which names the seed, where one of them meets a value
        that is not finite.
        """
        self.start(X, y)
        return self._run(callbacks, max_seconds)

    def start(self, X: Any, y: object = None) -> Self:  # noqa: ARG002
        """Checks X and the model, and leaves all members ready for `step()`."""
        parameters.count(self.n_seeds, "n_seeds")
        kind = type(self.model)
        if not isinstance(self.model, ImplicitModel):
            raise TypeError(f"model is a {kind.__name__}; give an ImplicitModel, such as IMLE()")
        if not vars(kind).get("_stacks", False):
            raise ValueError(
                f"model is a {kind.__name__}, whose step has no stacked form; fit it once for each seed instead: "
                f"[clone(model).set_params(random_state=s).fit(X) for s in range({self.n_seeds})]"
            )
        first = seed_of(self.model.random_state)
        rates = (self.model.lr,) if self.rates is None else parameters.reals(self.rates, "rates", above=0)
        sets = _sets(X)
        each = [(first + s, rate) for _ in sets for rate in rates for s in range(self.n_seeds)]
        self.seeds_ = [seed for seed, _ in each]
        self.members_ = [clone(self.model).set_params(random_state=seed, lr=rate) for seed, rate in each]
        for data, own in self._of_each(sets):
            own[0]._check_parameters()
            own[0]._describe(data)
            for member in own:
                for name in ("standardisation_", "n_features_in_", "dtype_", "data_fingerprint_"):
                    setattr(member, name, getattr(own[0], name))
                member._begin()
        self._attach(sets)
        for member in self.members_:
            member._reset()
        self._joint = joined(self.members_)
        return self

    def step(self) -> dict[str, float]:
        """One step of every seed, after an outer step where one is due; returns each loss, the mean over seeds."""
        self._require_data()
        if self.outer_due():
            self.outer_step()
        began = time.perf_counter()
        joint = self._joint
        lr = joint.lr_now
        with autocast(joint.precision, joint.device_), batched_products(joint.device_):
            found = joint._step(lr)
        self.losses_ = {name: self._for_each_seed(value) for name, value in found.items()}
        joint.step_ += 1
        share = (time.perf_counter() - began) / len(self.members_)
        for s, member in enumerate(self.members_):
            losses = {name: float(values[s]) for name, values in self.losses_.items()}
            own = member.lr_now
            self._guarded(s, lambda: loop.require_finite(losses, step=joint.step_ - 1, lr=own))  # noqa: B023
            member.step_ = joint.step_
            member.seconds_ += share
            member._record(losses, own)
        return {name: float(values.mean()) for name, values in self.losses_.items()}

    def outer_step(self) -> None:
        """Begins an outer step of every seed, one after another."""
        began = time.perf_counter()
        self._require_data()
        scatter_state(self._joint, self.members_)
        for s, member in enumerate(self.members_):
            with autocast(member.precision, member.device_):
                self._guarded(s, member._outer_step)
            member.outer_step_ += 1
        gather(self._joint, self.members_)
        self._joint.outer_step_ += 1
        share = (time.perf_counter() - began) / len(self.members_)
        for member in self.members_:
            member.seconds_ += share

    def outer_due(self) -> bool:
        """Whether the next step begins an outer step."""
        self._require_data()
        return self._joint.outer_due()

    @property
    def steps(self) -> int:
        """The budget of each seed."""
        return self.model.steps

    @property
    def lr_now(self) -> float:
        """The learning rate of the next step; of several, the first."""
        self._require_fitted()
        return self.members_[0].lr_now

    @property
    def step_(self) -> int:
        """Steps that every seed has taken."""
        self._require_fitted()
        return self.members_[0].step_

    @property
    def outer_step_(self) -> int:
        """Outer steps that every seed has taken."""
        self._require_fitted()
        return self.members_[0].outer_step_

    @property
    def sets_(self) -> list[int]:
        """The place in X of each member's data set; 0 where there is one."""
        self._require_fitted()
        known = list(dict.fromkeys(member.data_fingerprint_ for member in self.members_))
        return [known.index(member.data_fingerprint_) for member in self.members_]

    @property
    def history_(self) -> list[dict[str, float]]:
        """The rows of all members, each with its `seed`, and its `set` where there are several."""
        self._require_fitted()
        known = ((self._who(s), member) for s, member in enumerate(self.members_))
        return [who | row for who, member in known for row in member.history_]

    def sample(self, n: int, *, random_state: RandomState = None) -> np.ndarray:
        """n samples of every member, (members, n, d): those of `members_[s].sample(n, random_state=random_state)`.

        An integer gives all seeds the same latents, so that they differ by what was learnt alone.
        """
        self._require_fitted()
        return np.stack([member.sample(n, random_state=random_state) for member in self.members_])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the runs of all seeds to one file, atomically."""
        self._require_fitted()
        if getattr(self, "_joint", None) is not None:
            scatter(self._joint, self.members_)
        members = [run_state.content(member) for member in self.members_]
        write_checkpoint(path, {"class": type(self).__name__, "members": members})

    @classmethod
    def load(cls, path: str | os.PathLike[str], **replacements: Any) -> Self:
        """The runs that `save` or a `Checkpoint` wrote; `replacements` as in `ImplicitModel.load`."""
        content = read_checkpoint(path)
        if content["class"] != cls.__name__:
            raise CheckpointError(f"{path} holds a {content['class']}; call ImplicitModel.load(path)")
        kind: type[Any] = ImplicitModel
        members = [run_state.restored(kind, part, path, replacements) for part in content["members"]]
        rates = list(dict.fromkeys(member.lr for member in members))
        n_seeds = len({member.seed_ for member in members})
        loaded = cls(clone(members[0]), n_seeds=n_seeds, rates=None if len(rates) == 1 else rates)
        loaded.members_ = members
        loaded.seeds_ = [member.seed_ for member in members]
        return loaded

    def resume(self, X: Any, *, callbacks: Sequence[Callback] = (), max_seconds: float | None = None) -> Self:
        """Goes on to `steps` on the same X; bitwise the result of a run without interruption."""
        self._require_fitted()
        sets = _sets(X)
        known = list(dict.fromkeys(member.data_fingerprint_ for member in self.members_))
        if [fingerprint(data) for data in sets] != known:
            raise ValueError(
                f"X, shape {np.shape(X)}, is not the data that this run began with; give the same array, or fit anew"
            )
        for member in self.members_:
            member.set_params(steps=self.model.steps)
        self._attach(sets)
        self._joint = joined(self.members_)
        return self._run(callbacks, max_seconds)

    def _run(self, callbacks: Sequence[Callback], max_seconds: float | None) -> Self:
        if max_seconds is not None:
            parameters.real(max_seconds, "max_seconds", above=0)
        watching = (*callbacks, *([Progress()] if self.model.verbose else []))
        try:
            self.stopped_by_ = loop.run(self, callbacks=watching, max_seconds=max_seconds)
        finally:
            self._part()
        for s, member in enumerate(self.members_):
            member.stopped_by_ = self.stopped_by_
            self._guarded(s, member._require_finite_weights)
        return self

    def _of_each(self, sets: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, list[Any]]]:
        """Each data set with the members that are trained on it."""
        share = len(self.members_) // len(sets)
        for i, data in enumerate(sets):
            yield data, self.members_[i * share : (i + 1) * share]

    def _attach(self, sets: Sequence[np.ndarray]) -> None:
        for data, own in self._of_each(sets):
            unit = own[0]._at_unit_scale(data)
            for member in own:
                member._hold(unit)

    def _part(self) -> None:
        """Leaves every member whole and on its own, without the data."""
        scatter(self._joint, self.members_)
        for member in self.members_:
            for name in member._networks:
                release(getattr(member, name))
            member._release()
        self._joint = None

    def _for_each_seed(self, value: float | torch.Tensor) -> np.ndarray:
        values = value.detach().double().cpu().numpy() if isinstance(value, torch.Tensor) else np.float64(value)
        return np.broadcast_to(values, (len(self.members_),))

    def _guarded(self, s: int, action: Any) -> None:
        """`action()`, whose Diverged names the seed."""
        try:
            action()
        except loop.Diverged as error:
            who = " of ".join(f"{name} {number}" for name, number in self._who(s).items())
            what = f"{who}: {error.what}"
            raise loop.Diverged(what, step=error.step, lr=error.lr, remedy=error.remedy) from error

    def _who(self, s: int) -> dict[str, float]:
        """The `seed` of member s, and where there are several data sets the place of its `set`."""
        own: dict[str, float] = {"seed": self.seeds_[s]}
        return own if max(self.sets_) == 0 else own | {"set": self.sets_[s]}

    def _require_data(self) -> None:
        if getattr(self, "_joint", None) is None:
            raise NotFittedError("these seeds hold no training data; call start(X) before step()")

    def _require_fitted(self) -> None:
        if not hasattr(self, "members_"):
            raise NotFittedError("these seeds are not fitted; call fit(X) first")


def _sets(X: Any) -> list[np.ndarray]:
    """The data sets of X, (n, d) or (k, n, d), checked; raises ValueError where two are the same."""
    try:
        shape = np.shape(X)
    except ValueError:  # rows of different lengths, of which `checked_data` tells
        shape = ()
    if len(shape) != 3:
        return [checked_data(X)]
    if shape[0] > shape[1]:
        raise ValueError(
            f"X, shape {shape}, is {shape[0]} data sets of {shape[1]} rows; give images as X.reshape(len(X), -1)"
        )
    sets = [checked_data(data, f"X[{i}]") for i, data in enumerate(X)]
    if len({fingerprint(data) for data in sets}) < len(sets) or not sets:
        told = "the same data twice; give each once" if sets else "no data set"
        raise ValueError(f"X, shape {shape}, holds {told}")
    return sets
