"""The density of T(Z): each preimage counts with its density over the volume that T gives it there."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flint import acb

from theory.certified import ball, decide_equal, integrate, normal_cdf, normal_pdf, precision, total
from theory.claim import Certified, Outcome, all_hold, claim
from theory.exact import Q
from theory.sources import YU

PUSH_FORWARD = YU.slide("Push-forward")


def size(x: Any) -> Any:
    """|x|, continued analytically to either side of the imaginary axis."""
    return x.real_abs(analytic=True) if isinstance(x, acb) else abs(x)


def cubic_inverse(x: Any, analytic: bool = False) -> Any:
    """The z with z + z³ = x: (2/√3) sinh(⅓ arsinh(3√3 x/2))."""
    root = ball(3).sqrt()
    return 2 / root * (asinh(3 * root / 2 * x, analytic) / 3).sinh()


def asinh(x: Any, analytic: bool = False) -> Any:
    """log(x + √(1 + x²)), with the sign of x taken out so that nothing cancels; flint's own is loose on wide balls."""
    if x.real < 0 if isinstance(x, acb) else x < 0:
        return -asinh(-x, analytic)
    return log(x + sqrt(1 + x * x, analytic), analytic)


def log(x: Any, analytic: bool = False) -> Any:
    return x.log(analytic=analytic) if isinstance(x, acb) else x.log()


def sqrt(x: Any, analytic: bool = False) -> Any:
    return x.sqrt(analytic=analytic) if isinstance(x, acb) else x.sqrt()


@dataclass(frozen=True)
class Map:
    """T on the line by its derivative and its preimages, with points of its image between which masses are compared."""

    name: str
    slope: Callable[[Any], Any]
    preimages: Callable[[Any, bool], list[Any]]
    points: tuple[Any, ...]

    def mass(self, a: Any, b: Any) -> Any:
        """P(a ≤ T(Z) ≤ b) for Z ~ N(0, 1): Σ |Φ(z_b) − Φ(z_a)| over the pieces of the preimage."""
        ends = zip(self.preimages(ball(a), False), self.preimages(ball(b), False), strict=True)
        return total(abs(normal_cdf(v) - normal_cdf(u)) for u, v in ends)


MAPS: tuple[Map, ...] = (
    Map("sinh z", lambda z: z.cosh(), lambda x, flag: [asinh(x, flag)], (-(10**5), -1, Q(1, 2), 3, 10**5)),
    Map("z + z³", lambda z: 1 + 3 * z * z, lambda x, flag: [cubic_inverse(x, flag)], (-(10**3), -2, Q(1, 2), 3)),
    Map("exp z", lambda z: z.exp(), lambda x, flag: [log(x, flag)], (Q(1, 1000), Q(1, 3), 1, 5, 10**4)),
    Map("exp −z", lambda z: -(-z).exp(), lambda x, flag: [-log(x, flag)], (Q(1, 100), Q(1, 3), 4)),
)
SQUARE = Map(
    "z²", lambda z: 2 * z, lambda x, flag: [sqrt(x, flag), -sqrt(x, flag)], (Q(1, 1000), Q(1, 2), 1, 4, 100)
)  # fmt: skip


def formula_at(density: Callable, T: Map) -> Callable[[Any, bool], Any]:
    """The formula's value at x."""

    def value(x: Any, analytic: bool = False) -> Any:
        return density(normal_pdf, T.preimages(x, analytic), T.slope, x)

    return value


def decide_masses(density: Callable, T: Map) -> list[Outcome]:
    """∫ p over each interval against the normal mass of its preimage."""
    p = formula_at(density, T)
    return [
        decide_equal(integrate(p, a, b), T.mass(a, b), distance=1e-20, map=T.name, low=a, high=b)
        for a, b in pairwise(T.points)
    ]


def decide_in_the_plane(density: Callable, x: Any, y: Any) -> Outcome:
    """T(a, b) = (sinh a, b eᵃ): the mean of p over a small square lies between the bounds of p on it.

    The mass of the square is ∫ φ(a) (Φ(y₁ e⁻ᵃ) − Φ(y₀ e⁻ᵃ)) da over its preimage, whatever p is.
    """
    side = Q(1, 2**24)

    def strip(a: Any, analytic: bool) -> Any:
        return normal_pdf(a) * (normal_cdf((y + side) * (-a).exp()) - normal_cdf(y * (-a).exp()))

    mean = integrate(strip, ball(x).asinh(), ball(x + side).asinh()) / ball(side * side)
    square = [ball(x).union(ball(x + side)), ball(y).union(ball(y + side))]
    a = square[0].asinh()
    preimage = (a, square[1] * (-a).exp())
    p = density(lambda z: normal_pdf(z[0]) * normal_pdf(z[1]), [preimage], lambda z: z[0].cosh() * z[0].exp(), square)
    # p changes by 2⁻²⁴ times a gradient below 2 over the square.
    return decide_equal(p, mean, distance=1e-6, x=x, y=y)


@claim(
    "change-of-variables",
    says="For a C¹ diffeomorphism T onto its image, T(Z) has the density q(T⁻¹x) |det ∇T(T⁻¹x)|⁻¹ there and 0 "
    "elsewhere; if T is finite-to-one, the sum of this over all preimages",
    statement=r"p(x) = \sum_{z \in T^{-1}(x)} q(z)\,|\det \nabla T(z)|^{-1}, \quad p = 0\ \mathrm{off\ the\ image}",
    source=PUSH_FORWARD,
    primary="the change-of-variables theorem; Rezende & Mohamed 2015 for flows",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=(
        "T is injective, or the density is summed over all preimages",
        "p = 0 off the image of T",
        "∇T is invertible almost everywhere: a ReLU network's need not be",
    ),
    limits="Five maps of the line and one of the plane; the theorem for all C¹ diffeomorphisms is cited.",
)
def change_of_variables(
    *,
    density=lambda q, preimages, slope, x: total(q(z) * size(slope(z)) ** -1 for z in preimages),
    off_the_image=lambda p, x: 0 * x,
):
    """∫ p over intervals of the image is the normal mass of their preimages, to 1e-20; in the plane, over squares."""
    with precision(128):
        parts = [part for T in (*MAPS, SQUARE) for part in decide_masses(density, T)]
        parts += [decide_in_the_plane(density, x, y) for x, y in ((Q(1, 2), Q(1)), (Q(-3, 2), Q(1, 4)))]
        p = formula_at(density, MAPS[2])
        beyond = integrate(lambda x, analytic: off_the_image(p, x), -2, -1)
        parts.append(decide_equal(beyond, 0, distance=1e-20, map="exp z", low=-2, high=-1))
        return all_hold(parts)


change_of_variables.mutant(
    "times the volume instead of over it",
    density=lambda q, preimages, slope, x: total(q(z) * size(slope(z)) for z in preimages),
)
change_of_variables.mutant(
    "the gradient at x instead of at T⁻¹x",
    density=lambda q, preimages, slope, x: total(q(z) / size(slope(x)) for z in preimages),
)
change_of_variables.mutant(
    "the determinant with its sign",
    density=lambda q, preimages, slope, x: total(q(z) / slope(z) for z in preimages),
)
change_of_variables.mutant(
    "one preimage, whatever their number",
    density=lambda q, preimages, slope, x: q(preimages[0]) / size(slope(preimages[0])),
)
change_of_variables.mutant("positive off the image: p(−x)", off_the_image=lambda p, x: p(-x, True))


def decide_square(density: Callable) -> Outcome:
    """T(z) = z² against the law of χ² with one degree of freedom: P(X ≤ x) = γ(½, x/2)/Γ(½)."""
    p = formula_at(density, SQUARE)

    def cdf(x: Any) -> Any:
        return (ball(x) / 2).gamma_lower(ball(Q(1, 2)), regularized=1)

    with precision(128):
        return all_hold(
            decide_equal(integrate(p, a, b), cdf(b) - cdf(a), distance=1e-20, low=a, high=b)
            for a, b in pairwise(SQUARE.points)
        )


@change_of_variables.counterexample("z² has two preimages: the formula for one of them has mass ½")
def one_preimage() -> Outcome:
    return decide_square(lambda q, preimages, slope, x: q(preimages[0]) / size(slope(preimages[0])))


@change_of_variables.counterexample("ReLU: max(0, Z) is 0 with probability ½, and no density has such an atom")
def rectified() -> Outcome:
    return decide_equal(normal_cdf(0), 0, distance=1e-6, point=0, mass_of_a_density=0)


@change_of_variables.boundary("summed over both preimages, z² gives χ² with one degree of freedom")
def chi_squared() -> Outcome:
    return decide_square(change_of_variables.specs["density"])
