"""The lower bound of a diffusion model's likelihood, and when it is attained."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from flint import arb

from theory.certified import ball, decide_at_most, decide_equal, decide_less, kl, precision, total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.claims.heat import DIFFUSION
from theory.exact import Q
from theory.exact import total as rational_total
from theory.instances import Normal, pmf
from theory.setting import Setting

STATES = range(3)
PATHS = tuple(product(STATES, repeat=2))
Kernel = list[list[Any]]


def chains(setting: Setting) -> Iterator[tuple[list[Kernel], list[Any], list[Kernel]]]:
    """Forward kernels q(x_t|x_{t−1}), and the model's p(x₂) and p(x_{t−1}|x_t); every third reverses q."""
    rng = setting.rng()
    for index in range(setting.size(30, deep=300)):
        forward = [[pmf(rng, 3, zeros=0.2 if index % 2 else 0.0) for _ in STATES] for _ in range(2)]
        if index % 3:
            yield forward, pmf(rng, 3), [[pmf(rng, 3) for _ in STATES] for _ in range(2)]
            continue
        data = pmf(rng, 3)
        law, reverse = data, []
        for kernel in forward:
            after = [rational_total(law[a] * kernel[a][b] for a in STATES) for b in STATES]
            reverse.append(
                [[law[a] * kernel[a][b] / after[b] if after[b] else Q(1, 3) for a in STATES] for b in STATES]
            )
            law = after
        yield forward, law, reverse


def path_masses(forward: list[Kernel], last: list[Any], reverse: list[Kernel], x0: int) -> tuple[list[Any], list[Any]]:
    """q(x₁, x₂|x₀) and p(x₀, x₁, x₂), path by path."""
    q = [forward[0][x0][x1] * forward[1][x1][x2] for x1, x2 in PATHS]
    p = [last[x2] * reverse[1][x2][x1] * reverse[0][x1][x0] for x1, x2 in PATHS]
    return q, p


def expected_log(weights: list[Any], masses: list[Any]) -> Any:
    """Σ w log m over the paths of positive weight; −∞ if one of them has m = 0."""
    if any(w and not m for w, m in zip(weights, masses, strict=True)):
        return arb("-inf")
    return total(ball(w) * ball(m).log() for w, m in zip(weights, masses, strict=True) if w)


@claim(
    "diffusion-elbo",
    says="log p(x₀) ≥ E_q[log p(x_T) + Σ log p(x_{t−1}|x_t) − log q(x_t|x_{t−1})], short of it by the divergence of "
    "q(x₁…x_T|x₀) from the model's posterior; equality if and only if the two are the same",
    statement=r"\log p(x_0) \geq E_q\left[\log p(x_T) + \sum_t \log p(x_{t-1}|x_t) - \log q(x_t|x_{t-1})\right]",
    source=DIFFUSION,
    primary="Sohl-Dickstein et al. 2015",
    method=(Exact, Certified),
    priority="P2",
    limits="Chains of three states in two steps, and linear-Gaussian ones in one step.",
)
def diffusion_elbo(
    setting,
    *,
    bound=lambda log_p, log_q: log_p - log_q,
    ordered=lambda bound, evidence: (bound, evidence),
    tight=lambda apart: apart == 0,
):
    """All paths of rational chains: the gap is KL(q(·|x₀)‖p(·|x₀)), and 0 exactly where the posteriors are equal."""
    with precision(128):
        parts: list[Outcome] = []
        for forward, last, reverse in chains(setting):
            for x0 in STATES:
                q, p = path_masses(forward, last, reverse, x0)
                likelihood = rational_total(p)
                if likelihood == 0:
                    continue
                posterior = [mass / likelihood for mass in p]
                evidence, value = ball(likelihood).log(), bound(expected_log(q, p), expected_log(q, q))
                apart = rational_total(abs(a - b) for a, b in zip(posterior, q, strict=True))
                parts.append(decide_gap(evidence, value, kl(q, posterior), ordered, tight(apart)))
        for told in (
            (Q(1), Q(3, 5), Q(1, 3)),
            (Q(-2), Q(1, 2), Q(2)),
            (Q(1, 4), Q(4, 5), Q(9, 25)),
            (Q(3), Q(4, 5), Q(9, 25)),
        ):
            parts.append(decide_linear(*told, bound, ordered, tight))
        return all_hold(parts)


def decide_gap(evidence: Any, value: Any, divergence: Any, ordered: Any, attained: bool) -> Outcome:
    """log p(x₀) − bound = KL of the posteriors; it is 0 where the bound is said to be attained, positive elsewhere."""
    if not value.is_finite():
        return Holds() if not divergence.is_finite() else Refuted(bound=value, divergence=divergence)
    parts = [decide_equal(evidence - value, divergence, distance=1e-9)]
    if attained:
        parts.append(decide_equal(evidence - value, 0, distance=1e-9, said="attained"))
    else:
        parts.append(decide_less(*ordered(value, evidence)))
    return all_hold(parts)


def decide_linear(x0: Any, a: Any, v: Any, bound: Any, ordered: Any, tight: Any) -> Outcome:
    """q(x₁|x₀) = N(⅘x₀, 9/25); the model has p(x₁) = N(0, 1), p(x₀|x₁) = N(a x₁, v): moments in closed form."""
    c, beta = Q(4, 5), Q(9, 25)
    two_pi = 2 * arb.pi()

    def expected(mean: Any, second: Any, variance: Any) -> Any:
        """E log N(·; 0, variance) of a variable with this mean and this variance `second`."""
        return -(two_pi * ball(variance)).log() / 2 - ball((mean**2 + second) / (2 * variance))

    log_p = expected(c * x0, beta, Q(1)) + expected(x0 - a * c * x0, a * a * beta, v)
    log_q = expected(Q(0), beta, beta)
    evidence = expected(x0, Q(0), a * a + v)
    posterior = (a * x0 / (a * a + v), v / (a * a + v))
    apart = posterior[0] - c * x0  # as a rational, so that equal means are at distance 0 and not at a ball about it
    divergence = Normal(0, ball(beta).sqrt()).kl_to(Normal(apart, ball(posterior[1]).sqrt()))
    attained = tight(abs(apart) + abs(posterior[1] - beta))
    return decide_gap(evidence, bound(log_p, log_q), divergence, ordered, attained)


diffusion_elbo.mutant("an upper bound", ordered=lambda bound, evidence: (evidence, bound))
diffusion_elbo.mutant("equality for every reverse kernel", tight=lambda apart: True)
diffusion_elbo.mutant("p and q exchanged", bound=lambda log_p, log_q: log_q - log_p)
diffusion_elbo.mutant("without the forward kernels", bound=lambda log_p, log_q: log_p)


@diffusion_elbo.boundary("a model that cannot return along a path of q has the bound −∞, and a finite likelihood")
def not_absolutely_continuous() -> Outcome:
    forward = [[[Q(1, 2), Q(1, 2), Q(0)] for _ in STATES] for _ in range(2)]
    stay = [[Q(int(a == b)) for a in STATES] for b in STATES]
    q, p = path_masses(forward, [Q(1, 3)] * 3, [stay, stay], 0)
    bound = expected_log(q, p) - expected_log(q, q)
    return Holds(likelihood=rational_total(p)) if rational_total(p) > 0 and bound < -(10**9) else Refuted(bound=bound)


@diffusion_elbo.boundary("the bound is at most log p(x₀) = 0 for the law of one point, and attains it")
def one_point() -> Outcome:
    stay = [[Q(int(a == b)) for a in STATES] for b in STATES]
    q, p = path_masses([stay, stay], [Q(1), Q(0), Q(0)], [stay, stay], 0)
    return decide_at_most(expected_log(q, p) - expected_log(q, q), 0)
