"""Bytes of principal coordinates: a first look at distances, from which most points of a cell are seen to be too far.

The codes are those of Principal DCI (knn/principal_codes.py), which move no two points apart but for rounding. With b
and c the codes of q and x in whole steps s, of data scaled by σ,

    ‖x − q‖ ≥ (s/σ) (‖b − c‖ − loss_x − loss_q − κ(‖x'‖ + ‖q'‖)/s) (1 − 2γ)

where γ is for the definition's own rounding, and losses are what rounding to whole steps moved a row.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.file_arrays import measures
from knn.principal_codes import COARSE, SAMPLE, Coder


class PrincipalScreen:
    """Codes of rows, learnt from a sample of `points` (n, d): which directions, from where, in which step."""

    def __init__(self, points: np.ndarray, chosen: np.ndarray, seed: int, kernels: ModuleType):
        self.coder = Coder(points, chosen[:SAMPLE], np.random.RandomState(seed), kernels)
        self.loss = self.radius = 0.0

    def of_rows(self, rows: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray]:
        """(codes int8 (n, 64), no keys)."""
        codes, lengths = self._coded(rows, kernels)
        self.radius = max(self.radius, float(np.sqrt(lengths[0].max(initial=0.0))))
        self.loss = max(self.loss, float(lengths[1].max(initial=0.0)))
        return codes, np.empty((len(rows), 0), np.float32)

    def of_queries(self, Q: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(codes int8 (q, 64), no keys, numbers (q, 4): units a step, loss in steps, nothing, nothing)."""
        codes, lengths = self._coded(Q, kernels)
        margins = np.empty((len(Q), 6))
        sizes = self.coder.sizes(self.loss, self.radius)
        kernels.margins_of(codes, lengths, sizes, (Q.shape[1], COARSE + 1), margins)
        numbers = np.zeros((len(Q), 4))
        # Beyond the magnitudes for which the margin is derived, marked by −1, nothing is excluded.
        useful = margins[:, 3] > 0
        numbers[useful, 0] = (1.0 - 2.0**-50) / margins[useful, 3]
        numbers[:, 1] = margins[:, 4] * (1.0 + 2.0**-40)
        return codes, np.empty((len(Q), 0), np.float32), numbers

    def _coded(self, rows, kernels):
        """(codes, (‖x'‖², how far rounding moved each in steps))."""
        coordinates, squared = self.coder.coordinates(rows, kernels, fine=False)
        codes, losses = self.coder.codes(coordinates, squared, kernels)
        return codes, np.stack([squared, losses])

    @property
    def kept(self) -> tuple[int, int, np.dtype]:
        """Widths of the codes and keys of a row, and the keys' type."""
        return COARSE + 1, 0, np.dtype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        return {**self.coder.state(), "bounds": np.array([self.loss, self.radius])}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], d: int) -> PrincipalScreen:
        """Takes what `state` gave of rows of d numbers; raises ValueError unless it is of such rows."""
        screen = cls.__new__(cls)
        screen.coder = Coder.restored(state, d)
        screen.loss, screen.radius = measures(state, "bounds", 2)
        return screen
