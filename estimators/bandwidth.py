"""The median heuristic for the scale of a kernel."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist

from estimators.measures import Empirical, common_support

#: Atoms among which the median is taken: half a million pairs, a few milliseconds.
_ATOMS = 1000


def median_distance(P: Empirical, Q: Empirical) -> float:
    """The (lower) median of ‖X − X'‖ over pairs of distinct atoms of ½P + ½Q, weighted by their masses.

    Beyond 1000 atoms it is the median over 1000 of them, evenly spaced in mass along the lexicographic
    order, so that it depends on the measures alone. A single atom has no pair, and gets 1. Source:
    Gretton et al. 2012, section 8.
    """
    atoms, p, q = common_support(P, Q)
    masses = (p + q) / 2
    if len(atoms) > _ATOMS:
        cumulative = np.cumsum(masses)
        places = np.searchsorted(cumulative, (np.arange(_ATOMS) + 0.5) / _ATOMS * cumulative[-1])
        chosen, times = np.unique(places, return_counts=True)
        atoms, masses = atoms[chosen], times / _ATOMS
    if len(atoms) == 1:
        return 1.0
    distances = pdist(atoms)
    first, second = np.triu_indices(len(atoms), k=1)
    pair_masses = masses[first] * masses[second]
    order = np.argsort(distances, kind="stable")
    cumulative = np.cumsum(pair_masses[order])
    # The hair keeps a tie at the half from being decided by the rounding of the running sum.
    half = cumulative[-1] * (0.5 - len(distances) * np.finfo(np.float64).eps)
    return float(distances[order[np.searchsorted(cumulative, half)]])
