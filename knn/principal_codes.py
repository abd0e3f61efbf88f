"""How Principal DCI sees points: principal coordinates and what they leave out, in whole steps and in float32.

With V (d, m) orthonormal, φ(x) = (Vᵀx', ‖x' − VVᵀx'‖), x' = (x − c)·σ, moves no two points apart: ‖φ(x) − φ(q)‖ ≤
‖x' − q'‖ (the last entry by the triangle inequality). Nor does clipping to a box. So distances of codes fall short of
true ones but for rounding, which is bounded thus (u = 2⁻⁵³, γ = (d + 4)u/(1 − (d + 4)u), m ≤ 127; Higham 2002, §3.1):

    δ = ‖VᵀV − I‖_F + dmu          the computed V is within δ of an orthonormal one
    κ₁ = √m γ + δ + u              ‖fl(Vᵀx') − V̂ᵀx'‖ ≤ κ₁‖x'‖: the products, V, and x' itself
    β = 2γ + 3κ₁ + 256u            the error of ‖x'‖² − ‖Vᵀx'‖², over ‖x'‖²
    κ = κ₁ + √β                    |√a − √b| ≤ √|a − b|: so ‖fl φ(x) − φ(x)‖ ≤ κ‖x'‖

one per cent is added for second-order terms. Codes are rounded besides, by at most what `encode` has measured, and
`fine` to float32, by 2⁻²⁴‖x'‖.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.file_arrays import finite, measures
from knn.threads import one_blas_thread

#: Points on which directions, step and cells are chosen.
SAMPLE = 4096
#: Coordinates of a code besides the residual's norm, and of the finer bound.
COARSE, FINE = 63, 127
#: Rows of the sample whose neighbours are sought, and rows among which they are.
HELD, OTHERS = 100, 2000
#: Rows looked at together.
ROWS = 4096
#: Rounds of subspace iteration, and columns beyond those wanted: directions need not be the best to be right.
ROUNDS, SPARE = 4, 17
#: Distances within which squares neither overflow nor vanish, in the units of the data.
MODERATE = 2.0**400


def canonical_sample(rows: np.ndarray, rng: np.random.RandomState, most: int) -> np.ndarray:
    """At most `most` places of rows, chosen and ordered by a hash of each row's bits: permuting rows changes nothing.

    The hash is Σ aᵢ·bitsᵢ mod 2⁶⁴ with random odd aᵢ; rows that collide are almost surely equal.
    """
    words = rows.view(np.uint32 if rows.dtype == np.float32 else np.uint64)
    factors = rng.randint(0, 2**63, rows.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    digests = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), ROWS):
        digests[start : start + ROWS] = words[start : start + ROWS].astype(np.uint64) @ factors
    # Equal rows of the same digest may change places, which changes nothing either.
    return np.argsort(digests, kind="stable")[:most]


def principal_directions(centred: np.ndarray, rng: np.random.RandomState, m: int) -> np.ndarray:
    """m orthonormal directions, float64 (d, m), of most energy first, by subspace iteration on rows (n, d)."""
    n, d = centred.shape
    width = min(d, m + SPARE)
    basis = np.linalg.qr(rng.standard_normal((d, width)))[0]
    gram = centred.T @ centred if n >= d else None
    for _ in range(1 if width == d else ROUNDS):
        image = gram @ basis if gram is not None else centred.T @ (centred @ basis)
        # Rows of no extent have no directions of their own: any will do.
        basis = np.linalg.qr(image if image.any() else basis)[0]
    image = centred @ basis
    mixing = np.linalg.eigh(image.T @ image)[1]
    return np.ascontiguousarray(basis @ mixing[:, ::-1][:, :m])


def random_directions(d: int, rng: np.random.RandomState, m: int) -> np.ndarray:
    """The first m columns of a random rotation, float64 (d, m)."""
    return np.ascontiguousarray(np.linalg.qr(rng.standard_normal((d, m)))[0])


class Coder:
    """The map from rows to codes and finer coordinates: learnt from a sample, fixed until the next fit."""

    centre: np.ndarray
    scale: float
    basis: np.ndarray
    step: float
    parallel: float
    share: float

    def __init__(
        self,
        points: np.ndarray,
        chosen: np.ndarray,
        rng: np.random.RandomState,
        kernels: ModuleType,
        directions: str = "principal",
    ):
        """Learns from the chosen of the points (n, d), in canonical order; any map is right, a good one is fast."""
        d = points.shape[1]
        rows = points[chosen]
        sample = rows.astype(np.float64)
        self.centre = sample.mean(axis=0) if len(rows) else np.zeros(d)
        sample -= self.centre
        spread = 0.0
        if len(rows):
            # Of all points: none may exceed float32 when it is scaled.
            spread = float(max((points.max(axis=0) - self.centre).max(), (self.centre - points.min(axis=0)).max()))
        self.scale = float(2.0 ** -np.frexp(spread)[1]) if spread > 0 else 1.0
        sample *= self.scale
        with one_blas_thread:
            if directions == "principal":
                self.basis = principal_directions(sample, rng, min(d, FINE))
            else:
                self.basis = random_directions(d, rng, min(d, FINE))
            drift = np.linalg.norm(self.basis.T @ self.basis - np.eye(self.basis.shape[1]))
        self._widen()
        self.kappa = _rounding(d, self.basis.shape[1], float(drift))
        self.step = 1.0
        coordinates, squared = self.coordinates(rows, kernels, fine=False)
        values = self._values(coordinates, squared, self._kept, COARSE + 1, kernels)
        reach = np.sort(np.maximum(values.max(axis=1), -values.min(axis=1))) if len(rows) else np.zeros(1)
        # One value in a thousand is clipped at most, so that a few far points do not coarsen all others.
        self.step = float(reach[int(0.999 * (len(reach) - 1))] or reach[-1] or 127.0) / 127.0
        left = values[:, self._kept]
        self.share = float((left**2).sum() / max(squared.sum(), np.finfo(float).tiny))
        few = slice(0, HELD + OTHERS)
        self.parallel = _parallel(sample[few], values[few, : self._kept], left[few])
        self._numbers = np.array([self.scale, self.step, self._kept, self.parallel])

    @property
    def width(self) -> int:
        """Columns of `fine`: its coordinates and the residual's norm, in whole vectors of sixteen."""
        return -(-(self.basis.shape[1] + 1) // 16) * 16

    def _widen(self):
        """The basis with columns of zeros, so that the kernel has whole vectors: three times as fast (measured)."""
        d, m = self.basis.shape
        self._kept = min(m, COARSE)
        self._wide = np.zeros((d, self.width))
        self._wide[:, :m] = self.basis
        self._coarse = np.zeros((d, min(self.width, COARSE + 1)))
        self._coarse[:, : self._kept] = self.basis[:, : self._kept]
        self._quick = np.zeros((d, COARSE + 1), np.float32)
        self._quick[:, : self._kept] = self.basis[:, : self._kept]

    @property
    def seer(self) -> tuple[np.ndarray, ...]:
        """What the kernels need to see queries that ask for no proof: (centre, basis, numbers).

        The residual counts in looking up as far as neighbours' agree: ‖x − q‖² = ‖y_x − y_q‖² + r_x² + r_q² −
        2 r_x r_q cos, with the mean cosine of neighbours' residuals.
        """
        return self.centre, self._quick, self._numbers

    @property
    def prover(self) -> tuple[np.ndarray, ...]:
        """The same for queries that ask for one."""
        return self.centre, self._wide, self._numbers

    def sizes(self, loss: float, radius: float) -> tuple[float, ...]:
        """What margins are made of; `loss` and `radius` bound the points' losses and ‖x'‖."""
        return self.scale, self.step, self.kappa, radius, loss, MODERATE, float(self.basis.shape[1])

    def coordinates(self, rows, kernels, *, fine=True):
        """(Vᵀx' float64 (n, ≥ m), or what a code needs of it if not `fine`, and ‖x'‖² (n,))."""
        basis = self._wide if fine else self._coarse
        out, squared = np.empty((len(rows), basis.shape[1])), np.empty(len(rows))
        kernels.principal_coordinates(rows, self.centre, self.scale, basis, out, squared)
        return out, squared

    def codes(self, coordinates, squared, kernels):
        """(codes int8 (n, 64), how far rounding moved each, in steps)."""
        return self.coded(coordinates, squared, kernels)[:2]

    def coded(self, coordinates, squared, kernels):
        """The same, and what the coordinates of a code leave out of each row."""
        values = self._values(coordinates, squared, self._kept, COARSE + 1, kernels)
        codes, losses = np.empty(values.shape, np.int8), np.empty(len(values))
        kernels.encode(values, self.step, codes, losses)
        return codes, losses, values[:, self._kept]

    def fine(self, coordinates, squared, kernels):
        """What the finer bound compares, float64 (n, width)."""
        return self._values(coordinates, squared, self.basis.shape[1], self.width, kernels)

    @staticmethod
    def _values(coordinates, squared, kept, width, kernels):
        values = np.empty((len(coordinates), width))
        kernels.with_residual(coordinates, squared, kept, values)
        return values

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        numbers = np.array([self.scale, self.kappa, self.step, self.share, self.parallel])
        return {"centre": self.centre, "basis": self.basis, "numbers": numbers}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], d: int) -> Coder:
        """Takes what `state` gave of rows of d numbers; raises ValueError unless it is of such rows."""
        coder = cls.__new__(cls)
        coder.centre = finite(state, "centre", np.float64, (d,))
        coder.basis = finite(state, "basis", np.float64, (d, min(d, FINE)))
        coder._widen()
        coder.scale, coder.kappa, coder.step, coder.share, coder.parallel = measures(state, "numbers", 5)
        if coder.scale == 0 or coder.step == 0 or coder.parallel > 1:
            raise ValueError(f"a map of scale {coder.scale}, step {coder.step} and cosine {coder.parallel}")
        coder._numbers = np.array([coder.scale, coder.step, coder._kept, coder.parallel])
        return coder


def _rounding(d: int, m: int, drift: float) -> float:
    """κ of the module's docstring."""
    u = 2.0**-53
    gamma = (d + 4) * u / (1 - (d + 4) * u)
    first = np.sqrt(m) * gamma + drift + d * m * u + u
    return float(first + np.sqrt(2 * gamma + 3 * first + 256 * u))


def _parallel(sample: np.ndarray, leading: np.ndarray, left: np.ndarray) -> float:
    """The mean cosine between the residuals of neighbours: of 100 rows, held out, and the nearest ten of the others."""
    held, others = slice(0, HELD), slice(HELD, HELD + OTHERS)
    if len(sample) < 200 or not left.any():
        return 1.0
    with one_blas_thread:
        squared = (sample**2).sum(axis=1)
        distances = squared[held, None] + squared[None, others] - 2 * sample[held] @ sample[others].T
        near = np.argsort(distances, axis=1, kind="stable")[:, :10]
    gaps = leading[held, None, :] - leading[others][near]
    distances = np.take_along_axis(distances, near, axis=1)
    between = left[held, None] ** 2 + left[others][near] ** 2 - (distances - (gaps**2).sum(axis=2))
    lengths = 2 * left[held, None] * left[others][near]
    return float(np.clip(between[lengths > 0].sum() / max(lengths.sum(), np.finfo(float).tiny), 0.0, 1.0))
