"""A translated bump: what mean squared error and W₁ see of how far it went."""

from functools import cache
from typing import Any

from flint import acb

from theory.agreement import decide_estimate, estimated_between
from theory.certified import ball, decide_equal, decide_less, integrate, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.instances import Normal
from theory.sources import BRUNA

LIMITATIONS = BRUNA.slide("Limitations of Likelihood-Based Learning")


def bump(width: Any, centre: Any = 0) -> Any:
    """f(x) = exp(−(x − centre)²/2 width²), for real or complex balls."""

    def f(x: Any) -> Any:
        z = (x - (acb(ball(centre)) if isinstance(x, acb) else ball(centre))) / ball(width)
        return (-z * z / 2).exp()

    return f


def squared_norm(f: Any, reach: Any) -> Any:
    """∫ f² over ±reach, where less than e^{−200} of a bump is left out."""
    return integrate(lambda z, _: f(z) ** 2, -reach, 0, reach)


@cache
def relative_error(width: Any, shift: Any) -> Any:
    """‖f − f_τ‖²/2‖f‖² by quadrature."""
    f, moved = bump(width), bump(width, shift)
    reach = 20 * width + shift
    with precision(96):
        return squared_norm(lambda z: f(z) - moved(z), reach) / (2 * squared_norm(f, reach))


@cache
def height_area(width: Any, shift: Any) -> Any:
    """∫ (F − F_τ), the area between the cdfs of the normalised bumps, which is W₁ because F ≥ F_τ."""
    law, moved = Normal(0, width), Normal(shift, width)
    with precision(96):
        return integrate(lambda z, _: law.cdf(z) - moved.cdf(z), -20 * width, 0, shift, 20 * width + shift)


@claim(
    "mse-translated-bumps",
    says="A Gaussian bump of width w moved by τ has ‖f − f_τ‖² = 2 ‖f‖² (1 − exp(−τ²/4w²)), which is flat beyond a few "
    "w and not before; W₁ between the normalised bumps is |τ|, however far",
    statement=r"\frac{\|f - f_\tau\|^2}{2\,\|f\|^2} = 1 - e^{-\tau^2/4w^2}, \quad W_1 = |\tau|",
    source=LIMITATIONS,
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("shifts much larger than the width: for τ ≪ w the error is τ²/2w² · ‖f‖², not blind",),
    priority="P2",
    limits="d = 1; in d dimensions both depend on ‖τ‖ alone, along whose direction the bump factors.",
)
def translated_bumps(
    *,
    relative=lambda ratio: 1 - (-(ratio**2) / 4).exp(),
    distance=lambda shift: shift,
    code="wasserstein",
):
    """Certified quadrature of both; far shifts are indistinguishable in MSE; the code's W₁ of a bump on a grid."""
    parts = []
    with precision(96):
        for width, shift in ((Q(1), Q(1, 5)), (Q(1), Q(1)), (Q(1, 2), Q(3, 2)), (Q(2), Q(3)), (Q(1), Q(8))):
            told = {"width": width, "shift": shift}
            stated = relative(ball(shift / width))
            parts.append(decide_equal(relative_error(width, shift), stated, distance=1e-6, **told))
            parts.append(decide_equal(height_area(width, shift), distance(ball(shift)), distance=1e-6, **told))
        near, far = relative_error(Q(1), Q(10)), relative_error(Q(1), Q(20))
        parts.append(decide_less(abs(near - far), ball("1e-10"), shifts="10 w and 20 w", errors=(near, far)))
        parts.append(decide_less(abs(relative(ball(10)) - relative(ball(20))), ball("1e-10")))
    masses = [Q(count, 64) for count in (1, 6, 15, 20, 15, 6, 1)]
    at = [Q(k, 4) for k in range(7 + 20)]
    for steps in (1, 3, 20):
        p = masses + [Q(0)] * 20
        q = [Q(0)] * steps + masses + [Q(0)] * (20 - steps)
        parts.append(decide_estimate(estimated_between(code, at, p, q), Q(steps, 4), shift=Q(steps, 4)))
    return all_hold(parts)


translated_bumps.mutant("1 − exp(−τ²/2w²)", relative=lambda ratio: 1 - (-(ratio**2) / 2).exp())
translated_bumps.mutant("the error is the same for every shift", relative=lambda ratio: ball(1))
translated_bumps.mutant("W₁ saturates at the width", distance=lambda shift: 1 - (-shift).exp())
translated_bumps.mutant("the code's total variation in place of W₁", code="total-variation")


@translated_bumps.counterexample("MSE(A, B) ≈ MSE(A, C) fails for a near B: 0.00995 at 0.2 w against 1 at 20 w")
def near_and_far() -> Outcome:
    near, far = relative_error(Q(1), Q(1, 5)), relative_error(Q(1), Q(20))
    return Refuted(near=near, far=far) if 50 * near < far else Holds()


@translated_bumps.boundary("τ ≪ w: the error is τ²/2w² · ‖f‖² to within a part τ²/8w²")
def small_shift() -> Outcome:
    with precision(96):
        ratio = Q(1, 1000)
        error = 2 * relative_error(Q(1), ratio)
        low, high = ratio**2 / 2 * (1 - ratio**2 / 8), ratio**2 / 2
        return all_hold([decide_less(low, error), decide_less(error, high)])
