"""What IMLE learns beside maximum likelihood, trained where both answers are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize, root
from scipy.special import chndtr, ndtr

from estimators.measures import Gaussian, Mixture
from reports.experiment import Cell, Experiment, Measurement, experiments

Array = NDArray[np.float64]

PLAIN, WEIGHTED = "imle", "weighted-imle"
#: By size: the numbers of samples m of each family, steps, seeds.
_SIZES: dict[str, tuple[dict[str, tuple[int, ...]], int, int]] = {
    "quick": ({"location": (16,), "scale, d = 1": (4, 16, 64), "mixture": (32,)}, 200, 3),
    "standard": (
        {"location": (1, 2, 4, 16, 64), "scale, d = 1": (4, 8, 16, 64, 256), "scale, d = 2": (4, 16, 64, 256),
         "mixture": (8, 32, 128)}, 3000, 10,
    ),
    "full": (
        {"location": (1, 2, 4, 16, 64, 256), "scale, d = 1": (4, 8, 16, 64, 256, 1024),
         "scale, d = 2": (4, 16, 64, 256, 1024), "mixture": (8, 32, 128, 512)}, 20_000, 20,
    ),
}  # fmt: skip
_LIMITS = {"quick": 600.0, "standard": 3600.0, "full": 4 * 3600.0}
#: The five data of the claim `imle-unweighted-bias`.
FIVE = (-1.1, -0.2, 0.1, 0.4, 2.3)
#: Rows of the other data sets, which are the same for every seed: the seeds are the training's.
_ROWS = 200
_MIXTURE = ((0.75, 0.0, 0.5), (0.25, 3.0, 1.0))  # weight, centre, standard deviation
#: Below this share of the mean no weight of the weighted objective is bounded; small, so that its integral is plain.
FLOOR = 1e-3
#: Known answers are settled to this in each parameter, a thousandth of what the seeds of a training tell apart.
_SETTLED = 1e-6
#: Radii of the integrals over log r, and the nodes over the offset.
_RADII, _OFFSETS = 400, 60


@dataclass(frozen=True)
class Family:
    """Laws on ℝᵈ by their parameters θ, the data X, and where the training starts.

    `squares(θ, m)` is E min_{j ≤ m} ‖X̃_j − xᵢ‖² for each datum, `log_likelihood(θ)` the mean over the data; `read`
    gives θ from a trained generator and `shown` names the number that the picture shows, `show(θ)`.
    """

    X: Array
    start: Array
    squares: Callable[[Array, int], Array]
    log_likelihood: Callable[[Array], float]
    build: Callable[[], Any]
    read: Callable[[Any], Array]
    shown: str
    show: Callable[[Array], float]
    latent_dim: int


@experiments.register("imle-and-likelihood")
class IMLEAndLikelihood(Experiment):
    """One cell a family, m, model and seed: a generator of one to four weights is trained, and its law is read off.

    `parameter`: a location (of N(θ, 1), five data), a variance (of N(0, s²I), 200 draws of N(0, I)) or the larger
    standard deviation of a mixture (200 draws). `predicted`: the same at the minimum of Σ E Rᵢ, for weighted IMLE where
    Σ wᵢ ∇E Rᵢ = 0 with wᵢ = 1/(E Rᵢ + floor · mean E R), which its gradient takes as constants; the expectations by
    quadrature. `maximum likelihood`: its known answer. `nats lost`: the mean log-likelihood of the data at maximum
    likelihood less that at the trained law.
    """

    question = "Does a trained IMLE find the maximum-likelihood estimate, and do its weights repair what it misses?"
    timing = False
    caveats = (
        "Families of up to four parameters, in which it is known where both trainings rest; large networks, whose bias "
        "no one can compute, are not among them.",
        "With one sample both models are least squares, whose best scale is 0: m = 1 is asked of the location only.",
        "Weighted training knows its weights by averages over some hundred outer steps; the prediction has them exact.",
        "A short training stops short of the predicted minimum, which the standard error over seeds does not tell; "
        "every run starts from the same law.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del data
        families, steps, seeds = _SIZES[size]
        for family, numbers in families.items():
            for m in numbers:
                for model in (PLAIN, WEIGHTED):
                    for seed in range(seeds):
                        yield Cell(
                            {"family": family, "m": m, "model": model, "steps": steps},
                            seed=seed,
                            modules=(f"estimators.models.{'imle' if model == PLAIN else 'weighted_imle'}",),
                            seconds=_LIMITS[size],
                        )

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        from estimators.training.registry import models

        family = families[str(cell.params["family"])]()
        m, name = int(str(cell.params["m"])), str(cell.params["model"])
        own = {"memory": 0.98, "floor": FLOOR} if name == WEIGHTED else {}
        model = models[name](
            latent_dim=family.latent_dim, generator=family.build(), n_samples=m, n_assigned=len(family.X),
            inner_steps=1, batch_size=len(family.X), steps=cell.params["steps"], lr=0.05, standardise=False,
            random_state=cell.seed, device="cpu", **own,
        ).fit(family.X)  # fmt: skip
        found = family.read(model.generator_)
        best, wanted = known_answers(str(cell.params["family"]), m, weighted=name == WEIGHTED)
        yield Measurement("parameter", family.show(found), family.shown)
        yield Measurement("predicted", family.show(wanted), family.shown)
        yield Measurement("maximum likelihood", family.show(best), family.shown)
        at_best = family.log_likelihood(best)
        yield Measurement("nats lost", at_best - family.log_likelihood(found), "nats a datum")
        yield Measurement("nats lost, predicted", at_best - family.log_likelihood(wanted), "nats a datum")


@cache
def known_answers(name: str, m: int, *, weighted: bool) -> tuple[Array, Array]:
    """The parameters that are most likely at the data, and those at which IMLE's expected gradient is zero."""
    family = families[name]()
    best = minimum(lambda theta: -family.log_likelihood(theta), family.start)
    if weighted:
        return best, resting_point(family, m)
    return best, minimum(lambda theta: float(family.squares(theta, m).mean()), family.start)


def likelihood_weights(squares: Array) -> Array:
    """wᵢ = 1/(Rᵢ + floor · mean R), scaled to mean 1."""
    weights = 1 / (squares + FLOOR * squares.mean())
    return np.asarray(weights / weights.mean())


def resting_point(family: Family, m: int) -> Array:
    """The θ with (1/n) Σ wᵢ ∂Rᵢ/∂θ = 0, weights held, by Powell's method from the minimum of mean log(R + floor).

    That minimum is another point, since there the weights move with θ, but lies in the same valley. The derivatives are
    central differences of steps h = 1e-4, off by h² and by rounding over h: less than `_SETTLED`. Raises
    ArithmeticError where no root was found.
    """
    steps = 1e-4 * np.eye(len(family.start))

    def pull(theta: Array) -> Array:
        slopes = [family.squares(theta + h, m) - family.squares(theta - h, m) for h in steps]
        return np.array(slopes) @ likelihood_weights(family.squares(theta, m)) / (2e-4 * len(family.X))

    def with_moving_weights(theta: Array) -> float:
        squares = family.squares(theta, m)
        return float(np.log(squares + FLOOR * squares.mean()).mean())

    # A tighter tolerance would be met or missed by how the processor at hand rounds: see the derivatives.
    found = root(pull, minimum(with_moving_weights, family.start), tol=_SETTLED)
    if not found.success:
        raise ArithmeticError(f"the resting point of weighted IMLE was not found: {found.message}")
    return np.asarray(found.x)


def minimum(function: Callable[[Array], float], start: Array) -> Array:
    """The argmin by Nelder & Mead, to 1e-6 in each parameter; raises ArithmeticError where it did not settle."""
    # A parameter 1e-6 off a smooth minimum has a value 1e-12 off, still far above the rounding of values about 1.
    settled = {"xatol": _SETTLED, "fatol": _SETTLED**2, "maxiter": 4000}
    found = minimize(function, start, method="Nelder-Mead", options=settled)
    if not found.success:
        raise ArithmeticError(f"the known answer was not found: {found.message}")
    return np.asarray(found.x)


def expected_squares(miss: Callable[[Array], Array], reach: float, m: int) -> Array:
    """∫₀^∞ 2r S(r)^m dr with S(r) = P(‖X̃ − x‖ > r) = `miss`(r), by trapezoids over log r from 1e-8 to `reach`."""
    t, step = np.linspace(np.log(1e-8), np.log(reach), _RADII, retstep=True)
    r = np.exp(t)
    return np.asarray(miss(r) ** m @ (2 * r * r) * step)


def _location() -> Family:
    X = np.array(FIVE)[:, None]

    def squares(theta: Array, m: int) -> Array:
        gap = X - theta[0]
        reach = 20.0 + float(np.abs(gap).max())
        return expected_squares(lambda r: 1 - ndtr(gap + r) + ndtr(gap - r), reach, m)

    def build() -> Any:
        from estimators.known_generators import LocationScale

        return LocationScale([0.0], trained=("shift",))

    return Family(
        X, np.zeros(1), squares, lambda theta: float(Gaussian(theta).logpdf(X).mean()), build,
        lambda generator: generator.law().mean, "location", lambda theta: float(theta[0]), 1,
    )  # fmt: skip


def _scale(d: int) -> Family:
    X = np.random.default_rng(d).normal(size=(_ROWS, d))
    lengths = np.linalg.norm(X, axis=1)
    nodes = np.linspace(0.0, 1.0, _OFFSETS) ** 2 * 60.0

    def squares(theta: Array, m: int) -> Array:
        s = float(np.exp(theta[0]))
        if d == 1:
            gap = X / s
            reach = 20.0 + float(np.abs(gap).max())
            return s * s * expected_squares(lambda r: 1 - ndtr(gap + r) + ndtr(gap - r), reach, m)
        if m not in splines:
            g = expected_squares(lambda r: 1 - np.minimum(chndtr(r * r, d, nodes[:, None] ** 2), 1.0), 80.0, m)
            splines[m] = CubicSpline(nodes, g)
        a = lengths / s
        # Beyond the nodes the samples are a point in comparison, and no minimum lies there.
        return np.asarray(s * s * np.where(a < nodes[-1], splines[m](np.minimum(a, nodes[-1])), a * a))

    splines: dict[int, CubicSpline] = {}

    def build() -> Any:
        from estimators.known_generators import LocationScale

        return LocationScale([0.0] * d, trained=("scale",))

    return Family(
        X, np.zeros(1), squares, lambda theta: float(Gaussian(np.zeros(d), np.exp(2 * theta[0])).logpdf(X).mean()),
        build, lambda generator: np.array([float(generator.log_scale.detach())]), "variance",
        lambda theta: float(np.exp(2 * theta[0])), d,
    )  # fmt: skip


def _mixture() -> Family:
    weights, centres, scales = (np.array(column) for column in zip(*_MIXTURE, strict=True))

    def law(theta: Array) -> Mixture:
        parts = zip(theta[:2], np.exp(2 * theta[2:]), strict=True)
        return Mixture(weights, [Gaussian(centre, variance) for centre, variance in parts])

    start = np.concatenate([centres, np.log(scales)])
    X = law(start).sample(_ROWS, 3)

    def squares(theta: Array, m: int) -> Array:
        def miss(r: Array) -> Array:
            above = sum(
                w * (ndtr((X + r - c) / s) - ndtr((X - r - c) / s))
                for w, c, s in zip(weights, theta[:2], np.exp(theta[2:]), strict=True)
            )
            return np.asarray(1 - above).clip(0)

        reach = 20.0 + float(np.abs(X).max() + np.abs(theta[:2]).max() + 20 * np.exp(theta[2:]).max())
        return expected_squares(miss, reach, m)

    def build() -> Any:
        from estimators.known_generators import NormalMixture

        return NormalMixture(centres.tolist(), scales.tolist(), weights.tolist())

    def read(generator: Any) -> Array:
        found = generator.law()
        return np.concatenate([found.modes[:, 0], np.log(found.scales)])

    return Family(
        X, start, squares, lambda theta: float(law(theta).logpdf(X).mean()), build, read, "larger standard deviation",
        lambda theta: float(np.exp(theta[3])), 2,
    )  # fmt: skip


families: dict[str, Callable[[], Family]] = {
    "location": _location,
    "scale, d = 1": lambda: _scale(1),
    "scale, d = 2": lambda: _scale(2),
    "mixture": _mixture,
}
