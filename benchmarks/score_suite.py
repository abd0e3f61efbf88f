"""Scores of samples over commits: time and memory, and how far Parzen windows are from the definition."""

import numpy as np

NAMES = [
    "classifier", "coverage", "density", "frechet", "kernel-inception", "prd-precision", "prd-recall", "precision",
    "recall",
]  # fmt: skip


def _samples(n, d):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 0.1


class Scores:
    """Every registered score of 1000 samples in 32 dimensions, at its own settings."""

    params = NAMES
    param_names = ("score",)

    def setup(self, name):
        from estimators import scores

        self.score = scores[name]
        self.X, self.Y = _samples(1000, 32)
        self.score(self.X[:50], self.Y[:50])  # compiles the kernels

    def time_score(self, name):  # noqa: ARG002
        self.score(self.X, self.Y)

    def peakmem_score(self, name):  # noqa: ARG002
        self.score(self.X, self.Y)


class Parzen:
    """2000 windows at 2000 rows of 784 coordinates, by one bandwidth and by ten."""

    params = (1, 10)
    param_names = ("bandwidths",)

    def setup(self, count):
        self.X, self.Y = (0.1 * part for part in _samples(2000, 784))
        self.grid = np.geomspace(0.1, 1.0, count) if count > 1 else [0.2]

    def time_log_densities(self, count):  # noqa: ARG002
        from estimators.parzen import parzen_log_densities

        parzen_log_densities(self.X, self.Y, self.grid)

    def peakmem_log_densities(self, count):  # noqa: ARG002
        from estimators.parzen import parzen_log_densities

        parzen_log_densities(self.X, self.Y, self.grid)

    def track_bound_on_rounding(self, count):  # noqa: ARG002
        from estimators.parzen import parzen_log_densities

        return float(parzen_log_densities(self.X, self.Y[:100], self.grid)[1].max())


class Decoder:
    """Annealed importance sampling of ten rows under a linear decoder, against its likelihood in closed form."""

    def setup(self):
        import torch

        from estimators import Annealing, Gaussian, GaussianObservation

        torch.set_num_threads(1)
        rng = np.random.default_rng(0)
        slope = rng.normal(size=(20, 4))
        weights = torch.as_tensor(slope)
        self.observation = GaussianObservation(lambda z: z @ weights.T, 0.5)
        self.law = Gaussian(np.zeros(20), slope @ slope.T + 0.25 * np.eye(20))
        self.X, self.annealing = self.law.sample(10, 0), Annealing(n_chains=8, n_temperatures=50)

    def _value(self):
        from estimators import annealed_importance

        return annealed_importance(self.observation, self.X, latent_dim=4, annealing=self.annealing).value

    def time_annealing(self):
        self._value()

    def track_nats_below_the_likelihood(self):
        return float(self.law.logpdf(self.X).mean()) - self._value()
