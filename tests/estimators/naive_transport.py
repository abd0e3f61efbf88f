"""A slow, obvious twin of the OT-GAN's loss: one loop a sum, Sinkhorn's iteration as it is first written."""

import math

import numpy as np


def cosine_cost(x, y):
    """1 − ⟨xᵢ, yⱼ⟩/‖xᵢ‖‖yⱼ‖."""
    cost = np.empty((len(x), len(y)))
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            cost[i, j] = 1 - sum(p * q for p, q in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
    return cost


def best_coupling(cost, epsilon, sweeps=3000):
    """π of min ⟨π, c⟩ + ε KL(π ‖ uniform): rows and columns scaled in turn to uniform marginals."""
    n, m = cost.shape
    plan = np.exp(-cost / epsilon)
    for _ in range(sweeps):
        plan /= plan.sum(axis=1, keepdims=True) * n
        plan /= plan.sum(axis=0, keepdims=True) * m
    return plan


def transport(cost, epsilon):
    """⟨π, c⟩ + ε KL(π ‖ uniform) at the best π."""
    plan = best_coupling(cost, epsilon)
    return float((plan * cost).sum() + epsilon * (plan * np.log(plan * plan.size)).sum())


def minibatch_energy_loss(data, samples, epsilon):
    """W(X, Y) + W(X, Y′) + W(X′, Y) + W(X′, Y′) − 2W(X, X′) − 2W(Y, Y′)."""
    b = len(data) // 2
    x, x2, y, y2 = data[:b], data[b:], samples[:b], samples[b:]
    between = sum(transport(cosine_cost(p, q), epsilon) for p in (x, x2) for q in (y, y2))
    within = sum(transport(cosine_cost(p, q), epsilon) for p, q in ((x, x2), (y, y2)))
    return between - 2 * within
