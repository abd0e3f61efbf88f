"""Divergences over commits: time, memory, and how far they are from what is known."""

import numpy as np


def _samples(n, d):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 0.1


class Pairwise:
    """Energy distance and Gaussian MMD at sizes of the issue's table, on one thread."""

    params = (["energy", "mmd"], [(2000, 64), (1000, 784)])
    param_names = ("divergence", "shape")

    def setup(self, name, shape):
        from estimators import energy_distance, mmd

        self.function = {"energy": energy_distance, "mmd": lambda X, Y: mmd(X, Y, bandwidth=8.0)}[name]
        self.X, self.Y = _samples(*shape)
        self.function(self.X[:10], self.Y[:10])  # compiles the kernels

    def time_pairs(self, name, shape):  # noqa: ARG002
        self.function(self.X, self.Y)

    def peakmem_pairs(self, name, shape):  # noqa: ARG002
        self.function(self.X, self.Y)

    def track_relative_rounding(self, name, shape):  # noqa: ARG002
        found = self.function(self.X, self.Y)
        return found.certificate.gap / found.value


class Line:
    """10⁵ points on the line."""

    params = ("energy", "wasserstein")
    param_names = ("divergence",)

    def setup(self, name):
        from estimators import energy_distance, wasserstein

        self.function = {"energy": energy_distance, "wasserstein": wasserstein}[name]
        self.x, self.y = (part[:, 0] for part in _samples(100_000, 1))
        self.function(self.x[:10], self.y[:10])

    def time_sorted(self, name):  # noqa: ARG002
        self.function(self.x, self.y)


class Transport:
    """The network simplex with its certificate."""

    params = (2, 32)
    param_names = ("dimension",)

    def setup(self, dimension):
        from estimators import wasserstein

        self.function = wasserstein
        self.X, self.Y = _samples(500, dimension)
        self.function(self.X[:10], self.Y[:10])

    def time_solve(self, dimension):  # noqa: ARG002
        self.function(self.X, self.Y)

    def track_relative_gap(self, dimension):  # noqa: ARG002
        found = self.function(self.X, self.Y)
        return found.certificate.gap / found.value


class Sliced:
    """Two hundred directions, and the ascent to the best, at 2000 points of 16 coordinates."""

    params = ("sliced_wasserstein", "max_sliced_wasserstein")
    param_names = ("divergence",)

    def setup(self, name):
        import estimators

        self.function = getattr(estimators, name)
        self.X, self.Y = _samples(2000, 16)
        self.function(self.X[:10], self.Y[:10])

    def time_directions(self, name):  # noqa: ARG002
        self.function(self.X, self.Y)


class Entropic:
    """The Sinkhorn divergence of 500 points, to its default gap."""

    def setup(self):
        from estimators import sinkhorn_divergence

        self.function = sinkhorn_divergence
        self.X, self.Y = _samples(500, 4)
        self.function(self.X[:10], self.Y[:10])

    def time_sweeps(self):
        self.function(self.X, self.Y)

    def track_relative_gap(self):
        found = self.function(self.X, self.Y)
        return found.certificate.gap / found.value


class Atoms:
    """JSD of 2·10⁵ draws on 5·10⁴ atoms, merging and aligning included."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.draws = rng.integers(0, 50_000, size=(2, 200_000))

    def time_jsd(self):
        from estimators import Empirical, jsd

        jsd(Empirical(self.draws[0]), Empirical(self.draws[1]))

    def track_relative_error_of_a_known_kl(self):
        """Masses tilted by ±2⁻²⁰ of themselves: KL is x²/2 + x⁴/12 with x = 2⁻²⁰, to one part in 10²³."""
        from estimators import Empirical, kl

        tilt = 2.0**-20 * (-1.0) ** np.arange(1024)
        P, Q = Empirical(np.arange(1024), (1 + tilt) / 1024), Empirical(np.arange(1024))
        x = 2.0**-20
        exact = x**2 / 2 + x**4 / 12
        return abs(kl(P, Q).value - exact) / exact
