"""Training in bfloat16: near the float32 reference, float32 outside, and the search that goes with it."""

import inspect
import pickle

import numpy as np
import pytest
import torch

from estimators.models.imle import IMLE
from estimators.training.implicit_model import ImplicitModel
from estimators.training.registry import models
from estimators.training.search import Bfloat16Search
from estimators.training.stacked import StackedSeeds
from tests.estimators.test_models import data, small


def takes(name, function, argument):
    return argument in inspect.signature(getattr(models[name], function)).parameters


#: A conditional model is fitted otherwise; its networks go the same way.
MIXED = [name for name in models if takes(name, "__init__", "precision") and not takes(name, "fit", "given")]


@pytest.mark.parametrize("name", MIXED)
def test_a_first_step_in_bfloat16_is_near_the_reference(name):
    """8 significant bits: the losses differ, and by less than a tenth of their size or of 1."""
    mixed = small(name, random_state=1, precision="bf16").start(data())
    reference = small(name, random_state=1).start(data())
    theirs = reference.step()
    ours = mixed.step()
    for key, value in theirs.items():
        assert ours[key] == pytest.approx(value, rel=0.1, abs=0.1), key
    assert ours != theirs  # a model that ignores precision answers as the reference
    weights = [weight for network in mixed._networks for weight in getattr(mixed, network).parameters()]
    assert all(weight.dtype == torch.float32 for weight in weights)
    assert mixed.sample(5, random_state=0).dtype == np.float64


def test_bfloat16_is_used_and_kept_by_files_and_pickles(tmp_path):
    X = data()
    ours, theirs = (small("imle", random_state=1, precision=p).fit(X) for p in ("bf16", "fp32"))
    assert not np.array_equal(ours.sample(9, random_state=0), theirs.sample(9, random_state=0))
    part = small("imle", random_state=1, precision="bf16").start(X)
    for _ in range(9):
        part.step()
    part.save(tmp_path / "m")
    resumed = ImplicitModel.load(tmp_path / "m").resume(X)
    again = pickle.loads(pickle.dumps(resumed))
    for model in (resumed, again):
        assert np.array_equal(model.sample(9, random_state=0), ours.sample(9, random_state=0))


def test_stacked_seeds_in_bfloat16_begin_as_each_alone():
    stack = StackedSeeds(small("non-saturating-gan", random_state=1, precision="bf16"), n_seeds=2).start(data())
    stack.step()
    for s in range(2):
        alone = small("non-saturating-gan", random_state=1 + s, precision="bf16").start(data()).step()
        for key, value in alone.items():
            # Products of both are rounded to 2⁻⁸ of their size, each in its own order of summation.
            assert stack.losses_[key][s] == pytest.approx(value, rel=0.05, abs=0.05)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision is 'fp16'; give one of 'fp32', 'bf16'"):
        IMLE(precision="fp16").fit(data())


def test_the_search_in_bfloat16_keeps_its_bound():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(300, 50)).astype(np.float32), rng.normal(size=(200, 50)).astype(np.float32)
    found = Bfloat16Search().fit(Y).search(X, 1)
    squared = ((X[:, None].astype(float) - Y[None]) ** 2).sum(axis=2)
    chosen = squared[np.arange(300), found.indices[:, 0]]
    u = 2.0**-8
    norms = np.linalg.norm(X, axis=1) * np.linalg.norm(Y, axis=1).max()
    assert (chosen - squared.min(axis=1) <= 4 * (3 * u + u * u + 100 * 2.0**-24) * norms).all()
    assert np.allclose(found.distances[:, 0] ** 2, chosen, rtol=100 * 2.0**-52)
    assert not found.certified.any()
    assert (found.indices[:, 0] == squared.argmin(axis=1)).mean() > 0.9
    with pytest.raises(ValueError, match="k is 2"):
        Bfloat16Search().fit(Y).search(X, 2)


def test_imle_trains_with_it():
    model = small("imle", random_state=0, index="bf16", precision="bf16").fit(data())
    assert np.isfinite(model.sample(5, random_state=0)).all()
