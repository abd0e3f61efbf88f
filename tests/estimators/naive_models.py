"""Slow, obvious NumPy twins of the losses; one loop a sum."""

import math


def imle_loss(data, samples, n):
    """(n/b) Σᵢ ‖xᵢ − x̃ᵢ‖²."""
    total = 0.0
    for x, y in zip(data, samples, strict=True):
        for a, b in zip(x, y, strict=True):
            total += (float(a) - float(b)) ** 2
    return n * total / len(data)


def nearest_sample_objective(data, samples):
    """Σᵢ min_j ‖xᵢ − x̃_j‖²."""
    return sum(min(sum((float(a) - float(b)) ** 2 for a, b in zip(x, y, strict=True)) for y in samples) for x in data)


def nearest(data, samples):
    """The index of the nearest sample to each datum, the first among equals."""
    return [min(range(len(samples)), key=lambda j: sum((x - samples[j]) ** 2)) for x in data]


def sigmoid(score):
    """1/(1 + e^{−score})."""
    return 1.0 / (1.0 + math.exp(-score))


def discriminator_loss(scores_of_data, scores_of_samples):
    """−mean log D(x) − mean log(1 − D(G(z)))."""
    real = [math.log(sigmoid(float(s))) for s in scores_of_data]
    fake = [math.log(1.0 - sigmoid(float(s))) for s in scores_of_samples]
    return -sum(real) / len(real) - sum(fake) / len(fake)


def non_saturating_loss(scores_of_samples):
    """−mean log D(G(z))."""
    logs = [math.log(sigmoid(float(s))) for s in scores_of_samples]
    return -sum(logs) / len(logs)


def central_differences(function, point, step):
    """The gradient of `function` at the array `point` by (f(x + h eᵢ) − f(x − h eᵢ)) / 2h."""
    gradient = point * 0.0
    for i in range(point.size):
        ahead, behind = point.copy(), point.copy()
        ahead.flat[i] += step
        behind.flat[i] -= step
        gradient.flat[i] = (function(ahead) - function(behind)) / (2.0 * step)
    return gradient


def distance(x, y):
    """‖x − y‖₂."""
    return math.sqrt(sum((float(a) - float(b)) ** 2 for a, b in zip(x, y, strict=True)))


def mean_over_pairs(function, x):
    """1/(n(n−1)) Σ_{i≠j} f(xᵢ, xⱼ)."""
    n = len(x)
    return sum(function(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))


def mean_between(function, x, y):
    """1/(nm) Σ f(xᵢ, yⱼ)."""
    return sum(function(a, b) for a in x for b in y) / (len(x) * len(y))


def mmd_loss(data, samples, widest, n_widths):
    """MMD² without bias, for the mean of Gaussian kernels of widths widest/2ᵏ."""

    def kernel(x, y):
        widths = [widest / 2**k for k in range(n_widths)]
        return sum(math.exp(-(distance(x, y) ** 2) / (2 * h * h)) for h in widths) / n_widths

    among = mean_over_pairs(kernel, data) + mean_over_pairs(kernel, samples)
    return among - 2 * mean_between(kernel, data, samples)


def energy_loss(data, samples):
    """ℰ² without bias."""
    among = mean_over_pairs(distance, data) + mean_over_pairs(distance, samples)
    return 2 * mean_between(distance, data, samples) - among
