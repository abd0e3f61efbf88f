"""Maximum likelihood as a projection in KL: the data against a model, and how a sample estimates the divergence."""

from functools import cache
from itertools import pairwise, product
from typing import Any, NamedTuple

from flint import arb

from theory.agreement import decide_estimate, estimated, float_pairs
from theory.certified import ball, decide_equal, decide_less, integrate, kl, precision, total, xlog
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.claims.kullback_leibler import DATA, partition_bound
from theory.exact import Q
from theory.instances import Mixture, Normal, pairs, pmf
from theory.sources import BRUNA, TALK, YU


class Model(NamedTuple):
    """Whether supp p̂ ⊂ supp p_θ, and whether the model consists of atoms."""

    covers: bool
    atomic: bool


@cache
def smoothed_kl(noise: tuple[int, int], mean: tuple[int, int], weights: tuple[int, ...] = (1, 1, 1)) -> Any:
    """KL(p̂ * N(0, ε²)‖N(mean, 1)) by quadrature to 12 ε beyond the data; less than e^{−60} of it is left out."""
    with precision(64):
        return _quadrature(Q(*noise), Normal(Q(*mean)), tuple(Q(w, sum(weights)) for w in weights))


def _quadrature(noise: Any, model: Any, weights: tuple[Any, ...]) -> Any:
    law = Mixture(weights, tuple(Normal(x, noise) for x in DATA))

    def integrand(z: Any, analytic: bool) -> Any:
        return law.pdf(z) * (law.pdf(z).log(analytic=analytic) - model.log_pdf(z))

    middles = [(a + b) / 2 for a, b in pairwise(DATA)]
    ends = sorted({DATA[0] - 12 * noise, *DATA, *middles, DATA[-1] + 12 * noise})
    return integrate(integrand, *ends, tolerance=1e-15)


def overlap(noise: Any) -> Any:
    """Bound of the entropy that overlapping noise loses: (1/n) Σ_{i≠j} exp(−(xᵢ − xⱼ)²/8ε²), since log(1+y) ≤ √y."""
    gaps = [a - b for a in DATA for b in DATA if a != b]
    return total((-ball(gap**2 / (8 * noise**2))).exp() for gap in gaps) / len(DATA)


def negative_log_likelihood(model: Any) -> Any:
    return -total(model.log_pdf(x) for x in DATA) / len(DATA)


@claim(
    "forward-kl-empirical",
    says="KL(p̂ₙ‖p_θ) = +∞ for every continuous model, as for reverse KL: likelihood minimises the cross-entropy. "
    "With noise ε, KL(p̂_ε‖p_θ) = NLL(θ) − log n − log ε − ½ log 2πe + O(ε²), so that differences in θ are those of NLL",
    statement=r"KL(\hat p_\epsilon \| p_\theta) = NLL(\theta) - \log n - \log\epsilon - \frac{1}{2}\log 2\pi e"
    r" + \frac{\epsilon^2}{2} + o(\epsilon^2)",
    source=TALK.slide("Standard KL"),
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=("supp p̂ ⊂ supp p_θ is necessary for a finite KL; it suffices for discrete models only",),
    limits="d = 1, three data, model N(μ, 1), for which ½ tr(−∇² log p) = ½.",
)
def forward_kl_empirical(
    setting,
    *,
    noise_entropy=lambda noise: noise.log() + (2 * arb.pi() * arb(1).exp()).log() / 2,
    data_entropy=lambda n: n.log(),
    remainder=lambda noise: noise**2 / 2,
    finite=lambda model: model.covers and model.atomic,
):
    """Certified quadrature for two noises and two models; the cells' lower bound without noise; pmfs exactly."""
    parts: list[Outcome] = []
    for pair in pairs(setting.rng(), 60):
        model = Model(all(b > 0 or a == 0 for a, b in zip(pair.p, pair.q, strict=True)), atomic=True)
        if finite(model) != kl(pair.p, pair.q).is_finite():
            return Refuted(data=pair.p, model=pair.q, said_finite=finite(model))
    bounds = [partition_bound(digits) for digits in (10, 100, 1000)]
    grows = all(second - first > 100 for first, second in pairwise(bounds))
    if finite(Model(covers=True, atomic=False)) == grows:
        return Refuted(model="N(0, 1)", said_finite=not grows, lower_bounds=bounds)
    with precision(96):
        for noise, mean in (((1, 10), (0, 1)), ((1, 10), (3, 10)), ((1, 100), (0, 1))):
            epsilon, value = ball(Q(*noise)), smoothed_kl(noise, mean)
            nll = negative_log_likelihood(Normal(Q(*mean)))
            stated = nll - data_entropy(ball(len(DATA))) - noise_entropy(epsilon) + remainder(epsilon)
            # Overlap lowers the entropy of the noisy data, hence raises KL, by no more than its bound.
            slack = overlap(Q(*noise)) + ball("1e-12")
            parts.append(decide_less(abs(value - stated), slack, noise=epsilon, mean=Q(*mean), kl=value))
        shift = smoothed_kl((1, 10), (3, 10)) - smoothed_kl((1, 10), (0, 1))
        parts.append(decide_equal(shift, Q(-9, 200), distance=1e-6, what="KL differs as NLL does"))
    return all_hold(parts)


forward_kl_empirical.mutant("without −log n", data_entropy=lambda n: ball(0))
forward_kl_empirical.mutant("a remainder of order ε⁴", remainder=lambda noise: noise**4 / 2)
forward_kl_empirical.mutant("finite for every atomic model", finite=lambda model: model.atomic)
forward_kl_empirical.printed(
    "support inclusion makes it finite",
    where=TALK.slide("Standard KL"),
    printed="(read from the slide, not its words) standard KL is finite once the model's support holds the data",
    correct="necessary only: KL(p̂ₙ‖p_θ) = +∞ for every continuous model; likelihood is the cross-entropy",
    finite=lambda model: model.covers,
)


@forward_kl_empirical.counterexample("N(0, 1) covers the data and KL(p̂ₙ‖N(0, 1)) passes 2000")
def covered_and_infinite() -> Outcome:
    bound = partition_bound(1000)
    return Refuted(at_least=bound) if bound > 2000 else Holds()


@forward_kl_empirical.boundary("a datum that occurs twice: log n becomes the entropy of the weights")
def repeated_datum() -> Outcome:
    weights = (Q(1, 2), Q(1, 4), Q(1, 4))
    with precision(96):
        noise = ball(Q(1, 10))
        value = smoothed_kl((1, 10), (0, 1), (2, 1, 1))
        nll = -total(ball(w) * Normal().log_pdf(x) for w, x in zip(weights, DATA, strict=True))
        entropy = -total(xlog(w, w) for w in weights)
        stated = nll - entropy - noise.log() - (2 * arb.pi() * arb(1).exp()).log() / 2 + noise**2 / 2
        # With unequal weights a pair's overlap counts (wᵢ + wⱼ)/2 < 1 of what √ makes of it.
        return decide_less(abs(value - stated), 3 * overlap(Q(1, 10)), value=value, stated=stated)


# The estimate from a sample ------------------------------------------------------------------------------------------


@claim(
    "ml-kl-projection",
    says="KL(p‖q_θ) = −E_p log q_θ − H(p), so that minimising it is maximising likelihood; its estimate from a sample "
    "of p is (1/L) Σ log(p(xₗ)/q_θ(xₗ)) = C − E(θ), unbiased",
    statement=r"KL(p\|q_\theta) = -E_p \log q_\theta - H(p) \approx "
    r"\frac{1}{L} \sum_{l \leq L} \log\frac{p(x_l)}{q_\theta(x_l)}",
    source=(YU.slide("Review: Maximum Likelihood"), BRUNA.slide("GANs and Optimal Transport")),
    method=(Exact, Certified),
    verdict="FALSE",
)
def ml_projection(
    setting,
    *,
    summand=lambda ratio: ratio.log(),
    from_likelihood=lambda constant, likelihood: constant - likelihood,
    divergence=lambda cross_entropy, entropy: cross_entropy - entropy,
    code="kl",
):
    """Positive pmfs: the decomposition, the mean over every sample of two, and each sample as a constant minus E(θ)."""
    rng = setting.rng()
    with precision(128):
        parts = []
        for _ in range(setting.size(20, deep=200)):
            p, q = pmf(rng, 3), pmf(rng, 3, ties=True)
            truth, told = kl(p, q), {"p": p, "q": q}
            entropy = -total(xlog(a, a) for a in p)
            cross_entropy = -total(xlog(a, b) for a, b in zip(p, q, strict=True))
            parts.append(decide_equal(divergence(cross_entropy, entropy), truth, distance=1e-6, **told))
            samples = list(product(range(3), repeat=2))
            estimates = [total(summand(ball(p[i] / q[i])) for i in sample) / 2 for sample in samples]
            chances = [p[i] * p[j] for i, j in samples]
            unbiased = total(ball(c) * e for c, e in zip(chances, estimates, strict=True))
            parts.append(decide_equal(unbiased, truth, distance=1e-6, what="mean over the samples", **told))
            for sample, estimate in zip(samples, estimates, strict=True):
                constant, likelihood = (total(ball(law[i]).log() for i in sample) / 2 for law in (p, q))
                stated = from_likelihood(constant, likelihood)
                parts.append(decide_equal(estimate, stated, distance=1e-6, sample=sample, **told))
        for pair in float_pairs(setting.rng(1), 24):
            parts.append(decide_estimate(estimated(code, pair.p, pair.q), kl(pair.p, pair.q), p=pair.p, q=pair.q))
        return all_hold(parts)


ml_projection.printed(
    "the logarithm left out",
    where=BRUNA.slide("GANs and Optimal Transport"),
    printed="KL̂(p_r‖p_m) = (1/L) Σ (p_r(xₗ)/p_m(xₗ; θ)) ∝ −E(θ) + C",
    correct="KL̂(p_r‖p_m) = (1/L) Σ log(p_r(xₗ)/p_m(xₗ; θ)) = C − E(θ)",
    summand=lambda ratio: ratio,
)
ml_projection.mutant("the ratio upside down", summand=lambda ratio: (1 / ratio).log())
ml_projection.mutant("+E(θ)", from_likelihood=lambda constant, likelihood: constant + likelihood)
ml_projection.mutant("KL = H(p) − E log q", divergence=lambda cross_entropy, entropy: cross_entropy + entropy)
ml_projection.mutant("the code's KL(q‖p)", code="reverse-kl")


def mean_ratio(shift: Any) -> Any:
    """E_p[p/q] for p = N(0, 1) and q = N(shift, 1), which is 1 + χ²(p‖q), up to e^{−700} beyond ±40."""
    p, q = Normal(), Normal(shift)
    return integrate(lambda z, _: p.pdf(z) * (p.log_pdf(z) - q.log_pdf(z)).exp(), -40, 0, 40)


@ml_projection.counterexample("N(0, 1) against N(1, 1): the printed estimator has mean e, and KL = ½")
def exponential_of_twice() -> Outcome:
    value, truth = mean_ratio(Q(1)), Normal().kl_to(Normal(1))
    return Holds() if value.overlaps(truth) else Refuted(mean_of_printed=value, kl=truth)


@ml_projection.counterexample("nor is it affine in E(θ): means 1, 1.284, 2.718 for KL 0, ⅛, ½")
def not_affine() -> Outcome:
    values = [mean_ratio(shift) for shift in (Q(0), Q(1, 2), Q(1))]
    slopes = (values[1] - values[0]) * 8, (values[2] - values[1]) * 8 / 3
    return Holds() if slopes[0].overlaps(slopes[1]) else Refuted(means=values, slopes=slopes)


@ml_projection.boundary("p = q: the printed estimator is 1 for every sample, and KL = 0")
def equal_laws() -> Outcome:
    p = [Q(1, 3), Q(2, 3)]
    printed = [a / b for a, b in zip(p, p, strict=True)]
    return Holds() if printed == [1, 1] and kl(p, p) == 0 else Refuted(printed=printed)
