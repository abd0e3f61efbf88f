"""The Jensen–Shannon divergence: its two normalisations, its bounds, and its two limits on binned samples."""

from collections.abc import Iterator
from math import comb
from typing import Any

from theory.agreement import decide_estimate, decide_same, estimated, float_pairs
from theory.certified import ball, decide_at_most, decide_equal, decide_less, jsd, kl, log2, precision, total, xlog
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.instances import pairs
from theory.sources import BRUNA, POSTER, TALK, YU

OPTIMAL_TRANSPORT = BRUNA.slide("GANs and Optimal Transport")


def middle(p: list[Any], q: list[Any]) -> list[Any]:
    return [(a + b) / 2 for a, b in zip(p, q, strict=True)]


def sum_of_both(p: list[Any], q: list[Any]) -> Any:
    """KL(p‖m) + KL(q‖m), m = (p + q)/2: Yu's Jensen–Shannon, at most log 4."""
    return kl(p, middle(p, q)) + kl(q, middle(p, q))


def half_of_both(p: list[Any], q: list[Any]) -> Any:
    """½ (KL(p‖m) + KL(q‖m)): Bruna's and Lin's, at most log 2."""
    return sum_of_both(p, q) / 2


@claim(
    "js-generator-jsd",
    says="The divergence of the Jensen–Shannon generator is 2 JSD: one deck omits the ½ that the other one prints, and "
    "the largest values are log 4 and log 2",
    statement=r"D_f(p\|q) = KL(p\|m) + KL(q\|m) = 2\,JSD(p, q), \quad m = (p+q)/2",
    source=(YU.slide("Jensen–Shannon"), OPTIMAL_TRANSPORT),
    primary="Lin 1991; Nowozin, Cseke & Tomioka 2016 (recalled)",
    method=Certified,
    priority="P2",
)
def two_normalisations(
    setting,
    *,
    of_jsd=lambda value: 2 * value,
    largest=lambda: 2 * log2(),
    codes=("jsd-sum", "jsd"),
):
    """A difference of balls, since the ratio is 0/0 at p = q; disjoint pairs reach the maximum; the code's own two."""
    with precision(160):
        parts = []
        for pair in pairs(setting.rng(), setting.size(120, deep=1200)):
            full, half = sum_of_both(pair.p, pair.q), half_of_both(pair.p, pair.q)
            told = {"p": pair.p, "q": pair.q}
            parts.append(decide_equal(full, of_jsd(half), distance=1e-30, **told))
            parts.append(decide_equal(half, jsd(pair.p, pair.q), distance=1e-30, **told))
            if pair.case == "disjoint":
                parts.append(decide_equal(full, largest(), distance=1e-30, **told))
        for pair in float_pairs(setting.rng(1), 24):
            for code, exact in zip(codes, (sum_of_both, half_of_both), strict=True):
                parts.append(decide_estimate(estimated(code, pair.p, pair.q), exact(pair.p, pair.q), code=code))
        return all_hold(parts)


two_normalisations.mutant("the two are equal", of_jsd=lambda value: value)
two_normalisations.mutant("a ratio of 4", of_jsd=lambda value: 4 * value)
two_normalisations.mutant("the sum's largest value is log 2", largest=lambda: log2())
two_normalisations.mutant("the code's two exchanged", codes=("jsd", "jsd-sum"))


@two_normalisations.boundary("at p = q both are 0, so a test there cannot tell them apart")
def equal_laws() -> Outcome:
    p = [Q(1, 3), Q(2, 3)]
    full, half = sum_of_both(p, p), half_of_both(p, p)
    return Holds() if full == 0 and half == 0 else Refuted(sum=full, mean=half)


@claim(
    "jsd-bounds",
    says="0 ≤ JSD ≤ log 2 for every pair of laws, without absolute continuity; 0 if and only if p = q, and log 2 if "
    "and only if p and q are disjoint",
    statement=r"\log 2 - JSD(p, q) = \frac{1}{2} \int p\,\log(1 + q/p) + q\,\log(1 + p/q)\ \in\ [0, \log 2]",
    source=TALK.slide("Problems of GANs"),
    primary="Lin 1991 (recalled)",
    method=Certified,
)
def jsd_bounds(
    setting,
    *,
    deficit=lambda x: ((1 + x).log() + x * (1 + 1 / x).log()) / 2,
    largest=lambda: log2(),
    zero=lambda pair: pair.p == pair.q,
    largest_for=lambda pair: pair.total_variation == 1,
    finite=lambda pair: True,
    code="jsd",
):
    """Ties are decided on the rationals; the rest is strict between balls; the identity over shared atoms; the code."""
    with precision(128):
        parts = []
        for pair in pairs(setting.rng(), setting.size(200, deep=2000)):
            p, q, value, told = pair.p, pair.q, jsd(pair.p, pair.q), {"p": pair.p, "q": pair.q}
            if finite(pair) != value.is_finite():
                return Refuted(**told, jsd=value, said_finite=finite(pair))
            shared = [(a, ball(b / a)) for a, b in zip(p, q, strict=True) if a and b]
            short = total(a * deficit(ratio) for a, ratio in shared)
            parts += [decide_number(short), decide_equal(log2() - value, short, distance=1e-6, **told)]
            parts.append((decide_same if zero(pair) else decide_unequal)(value, 0, **told))
            parts.append((decide_same if largest_for(pair) else decide_unequal)(value, largest(), **told))
            parts += [decide_at_most_or_tied(0, value, p == q), decide_at_most_or_tied(value, largest(), not shared)]
        for pair in float_pairs(setting.rng(1), 24):
            parts.append(decide_estimate(estimated(code, pair.p, pair.q), jsd(pair.p, pair.q), p=pair.p, q=pair.q))
        return all_hold(parts)


def decide_number(value: Any) -> Outcome:
    """Refuted for a formula without a value, such as the logarithm of a negative number, which no ball refutes."""
    return Holds() if value.is_finite() else Refuted(value=value, reason="the formula has no value here")


def decide_unequal(value: Any, other: Any, **told: Any) -> Outcome:
    """Whether two balls are proved apart; a tie that the rationals know is Refuted by exact values, else undecided."""
    apart = not (ball(value) - ball(other)).contains(0)
    return Holds() if apart else Refuted(value=value, other=other, reason="no difference, 128 bits", **told)


def decide_at_most_or_tied(a: Any, b: Any, tied: bool) -> Outcome:
    return Holds() if tied else decide_at_most(a, b)


jsd_bounds.mutant("at most log 2 − 0.01", largest=lambda: log2() - ball("0.01"))
jsd_bounds.mutant("p ≠ q means JSD = log 2", largest_for=lambda pair: pair.p != pair.q)
jsd_bounds.mutant("the least upper bound is 1", largest=lambda: ball(1))
jsd_bounds.mutant("the code's sum in place of its mean", code="jsd-sum")
jsd_bounds.printed(
    "infinite unless p ≪ q ≪ p",
    where=OPTIMAL_TRANSPORT,
    printed="these metrics require the distributions to be absolutely continuous with respect to each other",
    correct="JSD is finite, at most log 2, for every pair; KL(p‖q) needs p ≪ q only",
    finite=lambda pair: all((a > 0) == (b > 0) for a, b in zip(pair.p, pair.q, strict=True)),
)


@jsd_bounds.boundary("one shared atom of five, with mass 1/5 in both: JSD = (4/5) log 2")
def one_shared_atom() -> Outcome:
    p, q = [Q(1, 5)] * 5 + [Q(0)] * 4, [Q(0)] * 4 + [Q(1, 5)] * 5
    return decide_equal(jsd(p, q), Q(4, 5) * log2(), distance=1e-6)


# A sample in bins ----------------------------------------------------------------------------------------------------


def bin_term(count: int, n: int, k: int) -> Any:
    """A bin's part of JSD(p̂, p), p uniform on k bins, when `count` of n data lie in it."""
    a, b = Q(count, n), Q(1, k)
    half_sum = (a + b) / 2
    return (xlog(a, a / half_sum) + xlog(b, b / half_sum)) / 2


def binomial(n: int, k: int) -> Iterator[tuple[int, Any]]:
    """P(a bin holds `count` of n data), exactly."""
    return ((count, Q(comb(n, count) * (k - 1) ** (n - count), k**n)) for count in range(n + 1))


def expected_jsd(n: int, k: int) -> Any:
    """E JSD(p̂ₙ, p) over k equal bins of the uniform law: k times the expectation of one bin's term."""
    return k * total(ball(chance) * bin_term(count, n, k) for count, chance in binomial(n, k))


@claim(
    "jsd-limits-do-not-commute",
    says="For n data of a law with k equal bins, JSD(p̂ₙ, p) tends to log 2 as k grows, for each n, and to 0 as n "
    "grows, for each k: it is within ½ (log(1 + x) + x log(1 + 1/x)), x = n/k, of log 2, and E JSD ≤ ½ log 2 (k − 1)/n",
    statement=r"\lim_{k} JSD_k(\hat p_n, p) = \log 2, \quad \lim_{n} JSD_k(\hat p_n, p) = 0",
    source=(POSTER.slide("True vs. Empirical Data Distribution"), TALK.slide("Problems of GANs")),
    primary="Li & Malik 2018; Arora et al. 2017 (recalled); Topsøe 2000 for ¼ Δ ≤ JSD ≤ ½ log 2 Δ (recalled)",
    method=(Exact, Certified),
    priority="P2",
)
def limits_do_not_commute(
    *,
    deficit=lambda x: ((1 + x).log() + x * (1 + 1 / x).log()) / 2,
    triangular=lambda r: (r - 1) ** 2 / (r + 1),
    chi_squared=lambda n, k: Q(k - 1, n),
    bins_first=lambda: log2(),
    data_first=lambda: Q(0),
):
    """log 2 − JSD exactly for n data in n bins, and no more for others; E JSD ≤ ½ log 2 E χ², with E χ² in rationals.

    Between them stands Topsøe's Δ = Σ (p − q)²/(p + q) ≤ χ².
    """
    with precision(256):
        parts = [decide_deficit(deficit, n, k) for n, k in [(1, 1), (2, 5), (5, 8), (10, 2**20), (50, 2**60)]]
        n, k = 10, 2**60
        nearest = n * bin_term(1, n, k) + (k - n) * bin_term(0, n, k)
        parts.append(decide_less(abs(bins_first() - nearest), ball("1e-15"), what="bins first"))
        parts.append(decide_topsoe(triangular))
        for n, k in [(1, 2), (4, 3), (6, 10), (10, 64), (40, 4)]:
            spread = k * sum((chance * (Q(count, n) - Q(1, k)) ** 2 * k for count, chance in binomial(n, k)), Q(0))
            if spread != chi_squared(n, k):
                return Refuted(n=n, k=k, expected_chi_squared=spread, stated=chi_squared(n, k))
            parts.append(decide_at_most(expected_jsd(n, k), log2() / 2 * chi_squared(n, k), n=n, k=k))
        n, k = 10**12, 64
        parts.append(
            decide_at_most(abs(ball(data_first())), log2() / 2 * chi_squared(n, k), n=n, k=k, what="data first")
        )
        return all_hold(parts, expected_at_n_10=[expected_jsd(10, k) for k in (4, 64, 1024, 2**20)])


def decide_deficit(deficit: Any, n: int, k: int) -> Outcome:
    """Data in n bins are the nearest to the model; by Jensen, all in one bin are farther."""
    distinct = n * bin_term(1, n, k) + (k - n) * bin_term(0, n, k)
    crowded = bin_term(n, n, k) + (k - 1) * bin_term(0, n, k)
    stated = deficit(ball(Q(n, k)))
    parts = [decide_number(stated), decide_equal(log2() - distinct, stated, distance=1e-20, n=n, k=k)]
    if n > 1:
        parts.append(decide_less(log2() - crowded, stated, n=n, k=k, what="all data in one bin"))
    return all_hold(parts)


def decide_topsoe(triangular: Any) -> Outcome:
    """¼ Δ ≤ JSD ≤ ½ log 2 Δ bin by bin, as functions of r = p/q: the upper one is attained at 0, the lower one at 1."""
    parts = []
    for r in (Q(0), Q(1, 100), Q(1, 2), Q(9, 10), Q(999, 1000), Q(1001, 1000), Q(3), Q(10**9)):
        term = (xlog(r, 2 * r / (r + 1)) + xlog(1, 2 / (r + 1))) / 2
        delta = triangular(ball(r))
        parts += [decide_number(delta), decide_less(delta / 4, term, r=r)]
        parts.append(
            decide_equal(term, log2() / 2 * delta, distance=1e-6, r=r)
            if r == 0
            else decide_less(term, log2() / 2 * delta, r=r)
        )
    return all_hold(parts)


limits_do_not_commute.mutant("both limits are log 2", data_first=lambda: log2())
limits_do_not_commute.mutant("both limits are 0", bins_first=lambda: ball(0))
limits_do_not_commute.mutant("the deficit without its logarithm", deficit=lambda x: x / 2)
limits_do_not_commute.mutant("E χ² = k/n", chi_squared=lambda n, k: Q(k, n))


@limits_do_not_commute.boundary("k = n: neither limit, E JSD stays between 0.16 and 0.17")
def as_many_bins_as_data() -> Outcome:
    with precision(128):
        values = [expected_jsd(n, n) for n in (20, 80, 200)]
        inside = all(value > ball("0.16") and value < ball("0.17") for value in values)
    return Holds(values=values) if inside else Refuted(values=values)
