"""What of a law with known modes a sample covers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from estimators.densities import Mixture
from estimators.intervals import clopper_pearson
from estimators.points import as_points

#: Rows whose distances to all modes are held at once.
_ROWS = 1 << 14


@dataclass(frozen=True)
class ModeCoverage:
    """Which modes of a mixture a sample reached.

    `found` of `n_modes` modes have at least one sample within the radius; `counts` (n_modes,) says how
    many have; `high_quality` is the share of samples within the radius of their nearest mode,
    `high_quality_stderr` its binomial standard error, which at a share of 0 or 1 is 0 and means nothing, and
    `high_quality_interval` its exact 95 % interval, which means as much there as elsewhere;
    `kl` = KL(ŝ‖w), in nats, between the shares ŝ of
    the samples by nearest mode and the mixture's weights w (∞ is impossible: w > 0).
    """

    found: int
    n_modes: int
    counts: NDArray[np.int64]
    high_quality: float
    high_quality_stderr: float
    high_quality_interval: tuple[float, float]
    kl: float


def mode_coverage(samples: ArrayLike, mixture: Mixture, *, radius_in_sd: float = 4.0) -> ModeCoverage:
    """Modes found, share of high-quality samples and balance of the modes, for samples (n, d) of a model.

    A sample belongs to the mode that is nearest in that mode's standard deviations, and is of high
    quality within `radius_in_sd` of them (3 in Srivastava et al. 2017, VEEGAN, where a planar Gaussian
    itself has 98.9 %; 4 loses 0.03 %). KL over nearest modes as in Lin et al. 2018, PacGAN.

    Raises TypeError for what is no `Mixture`, ValueError for bad samples, or a radius that is not positive.
    """
    if not isinstance(mixture, Mixture):
        raise TypeError(f"mixture is {type(mixture).__name__}: mixture must be a Mixture, such as ring(8)")
    points = as_points(samples, "samples", dimension=mixture.dimension)
    if not 0 < radius_in_sd < math.inf:
        raise ValueError(f"radius_in_sd is {radius_in_sd}: pass a positive number of standard deviations")
    n_modes = len(mixture.modes)
    assigned = np.zeros(n_modes, dtype=np.int64)
    counts = np.zeros(n_modes, dtype=np.int64)
    for start in range(0, len(points), _ROWS):
        in_sd = cdist(points[start : start + _ROWS], mixture.modes) / mixture.scales
        nearest = in_sd.argmin(axis=1)
        assigned += np.bincount(nearest, minlength=n_modes)
        counts += np.bincount(nearest[in_sd.min(axis=1) <= radius_in_sd], minlength=n_modes)
    share = counts.sum() / len(points)
    shares = assigned / len(points)
    reached = shares > 0
    kl = math.fsum(shares[reached] * np.log(shares[reached] / mixture.weights[reached]))
    return ModeCoverage(
        found=int((counts > 0).sum()),
        n_modes=n_modes,
        counts=counts,
        high_quality=float(share),
        high_quality_stderr=math.sqrt(share * (1 - share) / len(points)),
        high_quality_interval=clopper_pearson(int(counts.sum()), len(points)),
        kl=max(kl, 0.0),  # Gibbs: what is below 0 is rounding
    )
