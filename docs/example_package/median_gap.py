"""A score of one's own: it stands in `estimators.compare` and in `implicitbench compare` beside the others."""

import math

import numpy as np

from estimators import Estimate
from estimators.points import as_points
from estimators.scoring import score


@score("median-gap", lowest=0.0, highest=math.inf, degree=1.0)
def median_gap(P, Q):
    """‖m(P) − m(Q)‖ for the medians m of each coordinate; P and Q (n, d), in the data's units.

    It is 0 for different laws with the same medians: a score, and no divergence. Raises ValueError for two spaces.
    """
    P, Q = as_points(P, "P"), as_points(Q, "Q")
    if P.shape[1] != Q.shape[1]:
        raise ValueError(f"P has {P.shape[1]} columns and Q has {Q.shape[1]}: pass samples of one space")
    gap = float(np.linalg.norm(np.median(P, axis=0) - np.median(Q, axis=0)))
    return Estimate(gap, method="medians of coordinates", detail="no standard error: none is known")
