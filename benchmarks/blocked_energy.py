"""The baseline that a matrix product makes of the energy distance, and the rate of that product."""

from __future__ import annotations

import time

#: Rows and columns of a block of the baseline: its 8 MB of distances stay in the cache.
_BLOCK = 1024


def samples(n, d):
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 0.1


class Gemm:
    """ℰ² by blocks of ‖x‖² + ‖y‖² − 2x·y, each pair within a sample once; `product` has the products' seconds."""

    def __init__(self):
        self.product = self.flops = 0.0

    def total(self, x, y, same):
        import numpy as np

        norms = [np.einsum("ij,ij->i", part, part) for part in (x, y)]
        buffer, total = np.empty((_BLOCK, _BLOCK)), 0.0
        for i in range(0, len(x), _BLOCK):
            for j in range(i if same else 0, len(y), _BLOCK):
                rows, columns = x[i : i + _BLOCK], y[j : j + _BLOCK]
                block = buffer[: len(rows), : len(columns)]
                start = time.process_time()  # of other processes' turns nothing is counted
                np.matmul(rows, columns.T, out=block)
                self.product += time.process_time() - start
                self.flops += 2.0 * block.size * x.shape[1]
                block *= -2
                block += norms[0][i : i + _BLOCK, None]
                block += norms[1][j : j + _BLOCK]
                np.maximum(block, 0, out=block)
                np.sqrt(block, out=block)
                total += float(block.sum()) * (2 if same and j > i else 1)
        return total

    def __call__(self, x, y):
        n, m = len(x), len(y)
        between = 2 * self.total(x, y, False) / (n * m)
        return between - self.total(x, x, True) / n**2 - self.total(y, y, True) / m**2


def dgemm_rate(d):
    """Flops a second of the products that the baseline makes, and nothing else: the best of 15."""
    import numpy as np

    a, b = samples(_BLOCK, d)
    out, best = np.empty((_BLOCK, _BLOCK)), float("inf")
    for _ in range(15):
        start = time.process_time()
        np.matmul(a, b.T, out=out)
        best = min(best, time.process_time() - start)
    return 2 * _BLOCK * _BLOCK * d / best
