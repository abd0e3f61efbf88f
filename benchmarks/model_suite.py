"""Implicit models over commits: time and memory of training and sampling, and what training reaches."""

import numpy as np

NAMES = [
    "adaptive-imle", "cramer-gan", "entropic-gan", "f-gan", "gmmn", "imle", "kde-gan", "mh-gan", "minimax-gan",
    "mmd-gan", "nearest-neighbour-gan", "non-saturating-gan", "ot-gan", "rs-imle", "sinkhorn-gan", "sobolev-gan",
    "stein-gan", "tv-gan", "weighted-imle", "wgan", "wgan-gp",
    "autoregressive-flow", "ddpm", "gaussian", "gaussian-mixture", "glo", "made", "monte-carlo-em", "nade", "nice",
    "realnvp", "triangular-flow", "vae", "wae",
]  # fmt: skip
#: Those that learn a law for each input.
CONDITIONAL = ["conditional-gan", "conditional-imle", "regression"]
#: Those whose training to the end is worth its minutes at every commit.
TRAINED = ["gmmn", "imle", "non-saturating-gan", "wgan-gp"]


def _model(name, **parameters):
    # Imported here: asv imports this file to list it, and a commit may have no torch.
    import torch

    from estimators.training.registry import models

    torch.set_num_threads(1)
    return models[name](random_state=0, device="cpu", **parameters)


def _ring(seed):
    from estimators.measures import ring

    return ring(8).sample(2000, seed)


class Training:
    """200 steps of the default model on the ring."""

    params = NAMES
    param_names = ("model",)

    def setup(self, name):
        self.X = _ring(1)
        _model(name, steps=10).fit(self.X)  # compiles the search's kernels

    def time_fit(self, name):
        _model(name, steps=200).fit(self.X)

    def peakmem_fit(self, name):
        _model(name, steps=50).fit(self.X)


class Conditional:
    """100 steps and 1000 samples of a conditional model, for a square given one of its coordinates."""

    params = CONDITIONAL
    param_names = ("model",)

    def setup(self, name):
        self.X = np.random.default_rng(0).uniform(size=(2000, 2))
        self.model = _model(name, steps=10).fit(self.X[:, 1:], given=self.X[:, :1])

    def time_fit(self, name):
        _model(name, steps=100).fit(self.X[:, 1:], given=self.X[:, :1])

    def time_sample_1000_for_10_inputs(self, name):  # noqa: ARG002
        self.model.sample(1000, given=self.X[:10, :1], random_state=0)


class Sampling:
    """Samples of a model for 64 features."""

    params = NAMES
    param_names = ("model",)

    def setup(self, name):
        X = np.random.default_rng(0).normal(size=(200, 64))
        self.model = _model(name, steps=2).fit(X)

    def time_sample_10000(self, name):  # noqa: ARG002
        self.model.sample(10_000, random_state=0)


class Quality:
    """What the default model reaches on the ring, at seed 0."""

    params = TRAINED
    param_names = ("model",)
    timeout = 120

    def setup_cache(self):
        from estimators.measures import ring

        samples = {name: _model(name).fit(_ring(1)).sample(2000, random_state=2) for name in TRAINED}
        return samples, ring(8).sample(2000, 3)

    def track_modes_covered(self, cache, name):
        return self._coverage(cache, name).found

    def track_high_quality_share(self, cache, name):
        return self._coverage(cache, name).high_quality

    def track_energy_distance_to_held_out(self, cache, name):
        from estimators import energy_distance

        return float(energy_distance(cache[0][name], cache[1]))

    def _coverage(self, cache, name):
        from estimators.measures import ring
        from estimators.modes import mode_coverage

        return mode_coverage(cache[0][name], ring(8))


Quality.track_modes_covered.unit = "modes of 8"
Quality.track_high_quality_share.unit = "share within 4 sd"
Quality.track_energy_distance_to_held_out.unit = "distance"
