"""Divergences stay fast and right: each guard asserts the answer that it times, and ratios where they are stable."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist

from estimators import Empirical, energy_distance, jsd, mmd, sinkhorn_divergence, sliced_wasserstein, wasserstein
from tests.perf.turns import ratio

pytestmark = pytest.mark.perf

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2000, 64)), RNG.normal(size=(2000, 64)) + 0.1


def by_scipy(x, y):
    return 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()


def test_energy_distance(benchmark):
    found = benchmark(energy_distance, X, Y, squared=True)
    assert abs(found.value - by_scipy(X, Y)) <= 1e-12 * found.value
    assert found.stderr > 0


def test_energy_distance_against_cdist():
    """Both on one thread. cdist is scalar and we are not, so the processor decides: 14 at 5000 points on the one of the
    published record (the project asks for 12), 6.1 to 7.2 in turns on one whose scalar code is quicker, whatever else
    that was doing. The guard beside this one depends less on it.
    """
    assert ratio(lambda: by_scipy(X, Y), lambda: energy_distance(X, Y)) >= 5


def test_energy_distance_against_the_products_of_the_same_pairs():
    """By differences a distance is two vector instructions, a product one: with roots 2 times BLAS (1.7 to 2.8)."""
    out = np.empty((len(X), len(Y)))  # twice: nm + n²/2 + m²/2 pairs

    def products():
        np.matmul(X, Y.T, out=out)
        np.matmul(Y, X.T, out=out)

    assert ratio(lambda: energy_distance(X, Y), products) <= 4


def test_energy_distance_holds_no_matrix():
    energy_distance(X[:10], Y[:10])
    tracemalloc.start()
    energy_distance(X, Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= X.nbytes + Y.nbytes  # the matrix alone would be 32 MB


def test_mmd(benchmark):
    found = benchmark(mmd, X, Y, bandwidth=8.0, squared=True)
    own = [np.exp(-(cdist(a, b) ** 2) / 128).mean() for a, b in ((X, X), (Y, Y), (X, Y))]
    # 64 ulps of the three means, which are near 0.37.
    assert abs(found.value - (own[0] + own[1] - 2 * own[2])) <= 64 * np.finfo(float).eps


def test_the_line(benchmark):
    x, y = RNG.normal(size=100_000), RNG.normal(size=100_000) + 0.1
    found = benchmark(lambda: (energy_distance(x, y), wasserstein(x, y)))
    # SciPy adds 2·10⁵ terms in pairs: some 20 roundings, of a distribution function that has more.
    assert found[0].value == pytest.approx(scipy.stats.energy_distance(x, y), rel=1e-11)
    assert found[1].value == pytest.approx(scipy.stats.wasserstein_distance(x, y), rel=1e-11)


def test_w1_of_the_line_costs_little_more_than_its_sorts_and_a_fraction_of_scipys():
    """2 to 3 sorts. SciPy takes 60 times ours on one processor, 10 to 16 times where NumPy sorts by AVX-512.

    At a size that the allocator has at hand: with more points, what is timed is how the machine maps memory.
    """
    x, y = RNG.normal(size=20_000), RNG.normal(size=20_000) + 0.1
    ours = partial(wasserstein, x, y)
    assert ratio(ours, lambda: (np.sort(x), np.sort(y))) <= 5
    assert ratio(lambda: scipy.stats.wasserstein_distance(x, y), ours) >= 8


def test_sliced_and_sinkhorn(benchmark):
    x, y = X[:500, :8], Y[:500, :8]
    sliced, entropic = benchmark(lambda: (sliced_wasserstein(x, y), sinkhorn_divergence(x, y)))
    assert sliced.value <= wasserstein(x, y).value
    assert entropic.certificate.gap <= 1e-4 * entropic.value


def test_transport_and_its_certificate(benchmark):
    found = benchmark.pedantic(wasserstein, args=(X[:500], Y[:500]), rounds=3, warmup_rounds=1)
    assert found.value in found.certificate
    assert found.certificate.gap <= 1e-9 * found.value


def test_jsd_of_many_atoms(benchmark):
    P, Q = Empirical(RNG.integers(0, 50_000, size=200_000)), Empirical(RNG.integers(0, 50_000, size=200_000))
    found = benchmark(jsd, P, Q)
    assert found.value == pytest.approx(float(scipy.spatial.distance.jensenshannon(*_masses(P, Q))) ** 2, rel=1e-12)


def _masses(P, Q):
    masses = np.zeros((2, 50_000))
    for row, measure in zip(masses, (P, Q), strict=True):
        row[measure.atoms[:, 0].astype(int)] = measure.weights
    return masses
