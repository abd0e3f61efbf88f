"""Losses are the divergences they are named for, and their gradients are those of finite differences."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="[models] brings it")

from estimators import NotConverged, energy_distance, mmd, sinkhorn_divergence, sliced_wasserstein  # noqa: E402
from estimators.losses import energy_loss, mmd_loss, sinkhorn_loss, sliced_loss  # noqa: E402

UNIT = np.finfo(float).eps / 2


def drawn(seed, n=9, m=9, d=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5


def directions(k=7, d=3):
    drawn = np.random.default_rng(9).standard_normal((k, d))
    return torch.as_tensor(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


LOSSES = {
    "energy": energy_loss,
    "mmd": lambda x, y: mmd_loss(x, y, 2.0, 3),
    "sliced-1": lambda x, y: sliced_loss(x, y, directions(), 1.0),
    "sliced-2": lambda x, y: sliced_loss(x, y, directions(), 2.0),
    "sinkhorn-1": lambda x, y: sinkhorn_loss(x, y, 0.7, p=1, tolerance=1e-12, max_iter=20_000),
    "sinkhorn-2": lambda x, y: sinkhorn_loss(x, y, 3.0, tolerance=1e-12, max_iter=20_000),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("which", [0, 1])
def test_gradients_are_those_of_finite_differences(name, which):
    pair = [torch.as_tensor(part) for part in drawn(1)]
    pair[which].requires_grad_(True)
    LOSSES[name](*pair).backward()
    found, step = pair[which].grad.numpy(), 1e-5
    pair[which] = pair[which].detach()
    for place in ((0, 0), (3, 1), (8, 2)):
        ends = []
        for sign in (1, -1):
            moved = [part.clone() for part in pair]
            moved[which][place] += sign * step
            ends.append(float(LOSSES[name](*moved)))
        # A central difference is off by h²/6 times a third derivative (some 10²) and by u/h of the value.
        assert found[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-8)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("sizes", [(9, 9), (12, 7)])
def test_values_are_those_of_the_divergences(sizes):
    X, Y = drawn(2, *sizes)
    x, y = torch.as_tensor(X), torch.as_tensor(Y)
    unbiased = {"squared": True, "statistic": "u"}
    # Sums of some hundred terms of at most 10, in another order.
    near = {"abs": 1000 * UNIT}
    assert float(energy_loss(x, y)) == pytest.approx(energy_distance(X, Y, **unbiased).value, **near)
    widths = [mmd(X, Y, bandwidth=2.0 / 2**k, **unbiased).value for k in range(3)]
    assert float(mmd_loss(x, y, 2.0, 3)) == pytest.approx(np.mean(widths), **near)
    for p in (1, 2):
        found = sinkhorn_divergence(X, Y, p=p, epsilon=3.0)
        loss = sinkhorn_loss(x, y, 3.0, p=p, tolerance=1e-10, max_iter=20_000)
        assert float(loss) == pytest.approx(found.value, abs=found.certificate.gap + 1e-8)


@pytest.mark.parametrize("p", [1, 2])
def test_the_sliced_loss_is_the_power_of_the_distance(p):
    X, Y = drawn(3)
    k = 40
    rng = np.random.default_rng(5).standard_normal((k, 3))
    rng /= np.linalg.norm(rng, axis=1, keepdims=True)
    loss = float(sliced_loss(torch.as_tensor(X), torch.as_tensor(Y), torch.as_tensor(rng), p))
    found = sliced_wasserstein(X, Y, p=p, n_directions=k, random_state=5)
    assert loss == pytest.approx(found.value**p, rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_equal_samples_have_finite_gradients_and_descent_brings_samples_together(name):
    X, Y = (torch.as_tensor(part) for part in drawn(4))
    same = X.clone().requires_grad_(True)
    LOSSES[name](X, same).backward()
    assert torch.isfinite(same.grad).all()
    moved = Y.clone().requires_grad_(True)
    before = LOSSES[name](X, moved)
    before.backward()
    assert LOSSES[name](X, (moved - 1e-3 * moved.grad / moved.grad.norm()).detach()) < before


def test_what_cannot_be_is_refused():
    X, Y = (torch.as_tensor(part) for part in drawn(5))
    with pytest.raises(NotConverged, match="raise max_iter or epsilon"):
        sinkhorn_loss(X, Y, 0.01, max_iter=2)
    with pytest.raises(NotConverged):
        sinkhorn_loss(X * float("nan"), Y, 1.0)
    with pytest.raises(ValueError, match="max_iter is 0"):
        sinkhorn_loss(X, Y, 1.0, max_iter=0)
    with pytest.raises(ValueError, match="p is 3"):
        sinkhorn_loss(X, Y, 1.0, p=3)
    with pytest.raises(ValueError, match="pass as many of each"):
        sliced_loss(X, Y[:3], directions())


@pytest.mark.parametrize("n_widths", [1, 4, 6])
def test_tight_clusters_keep_their_digits_in_float32(n_widths):
    """Two clusters a thousand times as far apart as they are wide: products alone would lose what is within one."""
    rng = np.random.default_rng(0)
    ends = np.array([[1.0, 1.0], [-1.0, -1.0]])[rng.integers(0, 2, (2, 40))]
    pair = [torch.as_tensor(part) for part in ends + 1e-3 * rng.normal(size=(2, 40, 2))]
    found = []
    for kind in (torch.float64, torch.float32):
        data, samples = (part.to(kind).clone() for part in pair)
        loss = mmd_loss(data, samples.requires_grad_(True), 2e-2, n_widths)
        loss.backward()
        found.append((loss.item(), samples.grad.double()))
    # The data themselves are rounded by 10⁻⁴ of what is within a cluster; squares by products would be off by half.
    share = 0.01
    assert found[1][0] == pytest.approx(found[0][0], rel=share)
    assert (found[1][1] - found[0][1]).norm() <= share * found[0][1].norm()


@pytest.mark.parametrize("d", [3, 40, 200])
def test_no_product_is_rounded_to_bfloat16_in_a_region_of_it(d):
    x, y = (torch.as_tensor(part, dtype=torch.float32) for part in drawn(4, d=d))
    alone = mmd_loss(x, y, d**0.5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        within = mmd_loss(x, y, d**0.5, 4)
    assert torch.equal(alone, within)
