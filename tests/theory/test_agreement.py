"""Claims hold the code to the truth through these: exact float laws, and certificates that must contain the truth."""

import math

import numpy as np
from flint import arb, fmpq

from estimators.result import Certificate, Estimate
from theory.agreement import decide_estimate, decide_same, estimated, estimated_between, float_law, float_pairs
from theory.certified import jsd, kl, precision
from theory.outcome import Holds, Inconclusive, Refuted


def test_the_masses_of_a_float_pair_are_floats_that_sum_to_one():
    drawn = list(float_pairs(np.random.default_rng(0), 60))
    for pair in drawn:
        for law in (pair.p, pair.q):
            assert sum(law, fmpq(0)) == 1
            assert all(fmpq(*float(mass).as_integer_ratio()) == mass for mass in law)
    by_case = {pair.case: pair for pair in drawn}
    assert by_case["disjoint"].total_variation == 1
    assert by_case["equal"].total_variation == 0
    assert {pair.case for pair in drawn} == set(by_case)
    assert any(0 in pair.q for pair in drawn if pair.case == "zeros")


def test_a_drawn_support_is_not_empty():
    rng = np.random.default_rng(0)
    assert all(sum(float_law(rng, 3), fmpq(0)) == 1 for _ in range(50))


def test_an_estimate_agrees_exactly_if_its_certificate_contains_the_value():
    estimate = Estimate(0.5, certificate=Certificate("rounding", 0.4999, 0.5001))
    assert isinstance(decide_estimate(estimate, fmpq(1, 2)), Holds)
    assert isinstance(decide_estimate(estimate, fmpq(51, 100)), Refuted)
    assert isinstance(decide_estimate(estimate, fmpq(49, 100)), Refuted)
    assert isinstance(decide_estimate(estimate, arb(0.5, 0.1)), Inconclusive)


def test_an_infinite_estimate_agrees_with_an_infinite_value_only():
    finite = Estimate(0.5, certificate=Certificate("rounding", 0.5, 0.5))
    infinite = Estimate(math.inf, certificate=Certificate("rounding", math.inf, math.inf))
    assert isinstance(decide_estimate(infinite, arb("inf")), Holds)
    assert isinstance(decide_estimate(infinite, fmpq(1, 2)), Refuted)
    assert isinstance(decide_estimate(finite, arb("inf")), Refuted)


def test_the_code_is_told_from_its_neighbours():
    p, q = [fmpq(1, 4), fmpq(3, 4)], [fmpq(1, 2), fmpq(1, 2)]
    with precision(128):
        assert isinstance(decide_estimate(estimated("kl", p, q), kl(p, q)), Holds)
        assert isinstance(decide_estimate(estimated("reverse-kl", p, q), kl(p, q)), Refuted)
        assert isinstance(decide_estimate(estimated_between("jsd", [0, 1], p, q), jsd(p, q)), Holds)
    assert isinstance(decide_estimate(estimated_between("wasserstein", [(0, 0), (3, 4)], p, q), fmpq(5, 4)), Holds)


def test_two_divergences_are_the_same_if_equal_or_both_infinite():
    assert isinstance(decide_same(fmpq(1, 2), fmpq(2, 4)), Holds)
    assert isinstance(decide_same(fmpq(1, 2), fmpq(1, 3)), Refuted)
    assert isinstance(decide_same(arb("inf"), arb("inf")), Holds)
    assert isinstance(decide_same(arb("inf"), fmpq(1)), Refuted)
    assert isinstance(decide_same(arb("inf"), arb("-inf")), Refuted)


def test_what_is_no_number_agrees_with_nothing():
    infinite = Estimate(math.inf, certificate=Certificate("rounding", math.inf, math.inf))
    finite = Estimate(0.5, certificate=Certificate("rounding", 0.5, 0.5))
    for unknown in (arb("nan"), arb(0, arb("inf"))):
        for other in (unknown, arb("inf"), fmpq(1)):
            assert isinstance(decide_same(unknown, other), Inconclusive)
            assert isinstance(decide_same(other, unknown), Inconclusive)
        for estimate in (infinite, finite):
            assert isinstance(decide_estimate(estimate, unknown), Inconclusive)
    assert isinstance(decide_estimate(infinite, arb("-inf")), Refuted)
