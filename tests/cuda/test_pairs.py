"""Energy distance, MMD and Parzen windows on CUDA devices, in the simulator, held to the CPU's within their bounds."""

import numpy as np
import pytest
from numba import cuda

from estimators import device_pairs, energy_distance, mmd
from estimators.measures import Empirical
from estimators.parzen import parzen_log_densities

pytestmark = [pytest.mark.simulator, pytest.mark.usefixtures("small_pairs")]


def samples(n, m, d, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)).astype(dtype), (1.5 * rng.standard_normal((m, d)) + 0.5).astype(dtype)


def hold(device, host):
    """The device's certificate holds the host's, which is far narrower; the standard errors differ by less than it."""
    lower, upper = device.certificate.lower, device.certificate.upper
    assert lower <= host.certificate.upper
    assert upper >= host.certificate.lower
    assert (device.stderr is None) == (host.stderr is None)
    if host.stderr is not None:
        assert abs(device.stderr - host.stderr) <= upper - lower


@pytest.mark.parametrize(
    ("n", "m", "d", "statistic"),
    [(1, 1, 2, "v"), (9, 17, 5, "u"), (21, 8, 3, "v"), (8, 8, 17, "u"), (2, 3, 1, "v"), (9, 17, 1, "u")],
)
def test_energy_distance_is_the_hosts_within_its_certificate(dtype, n, m, d, statistic):
    X, Y = samples(n, m, d, dtype)
    options = {"squared": True, "statistic": statistic}
    device, host = energy_distance(X, Y, device="cuda", **options), energy_distance(X, Y, **options)
    hold(device, host)
    # Some hundred roundings of sums of about five.
    assert device.certificate.upper - device.certificate.lower <= 2000 * np.finfo(dtype).eps


def test_clusters_far_from_the_origin_lose_no_digits(dtype):
    """Points that nearly coincide, where products would leave nothing, are measured by their differences."""
    X, Y = samples(9, 9, 4, dtype)
    X, Y = (np.concatenate([100 + 1e-3 * part, -100 + 1e-3 * part]).astype(dtype) for part in (X, Y))
    hold(energy_distance(X, Y, device="cuda", squared=True), energy_distance(X, Y, squared=True))


@pytest.mark.parametrize("kernel", ["gaussian", "laplace", "imq", "gaussians", "energy"])
def test_mmd_is_the_hosts_within_its_certificate(kernel):
    X, Y = samples(10, 13, 3, np.float32, seed=1)
    options = {"kernel": kernel, "squared": True, "statistic": "u"}
    hold(mmd(X, Y, device="cuda", **options), mmd(X, Y, **options))


def test_measures_keep_their_weights_and_columns_pass_in_parts(monkeypatch):
    monkeypatch.setattr(device_pairs, "COLUMNS", 1)
    X, Y = samples(18, 9, 2, np.float64, seed=2)
    P, Q = (Empirical(part, np.arange(1, len(part) + 1) / np.arange(1, len(part) + 1).sum()) for part in (X, Y))
    told = []
    hold(energy_distance(P, Q, device="cuda", progress=told.append), energy_distance(P, Q))
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_arrays_on_the_device_are_taken_as_they_are():
    X, Y = samples(9, 8, 3, np.float32, seed=3)
    here, there = cuda.to_device(X), cuda.to_device(Y)
    hold(energy_distance(here, there, device="cuda"), energy_distance(X, Y))
    with pytest.raises(TypeError, match="P is in the memory of a GPU and Q is not"):
        energy_distance(here, Y, device="cuda")
    with pytest.raises(ValueError, match="coordinates a point and Q has 2"):
        energy_distance(here, cuda.to_device(np.ones((3, 2), np.float32)), device="cuda")
    with pytest.raises(ValueError, match="bandwidth='median' is of arrays of the host"):
        mmd(here, there, device="cuda")
    X[2, 1] = np.nan
    with pytest.raises(ValueError, match="P: row 2 is not finite"):
        energy_distance(cuda.to_device(X), there, device="cuda")


def test_parzen_windows_are_the_hosts_within_both_bounds():
    samples_, points = samples(20, 9, 6, np.float64, seed=4)
    widths = [0.05, 0.5, 2.0]
    device, host = (parzen_log_densities(samples_, points, widths, device=where) for where in ("cuda", "cpu"))
    assert (np.abs(device[0] - host[0]) <= device[1] + host[1]).all()
    # Some hundred roundings of a log density, beside those of sums of about one: a bound must not be an excuse.
    assert (device[1] <= 2000 * np.finfo(np.float64).eps * (np.abs(host[0]) + 1)).all()


def test_the_same_bits_twice(dtype):
    X, Y = samples(9, 17, 3, dtype, seed=5)
    first, again = (energy_distance(X, Y, device="cuda") for _ in range(2))
    assert first == again


def test_devices_that_are_none_are_refused():
    with pytest.raises(ValueError, match="device is 'tpu'"):
        energy_distance(np.eye(3), np.eye(3), device="tpu")
    with pytest.raises(ValueError, match="device is 'tpu'"):
        parzen_log_densities(np.eye(3), np.eye(3), [1.0], device="tpu")


def test_no_value_beyond_the_last_sample_reaches_a_sum():
    """From the middle of a ring the nearest sample is far, and nothing lies at the middle: e^(R²/2σ²) is no number."""
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)  # a tile has eight
    ring, points = np.stack([np.cos(angles), np.sin(angles)], axis=1), np.array([[0.0, 0.0], [1.0, 0.0]])
    device, host = (parzen_log_densities(ring, points, [0.02], device=where) for where in ("cuda", "cpu"))
    assert np.isfinite(device[0]).all()
    assert (np.abs(device[0] - host[0]) <= device[1] + host[1]).all()
