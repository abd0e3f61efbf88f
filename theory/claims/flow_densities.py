"""Densities of flows: where each layer's determinant is taken, and with which sign for a map to the latent space."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flint import arb_mat, arb_series

from theory.certified import ball, decide_equal, integrate, normal_cdf, normal_pdf, precision, total
from theory.claim import Certified, Outcome, all_hold, claim
from theory.claims.change_of_variables import asinh, cubic_inverse, log, size
from theory.exact import Q
from theory.instances import Normal
from theory.sources import BRUNA

FLOWS = BRUNA.slide("Normalizing Flows")


@dataclass(frozen=True)
class Layer:
    """Φ: the line → the line, by itself, its derivative and its inverse."""

    name: str
    forward: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    inverse: Callable[[Any, bool], Any]


SINH = Layer("sinh z", lambda z: z.sinh(), lambda z: z.cosh(), asinh)
CUBIC = Layer("z + z³", lambda z: z + z**3, lambda z: 1 + 3 * z * z, cubic_inverse)
AFFINE = Layer("1 − 2z", lambda z: 1 - 2 * z, lambda z: z * 0 - 2, lambda x, flag: (1 - x) / 2)
STRETCH = Layer("3z", lambda z: 3 * z, lambda z: z * 0 + 3, lambda x, flag: x / 3)


def log_volume(layer: Layer, analytic: bool) -> Callable[[Any], Any]:
    """z ↦ log|Φ′(z)|."""
    return lambda z: log(size(layer.slope(z)), analytic)


def density_of(layers: Sequence[Layer], log_density: Callable) -> Callable[[Any, bool], Any]:
    """q_K at z_K, where z₀ ~ N(0, 1): its states are traced back from z_K."""

    def density(end: Any, analytic: bool) -> Any:
        states = [end]
        for layer in reversed(layers):
            states.insert(0, layer.inverse(states[0], analytic))
        steps = [log_volume(layer, analytic) for layer in layers]
        return log_density(Normal().log_pdf, steps, states).exp()

    return density


def decide_masses(layers: Sequence[Layer], log_density: Callable, points: Sequence[Any]) -> list[Outcome]:
    """∫ q_K over intervals of z_K against the normal mass of the intervals of z₀ that the flow takes there."""
    density = density_of(layers, log_density)
    parts = []
    for u, v in pairwise(points):
        ends = [ball(u), ball(v)]
        for layer in layers:
            ends = [layer.forward(end) for end in ends]
        mass = normal_cdf(v) - normal_cdf(u)
        low, high = sorted(ends, key=float)
        told = {"layers": " then ".join(layer.name for layer in layers), "of z₀ in": (u, v)}
        parts.append(decide_equal(integrate(density, low, high), mass, distance=1e-15, **told))
    return parts


@dataclass(frozen=True)
class PlaneLayer:
    """Φ: the plane → the plane, for balls and for power series, with its determinant."""

    forward: Callable[[Any, Any], tuple[Any, Any]]
    determinant: Callable[[Any, Any], Any]


#: (a, b) ↦ (a + b², 2b), then (a e^{b/2}, b + a), then (a + a³, b(1 + a²)).
PLANE = (
    PlaneLayer(lambda a, b: (a + b * b, 2 * b), lambda a, b: 2 + 0 * a),
    PlaneLayer(lambda a, b: (a * (b / 2).exp(), b + a), lambda a, b: (b / 2).exp() * (1 - a / 2)),
    PlaneLayer(lambda a, b: (a + a**3, b * (1 + a * a)), lambda a, b: (1 + 3 * a * a) * (1 + a * a)),
)


def jacobian(z: tuple[Any, Any]) -> Any:
    """det of the derivative of the whole composition at z, by power series in each direction."""
    columns = []
    for direction in ((1, 0), (0, 1)):
        a, b = (arb_series([start, step], prec=2) for start, step in zip(z, direction, strict=True))
        for layer in PLANE:
            a, b = layer.forward(a, b)
        columns.append([a[1], b[1]])
    return arb_mat(columns).det()


def decide_in_the_plane(log_density: Callable, start: tuple[Any, Any]) -> Outcome:
    """Three layers of the plane against the determinant of their composition."""
    states = [(ball(start[0]), ball(start[1]))]
    for layer in PLANE:
        states.append(layer.forward(*states[-1]))
    steps = [lambda z, layer=layer: abs(layer.determinant(*z)).log() for layer in PLANE]

    def base(z: tuple[Any, Any]) -> Any:
        return total(Normal().log_pdf(x) for x in z)

    truth = base(states[0]) - abs(jacobian(states[0])).log()
    return decide_equal(log_density(base, steps, states), truth, distance=1e-15, z0=start)


@claim(
    "flow-logdet-index",
    says="For z_k = Φ_k(z_{k−1}): log q_K(z_K) = log q₀(z₀) − Σ_k log|det ∇Φ_k(z_{k−1})|, each determinant at the "
    "point that the layer receives, not at the one that it returns",
    statement=r"\log q_K(z_K) = \log q_0(z_0) - \sum_{k=1}^{K} \log|\det \nabla \Phi_k(z_{k-1})|",
    source=FLOWS,
    primary="Rezende & Mohamed 2015",
    method=Certified,
    verdict="FALSE",
    limits="The slide writes ∇ with index z_k, read here as the gradient at z_k; read as the gradient with respect to "
    "the layer's own argument it would be right.",
)
def flow_logdet_index(
    *,
    log_density=lambda base, steps, z: base(z[0]) - total(steps[k - 1](z[k - 1]) for k in range(1, len(z))),
):
    """Masses of q_K on the line under one, two and three layers; in the plane the determinant of the composition."""
    with precision(128):
        parts = [
            *(decide_in_the_plane(log_density, z) for z in ((Q(1, 3), Q(1, 2)), (Q(-1), Q(3, 4)), (Q(2), Q(-1, 5)))),
            *decide_masses([SINH], log_density, (-4, -1, Q(1, 2), 2, 4)),
            *decide_masses([CUBIC, SINH], log_density, (-1, Q(1, 2), 1)),
            *decide_masses([SINH, AFFINE, CUBIC], log_density, (-1, Q(1, 2), 1)),
        ]
        return all_hold(parts)


flow_logdet_index.printed(
    "the determinant at the point that the layer returns",
    where=FLOWS,
    printed="log q_K(z) = log q_0(z_0) − Σ_{k ≤ K} log|det ∇_{z_k} Φ_k|",
    correct="log q_K(z_K) = log q_0(z_0) − Σ_{k ≤ K} log|det ∇Φ_k(z_{k−1})|",
    log_density=lambda base, steps, z: base(z[0]) - total(steps[k - 1](z[k]) for k in range(1, len(z))),
)
flow_logdet_index.mutant(
    "plus the determinants",
    log_density=lambda base, steps, z: base(z[0]) + total(steps[k - 1](z[k - 1]) for k in range(1, len(z))),
)
flow_logdet_index.mutant(
    "the last layer left out",
    log_density=lambda base, steps, z: base(z[0]) - total(steps[k - 1](z[k - 1]) for k in range(1, len(z) - 1)),
)
flow_logdet_index.mutant(
    "the base density at the end",
    log_density=lambda base, steps, z: base(z[-1]) - total(steps[k - 1](z[k - 1]) for k in range(1, len(z))),
)


@flow_logdet_index.counterexample("sinh z of a normal z: the printed density has mass 0.84133…, not 1")
def mass_of_the_printed_density() -> Outcome:
    printed = next(mutant.specs["log_density"] for mutant in flow_logdet_index.mutants if mutant.where)
    with precision(64):
        inside = integrate(density_of([SINH], printed), -100, 100)
        # Beyond, the printed density is φ(arsinh x)/cosh(x) ≤ e^{−|x|}.
        return decide_equal(inside, 1, distance=1e-3, tail_at_most=2 * (-ball(100)).exp())


@flow_logdet_index.boundary("affine layers have the same determinant everywhere: the printed index is right for them")
def affine_layers() -> Outcome:
    printed = next(mutant.specs["log_density"] for mutant in flow_logdet_index.mutants if mutant.where)
    with precision(128):
        return all_hold(decide_masses([AFFINE, STRETCH], printed, (-2, Q(1, 2), 3)))


# A map to the latent space -------------------------------------------------------------------------------------------

AUTOREGRESSIVE = BRUNA.slide("Autoregressive Models")
TO_LATENT = (AFFINE, STRETCH, CUBIC, SINH)


def decide_latent(layer: Layer, density: Callable, points: Sequence[Any]) -> list[Outcome]:
    """∫ p over intervals of x against the normal mass of the intervals of Φ(x)."""
    parts = []
    for a, b in pairwise(points):
        mass = abs(normal_cdf(layer.forward(ball(b))) - normal_cdf(layer.forward(ball(a))))
        value = integrate(lambda x, analytic: density(normal_pdf, layer.forward, layer.slope, x), a, b)
        parts.append(decide_equal(value, mass, distance=1e-15, map=layer.name, low=a, high=b))
    return parts


@claim(
    "ar-slide-density-sign",
    says="If Φ takes x to the latent Φ(x) ~ p₀, then p(x) = p₀(Φ(x)) |det ∇Φ(x)|: with the exponent +1",
    statement=r"p(x) = p_0(\Phi(x)) \cdot |\det \nabla \Phi(x)|",
    source=AUTOREGRESSIVE,
    primary="Dinh, Krueger & Bengio 2015; Dinh, Sohl-Dickstein & Bengio 2017",
    method=Certified,
    verdict="FALSE",
    limits="On the slide Φ takes its argument x to the base density p₀, so it is the map to the latent space; with Φ "
    "the generator, the formula would be p₀(Φ⁻¹(x)) |det ∇Φ(Φ⁻¹(x))|⁻¹.",
)
def ar_slide_density_sign(*, density=lambda p0, phi, slope, x: p0(phi(x)) * size(slope(x))):
    """∫ p over intervals of x is the normal mass of the intervals of Φ(x), for four maps Φ."""
    with precision(128):
        points = (-3, -1, Q(1, 3), 2, 4)
        return all_hold(part for layer in TO_LATENT for part in decide_latent(layer, density, points))


ar_slide_density_sign.printed(
    "over the determinant",
    where=AUTOREGRESSIVE,
    printed="p(x) = p_0(Φ(x)) · |det ∇Φ(x)|⁻¹",
    correct="p(x) = p_0(Φ(x)) · |det ∇Φ(x)|, because Φ takes x to the latent space",
    density=lambda p0, phi, slope, x: p0(phi(x)) / size(slope(x)),
)
ar_slide_density_sign.mutant("without the determinant", density=lambda p0, phi, slope, x: p0(phi(x)))
ar_slide_density_sign.mutant(
    "the determinant at the latent point", density=lambda p0, phi, slope, x: p0(phi(x)) * size(slope(phi(x)))
)


@ar_slide_density_sign.counterexample("Φ(x) = 2x: the printed density has mass ¼")
def a_quarter() -> Outcome:
    with precision(128):
        # Beyond ±20 lies φ(2x)/2, of mass Φ(−40)/2 < 1e-300.
        return decide_equal(integrate(lambda x, analytic: normal_pdf(2 * x) / 2, -20, 20), 1, distance=1e-9)


@ar_slide_density_sign.boundary("a map that keeps volumes, such as x + 1 or −x, cannot tell the two exponents apart")
def volume_preserving() -> Outcome:
    printed = next(mutant.specs["density"] for mutant in ar_slide_density_sign.mutants if mutant.where)
    shift = Layer("x + 1", lambda z: z + 1, lambda z: z * 0 + 1, lambda x, flag: x - 1)
    mirror = Layer("−x", lambda z: -z, lambda z: z * 0 - 1, lambda x, flag: -x)
    with precision(128):
        return all_hold(part for layer in (shift, mirror) for part in decide_latent(layer, printed, (-3, 0, 1, 2)))
