"""Rationals, and linear programs solved in rationals.

The rational type is flint's `fmpq`, called `Q` here. It is several times faster than Fraction,
mixes with Arb balls without a conversion, and refuses floats: `Q(1, 2) * 0.5` raises TypeError
where a Fraction would silently become a float, so no rounding slips into an exact check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat
from scipy.optimize import linprog

Q = fmpq
Rational = Any  # int or fmpq: flint publishes no types


def rational(value: Any) -> fmpq:
    """`value` as an exact rational: int, NumPy integer, Fraction, fmpq or text ("0.3"); a float raises TypeError."""
    if isinstance(value, fmpq):
        return value
    if isinstance(value, int | np.integer):
        return fmpq(int(value))
    if isinstance(value, str):
        value = Fraction(value)
    if isinstance(value, Fraction):
        return fmpq(value.numerator, value.denominator)
    raise TypeError(f"{value!r} is no exact number; write it as Q(p, q) or as text")


def rationals(values: Iterable[Any]) -> list[fmpq]:
    """Each value as `rational` reads it, in order; raises TypeError for a float among them."""
    return [rational(value) for value in values]


def total(values: Iterable[Rational]) -> fmpq:
    """Σ values, 0 of the rationals for none."""
    return sum(values, fmpq(0))


def multiplied(values: Iterable[Rational]) -> fmpq:
    """∏ values, 1 of the rationals for none."""
    return prod(values, start=fmpq(1))


def dot(a: Iterable[Rational], b: Iterable[Rational]) -> fmpq:
    """Σ aᵢ bᵢ; raises ValueError for unequal lengths."""
    return total(x * y for x, y in zip(a, b, strict=True))


class Infeasible(ValueError):
    """No point satisfies the constraints."""


class Unbounded(ValueError):
    """The objective has no bound over the feasible set."""


@dataclass(frozen=True)
class Optimum:
    """An optimum proved in rationals: A x = b, x ≥ 0, Aᵀ y ≤ c and cᵀx = bᵀy."""

    value: fmpq
    x: list[fmpq]
    y: list[fmpq]


def minimise(
    c: Sequence[Rational], equal: Sequence[tuple[Sequence[Rational], Rational]] = (), *,
    at_most: Sequence[tuple[Sequence[Rational], Rational]] = (),
) -> Optimum:  # fmt: skip
    """min cᵀx over x ≥ 0 with a·x = b for (a, b) in `equal` and a·x ≤ b for (a, b) in `at_most`.

    HiGHS proposes a vertex in floats; its basis is solved in rationals, improved by exact pivots
    (Bland's rule) if it is not optimal, and the result is proved by feasibility of x and y and
    equality of the two objectives. `x` holds the original variables, `y` one multiplier a row,
    rows of `equal` first. Raises Infeasible or Unbounded.
    """
    slacks = len(at_most)
    rows = [[*rationals(a), *[fmpq(0)] * slacks] for a, _ in equal]
    for position, (a, _) in enumerate(at_most):
        rows.append([*rationals(a), *[fmpq(int(position == k)) for k in range(slacks)]])
    b = rationals([right for _, right in equal] + [right for _, right in at_most])
    costs = [*rationals(c), *[fmpq(0)] * slacks]
    independent = _independent_rows(rows, b)
    A, kept = [rows[i] for i in independent], [b[i] for i in independent]
    x, multipliers = _simplex(A, kept, costs, _proposal(costs, A, kept))
    y = [fmpq(0)] * len(b)
    for i, multiplier in zip(independent, multipliers, strict=True):
        y[i] = multiplier
    value = dot(costs, x)
    _prove(rows, b, costs, x, y, value)
    return Optimum(value, x[: len(c)], y)


def maximise(
    c: Sequence[Rational], equal: Sequence[tuple[Sequence[Rational], Rational]] = (), *,
    at_most: Sequence[tuple[Sequence[Rational], Rational]] = (),
) -> Optimum:  # fmt: skip
    """max cᵀx under the constraints of `minimise`; `y` are the multipliers of the maximum: Aᵀ y ≥ c."""
    found = minimise([-rational(value) for value in c], equal, at_most=at_most)
    return Optimum(-found.value, found.x, [-value for value in found.y])


def _prove(rows: list, b: list, c: list, x: list, y: list, value: fmpq) -> None:
    primal = all(entry >= 0 for entry in x) and all(dot(a, x) == right for a, right in zip(rows, b, strict=True))
    dual = all(dot([row[j] for row in rows], y) <= c[j] for j in range(len(c)))
    if not (primal and dual and dot(b, y) == value):
        raise ArithmeticError("the linear program's basis failed its exact verification; this is a defect of exact.py")


def _independent_rows(rows: list[list[fmpq]], b: list[fmpq]) -> list[int]:
    """Rows that form a basis of all rows; raises Infeasible if a dependent row contradicts them."""
    reduced: list[tuple[int, list[fmpq]]] = []
    kept = []
    for index, row in enumerate(rows):
        work = [*row, b[index]]
        for pivot, other in reduced:
            if work[pivot] != 0:
                factor = work[pivot]
                work = [u - factor * v for u, v in zip(work, other, strict=True)]
        pivot = next((j for j, entry in enumerate(work[:-1]) if entry != 0), -1)
        if pivot < 0:
            if work[-1] != 0:
                raise Infeasible(f"row {index} of the constraints contradicts the rows before it")
            continue
        lead = work[pivot]
        reduced.append((pivot, [entry / lead for entry in work]))
        kept.append(index)
    return kept


def _proposal(c: list, A: list, b: list) -> list[int]:
    """Columns as HiGHS would have them in the basis: positive values first, then small reduced costs."""
    if not A:
        return []
    matrix, right, costs = (
        np.array([[float(v) for v in row] for row in A]),
        [float(v) for v in b],
        [float(v) for v in c],
    )
    found = linprog(costs, A_eq=matrix, b_eq=right, bounds=(0, None), method="highs-ds")
    if found.status == 2:
        raise Infeasible("HiGHS finds no feasible point")
    if found.status == 3:
        raise Unbounded("HiGHS finds an unbounded ray")
    if found.x is None:
        raise ArithmeticError(f"HiGHS proposes no vertex: {found.message}")
    reduced_costs = np.array(costs) - matrix.T @ found.eqlin.marginals
    positive = found.x > 1e-9  # HiGHS's own feasibility tolerance is 1e-7 on unscaled rows; a miss costs a pivot
    return [int(j) for j in np.lexsort((np.abs(reduced_costs), ~positive))]


def _simplex(A: list, b: list, c: list, order: list[int]) -> tuple[list[fmpq], list[fmpq]]:
    """Exact primal simplex from the basis that `order` proposes."""
    rows, columns = len(A), len(c)
    if rows == 0:
        if any(cost < 0 for cost in c):
            raise Unbounded("a variable without a constraint has a negative cost")
        return [fmpq(0)] * columns, []
    basis = _first_basis(A, order)
    while True:
        B = fmpq_mat([[A[i][j] for j in basis] for i in range(rows)])
        inverse = B.inv()
        values = [dot([inverse[i, k] for k in range(rows)], b) for i in range(rows)]
        if any(value < 0 for value in values):
            raise ArithmeticError("the proposed vertex is not feasible in rationals; scale the program's rows")
        y = [dot([c[j] for j in basis], [inverse[k, i] for k in range(rows)]) for i in range(rows)]
        entering = next((j for j in range(columns) if c[j] < dot([row[j] for row in A], y)), None)
        if entering is None:
            x = [fmpq(0)] * columns
            for j, value in zip(basis, values, strict=True):
                x[j] = value
            return x, y
        step = [dot([inverse[i, k] for k in range(rows)], [row[entering] for row in A]) for i in range(rows)]
        ratios = [(values[i] / step[i], basis[i], i) for i in range(rows) if step[i] > 0]
        if not ratios:
            raise Unbounded("the objective has no bound over the feasible set")
        basis[min(ratios)[2]] = entering


def _first_basis(A: list, order: list[int]) -> list[int]:
    """The first columns, in this order, that are independent."""
    chosen: list[int] = []
    reduced: list[tuple[int, list[fmpq]]] = []
    for j in order:
        work = [row[j] for row in A]
        for pivot, other in reduced:
            if work[pivot] != 0:
                factor = work[pivot]
                work = [u - factor * v for u, v in zip(work, other, strict=True)]
        pivot = next((i for i, entry in enumerate(work) if entry != 0), -1)
        if pivot >= 0:
            lead = work[pivot]
            reduced.append((pivot, [entry / lead for entry in work]))
            chosen.append(j)
            if len(chosen) == len(A):
                break
    return chosen


def is_positive_semidefinite(matrix: Sequence[Sequence[Rational]]) -> bool:
    """Whether a rational matrix is positive semidefinite, by exact LDLᵀ; raises ValueError if not symmetric."""
    work = [rationals(row) for row in matrix]
    size = len(work)
    if any(len(row) != size for row in work) or any(work[i][j] != work[j][i] for i in range(size) for j in range(i)):
        raise ValueError("matrix must be square and symmetric")
    for k in range(size):
        pivot = work[k][k]
        if pivot < 0 or (pivot == 0 and any(work[k][j] != 0 for j in range(k + 1, size))):
            return False
        for i in range(k + 1, size if pivot != 0 else 0):
            factor = work[i][k] / pivot
            work[i] = [u - factor * v for u, v in zip(work[i], work[k], strict=True)]
    return True
