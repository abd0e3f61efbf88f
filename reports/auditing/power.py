"""How surely an audit of this size sees a mode that the sampler dropped."""

from __future__ import annotations

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
    """The fewest data, with as many samples, whose `power` is at least `wanted`, to 1 %; None above `most`."""
    low, high = 1, 2
    while power(share, high, high, level=level, n_cells=n_cells) < wanted:
        low, high = high, 2 * high
        if high > most:
            return None
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        if power(share, middle, middle, level=level, n_cells=n_cells) >= wanted:
            high = middle
        else:
            low = middle
    return high
