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
