"""Slow, obvious twins of the divergences: fifty digits, every pair looked at, linear programs written out."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from mpmath import mp, mpf
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

mp.dps = 50

TERMS = {
    "kl": lambda p, q: p * mp.log(p / q) - p + q,
    "reverse-kl": lambda p, q: q * mp.log(q / p) - q + p,
    "jsd": lambda p, q: (p * mp.log(2 * p / (p + q)) + q * mp.log(2 * q / (p + q))) / 2,
    "jsd-sum": lambda p, q: p * mp.log(2 * p / (p + q)) + q * mp.log(2 * q / (p + q)),
    "total-variation": lambda p, q: abs(p - q) / 2,
    "chi-squared": lambda p, q: (p - q) ** 2 / q,
    "squared-hellinger": lambda p, q: (mp.sqrt(p) - mp.sqrt(q)) ** 2 / 2,
}

PROFILES = {
    "gaussian": lambda r, s: mp.exp(-(r**2) / (2 * s**2)),
    "laplace": lambda r, s: mp.exp(-r / s),
    "imq": lambda r, s: 1 / mp.sqrt(1 + r**2 / s**2),
    "distance": lambda r, _: -r,
}


def f_divergence(name, p, q):
    """Σ q f(p/q) over masses that are all positive."""
    return mp.fsum(TERMS[name](mpf(float(a)), mpf(float(b))) for a, b in zip(p, q, strict=True))


def distance(x, y):
    return mp.sqrt(mp.fsum((mpf(float(a)) - mpf(float(b))) ** 2 for a, b in zip(x, y, strict=True)))


def squared_discrepancy(X, Y, profile, scale=1.0, statistic="v"):
    """E k(X,X') + E k(Y,Y') − 2E k(X,Y) over the rows of two arrays; "distance" has k = −‖x−y‖ and gives ℰ²."""

    def k(x, y):
        return PROFILES[profile](distance(x, y), mpf(scale))

    def own(Z):
        n = len(Z)
        if statistic == "v":
            return mp.fsum(k(a, b) for a in Z for b in Z) / n**2
        return mp.fsum(k(Z[i], Z[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    return own(X) + own(Y) - 2 * mp.fsum(k(a, b) for a in X for b in Y) / (len(X) * len(Y))


def jackknife(X, Y, value):
    """Standard error of value(X, Y) by leaving out one row of either sample at a time."""
    variance = 0.0
    for first in (True, False):
        Z = X if first else Y
        without = [np.delete(Z, i, axis=0) for i in range(len(Z))]
        values = np.array([float(value(z, Y) if first else value(X, z)) for z in without])
        variance += (len(Z) - 1) / len(Z) * ((values - values.mean()) ** 2).sum()
    return variance**0.5


def cdf_integral(x, p, y, q, power):
    """∫ |F−G|^power over the line, in rationals."""
    points = sorted({Fraction(float(a)) for a in [*x, *y]})

    def cdf(atoms, masses, t):
        return sum((m for a, m in zip(atoms, masses, strict=True) if Fraction(float(a)) <= t), Fraction(0))

    return sum(
        abs(cdf(x, p, left) - cdf(y, q, left)) ** power * (right - left) for left, right in itertools.pairwise(points)
    )


def transport_cost(x, a, y, b, p=1.0):
    """min Σ πᵢⱼ ‖xᵢ−yⱼ‖ᵖ over couplings, as a linear program."""
    cost = cdist(x, y) ** p
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    # One constraint is implied by the others; left in, rounding of the masses may make the program infeasible.
    solved = linprog(cost.ravel(), A_eq=np.vstack([rows, columns])[:-1], b_eq=np.concatenate([a, b])[:-1])
    assert solved.status == 0, solved.message
    return solved.fun
