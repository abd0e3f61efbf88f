"""Bytes of the coordinates that vary most: a first look at distances, from which most points are seen to be too far.

φ(x) = (x_j − c_j for the coordinates j of greatest variance, the norm of the others less a constant), clipped to a box,
moves no two points apart: the last entry by the triangle inequality. In steps s, rounded to whole numbers, a point is
moved by its loss besides, which is measured. So, with b and c the codes of q and x, and γ = (d + 8)·2⁻⁵³,

    ‖x − q‖ ≥ s (‖b − c‖ − loss_x − loss_q − 2ε),   ε = √w · 127 · 2⁻⁵⁰ + γ(|c_last|/s + 128)

where ε is for computing φ in float64, and a relative 2γ is taken off for the definition's own rounding.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.principal_codes import MODERATE, SAMPLE

#: Bytes in a code, at most: an index is to stay within 14 MB on MNIST's 60 000 points.
WIDTH = 192


class LeadingCodes:
    """Codes of rows, learnt from a sample of `points` (n, d): which coordinates, from where, in which step."""

    def __init__(self, points: np.ndarray, chosen: np.ndarray):
        sample = points[chosen[:SAMPLE]].astype(np.float64)
        d = points.shape[1]
        self.kept = d if d <= WIDTH else WIDTH - 1
        mean = sample.mean(axis=0) if len(sample) else np.zeros(d)
        sample -= mean
        self.columns = np.argsort(-(sample**2).sum(axis=0), kind="stable")
        rest = np.sqrt((sample[:, self.columns[self.kept :]] ** 2).sum(axis=1))
        self.centre = np.append(mean[self.columns], rest.mean() if len(rest) else 0.0)
        reach = np.sort(np.abs(sample).max(axis=1)) if len(sample) else np.zeros(1)
        # One row in a thousand is clipped at most, so that a few far points do not coarsen all others.
        extent = float(reach[int(0.999 * (len(reach) - 1))] or reach[-1])
        # Beyond the magnitudes for which the bound is derived nothing is excluded.
        self.useful = 1 / MODERATE < extent < MODERATE
        self.step = extent / 127.0 if self.useful else 1.0
        self.loss = 0.0

    def of_rows(self, rows: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray]:
        """(codes int8 (n, w), no keys)."""
        codes, losses = self._coded(rows, kernels)
        self.loss = max(self.loss, float(losses.max(initial=0.0)))
        return codes, np.empty((len(rows), 0), np.float32)

    def of_queries(self, Q: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(codes int8 (q, w), no keys, numbers (q, 4): units a step, loss in steps, nothing, nothing)."""
        codes, losses = self._coded(Q, kernels)
        numbers = np.zeros((len(Q), 4))
        gamma = (Q.shape[1] + 8) * 2.0**-53
        if self.useful:
            numbers[:, 0] = self.step * (1.0 - 2.0 * gamma)
        error = np.sqrt(codes.shape[1]) * 127.0 * 2.0**-50 + gamma * (abs(self.centre[-1]) / self.step + 128.0)
        numbers[:, 1] = (self.loss + losses) * (1.0 + 2.0**-40) + 2.0 * error
        return codes, np.empty((len(Q), 0), np.float32), numbers

    def _coded(self, rows, kernels):
        width = self.kept + (self.kept < len(self.columns))
        codes, losses = np.empty((len(rows), width), np.int8), np.empty(len(rows))
        kernels.encode_leading(rows, self.columns, self.centre, self.kept, self.step, codes, losses)
        return codes, losses

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        return {
            "columns": self.columns,
            "centre": self.centre,
            "numbers": np.array([self.step, self.loss, self.kept, self.useful], float),
        }

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> LeadingCodes:
        codes = cls.__new__(cls)
        codes.columns, codes.centre = state["columns"], state["centre"]
        codes.step, codes.loss, kept, useful = state["numbers"].tolist()
        codes.kept, codes.useful = int(kept), bool(useful)
        return codes
