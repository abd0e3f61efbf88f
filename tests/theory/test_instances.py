"""Instances: exact laws, with the share of zeros, ties and disjoint supports that they promise."""

from collections import Counter

import numpy as np

from theory.certified import ball, log2, precision
from theory.exact import Q
from theory.instances import CASES, DENOMINATOR, Normal, pairs, pmf, points, probabilities


def test_pairs_are_laws_whose_cases_are_what_they_say():
    drawn = list(pairs(np.random.default_rng(0), 300))
    for pair in drawn:
        for law in (pair.p, pair.q):
            assert sum(law) == 1
            assert min(law) >= 0
            assert all(mass.q <= DENOMINATOR for mass in law)
        if pair.case == "disjoint":
            assert pair.total_variation == 1
        if pair.case == "equal":
            assert pair.total_variation == 0
        if pair.case == "point masses":
            assert pair.total_variation in (0, 1)
    assert set(Counter(pair.case for pair in drawn).values()) == {300 // len(CASES)}
    zeros = sum(any(mass == 0 for mass in pair.p + pair.q) for pair in drawn)
    ties = sum(any(a == b for a, b in zip(pair.p, pair.q, strict=True)) for pair in drawn)
    assert zeros >= 0.3 * len(drawn)
    assert ties >= 0.3 * len(drawn)
    assert sum(pair.total_variation in (0, 1) for pair in drawn) >= 0.3 * len(drawn)


def test_the_same_generator_draws_the_same_instances():
    first, second = (list(pairs(np.random.default_rng(7), 12)) for _ in range(2))
    assert first == second
    assert pmf(np.random.default_rng(1), 1) == [1]


def test_probabilities_reach_both_ends_and_points_repeat():
    drawn = probabilities(np.random.default_rng(3), 600)
    assert all(0 <= p <= 1 for p in drawn)
    assert drawn.count(0) > 30
    assert drawn.count(1) > 30
    at = points(np.random.default_rng(3), 200)
    assert len(set(at)) < len(at)
    assert all(abs(x) <= 6 for x in at)


def test_normal_kl_is_a_number_where_inexact_means_meet():
    third = Normal("0.3", 1)
    with precision(128):
        assert third.kl_to(Normal("0.3", 1)).contains(0)
        assert (Normal("0.3", 2).kl_to(third) - (ball(Q(3, 2)) - log2())).contains(0)
