"""Increasing triangular maps: each coordinate by quantiles of its conditional law, one map for each pair of laws."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

from flint import arb_series

from theory.certified import ball, decide_equal, normal_pdf, precision, total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.instances import Mixture, Normal
from theory.setting import Setting
from theory.sources import BRUNA, YU

THEOREM = YU.slide("Nonlinear Example")
LIKELIHOOD = YU.slide("Maximum Likelihood revisited")


def slope(f: Callable[[Any], Any], at: Any) -> Any:
    """f′ at a point, by power series."""
    return f(arb_series([at, 1], prec=2))[1]


def unit_square(setting: Setting) -> Iterator[tuple[Any, Any]]:
    """Rational points (x, y) of the open unit square."""
    rng = setting.rng()
    for numerators in rng.integers(1, 24, size=(setting.size(50, deep=500), 2)):
        yield Q(int(numerators[0]), 24), Q(int(numerators[1]), 24)


#: Admitted is one of the four triangular maps that the flips a ↦ 1 − a, b ↦ 1 − b of the source make of T.
FLIPS = tuple(product((1, -1), repeat=2))


@claim(
    "knothe-rosenblatt",
    says="Between densities q and p on ℝᵈ there is exactly one increasing triangular T with T#q = p (a.e.): T_j is the "
    "conditional quantile of p at the conditional cdf of q; and −log p(x) = −log q(T⁻¹x) + Σ_j log ∂_jT_j(T⁻¹x)",
    statement=r"T_j = F_{p,j|<j}^{-1} \circ F_{q,j|<j}, \quad "
    r"-\log p(x) = -\log q(T^{-1}x) + \sum_j \log \partial_j T_j(T^{-1}x)",
    source=(THEOREM, LIKELIHOOD, BRUNA.slide("Normalizing Flows")),
    primary="Knothe 1957; Rosenblatt 1952; Bogachev, Kolesnikov & Medvedev 2005; Jaini et al. 2019 (recalled)",
    method=(Exact, Certified),
    priority="P2",
    limits="Two pairs of laws in the plane. Uniqueness among the maps made by reversing coordinates; among all, the "
    "theorem is the primaries'. The slide's “any source density” is needed: a source with atoms has no such map.",
)
def knothe_rosenblatt(
    setting,
    *,
    first=lambda a: (1 + 3 * a).sqrt() - 1,
    second=lambda x, b: ((x * x + 4 * b * (x + 1)).sqrt() - x) / 2,
    target=lambda x, y: 2 * (x + 2 * y) / 3,
    loss=lambda source, slopes: source + total(s.log() for s in slopes),
    increasing=lambda slopes: all(s > 0 for s in slopes),
):
    """From the unit square to ⅔(x + 2y) in closed form; from a normal law to a mixture by inverse power series."""
    with precision(128):
        parts: list[Outcome] = []
        for x, y in unit_square(setting):
            # The conditional cdfs of the target, which T inverts: P(X ≤ x) and P(Y ≤ y | x).
            a, b = ball((x * x + 2 * x) / 3), ball((x * y + y * y) / (x + 1))
            at = (first(a), second(first(a), b))
            parts += [decide_equal(at[0], x, distance=1e-15), decide_equal(at[1], y, distance=1e-15)]
            slopes = [slope(first, a), slope(partial(second, at[0]), b)]
            parts.append(decide_equal(loss(ball(0), slopes), -ball(target(x, y)).log(), distance=1e-15, x=x, y=y))
            admitted = sum(bool(increasing([s * sign for s, sign in zip(slopes, f, strict=True)])) for f in FLIPS)
            if admitted != 1:
                return Refuted(increasing_triangular_maps=admitted)
        for start in ((Q(0), Q(0)), (Q(1, 2), Q(-1)), (Q(-3, 2), Q(1, 3))):
            parts.append(decide_mixture(*start, loss))
        return all_hold(parts)


def decide_mixture(x: Any, y: Any, loss: Callable) -> Outcome:
    """N(0, I) → ½ N(−1, ¼) ⊗ N(½, 1) + ½ N(1, 1) ⊗ N(−1, ¼), at the x that T takes some (a, b) to.

    ∂₁T₁ and ∂₂T₂ come from the series of Φ and of the conditional cdfs: T = F⁻¹∘Φ, inverted as a series.
    """
    left, right = (Normal(-1, Q(1, 2)), Normal(Q(1, 2), 1)), (Normal(1, 1), Normal(-1, Q(1, 2)))
    weights = [ball(law[0].pdf(x)) / 2 for law in (left, right)]
    conditional = Mixture(tuple(w / total(weights) for w in weights), (left[1], right[1]))
    marginal = Mixture((Q(1, 2), Q(1, 2)), (left[0], right[0]))
    source, slopes = ball(0), []
    for law, at in ((marginal, x), (conditional, y)):
        a = normal_quantile(law.cdf(at))
        source -= normal_pdf(a).log()
        slopes.append(1 / slope_of_inverse(a, law, at))
    density = total(w * law[1].pdf(y) for w, law in zip(weights, (left, right), strict=True))
    return decide_equal(loss(source, slopes), -density.log(), distance=1e-15, x=x, y=y)


def normal_quantile(chance: Any) -> Any:
    """Φ⁻¹."""
    return (2 * chance - 1).erfinv() * ball(2).sqrt()


def slope_of_inverse(a: Any, law: Mixture, at: Any) -> Any:
    """(Φ⁻¹∘F)′ at a point where F = Φ(a): the series of F, put into the inverse of Φ's series about a."""

    def series(mean: Any, sd: Any, z: Any) -> Any:
        return arb_series(
            [(ball(z) - ball(mean)) / (ball(sd) * ball(2).sqrt()), 1 / (ball(sd) * ball(2).sqrt())], prec=3
        )

    phi = series(0, 1, a).erf() / 2
    F = total_series(
        [ball(w) * series(part.mean, part.sd, at).erf() / 2 for w, part in zip(law.weights, law.laws, strict=True)]
    )
    inverse = arb_series([0, *phi.coeffs()[1:]], prec=3).reversion()
    return inverse(arb_series([0, *F.coeffs()[1:]], prec=3))[1]


def total_series(terms: list[Any]) -> Any:
    return sum(terms[1:], terms[0])


knothe_rosenblatt.mutant(
    "minus the sum of the logs", loss=lambda source, slopes: source - total(s.log() for s in slopes)
)
knothe_rosenblatt.mutant("the variables in the other order, with the same T", target=lambda x, y: 2 * (y + 2 * x) / 3)
knothe_rosenblatt.mutant("increasing in the first coordinate only", increasing=lambda slopes: slopes[0] > 0)
knothe_rosenblatt.mutant("only the first derivative", loss=lambda source, slopes: source + slopes[0].log())


@knothe_rosenblatt.boundary("the source ½δ₀ + ½δ₁ has no map to a law without atoms: every image has an atom of mass ½")
def atomic_source() -> Outcome:
    for images in product((Q(0), Q(1, 3), Q(2, 3), Q(1)), repeat=2):
        largest = max(sum((Q(1, 2) for image in images if image == x), Q(0)) for x in images)
        if largest < Q(1, 2):
            return Refuted(images=images, largest_atom=largest)
    return Holds()


@knothe_rosenblatt.boundary("a rotation by 45° is not triangular: the product of its ∂_jT_j is ½, its determinant 1")
def rotation() -> Outcome:
    # cos² = sin² = ½: the product of the diagonal is cos², the determinant cos² + sin².
    cosine, sine = ball(Q(1, 2)).sqrt(), ball(Q(1, 2)).sqrt()
    with precision(64):
        diagonal, determinant = cosine * cosine, cosine * cosine + sine * sine
    return Holds(diagonal=diagonal, determinant=determinant) if diagonal < determinant else Refuted()
