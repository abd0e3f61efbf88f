"""What a datum's nearest sample guarantees: where its pull vanishes, and how near it is when the loss is small."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q, dot, total
from theory.instances import points
from theory.setting import Setting
from theory.sources import TALK

OVERCOMES = TALK.slide("IMLE Overcomes These Problems")


def squared_distance(sample: list, datum: list) -> Any:
    return total((y - x) ** 2 for y, x in zip(sample, datum, strict=True))


def nearest_index(samples: list, datum: list) -> int:
    return min(range(len(samples)), key=lambda j: squared_distance(samples[j], datum))


def small_scenes() -> Iterator[tuple[list, list]]:
    """Every choice of two data and up to two samples on a line of five points, and some in the plane."""
    line = [[Q(k)] for k in range(-2, 3)]
    for data in product(line, repeat=2):
        for samples in (*product(line, repeat=1), *product(line, repeat=2)):
            yield list(data), list(samples)
    corners = [[Q(a), Q(b)] for a in (-1, 1) for b in (-1, 1)]
    for centres in ([[Q(0), Q(0)]], [[Q(1), Q(0)], [Q(-1), Q(0)]], corners):
        yield corners, centres


def each_term(gradient, data: list, samples: list) -> Iterator[tuple[list, Any]]:
    """Per datum: the gradient of ‖x̃ − x‖² in its own nearest sample, and the squared distance."""
    for x in data:
        y = samples[nearest_index(samples, x)]
        yield [gradient(b, a) for b, a in zip(y, x, strict=True)], squared_distance(y, x)


def summed_over_data(gradient, data: list, samples: list) -> Iterator[tuple[list, Any]]:
    """Per sample: the gradient of the loss in it, summed over the data that chose it, and their distances' sum."""
    chosen = [nearest_index(samples, x) for x in data]
    for j, y in enumerate(samples):
        mine = [x for x, nearest in zip(data, chosen, strict=True) if nearest == j]
        gradients = [total(gradient(y[c], x[c]) for x in mine) for c in range(len(y))]
        yield gradients, total(squared_distance(y, x) for x in mine)


def through_shift(gradient, data: list, samples: list) -> Iterator[tuple[list, Any]]:
    """The gradient in θ of G(z) = z + θ: the sum over all data."""
    terms = list(each_term(gradient, data, samples))
    yield [total(parts) for parts in zip(*(g for g, _ in terms), strict=True)], total(distance for _, distance in terms)


def through_dead_unit(gradient, data: list, samples: list) -> Iterator[tuple[list, Any]]:
    """The gradient in θ of G(z) = z + max(θ, 0) at θ = −1, where the derivative of G is 0."""
    for gradients, distance in each_term(gradient, data, samples):
        yield [0 * part for part in gradients], distance


GRADIENTS = {
    "each term": each_term,
    "summed over data": summed_over_data,
    "in a shift": through_shift,
    "through a dead unit": through_dead_unit,
}


@claim(
    "imle-gradient-zero",
    says="The gradient of ‖x̃ − x‖² in x̃ vanishes only at x̃ = x: for one datum and its sample. Summed over the data "
    "that share a sample, or carried to θ by the generator's Jacobian, it can vanish at any distance",
    statement=r"\nabla_{\tilde x} \|\tilde x - x\|^2 = 2 (\tilde x - x) = 0 \Leftrightarrow \tilde x = x",
    source=OVERCOMES,
    primary="Li & Malik 2018 (recalled)",
    method=Exact,
    verdict="CONDITIONAL",
    hypotheses=("a single term: one datum with its own sample, and for θ a Jacobian of full row rank",),
)
def gradient_zero(*, gradient=lambda sample, datum: 2 * (sample - datum), of="each term"):
    """The formula against symmetric differences, exact for squares; then every scene of two data and two samples."""
    scenes = list(small_scenes())
    for y, x, h in product((Q(0), Q(5, 3), Q(-2)), (Q(1), Q(5, 3)), (Q(1, 7), Q(3))):
        slope = ((y + h - x) ** 2 - (y - h - x) ** 2) / (2 * h)
        if gradient(y, x) != slope:
            return Refuted(sample=y, datum=x, stated=gradient(y, x), slope=slope)
    for data, samples in scenes:
        for gradients, distance in GRADIENTS[of](gradient, data, samples):
            if all(part == 0 for part in gradients) != (distance == 0):
                return Refuted(data=data, samples=samples, gradient=gradients, squared_distance=distance)
    return Holds(scenes=len(scenes))


gradient_zero.printed(
    "the gradient is zero only when the nearest sample is at distance zero",
    where=OVERCOMES,
    printed="the gradient is zero only if the distance to the nearest sample is zero",
    correct="per datum and sample; data ±1 that share the sample 0 have summed gradient 0 at distance 1",
    of="summed over data",
)
gradient_zero.mutant("the gradient in θ of a shift", of="in a shift")
gradient_zero.mutant("the gradient in θ through a dead unit", of="through a dead unit")


@gradient_zero.counterexample("the model δ_θ and data ±1: at θ = 0 the gradient is 0 and the loss 2")
def point_model() -> Outcome:
    (found,) = through_shift(lambda y, x: 2 * (y - x), [[Q(1)], [Q(-1)]], [[Q(0)]])
    return Refuted(gradient=found[0], loss=found[1]) if found[0] == [0] and found[1] == 2 else Holds(found=found)


@gradient_zero.boundary("one datum and a Jacobian of full row rank: Jᵀ(x̃ − x) = 0 only at x̃ = x")
def full_row_rank() -> Outcome:
    count = 0
    for entries in product(range(-1, 2), repeat=6):
        jacobian = [[Q(e) for e in entries[:3]], [Q(e) for e in entries[3:]]]
        # Rank 2 exactly if the Gram determinant is not 0 (Cauchy–Schwarz).
        first, second = jacobian
        full = dot(first, first) * dot(second, second) != dot(first, second) ** 2
        for step in ([Q(1), Q(0)], [Q(1), Q(-1)], [Q(2), Q(1)], [Q(1), Q(1)]):
            vanishes = all(step[0] * a + step[1] * b == 0 for a, b in zip(first, second, strict=True))
            if full and vanishes:
                return Refuted(jacobian=jacobian, step=step)
            count += full
    return Holds(cases=count)


def configurations(setting: Setting) -> Iterator[tuple[list, list]]:
    """Data and samples in the plane: one datum off among data that are hit, then drawn ones."""
    hit = [[Q(k), Q(0)] for k in range(3)]
    yield [*hit, [Q(0), Q(5, 2)]], hit
    rng = setting.rng()
    for _ in range(setting.size(150, deep=3000)):
        n, m = (int(k) for k in rng.integers(1, 7, size=2))
        yield (
            [list(x) for x in zip(points(rng, n), points(rng, n), strict=True)],
            [list(y) for y in zip(points(rng, m), points(rng, m), strict=True)],
        )


def loss_of_data(data: list, samples: list) -> Any:
    """Σᵢ min_j ‖x̃_j − xᵢ‖²."""
    return total(min(squared_distance(y, x) for y in samples) for x in data)


def loss_of_samples(data: list, samples: list) -> Any:
    """Σ_j minᵢ ‖x̃_j − xᵢ‖²: each sample looks for a datum, as under a nearest-neighbour discriminator."""
    return total(min(squared_distance(y, x) for x in data) for y in samples)


LOSSES = {"data": loss_of_data, "samples": loss_of_samples}


@claim(
    "imle-coverage",
    says="max Rᵢ ≤ Σ Rᵢ: if IMLE's loss is ε, every datum has a sample within √ε, and no less is sure",
    statement=r"\sum_i \min_j \|\tilde x_j - x_i\|^2 \leq \epsilon \Rightarrow "
    r"\max_i \min_j \|\tilde x_j - x_i\| \leq \sqrt{\epsilon}",
    source=OVERCOMES,
    primary="Li & Malik 2018 (recalled)",
    method=Exact,
    verdict="CONDITIONAL",
    hypotheses=("the loss reached is small: the slide says that each datum has a nearby sample, whatever the loss",),
)
def coverage(setting, *, radius_squared=lambda loss, n: loss, searching="data"):
    """Drawn configurations, one of which attains the bound: all data hit but one."""
    count, attained = 0, False
    for data, samples in configurations(setting):
        count += 1
        farthest = max(min(squared_distance(y, x) for y in samples) for x in data)
        bound = radius_squared(LOSSES[searching](data, samples), len(data))
        if farthest > bound:
            return Refuted(data=data, samples=samples, farthest_squared=farthest, stated=bound)
        attained = attained or (len(data) > 1 and farthest == bound > 0)
    return Holds(configurations=count) if attained else Refuted(nowhere_attained=True)


coverage.mutant("the loss of samples that look for data covers the data too", searching="samples")
coverage.mutant("within √ε/n", radius_squared=lambda loss, n: loss / n**2)
coverage.mutant("within √(ε/n)", radius_squared=lambda loss, n: loss / n)


@coverage.counterexample(
    "a model too small for the data: δ_θ and data ±L, where at the optimum no datum has a near sample"
)
def model_too_small() -> Outcome:
    data = [[Q(100)], [Q(-100)]]
    losses = {theta: loss_of_data(data, [[Q(theta)]]) for theta in range(-100, 101, 20)}
    best = min(losses, key=lambda theta: losses[theta])
    nearest = min(squared_distance([Q(best)], x) for x in data)
    return (
        Refuted(best_theta=best, least_loss=losses[best], squared_distance_of_each=nearest) if nearest > 1 else Holds()
    )


@coverage.boundary(
    "for a small loss the claim says something: ε = 1/100 puts a sample within 1/10 of each of five data"
)
def small_loss() -> Outcome:
    data = [[Q(k)] for k in range(5)]
    samples = [[Q(k) + Q(1, 25)] for k in range(5)]
    loss = loss_of_data(data, samples)
    return Holds(loss=loss) if loss <= Q(1, 100) and loss == Q(5, 625) else Refuted(loss=loss)
