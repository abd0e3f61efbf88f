"""Who chooses whom: samples that look for their nearest data, or data that look for their nearest samples."""

from collections.abc import Iterator
from itertools import product
from math import comb
from typing import Any

from theory.claim import Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rationals, total
from theory.instances import points
from theory.setting import Setting
from theory.sources import POSTER, TALK


def samples_choose(samples: list, data: list) -> Any:
    """A = Σ_j min_i (x̃_j − x_i)²: a generator against a 1-nearest-neighbour discriminator."""
    return total(min((y - x) ** 2 for x in data) for y in samples)


def data_choose(samples: list, data: list) -> Any:
    """B = Σ_i min_j (x̃_j − x_i)²: IMLE."""
    return total(min((y - x) ** 2 for y in samples) for x in data)


def nearest(y: Any, data: list) -> Any:
    return min(data, key=lambda x: (y - x) ** 2)


@claim(
    "who-chooses-whom",
    says="A = Σ_j min_i ‖x̃_j − x_i‖² is zero at all n^m placements of m samples on n data, dropping modes unless onto; "
    "B = Σ_i min_j ‖x̃_j − x_i‖² is zero only where every datum has a sample: at Σ_j (−1)^j C(n, j) (n − j)^m "
    "of those placements, at none for m < n, and at more than placements for m > n. Half a gradient step of A puts "
    "each sample on its nearest datum",
    statement=r"\#\{A = 0\} = n^m, \quad \#\{B = 0\} = \sum_{j<n} (-1)^j \binom{n}{j} (n - j)^m",
    source=(
        POSTER.slide("No More Mode Collapse/Dropping"),
        TALK.slide("Generative Adversarial Nets"),
        TALK.slide("Choosing Examples to Model"),
    ),
    primary="Li & Malik 2018",
    method=Exact,
    limits="The 1-nearest-neighbour discriminator is a caricature of GAN training, not a theorem about GANs.",
)
def who_chooses_whom(
    setting,
    *,
    zeros_of_a=lambda n, m: n**m,
    zeros_of_b=lambda n, m: sum((-1) ** j * comb(n, j) * (n - j) ** m for j in range(n)),
    slope=lambda y, x: 2 * (y - x),
    by_samples=samples_choose,
    by_data=data_choose,
    torch_objective=None,
):
    """All placements of m samples on n points and off them; the gradient as an exact difference; the project's loss."""
    return all_hold(
        (
            *placement_parts(setting, zeros_of_a, zeros_of_b, by_samples, by_data),
            *slope_parts(setting, slope, by_samples),
            objective_of_the_project(setting, by_data, torch_objective),
        )
    )


def placement_parts(setting: Setting, zeros_of_a, zeros_of_b, by_samples, by_data) -> Iterator[Outcome]:
    for n, m in ((3, 3), (3, 5), (4, 3), (2, 4), (1, 2), *setting.size((), deep=((4, 6),))):
        data = [Q(3 * i - 5) for i in range(n)]
        placed = [list(choice) for choice in product(data, repeat=m)]
        zero_a = sum(by_samples(samples, data) == 0 for samples in placed)
        covering = sum(set(data) <= set(samples) for samples in placed)
        zero_b = sum(by_data(samples, data) == 0 for samples in placed)
        if (zero_a, zero_b, covering) != (zeros_of_a(n, m), zeros_of_b(n, m), zeros_of_b(n, m)):
            yield Refuted(n=n, m=m, zeros_of_a=zero_a, zeros_of_b=zero_b, covering=covering)
        # With a sample off the data A is positive; B stays zero if the others still cover them.
        spare = [*data, *[data[0]] * (m - n - 1), Q(1, 2)] if m > n else [*data[: m - 1], Q(1, 2)]
        if by_samples(spare, data) == 0 or (by_data(spare, data) == 0) != (m > n):
            yield Refuted(n=n, m=m, samples=spare, A=by_samples(spare, data), B=by_data(spare, data))
    yield Holds()


def slope_parts(setting: Setting, slope, by_samples) -> Iterator[Outcome]:
    """Between two data A is quadratic in a sample, so its central difference is its derivative."""
    rng = setting.rng()
    for _ in range(setting.size(30, deep=300)):
        data, (y,) = [x * 2 for x in points(rng, 5)], points(rng, 1)
        y += Q(1, 7)  # off every midpoint of two data, which are quarters
        step = Q(1, 100)
        true = (by_samples([y + step], data) - by_samples([y - step], data)) / (2 * step)
        stated = slope(y, nearest(y, data))
        if stated != true or y - stated / 2 != nearest(y, data):
            yield Refuted(sample=y, data=data, derivative=true, stated=stated)
    yield Holds()


def objective_of_the_project(setting: Setting, by_data, given) -> Outcome:
    """`estimators`' objective of IMLE is B, on numbers whose arithmetic in floats is exact."""
    rng = setting.rng(1)
    for _ in range(20):
        data, samples = points(rng, 4), points(rng, 3)
        found = (given or in_floats)(data, samples)
        if found != by_data(samples, data):
            return Refuted(data=data, samples=samples, project=found, B=by_data(samples, data))
    return Holds()


def in_floats(data: list, samples: list, objective: Any = None) -> Any:
    """An objective of tensors, the project's unless another is given, on quarters: their squares are sixteenths."""
    import torch

    from estimators.models.imle import nearest_sample_objective

    columns = [torch.tensor([[int(4 * v)] for v in side], dtype=torch.float64) for side in (data, samples)]
    return Q(*float((objective or nearest_sample_objective)(*columns)).as_integer_ratio()) / 16


who_chooses_whom.mutant("A = 0 implies that every datum has a sample", zeros_of_a=lambda n, m: surjections(n, m))
who_chooses_whom.mutant(
    "B = 0 is possible with fewer samples than data",
    zeros_of_b=lambda n, m: surjections(n, m) if m >= n else n**m,
)
who_chooses_whom.mutant("samples and data change places", by_samples=data_choose, by_data=samples_choose)
who_chooses_whom.mutant(
    "the project's objective searches in the other direction",
    torch_objective=lambda data, samples: in_floats(data, samples, lambda x, y: (x - y.T).square().amin(dim=0).sum()),
)


def surjections(n: int, m: int) -> int:
    return sum((-1) ** j * comb(n, j) * (n - j) ** m for j in range(n))


@who_chooses_whom.boundary("equal data: two samples cover three data of which two coincide, so m ≥ n is not needed")
def equal_data() -> Outcome:
    data, samples = rationals(("0", "0", "1")), rationals(("0", "1"))
    return Holds(B=0) if data_choose(samples, data) == 0 else Refuted(B=data_choose(samples, data))


@who_chooses_whom.boundary("a generator that cannot cover: samples z and −z never reach the data 0 and 1, though m = n")
def restricted_generator() -> Outcome:
    data = rationals(("0", "1"))
    least = min(data_choose([Q(k, 60), Q(-k, 60)], data) for k in range(-120, 121))
    # B = z² + (1 − |z|)² is least at |z| = ½.
    return Holds(least=least) if least == Q(1, 2) else Refuted(least=least)
