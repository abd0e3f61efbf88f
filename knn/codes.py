"""The exact screen of one byte a coordinate: what is coded how, and the margins that make it a proof.

A row is seen as y = fl((x − m)·r) with a centre m (d,) and a scale r = 1/s, and coded as c = round(clip(y)) in
[−128, 127]. Data that are whole numbers no more than 255 apart, as those of images, are coded without loss (s = 1).

Clipping moves no two rows apart, so ‖q − x‖/s ≥ √K − e − e' (knn/kernels/cpu_codes.py), where e and e' are measured for
the rows as seen. What y and e themselves were rounded by is below 128·4·2⁻⁵³ a coordinate, and squares that vanish are
far below that where s is moderate: η/s = 2·√d·2⁻⁴³ covers both rows twice over. ε = (d + 8)·2⁻⁵³ is the rounding of
the definition itself.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.points import grown

#: Points fewer than this are not worth coding.
LEAST = 4096
#: Steps s within which squares neither overflow nor vanish beside the margin.
MODERATE = (2.0**-480, 2.0**480)
#: Rows of the data that are looked at to choose centre and step, and rows among them that are asked to judge the code.
SAMPLE, ASKED = 1024, 16
#: Share of the sample, at most, that the code may fail to exclude from being among an asked row's five nearest.
LEFT_OVER = 0.02
#: A query that clipping moves farther than so many times a typical rounding, √(d/12), is left to the other screen.
FAR = 4.0

#: Queries fewer than this go through the codes one after the other: twelve together take as long as some three.
SINGLY = 4


class Codes:
    """Points as codes: `centre` (d,), `inverse` 1/s, the largest `error` e, and the kernels' arrays."""

    def __init__(self, rows: np.ndarray, alive: np.ndarray, centre: np.ndarray, inverse: float, kernels: ModuleType):
        self.centre, self.inverse, self.error = centre, inverse, 0.0
        self.size = 0
        self._codes = np.zeros((0, -(-rows.shape[1] // 4), 4 * kernels.BLOCK), np.uint8)
        self._norms = np.zeros(0, np.int32)
        self.extend(rows, kernels)
        self.kill(~alive, kernels)

    @classmethod
    def of(cls, rows: np.ndarray, alive: np.ndarray, kernels: ModuleType) -> Codes | None:
        """The codes of the rows (n, d), or None where they would not pay: there matrix products are quicker."""
        n, d = rows.shape
        if n < LEAST or not kernels.NARROW <= d <= kernels.WIDEST or not kernels.multiplies_bytes():
            return None
        sample = rows[alive][:: -(-n // SAMPLE)] if not alive.all() else rows[:: -(-n // SAMPLE)]
        sample = sample.astype(np.float64)
        centre, inverse = _placed(sample)
        if not MODERATE[0] < inverse < MODERATE[1] or _left_over(sample, centre, inverse) > LEFT_OVER:
            return None
        return cls(rows, alive, centre, inverse, kernels)

    def extend(self, rows: np.ndarray, kernels: ModuleType) -> None:
        """Takes in new rows, which come after those it knows."""
        together = kernels.BLOCK * kernels.BLOCKS
        first, self.size = self.size, self.size + len(rows)
        before, wanted = len(self._norms), -(-self.size // together) * together
        self._norms = grown(self._norms, first, wanted)
        self._codes = grown(self._codes, -(-first // kernels.BLOCK), len(self._norms) // kernels.BLOCK)
        if len(self._norms) > before:
            self._norms[first:] = kernels.DEAD_CODE
            self._codes[-(-first // kernels.BLOCK) :] = 0
        error = kernels.encode_points(rows, self.centre, self.inverse, first, self._codes, self._norms)
        self.error = max(self.error, error)

    def kill(self, slots: np.ndarray, kernels: ModuleType) -> None:
        """Points that are to be found no more: slots, or a mask of all."""
        self._norms[: self.size][slots] = kernels.DEAD_CODE

    def near(self, queries: np.ndarray) -> np.ndarray:
        """Which queries (q, d) float64 clipping moves so little that the codes can tell points apart, bool (q,)."""
        seen = (queries - self.centre) * self.inverse
        moved = seen - np.clip(seen, -128, 127)
        return np.einsum("ij,ij->i", moved, moved) <= FAR**2 * queries.shape[1] / 12

    def search(
        self, X: np.ndarray, queries: np.ndarray, best: tuple[np.ndarray, np.ndarray], kernels: ModuleType
    ) -> None:
        """Offers to the heaps `best` all points that may be among the nearest of the queries (q, d) float64."""
        q, d = queries.shape
        padded = q if q < SINGLY else -(-q // kernels.QUERIES) * kernels.QUERIES
        coded = np.zeros((padded, 4 * self._codes.shape[1]), np.int8)
        terms = np.empty((q, 2))
        kernels.encode_queries(queries, self.centre, self.inverse, coded, terms)
        terms[:, 0] += self.error
        margins = np.array([self.inverse, 1 + 2 * (d + 8) * 2.0**-53, 2 * np.sqrt(d) * 2.0**-43])
        blocks = -(-self.size // (kernels.BLOCK * kernels.BLOCKS)) * kernels.BLOCKS
        codes, norms = self._codes[:blocks], self._norms[: blocks * kernels.BLOCK]
        kernels.search_panels(codes, norms, X, queries, coded.view(np.int32), terms, margins, best)


def _placed(sample: np.ndarray) -> tuple[np.ndarray, float]:
    """(centre, 1/s) for rows like these: any choice is right, a good one is fast."""
    least, most = sample.min(), sample.max()
    if most - least <= 255 and (sample == np.rint(sample)).all():
        return np.full(sample.shape[1], least + 128.0), 1.0
    centre = sample.mean(axis=0)
    gaps = np.abs(sample - centre).ravel()
    place = int(0.9999 * (gaps.size - 1))  # the few beyond are clipped, rather than all coarsened
    step = np.partition(gaps, place)[place] / 127.0
    return centre, 1.0 / step if step > 0 else 0.0


def _left_over(sample: np.ndarray, centre: np.ndarray, inverse: float) -> float:
    """The share of the sample that its codes cannot exclude from being among the five nearest of some of its rows."""
    seen = np.clip((sample - centre) * inverse, -128, 127)
    codes = np.floor(seen + 0.5)
    errors = np.sqrt(((seen - codes) ** 2).sum(axis=1))
    shares = []
    for i in range(0, len(sample), -(-len(sample) // ASKED)):
        exact = np.sqrt(((sample - sample[i]) ** 2).sum(axis=1)) * inverse
        bounds = np.sqrt(((codes - codes[i]) ** 2).sum(axis=1)) - errors.max() - errors[i]
        shares.append((bounds <= np.partition(exact, min(5, len(exact) - 1))[5 if len(exact) > 5 else -1]).mean())
    return float(np.mean(shares))
