"""What an estimator takes is stated once, in its class: the laws of every registered index and model."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone

from estimators.models.moment_matching import GMMN
from estimators.training.registry import models
from knn import NearestNeighbours, indexes
from knn.exact import BruteForce

KINDS = {f"{registry.kind} {name}": kind for registry in (indexes, models) for name, kind in registry.items()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_default_in_a_class_is_the_default_of_its_argument(kind):
    """It is not where the decorator is missing, nor where a second base states a default and the first inherits one."""
    takes = next(base for base in kind.__mro__ if "__init__" in vars(base))
    if "__dataclass_fields__" not in vars(takes):  # written by hand: its defaults are its own
        return
    for name, parameter in inspect.signature(kind).parameters.items():
        assert getattr(kind, name) is parameter.default, name
    for base in kind.__mro__[: kind.__mro__.index(takes)]:
        stated = {name for name in vars(base).get("__annotations__", {}) if name in vars(base) and name[0] != "_"}
        assert not {name for name in stated if "ClassVar" not in str(base.__annotations__[name])}, base


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_estimator_is_itself_alone_and_shows_what_was_changed(kind):
    one = kind(random_state=3)
    assert one == one
    assert one != clone(one)
    assert len({one, clone(one)}) == 2
    assert repr(one) == f"{kind.__name__}(random_state=3)"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_no_argument_is_refused(kind):
    taken = set(inspect.signature(kind).parameters)
    for name in ("not_an_argument", *(vars(kind).get("__annotations__", {}).keys() - taken)):
        with pytest.raises(TypeError, match=name):
            kind(**{name: None})


class Reversed(BruteForce):
    """An index as one writes a scikit-learn estimator by hand."""

    def __init__(self, *, farthest=False, n_neighbors=3):
        super().__init__(n_neighbors=n_neighbors)
        self.farthest = farthest

    def _answer(self, Q, k, exact):
        distances, slots, *told = super()._answer(Q, k, exact)
        return (distances[:, ::-1], slots[:, ::-1], *told) if self.farthest else (distances, slots, *told)


class Hasty(GMMN):
    """A model written so."""

    def __init__(self, *, patience=2, steps=5, random_state=None):
        super().__init__(steps=steps, hidden=(4,), batch_size=8, random_state=random_state, device="cpu")
        self.patience = patience


@pytest.mark.parametrize(("kind", "own"), [(Reversed, {"farthest": True}), (Hasty, {"patience": 7})])
def test_an_ordinary_constructor_serves_as_well(kind, own):
    assert set(kind().get_params()) == set(inspect.signature(kind).parameters)
    changed = clone(kind(**own))
    assert changed.get_params() == kind().get_params() | own
    with pytest.raises(TypeError, match=r"metric|hidden"):
        kind(metric="cosine", hidden=(8,))
    X = np.random.default_rng(0).normal(size=(20, 2))
    fitted = changed.fit(X)
    if isinstance(fitted, NearestNeighbours):
        near = BruteForce().fit(X).kneighbors(X, 3, return_distance=False)
        np.testing.assert_array_equal(fitted.kneighbors(X, return_distance=False), near[:, ::-1])
    else:
        assert fitted.step_ == 5
        assert fitted.sample(3).shape == (3, 2)
