"""Rationals stay rational, and linear programs end in a proof or in a named error."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.exact import Infeasible, Q, Unbounded, dot, is_positive_semidefinite, maximise, minimise, rational


def test_a_rational_is_made_of_exact_numbers_only():
    assert rational("0.3") == rational(Fraction(3, 10)) == Q(3, 10)
    assert rational(np.int64(4)) == Q(4)
    with pytest.raises(TypeError, match="no exact number"):
        rational(0.3)
    with pytest.raises(TypeError):
        Q(1, 2) * 0.5


def transport(costs, p, q):
    """The rows of the transport polytope between p and q."""
    k, l = len(p), len(q)
    rows = [([int(a == i) for a in range(k) for _ in range(l)], p[i]) for i in range(k)]
    rows += [([int(b == j) for _ in range(k) for b in range(l)], q[j]) for j in range(l)]
    return minimise([c for row in costs for c in row], rows)


def test_transport_on_a_line_equals_the_area_between_the_cdfs():
    p, q = [Q(1, 2), Q(1, 3), Q(1, 6), Q(0)], [Q(0), Q(1, 4), Q(1, 4), Q(1, 2)]
    found = transport([[abs(i - j) for j in range(4)] for i in range(4)], p, q)
    cdf_gaps = [abs(sum(p[: i + 1], Q(0)) - sum(q[: i + 1], Q(0))) for i in range(4)]
    assert found.value == sum(cdf_gaps, Q(0))
    assert dot([u for pair in zip(p, q, strict=True) for u in pair], [0] * 8) == 0


@given(st.lists(st.integers(-5, 5), min_size=3, max_size=3), st.integers(0, 9), st.integers(1, 9))
def test_a_program_with_bounds_has_the_best_vertex(c, low, width):
    # x0 + x1 + x2 = low + width, x0 ≤ low: enumerate the vertices.
    whole = low + width
    best = max(max(c[1], c[2]) * whole, c[0] * low + max(c[1], c[2]) * width)
    assert maximise(c, [([1, 1, 1], whole)], at_most=[([1, 0, 0], low)]).value == best


def test_a_degenerate_program_is_proved_too():
    # Beale's program, on which careless pivoting cycles.
    found = minimise(
        [Q(-3, 4), 150, Q(-1, 50), 6],
        at_most=[([Q(1, 4), -60, Q(-1, 25), 9], 0), ([Q(1, 2), -90, Q(-1, 50), 3], 0), ([0, 0, 1, 0], 1)],
    )
    assert found.value == Q(-1, 20)


@pytest.fixture
def slacks_first(monkeypatch):
    """A proposal that is feasible for b ≥ 0 and as far from the optimum as can be: exact pivots must do the rest."""
    monkeypatch.setattr("theory.exact._proposal", lambda c, A, b: range(len(c) - 1, -1, -1))


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=4), st.integers(1, 5))
def test_exact_pivots_reach_the_optimum_that_is_proposed_otherwise(rows, bound):
    at_most = [(row, bound + i) for i, row in enumerate(rows)] + [([1, 1, 1], 10)]
    proposed = maximise([3, 2, 4], at_most=at_most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("theory.exact._proposal", lambda c, A, b: range(len(c) - 1, -1, -1))
        assert maximise([3, 2, 4], at_most=at_most).value == proposed.value


@pytest.mark.usefixtures("slacks_first")
def test_exact_pivots_do_not_cycle_and_find_rays():
    beale = [([Q(1, 4), -60, Q(-1, 25), 9], 0), ([Q(1, 2), -90, Q(-1, 50), 3], 0), ([0, 0, 1, 0], 1)]
    assert minimise([Q(-3, 4), 150, Q(-1, 50), 6], at_most=beale).value == Q(-1, 20)
    with pytest.raises(Unbounded):
        maximise([1, 0], at_most=[([1, -1], 0)])


@pytest.mark.usefixtures("slacks_first")
def test_a_proposal_that_is_not_feasible_is_a_defect_that_says_so():
    with pytest.raises(ArithmeticError, match="not feasible in rationals"):
        minimise([1], at_most=[([-1], -1)])


def test_infeasible_and_unbounded_programs_say_so():
    with pytest.raises(Infeasible, match="row 1"):
        minimise([1, 1], [([1, 1], 1), ([2, 2], 3)])
    with pytest.raises(Infeasible):
        minimise([1], [([1], -1)])
    with pytest.raises(Unbounded):
        minimise([-1, 0], [([1, -1], 0)])
    with pytest.raises(Unbounded):
        minimise([-1])


def test_the_multipliers_of_a_maximum_bound_it_from_above():
    found = maximise([3, 2], at_most=[([1, 1], 4), ([1, 3], 6)])
    assert (found.value, found.x, found.y) == (Q(12), [Q(4), Q(0)], [Q(3), Q(0)])
    assert all(dot(column, found.y) >= c for column, c in (([1, 1], 3), ([1, 3], 2)))


def test_dependent_rows_do_not_matter():
    assert minimise([1, 2], [([1, 1], 1), ([2, 2], 2)]).value == 1


def test_semidefiniteness_is_decided_exactly_at_the_boundary():
    assert is_positive_semidefinite([[1, 1], [1, 1]])
    assert not is_positive_semidefinite([[1, 1], [1, 1 - Q(1, 10**40)]])
    assert not is_positive_semidefinite([[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="symmetric"):
        is_positive_semidefinite([[1, 2], [3, 4]])
