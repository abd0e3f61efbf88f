"""A lower bound of an f-divergence between the laws behind two samples, by a critic that is trained and then tested."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import random_generator, real_number, whole_number
from estimators.fdivergences.generators import Generator, generators
from estimators.intervals import checked_confidence
from estimators.points import point_pair
from estimators.range import refuse_out_of_range
from estimators.result import Estimate, NotConverged
from estimators.scoring import ties_matter

Array = NDArray[np.float64]


@ties_matter
def f_lower_bound(
    X: Any,
    Y: Any,
    generator: str = "kl",
    *,
    hidden: Sequence[int] = (64, 64),
    steps: int = 500,
    batch: int = 256,
    learning_rate: float = 1e-3,
    clip: float = 3.0,
    confidence_level: float = 0.95,
    random_state: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Estimate:
    """A lower bound of D_f(p,q), from X ~ p (n, d) and Y ~ q (m, d): E_p T − E_q f*(T) ≤ D_f for every critic T.

    T(x) = f′(e^v(x)) with v an MLP (`hidden` widths) whose output is cut to ±`clip` (the wider, the looser `low`):
    ideally log p/q; f*(f′(t)) = t f′(t) − f(t). Half of each sample trains it (`steps` of Adam on batches of `batch`),
    the other half gives the value, in which no optimism of training remains. T is bounded, so `interval` = (low, the
    most that D_f can be) holds at `confidence_level`, in (0, 1), for every n: low by the empirical Bernstein inequality
    for each mean. The standard error is that of the value as an estimate of this critic's bound, **not of D_f**, which
    may be far above.

    `generator`: "kl", "reverse-kl", "jsd", "jsd-sum", "total-variation", "chi-squared" or "squared-hellinger".
    `progress(done, steps)` is called now and then. Needs torch. Raises ValueError for bad samples or options,
    NotConverged where the training left the finite numbers. Source: Nguyen, Wainwright & Jordan 2010; Nowozin, Cseke &
    Tomioka 2016; Maurer & Pontil 2009, theorem 4 (the inequality).
    """
    x, y = point_pair(X, Y, ("X", "Y"))
    refuse_out_of_range(x, y, ("X", "Y"))
    f = generators[generator]
    if f.name not in _DUALS:
        raise ValueError(f"generator {f.name!r} has no derivative here: pass one of {', '.join(_DUALS)}")
    for name, part in (("X", x), ("Y", y)):
        if len(part) < 4:
            raise ValueError(f"{name} has {len(part)} rows: pass 4 or more, half of them to train and half to test")
    steps, batch = whole_number(steps, "steps", 1), whole_number(batch, "batch", 1)
    learning_rate, confidence_level = (
        real_number(learning_rate, "learning_rate", above=0),
        checked_confidence(confidence_level),
    )
    clip = real_number(clip, "clip", above=0, below=math.nextafter(50, math.inf))
    if isinstance(hidden, str) or not isinstance(hidden, Sequence):
        raise ValueError(f"hidden is {hidden!r}: pass a sequence of widths, such as (64, 64)")
    widths = tuple(whole_number(width, f"hidden[{place}]", 1) for place, width in enumerate(hidden))
    rng = random_generator(random_state)
    halves = [part[rng.permutation(len(part))] for part in (x, y)]
    train, test = [part[: len(part) // 2] for part in halves], [part[len(part) // 2 :] for part in halves]
    critic = _trained(train, f, widths, steps, batch, learning_rate, clip, int(rng.integers(2**31)), progress)
    gain = _witness(f, critic(test[0]))
    cost = _conjugate(f, critic(test[1]))
    value = float(gain.mean() - cost.mean())
    if not math.isfinite(value):
        raise NotConverged("the critic is not finite: lower learning_rate, or standardise X and Y")
    stderr = math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in (gain, cost)))
    ends = np.array([-clip, clip])
    low = value - sum(
        _bernstein(part, float(np.ptp(of(f, ends))), (1 - confidence_level) / 2)
        for part, of in ((gain, _witness), (cost, _conjugate))
    )
    # D_f ≥ 0 is a bound as well; a value below it is one that the test half could not confirm.
    low = max(low, 0.0)
    return Estimate(
        value, stderr, (low, max(f.bound, low)), "variational lower bound, held out", None, f.unit,
        f"a lower bound in expectation; at least {low:.4g} with confidence {confidence_level:g}", bound="lower",
    )  # fmt: skip


#: f′(e^v) and f*(f′(e^v)) in v, for arrays of either library with its own `exp`, `log1p`-like functions.
_DUALS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "kl": (lambda v, _: v, lambda v, m: m.expm1(v)),
    "reverse-kl": (lambda v, m: -m.expm1(-v), lambda v, _: v),
    "jsd": (
        lambda v, m: 0.5 * (math.log(2) - m.logaddexp(0 * v, -v)),
        lambda v, m: 0.5 * (m.logaddexp(0 * v, v) - math.log(2)),
    ),
    "jsd-sum": (
        lambda v, m: math.log(2) - m.logaddexp(0 * v, -v),
        lambda v, m: m.logaddexp(0 * v, v) - math.log(2),
    ),
    "total-variation": (lambda v, m: 0.5 * m.tanh(v / 2), lambda v, m: 0.5 * m.tanh(v / 2)),
    "chi-squared": (lambda v, m: 2 * m.expm1(v), lambda v, m: m.expm1(2 * v)),
    "squared-hellinger": (lambda v, m: -0.5 * m.expm1(-v / 2), lambda v, m: 0.5 * m.expm1(v / 2)),
}


def _witness(f: Generator, v: Array) -> Array:
    return np.asarray(_DUALS[f.name][0](v, np))


def _conjugate(f: Generator, v: Array) -> Array:
    """f*(T), by the generator's own conjugate: the bound holds whatever formula T came from."""
    assert f.conjugate is not None, "every named generator has its conjugate"
    return np.asarray(f.conjugate(_witness(f, v)))


def _bernstein(values: Array, width: float, delta: float) -> float:
    """r with P(mean − E > r) ≤ δ for values in an interval of `width`; Maurer & Pontil 2009, theorem 4."""
    n, log = len(values), math.log(2 / delta)
    return math.sqrt(2 * float(values.var(ddof=1)) * log / n) + 7 * width * log / (3 * (n - 1))


def _trained(
    train: list[Array],
    f: Generator,
    hidden: tuple[int, ...],
    steps: int,
    batch: int,
    learning_rate: float,
    clip: float,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> Callable[[Array], Array]:
    """x (n, d) ↦ v(x) (n,) in ±clip, float64, after `steps` of Adam on E_p T − E_q f*(T)."""
    import torch

    from estimators.networks import mlp_critic

    both = np.concatenate(train)
    # Standardised by the training half, in float64 before the cast, so that an offset costs no digits.
    centre, scale = both.mean(axis=0), both.std(axis=0)
    scale[scale == 0] = 1.0
    rng = torch.Generator().manual_seed(seed)
    network = mlp_critic(both.shape[1], hidden, rng=rng)
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    witness, conjugate = _DUALS[f.name]

    def tensor(points: Array) -> Any:
        return torch.as_tensor((points - centre) / scale, dtype=torch.float32)

    parts = [tensor(part) for part in train]
    for step in range(steps):
        v, w = (
            network(part[torch.randint(len(part), (min(batch, len(part)),), generator=rng)])[:, 0].clamp(-clip, clip)
            for part in parts
        )
        loss = conjugate(w, _TORCH).mean() - witness(v, _TORCH).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if progress is not None and (step + 1) % 50 == 0:
            progress(step + 1, steps)

    def critic(points: Array) -> Array:
        with torch.no_grad():
            return np.clip(network(tensor(points))[:, 0].double().numpy(), -clip, clip)

    return critic


class _TORCH:
    """The functions of `_DUALS` on tensors, imported when first used."""

    @staticmethod
    def expm1(v: Any) -> Any:
        return v.expm1()

    @staticmethod
    def tanh(v: Any) -> Any:
        return v.tanh()

    @staticmethod
    def logaddexp(v: Any, w: Any) -> Any:
        return v.logaddexp(w)
