"""The algorithm of IMLE: mini-batches, frozen assignments, and what it tends to with infinitely many samples."""

import operator
from functools import partial
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, dot, total
from theory.imle_loop import CHANGES, broken, held_to_the_definition
from theory.instances import pmf, points
from theory.setting import Setting
from theory.sources import BRUNA, TALK

METHOD = TALK.slide("Method")


def nearest(samples: list, datum: Any) -> int:
    return min(range(len(samples)), key=lambda j: (samples[j] - datum) ** 2)


def objective(data: list, samples: list) -> Any:
    """Σᵢ min_j (xᵢ − x̃_j)²."""
    return total(min((y - x) ** 2 for y in samples) for x in data)


def frozen(data: list, samples: list, chosen: list[int]) -> Any:
    """Σᵢ (xᵢ − x̃_σ(i))² with σ kept."""
    return total((samples[j] - x) ** 2 for x, j in zip(data, chosen, strict=True))


def best_affine(data: list, latents: list) -> tuple[Any, Any]:
    """(a, b) that minimises Σ (a zᵢ + b − xᵢ)² by the normal equations; a = 0 if all zᵢ are equal."""
    n, mean_z, mean_x = len(data), total(latents) / len(data), total(data) / len(data)
    spread = total((z - mean_z) ** 2 for z in latents)
    if spread == 0:
        return Q(0), mean_x
    a = dot([z - mean_z for z in latents], [x - mean_x for x in data]) / spread
    return a, (n * mean_x - a * total(latents)) / n


@claim(
    "imle-inner-loop",
    says="With the latents fixed: (n/|S̃|) Σ over a uniform mini-batch is unbiased for the sum over all data; the sum "
    "with σ frozen lies above Σ min_j ‖xᵢ − x̃_j‖² and touches it where σ was found, so exact inner minimisation "
    "never raises the objective; and their gradients agree there where the nearest sample is unique",
    statement=r"\sum_i \|x_i - \tilde x_{\sigma(i)}^\theta\|^2 \geq \sum_i \min_j \|x_i - \tilde x_j^\theta\|^2",
    source=METHOD,
    primary="Li & Malik 2018, Algorithm 1 (recalled); majorise–minimise, Danskin's theorem",
    method=(Exact, Certified),
    limits="An affine generator on the line in rationals; the project's losses on numbers whose arithmetic is exact; "
    "its trainer on six data in the plane, all of them in each inner step.",
)
def inner_loop(
    setting,
    *,
    factor=lambda n, size: Q(n, size),
    majorises=lambda surrogate, true: surrogate >= true,
    fresh=False,
    loss=None,
    trainer=None,
):
    """All mini-batches of five data and 200 steps of exact inner minimisation in rationals; then the project's losses,
    and a whole short run of its trainer against the nested loop as it is defined."""
    rng = setting.rng()
    data = points(rng, 5)
    parts = [x**2 + 1 for x in data]
    for size in (1, 2, 4, 5):
        batches = list(combinations(parts, size))
        mean = total(factor(5, size) * total(batch) for batch in batches) / len(batches)
        if mean != total(parts):
            return Refuted(batch_size=size, mean=mean, full=total(parts))
    for _ in range(setting.size(20, deep=200)):
        outcome = descend(rng, majorises, fresh)
        if outcome is not None:
            return outcome
    return all_hold([project_losses(setting, loss), held_to_the_definition(setting, trainer and trainer())])


def descend(rng: np.random.Generator, majorises, fresh: bool) -> Outcome | None:
    """Ten outer steps of a z + b with exact inner minimisation on drawn data; what went wrong, if anything."""
    data, latents, a, b = points(rng, 6), points(rng, 4, spread=2), Q(1), Q(0)
    value = objective(data, [a * z + b for z in latents])
    for step in range(10):
        if fresh:
            latents = points(rng, 4, spread=2)
        samples = [a * z + b for z in latents]
        chosen = [nearest(samples, x) for x in data]
        if frozen(data, samples, chosen) != objective(data, samples):
            return Refuted(reason="does not touch", data=data, samples=samples)
        a, b = best_affine(data, [latents[j] for j in chosen])
        moved = [a * z + b for z in latents]
        for there in (moved, [2 * y for y in samples], [y + 3 for y in samples]):
            if not majorises(frozen(data, there, chosen), objective(data, there)):
                return Refuted(data=data, samples=there, frozen=frozen(data, there, chosen))
        if objective(data, moved) > value:
            return Refuted(step=step, before=value, after=objective(data, moved))
        value = objective(data, moved)
    return None


def project_losses(setting: Setting, loss) -> Outcome:
    """The project's `imle_loss` over all mini-batches of 4 data, and its gradient against that of the nearest distance.

    Quarters below 2⁴ and batch sizes that are powers of two: every operation is exact, so equality is asked for.
    """
    import torch

    from estimators.models.imle import imle_loss, nearest_sample_objective

    given = imle_loss if loss is None else loss
    rng = setting.rng(1)
    # Data on quarters, samples a sixteenth off: no datum is as far from two of them.
    x = torch.tensor(rng.permutation(64)[:4] / 4 - 8).reshape(4, 1)
    y = torch.tensor(rng.permutation(64)[:8] / 4 - 8 + 1 / 16).reshape(8, 1).requires_grad_()
    chosen = (x - y.detach().T).square().argmin(dim=1)
    objective_value = nearest_sample_objective(x, y)
    (slope,) = torch.autograd.grad(objective_value, y)
    for size in (1, 2, 4):
        batches = [list(batch) for batch in combinations(range(4), size)]
        values = [given(x[batch], y[chosen[batch]], 4) for batch in batches]
        slopes = [torch.autograd.grad(value, y, retain_graph=True)[0] for value in values]
        whole, count = sum(value.item() for value in values), len(batches)
        if whole != count * objective_value.item():
            return Refuted(batch_size=size, mean_loss=whole / count, objective=objective_value.item())
        if not torch.equal(torch.stack(slopes).sum(dim=0), count * slope):
            return Refuted(batch_size=size, reason="the mean gradient is not that of the objective")
    return Holds(objective=objective_value.item())


inner_loop.mutant("the factor 1/|S̃|", factor=lambda n, size: Q(1, size))
inner_loop.mutant("the frozen sum lies below", majorises=lambda surrogate, true: surrogate <= true)
inner_loop.mutant("monotone also with fresh samples in each outer step", fresh=True)
inner_loop.mutant("the project's loss without n/b", loss=lambda data, samples, n: (samples - data).square().sum())
inner_loop.mutant("the project's loss by distances", loss=lambda data, samples, n: n * (samples - data).abs().mean())
for how in CHANGES:
    inner_loop.mutant(f"the project's trainer {how}", trainer=partial(broken, how))


@inner_loop.boundary("at a tie the objective has a kink: its one-sided slopes are those of the two assignments")
def tie() -> Outcome:
    def at(b: Any) -> Any:  # the datum 0 between the samples −1 + b and 1 + b
        return objective([Q(0)], [b - 1, b + 1])

    h = Q(1, 1000)
    right, left = (at(h) - at(Q(0))) / h, (at(Q(0)) - at(-h)) / h
    return Holds(left=left, right=right) if (left, right) == (2 - h, h - 2) else Refuted(left=left, right=right)


@inner_loop.boundary("the project's trainer touches: at each new assignment its loss is the objective just measured")
def trainer_touches(setting: Setting) -> Outcome:
    from estimators.models.imle import IMLE

    data = setting.rng(2).normal(size=(8, 2))
    model = IMLE(
        latent_dim=2, hidden=(4,), n_samples=16, inner_steps=3, steps=9, batch_size=8, history_every=1,
        random_state=0, device="cpu", standardise=False,
    ).fit(data)  # fmt: skip
    first = [entry for entry in model.history_ if (entry["step"] - 1) % 3 == 0]
    apart = max(abs(entry["loss"] / entry["objective"] - 1) for entry in first)
    # A mean of 16 squares in float32: some 32 roundings of 2⁻²⁴, of which each processor makes its own.
    found = {"assignments": len(first), "roundings_allowed": 32}
    if len(first) != 3 or apart > 32 * 2.0**-24:
        return Refuted(**found, largest_relative_difference=apart)
    return Holds(**found)


def mean_by_expansion(m: int, square: tuple[Any, Any, Any]) -> Any:
    """∫₀¹ (s₀ + s₁ u + s₂ u²) m (1 − u)^{m−1} du, expanded: E of a quadratic in the least of m uniform u."""
    return total(
        Q(m * (-1) ** k * comb(m - 1, k)) * total(Q(part) / (k + power + 1) for power, part in enumerate(square))
        for k in range(m)
    )


def least_of(values: list, law: list, m: int) -> Any:
    """E min_{j ≤ m} ℓ(z_j) for a finite law of losses: Σ ℓ (P(ℓ' ≥ ℓ)^m − P(ℓ' > ℓ)^m) in the order of ℓ."""
    found, tail = Q(0), Q(1)
    for value, chance in sorted(zip(values, law, strict=True), key=lambda pair: pair[0]):
        found += value * (tail**m - (tail - chance) ** m)
        tail -= chance
    return found


@claim(
    "imle-glo-limit",
    says="E min_{j≤m} ℓ(x, G(z_j)) falls in m to ess inf ℓ(x, G(z)), GLO's inner minimum when the latents' support is "
    "the whole box and ℓ∘G is continuous; and GLO is not maximum likelihood: its minimisers need not be unique",
    statement=r"E \min_{j \leq m} \ell(x, G(z_j)) \downarrow \mathrm{ess\,inf}_z \ell(x, G(z)) \quad (m \to \infty)",
    source=(BRUNA.slide("Generative Latent Optimization (GLO)"), METHOD),
    primary="Bojanowski et al. 2018 (recalled); the relation is stated by neither deck",
    method=Exact,
    limits="The mean must be finite for some m: if P(ℓ > r) = 1/log r it is infinite for every m.",
)
def glo_limit(
    setting,
    *,
    inside=lambda m: Q(1) / (2 * (m + 1) * (m + 2)),
    outside=lambda m: Q(1, 4) + Q(1) / (m + 1) + Q(2) / ((m + 1) * (m + 2)),
    limit=min,
    trend=operator.ge,
    rest=lambda chance, m, spread: (1 - chance) ** m * spread,
    glo_optimal=lambda theta, mle: theta >= mle,
):
    """G(z) = z, z uniform, with a datum inside the range and one outside; finite laws with a bound on the rest; θz."""
    for m in (1, 2, 3, 8, 20):
        # |z − ½| = ½ (1 − v) with v uniform, so its least value is u/2; beyond the range x̃ − x = −(½ + u).
        for stated, square in ((inside(m), (0, 0, Q(1, 4))), (outside(m), (Q(1, 4), Q(1), Q(1)))):
            if stated != mean_by_expansion(m, square):
                return Refuted(m=m, stated=stated, integral=mean_by_expansion(m, square))
    attained, rng = False, setting.rng()
    for _ in range(setting.size(60, deep=1000)):
        k = int(rng.integers(2, 6))
        values, law = [x * x for x in points(rng, k)], pmf(rng, k)
        end, spread = limit(values), max(values) - min(values)
        for m in (1, 2, 7):
            now, then = least_of(values, law, m), least_of(values, law, m + 1)
            bound = rest(law[values.index(min(values))], m, spread)
            if not trend(now, then) or not 0 <= now - end <= bound:
                return Refuted(values=values, law=law, m=m, mean=now, mean_for_one_more=then, limit=end, bound=bound)
            attained = attained or now - end == bound > 0
    if not attained:
        return Refuted(nowhere_attained=True)
    # G = θz on [0, 1], data ½ and 3/2: the density θ⁻² on θ ≥ 3/2 is largest at 3/2.
    data, mle = (Q(1, 2), Q(3, 2)), Q(3, 2)
    for theta in (Q(1), Q(149, 100), Q(3, 2), Q(2), Q(50)):
        loss = total(max(x - theta, Q(0)) ** 2 for x in data)
        if glo_optimal(theta, mle) != (loss == 0):
            return Refuted(theta=theta, glo_loss=loss, mle=mle)
    return Holds(limit_inside=0, limit_outside=Q(1, 4))


def mean_value(values: list) -> Any:
    return total(values) / len(values)


glo_limit.mutant("the mean rises with m", trend=operator.le)
glo_limit.mutant("the limit is the mean over z", limit=mean_value)
glo_limit.mutant("GLO's minimiser is the MLE alone", glo_optimal=lambda theta, mle: theta == mle)


@glo_limit.boundary("a surjective generator of unbounded latents, G(z) = θz with z ∈ ℝ: GLO's loss is 0 at every θ ≠ 0")
def surjective() -> Outcome:
    losses = [total((theta * (x / theta) - x) ** 2 for x in (Q(1, 2), Q(3, 2))) for theta in (Q(1, 9), Q(1), Q(-7))]
    return Holds(losses=losses) if not any(losses) else Refuted(losses=losses)
