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


class Densities:
    """JSD of two mixtures on the line, and of two Gaussians in the plane and in ten dimensions, by what suits each."""

    params = (["quadrature", "enclosure", "plane", "monte carlo"],)
    param_names = ("method",)

    def setup(self, method):
        from estimators import Gaussian, Mixture, jsd

        line = Mixture([0.25, 0.75], [Gaussian(-3.0, 0.01), Gaussian(5.0, 2.0)]), Gaussian(0.0, 20.0)
        plane = Gaussian([0.0, 0.0], [[1.0, 0.3], [0.3, 0.8]]), Gaussian([0.5, -0.2], [[1.2, -0.1], [-0.1, 1.0]])
        ten = Gaussian(np.zeros(10)), Gaussian(np.full(10, 0.3))
        self.laws = {"plane": plane, "monte carlo": ten}.get(method, line)
        options = {"tolerance": 1e-6} if method == "plane" else {}
        self.jsd = lambda: jsd(*self.laws, method="quadrature" if method == "plane" else method, **options)
        self.jsd()

    def time_jsd(self, method):  # noqa: ARG002
        self.jsd()

    def track_relative_width(self, method):  # noqa: ARG002
        found = self.jsd()
        if found.certificate is not None:
            return found.certificate.gap / found.value
        low, high = found.interval or (-1.96 * found.stderr, 1.96 * found.stderr)
        return (high - low) / found.value


class Neighbours:
    """Divergences between the laws behind 5000 points in five dimensions, without their standard errors."""

    params = (["kl fixed-k", "kl adaptive", "jsd"],)
    param_names = ("estimator",)

    def setup(self, estimator):
        from estimators import jsd_knn, kl_knn

        self.X, self.Y = _samples(5000, 5)
        function, options = (jsd_knn, {}) if estimator == "jsd" else (kl_knn, {"method": estimator.split()[1]})
        self.estimate = lambda X, Y: function(X, Y, batches=None, **options)
        self.estimate(self.X[:20], self.Y[:20])

    def time_estimate(self, estimator):  # noqa: ARG002
        self.estimate(self.X, self.Y)

    def peakmem_estimate(self, estimator):  # noqa: ARG002
        self.estimate(self.X, self.Y)

    def track_error(self, estimator):
        """In nats, of two Gaussians 0.1√5 apart: KL is 0.025, and JSD that of the line along which they are."""
        from estimators import Gaussian, jsd

        truth = jsd(Gaussian(0.0), Gaussian(0.1 * np.sqrt(5))).value if estimator == "jsd" else 0.025
        return self.estimate(self.X, self.Y).value - truth
