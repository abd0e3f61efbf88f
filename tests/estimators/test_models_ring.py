"""What training is for: the ring's eight modes, found by the models that are made for it and by no untrained one."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from estimators.measures import ring
from estimators.modes import mode_coverage
from estimators.training.conditional import ConditionalModel
from estimators.training.registry import models

LAW = ring(8)

#: Trained by every run of the tests, on the digits for some seconds; the others take their minutes in the deep tier.
ALWAYS = {
    "ring": ("imle", "non-saturating-gan", "wgan-gp"),
    "digits": ("gmmn", "imle", "non-saturating-gan", "wgan-gp"),
}
#: Of its default budget on the ring, where half is not needed: by three seeds good samples are 0.17 to 0.25.
SHARE = {"wgan-gp": 0.25}
#: What these are at half their budget, by their own nature or for want of steps, is a row of the report and no law.
NOT_ON_THE_RING = (
    # All eight modes, good samples 0.054, of the energy distance 0.18 is left.
    "entropic-gan",
    # Good samples 0.01 each: a Gaussian for latents whose law is another; latents beyond the data's dimension (with two
    # of them, four layers and lr=0.01 some 0.1). Either is said where the model is.
    "glo", "wae",
    # Seven or eight modes, by seed; good samples 0.21 to 0.28, of the energy distance less than a third is left.
    "ot-gan",
    # These collapse: 1 mode.
    "kde-gan", "nearest-neighbour-gan",
    # All eight modes, and 0.081 of the samples near one instead of 0.1 (at a bandwidth of 0.02, 0.088; of 0.05, 0.054;
    # with three layers of 64 0.093, and at lr=0.01 0.092; at r1=1 0.025, at r1=0.03 one mode).
    "stein-gan",
    # These begin as one Gaussian, near to the ring in energy (0.34 to 0.68 against 1.2 of an untrained generator), and
    # bridge its modes: good samples 0.21, 0.005 (the Gaussian itself), 0.04, 0.03 and 0.44; 0.4 to 0.7 of it is left.
    "autoregressive-flow", "gaussian", "nice", "realnvp", "triangular-flow",
    # The start of these is half of the fit; the ring has a law of its own for them.
    "gaussian-mixture", "monte-carlo-em",
)  # fmt: skip
NOT_ON_DIGITS = (
    # These begin as a Gaussian with the scale of the data, or at centres chosen among them.
    "autoregressive-flow", "ddpm", "gaussian", "gaussian-mixture", "made", "monte-carlo-em", "nade", "nice", "realnvp",
    "triangular-flow",
    # Codes leave the prior first and come back to it with the scale that is learnt: not within 400 steps.
    "vae",
    # 0.48 to 0.68 of the distance is left after 400 steps, of which the generator has 300.
    "ot-gan",
    "adaptive-imle", "entropic-gan", "kde-gan", "mmd-gan", "nearest-neighbour-gan", "sinkhorn-gan", "stein-gan",
)  # fmt: skip


def all_but(excluded, data):
    chosen = [name for name in models if name not in excluded and not issubclass(models[name], ConditionalModel)]
    return [name if name in ALWAYS[data] else pytest.param(name, marks=pytest.mark.deep) for name in chosen]


def energy(X, Y):
    """ℰ(X, Y) = √(2E|X−Y| − E|X−X'| − E|Y−Y'|), the V-statistic."""
    squared = 2 * cdist(X, Y).mean() - cdist(X, X).mean() - cdist(Y, Y).mean()
    return float(np.sqrt(max(squared, 0.0)))


@pytest.mark.parametrize("name", all_but(NOT_ON_THE_RING, "ring"))
def test_a_trained_model_covers_the_ring(name):
    """Half the default budget or less: all modes, a tenth of the samples on a mode, a third of the energy distance.

    The worst of those that are held to it, when this was written: 8 modes, 0.14, and 0.17 of the
    untrained distance; untrained, no sample was near a mode.
    """
    X, held_out = LAW.sample(2000, 1), LAW.sample(1000, 2)
    model = models[name](random_state=0, device="cpu")
    model.set_params(steps=int(model.steps * SHARE.get(name, 0.5))).start(X)
    untrained = model.sample(2000, random_state=3)
    trained = model.fit(X).sample(2000, random_state=3)
    before, after = mode_coverage(untrained, LAW), mode_coverage(trained, LAW)
    gap_before, gap_after = energy(untrained[:1000], held_out), energy(trained[:1000], held_out)
    assert before.high_quality < 0.02
    assert after.found == 8, after.counts
    assert after.high_quality > 0.1, after
    assert gap_after < gap_before / 3, (gap_before, gap_after)


@pytest.mark.parametrize("name", all_but(NOT_ON_DIGITS, "digits"))
def test_a_trained_model_comes_nearer_to_the_digits(name):
    """In 64 dimensions, 400 steps leave at most half of the untrained energy distance (measured: at most 0.3)."""
    from sklearn.datasets import load_digits

    X = load_digits().data
    X, held_out = X[:1400], X[1400:]
    model = models[name](random_state=0, device="cpu", steps=400).start(X)
    gap_before = energy(model.sample(400, random_state=3), held_out)
    gap_after = energy(model.fit(X).sample(400, random_state=3), held_out)
    assert gap_after < gap_before / 2, (gap_before, gap_after)


@pytest.mark.parametrize("name", ["gaussian-mixture", "monte-carlo-em"])
def test_a_mixture_is_the_ring(name):
    """Half the default budget: all modes, hardly a sample off them (at the whole, over five seeds: at least 0.998)."""
    model = models[name](random_state=0, device="cpu")
    model.set_params(steps=model.steps // 2).fit(LAW.sample(2000, 1))
    covered = mode_coverage(model.sample(2000, random_state=3), LAW)
    assert covered.found == 8
    assert covered.high_quality > 0.95


@pytest.mark.deep
@pytest.mark.parametrize("name", ["kde-gan", "nearest-neighbour-gan"])
def test_discriminators_that_ask_for_nearness_alone_collapse(name):
    """At the default budget nearly all samples are good ones, on few of the eight modes (measured: 1)."""
    model = models[name](random_state=0, device="cpu").fit(LAW.sample(2000, 1))
    covered = mode_coverage(model.sample(2000, random_state=3), LAW)
    assert covered.high_quality > 0.9
    assert covered.found <= 4
