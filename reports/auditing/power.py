"""How surely an audit of this size sees a mode that the sampler dropped."""

from __future__ import annotations

import math

from scipy.stats import binom, hypergeom

from estimators.arguments import real_number, whole_number


def power(share: float, n: int, m: int, *, level: float, n_cells: int) -> float:
    """P(a cell with `share` of the law, from which the sampler never draws, is found lacking by n data and m samples).

    The cell's p-value with x data and no sample is P(none of x rows is a sample), hypergeometric, so it is rejected at
    level/n_cells from some x on, and the power is P(Bin(n, share) ≥ x), exact. `n_cells`: the cells, times the tests
    of the family where Holm's correction is over several; its strictest threshold, so that the power is no less than
    this. The cell must hold the mode and nothing else. 0 where no x rejects. Raises ValueError for bad numbers.
    """
    share = real_number(share, "share", above=0, below=1)
    n, m = whole_number(n, "n", 1), whole_number(m, "m", 1)
    threshold = real_number(level, "level", above=0, below=1) / whole_number(n_cells, "n_cells", 1)
    needed = least_rows(n, m, threshold)
    return 0.0 if needed is None else float(binom.sf(needed - 1, n, share))


def least_rows(n: int, m: int, threshold: float) -> int | None:
    """The fewest data in a cell without samples whose p-value is at most `threshold`; None where n are not enough."""

    def rejects(count: int) -> bool:
        return float(hypergeom.cdf(0, n + m, count, m)) <= threshold

    if not rejects(n):
        return None
    low, high = 0, n  # p falls with the count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rejects(middle) else (middle, high)
    return high


def rows_for(share: float, wanted: float, *, level: float, n_cells: int, most: int = 10**7) -> int | None:
    """The fewest data, with as many samples, from which on `power` is at least `wanted`; None above `most`.

    Power is a sawtooth of n: it falls where a cell without samples needs one row more. P(none of x rows is a sample)
    is at most 2⁻ˣ, so that from n with P(Bin(n, share) ≥ ⌈log₂(n_cells/level)⌉) ≥ wanted on it is enough: every larger
    n is. From there it is followed down to the first n that is not.
    """
    share, wanted = real_number(share, "share", above=0, below=1), real_number(wanted, "wanted", above=0, below=1)
    threshold = real_number(level, "level", above=0, below=1) / whole_number(n_cells, "n_cells", 1)
    teeth = math.ceil(-math.log2(threshold))

    low, high = 0, 1
    while binom.sf(teeth - 1, high, share) < wanted:
        low, high = high, 2 * high
        if low > most:
            return None
    while high - low > 1:  # rises with n
        middle = (low + high) // 2
        low, high = (low, middle) if binom.sf(teeth - 1, middle, share) >= wanted else (middle, high)
    while high > 1 and power(share, high - 1, high - 1, level=level, n_cells=n_cells) >= wanted:
        high -= 1
    return high if high <= most else None
