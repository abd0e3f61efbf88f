"""Slow, obvious twins of the scores of samples: every pair looked at, every row left out in turn."""

import math

import numpy as np
from scipy.special import logsumexp


def distances(X, Y):
    return np.array([[math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True))) for y in Y] for x in X])


def in_balls(X, Y, k):
    """Whether Y's rows are in the closed balls about X's rows that reach the k-th other row, (n, m)."""
    own = distances(X, X)
    radii = [sorted(np.delete(row, i))[k - 1] for i, row in enumerate(own)]
    return distances(X, Y) <= np.array(radii)[:, None]


def precision(X, Y, k):
    return float(in_balls(X, Y, k).any(axis=0).mean())


def recall(X, Y, k):
    return precision(Y, X, k)


def density(X, Y, k):
    return float(in_balls(X, Y, k).sum() / (k * len(Y)))


def coverage(X, Y, k):
    return float(in_balls(X, Y, k).any(axis=1).mean())


def parzen(samples, points, bandwidth):
    """Log densities in long double, from differences."""
    d = samples.shape[1]
    gaps = points[:, None, :].astype(np.longdouble) - samples[None].astype(np.longdouble)
    exponents = -(gaps**2).sum(axis=2) / (2 * np.longdouble(bandwidth) ** 2)
    return (
        logsumexp(exponents, axis=1)
        - np.log(np.longdouble(len(samples)))
        - d * np.log(np.longdouble(bandwidth) * np.sqrt(2 * np.longdouble(np.pi)))
    )
