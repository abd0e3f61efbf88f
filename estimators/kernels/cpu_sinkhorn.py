"""The soft c-transform of entropic transport, in the log domain."""

from __future__ import annotations

import math

import numpy as np

from estimators.kernels.cpu_pairwise import exp_of_negative
from estimators.kernels.vectors import COLUMNS, LANES, add_row
from knn.kernels.jit import jit


@jit
def soft_transform(cost, potential, weights, epsilon, out):
    """outᵢ = −ε log Σⱼ bⱼ e^{(gⱼ − cᵢⱼ)/ε}; the largest exponent is taken out of each row, so that none overflows.

    cost (n, k), potential g and weights b (k,), where k is a multiple of 64: what is left over has weight 0.
    """
    k = cost.shape[1]
    values, scratch, lanes = np.empty(k), np.empty(k), np.empty(LANES)
    for i in range(len(cost)):
        row, largest = cost[i], -np.inf
        for j in range(k):
            values[j] = (potential[j] - row[j]) / epsilon
            if weights[j] > 0 and values[j] > largest:
                largest = values[j]
        for j in range(k):
            values[j] = min(values[j] - largest, 0.0)
        exp_of_negative(values, scratch)
        lanes[:] = 0.0
        for j in range(0, k, COLUMNS):
            add_row(values[j : j + COLUMNS], weights[j : j + COLUMNS], lanes)
        out[i] = -epsilon * (largest + math.log(lanes.sum()))
