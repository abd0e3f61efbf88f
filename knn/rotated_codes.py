"""Points as 1- to 4-bit codes after a random rotation: a centre and a scale are all that is learnt."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.file_arrays import finite, held, permuted, within
from knn.points import Points, grown
from knn.principal_codes import SAMPLE, canonical_sample
from knn.threads import over_blocks

#: Bits of a coordinate that are served.
BITS = (1, 2, 3, 4)
#: Rounds of `rotate`: one spreads a coordinate over a transform, the second over all, the third evens out.
ROUNDS = 3
#: Queries to a block.
BLOCK = 16
#: A point that lies so much farther out than all that the scale was chosen for asks for a new one.
FARTHER = 16.0
#: No exponent of a scale is farther from 0: 2 to it is a float.
MOST = 1023
#: The numbers of a slot in which no point lies.
NOBODY = np.array([[np.inf], [0.0]])


class RotatedCodes:
    """The codes of all slots, eight points to a block, and how queries are asked of them (knn/kernels/cpu_rotated.py).

    Every search looks at every code: there are no cells, which would have to follow the data. Points to come are coded
    by the same rotation and around the same centre, the mean of a sample, until it is all made anew.
    """

    def __init__(self, points: Points, rng: np.random.RandomState, bits: int, kernels: ModuleType):
        rows = points.rows if points.n_alive == points.size else points.rows[points.alive]
        n, d = rows.shape
        width = -(-d // kernels.WORD) * kernels.WORD
        self.centre = np.zeros(d)
        spread = 0.0
        if n:
            self.centre = rows[canonical_sample(rows, rng, SAMPLE)].astype(np.float64).mean(axis=0)
            spread = float(max((rows.max(axis=0) - self.centre).max(), (self.centre - rows.min(axis=0)).max()))
        self.exponent = -int(np.frexp(spread)[1]) if spread > 0 else 0
        self.places = np.array([rng.permutation(width) for _ in range(ROUNDS)], np.int32)
        self.signs = rng.randint(0, 2, (ROUNDS, width)) * 2.0 - 1.0
        self._words = np.zeros((0, bits, width // kernels.WORD, kernels.EIGHT), np.uint64)
        self._terms = np.empty((2, 0), np.float32)
        self.size = 0
        self.radius, self.error = self._encode(points.rows, kernels)
        self.kill(points.dead)

    def extend(self, rows: np.ndarray, kernels: ModuleType) -> bool:
        """Codes the rows of the next slots; returns whether the scale still serves."""
        return self._encode(rows, kernels)[0] <= FARTHER * self.radius

    def _encode(self, rows, kernels):
        """(the largest ‖z‖, the root mean square of an estimate's error over ‖z‖‖y‖)."""
        first, self.size = self.size, self.size + len(rows)
        used, wanted = -(-first // kernels.EIGHT), -(-self.size // kernels.EIGHT)
        self._words = grown(self._words, used, wanted)
        self._terms = grown(self._terms, first, kernels.EIGHT * len(self._words), axis=1)
        self._words[used:wanted] = 0
        self._terms[:, first : kernels.EIGHT * wanted] = NOBODY
        turn, scale = (self.places, self.signs), 2.0**self.exponent
        squared, lost = kernels.encode_rotated(rows, self.centre, scale, turn, first, self._words, self._terms)
        return float(np.sqrt(squared)), float(np.sqrt(lost / (self.signs.shape[1] - 1)))

    def kill(self, slots: np.ndarray) -> None:
        """No search finds these slots any more."""
        self._terms[:, slots] = NOBODY

    def answer(
        self,
        Q: np.ndarray,
        k: int,
        points: Points,
        rows: np.ndarray,
        wanted: int,
        n_jobs: int | None,
        kernels: ModuleType,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As `NearestNeighbours._answer`, by measuring the `wanted` most promising points; `rows` are theirs.

        Where that is all of them every point is measured, and the answers are certified.
        """
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations = np.full(len(Q), points.n_alive)
        used = -(-self.size // kernels.EIGHT)
        words, terms = self._words[:used], self._terms
        seer = self.centre, self.exponent, self.places, self.signs

        def serve(part):
            heaps = distances[part], slots[part]
            if wanted < points.n_alive:
                kernels.search_rotated(words, terms, seer, wanted, rows, Q[part], heaps, evaluations[part])
            else:
                kernels.scan(rows, points.alive, Q[part].astype(np.float64, copy=False), *heaps)
            kernels.ascending(*heaps)

        over_blocks(serve, len(Q), BLOCK, n_jobs)
        return distances, slots, evaluations, evaluations == points.n_alive

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        return {
            "words": self._words[: -(-self.size // self._words.shape[3])],
            "terms": self._terms[:, : self.size],
            "centre": self.centre,
            "places": self.places,
            "signs": self.signs.astype(np.int8),
            "numbers": np.array([self.exponent, self.radius, self.error]),
        }

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], points: Points, bits: int, kernels: ModuleType) -> RotatedCodes:
        """Takes what `state` gave of these points; raises ValueError unless it is of them and of so many bits."""
        (size, d), codes = points.rows.shape, cls.__new__(cls)
        blocks, words = -(-size // kernels.EIGHT), -(-d // kernels.WORD)
        turn = ROUNDS, words * kernels.WORD
        codes.size, codes.centre = size, finite(state, "centre", np.float64, (d,))
        codes._words = held(state, "words", np.uint64, (blocks, bits, words, kernels.EIGHT))
        codes.places = within(state, "places", np.int32, turn, 0, turn[1])
        codes.signs = held(state, "signs", np.int8, turn).astype(float)
        if not (permuted(codes.places) and (np.abs(codes.signs) == 1).all()):
            raise ValueError("places and signs that are no rotation")
        terms = held(state, "terms", np.float32, (2, size))
        living = terms[:, points.alive]
        if not (np.isfinite(living).all() and (living >= 0).all() and (terms[:, points.dead] == NOBODY).all()):
            raise ValueError("terms: not a length for each living point, and those of nobody for the dead")
        codes._terms = np.empty((2, blocks * kernels.EIGHT), np.float32)
        codes._terms[:] = NOBODY
        codes._terms[:, :size] = terms
        exponent, codes.radius, codes.error = held(state, "numbers", np.float64, (3,)).tolist()
        if not (abs(exponent) <= MOST and exponent % 1 == 0 and 0 <= codes.radius < np.inf):
            raise ValueError(f"a scale of 2 to the {exponent} for lengths up to {codes.radius}")
        codes.exponent = int(exponent)
        return codes
