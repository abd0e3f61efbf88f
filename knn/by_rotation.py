"""What answers when Principal DCI's directions are a whole random rotation in short codes."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from knn.file_arrays import counts
from knn.radius import BoundedRadius
from knn.rotated_codes import RotatedCodes
from knn.small_rows import as_bytes
from knn.validation import spent


class ByRotation(BoundedRadius):
    """Codes of `bits` a coordinate, all looked at by every search, which measures the `candidates` that promise most.

    Nothing is learnt but a centre and a scale, O(w log w) operations a point of w columns; both are taken anew when the
    points have doubled, lie farther out, or the dead are cleared away. Certified is what measures all points; so does a
    radius query, since an estimate excludes nothing.
    """

    bits: int
    _seed: int
    _learnt_on: int
    _bytes: np.ndarray | None

    @property
    def error_(self) -> float:
        """Root mean square error of an estimate of ⟨x − c, q − c⟩ by codes of 1 to 4 bits, over ‖x − c‖‖q − c‖."""
        check_is_fitted(self)
        if self.bits == 8:
            raise AttributeError("error_ is that of codes of 1 to 4 bits; what 8 bits lose bounds are made for")
        return self._rotated.error

    def _build(self, rng):
        self._seed = int(rng.randint(2**31 - 1))
        self._learn()

    def _learn(self):
        """A new centre and scale, on the points alive."""
        self._learnt_on = self._points.size
        self._rotated = RotatedCodes(self._points, np.random.RandomState(self._seed), self.bits, self._engine)
        self._pack(0)

    def _pack(self, start):
        rows = self._points.rows
        self._bytes = as_bytes(rows, self._bytes if start else np.empty((0, rows.shape[1]), np.uint8), start)

    @property
    def _rows(self):
        """The points' rows, as bytes where they can be."""
        return self._points.rows if self._bytes is None else self._bytes[: self._points.size]

    def _wanted(self, k):
        """How many points a search measures."""
        return min(self._points.n_alive, max(k, spent(self._budget("candidates"), self._points.n_alive)))

    def _answer(self, Q, k, exact):
        points = self._points
        wanted = points.n_alive if exact else self._wanted(k)
        return self._rotated.answer(Q, k, points, self._rows, wanted, self.n_jobs, self._engine)

    def _left_within(self, q, radius):  # noqa: ARG002
        return np.flatnonzero(self._points.alive)

    def _added(self, start):
        self._pack(start)
        if not self._rotated.extend(self._points.rows[start:], self._engine):
            self._learn()

    def _removed(self, slots):
        self._rotated.kill(slots)

    def _moved(self, kept):  # noqa: ARG002
        self._learn()

    def _held(self):
        """The arrays held beside the data."""
        return tuple(self._rotated.state().values())

    def _state(self):
        return {**self._rotated.state(), "own": np.array([self._seed, self._learnt_on])}

    def _restore(self, state):
        self._rotated = RotatedCodes.restored(state, self._points, self.bits, self._engine)
        self._seed, self._learnt_on = counts(state, "own", 2)
        self._pack(0)
