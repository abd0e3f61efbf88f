"""Automatic mutants: which changes are made, that they compile, and what a check's resolution says."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb

from theory.claim import Certified, Exact, Holds, Refuted, claim, claims_registry
from theory.exact import Q
from theory.mutation import automatic_mutants
from theory.resolution import measure_resolution, scaled
from theory.trial import ILL_FORMED, trials
from theory.verify import RESOLUTION_BUDGET


@pytest.fixture
def make():
    """Makes a throw-away claim of a check."""
    made = []

    def enter(check, **options):
        made.append(f"throwaway-{len(made)}")
        return claim(made[-1], says="", source="", method=Certified, **options)(check)

    yield enter
    for name in made:
        claims_registry._members.pop(name)


def names(claim):
    return [mutant.name for mutant in automatic_mutants(claim)]


def test_each_kind_of_change_is_made(make):
    def check(*, f=lambda x, y: 2 * x - y):
        return Holds()

    assert names(make(check)) == [
        "f = lambda y, x: 2 * x - y",
        "f = lambda x, y: 2 * x + y",
        "f = lambda x, y: 2 * x",
        "f = lambda x, y: -y",
        "f = lambda x, y: 2 * 1.01 * x - y",
        "f = lambda x, y: 2 * 0.99 * x - y",
    ]


def test_numbers_calls_powers_and_subscripts(make):
    def check(*, rate=Q(1, 2), g=lambda x: -(x[1] ** 2), h=lambda x: pow(x, 3), top=lambda x: max(x, 0)):
        return Holds()

    found = names(make(check))
    assert "rate = Q(1 * 1.01, 2)" in found
    assert "rate = Q(2, 1)" in found
    assert "g = lambda x: x[1] ** 2" in found
    assert "g = lambda x: -x[2] ** 2" in found
    assert "g = lambda x: -x[0] ** 2" in found
    assert "g = lambda x: -x[1] ** 3" in found
    assert "g = lambda x: -x[1] ** (2 * 1.01)" in found
    assert "h = lambda x: pow(3, x)" in found
    assert not any("max(0, x)" in name for name in found), "max has no order"
    assert not any("x[1 * 1.01]" in name for name in found)


def area(width, height):
    """A formula with a name of its own."""
    half = width / 2
    half += height - height
    return half * height


def test_a_whole_number_alone_and_a_whole_root_are_counts_too(make):
    def check(*, m=3, gap=0, root=lambda h: isqrt(3 * h)):  # noqa: F821
        return Holds()

    assert names(make(check)) == [
        "m = 3 * 1.01", "m = 3 * 0.99", "m = 4", "m = 2",
        "root = lambda h: isqrt(4 * h)", "root = lambda h: isqrt(2 * h)",
    ]  # fmt: skip


def outcomes_of(claim):
    return {trial.name: trial.perform().outcome for trial in trials(claim, automatic=True)[1:]}


def test_what_is_left_of_a_sum_is_a_number_of_the_type_that_is_needed(make):
    def check(*, log_of=lambda x: (1 + x).log()):
        return Holds() if log_of(Q(1)).overlaps(arb(2).log()) else Refuted(value=log_of(Q(1)))

    found = outcomes_of(make(check))
    assert found["log_of = lambda x: 1 .log()"] == "REFUTED"
    assert found["log_of = lambda x: x.log()"] == ILL_FORMED  # a rational has no logarithm


def test_a_formula_without_a_value_where_the_true_one_has_one_is_refuted(make):
    def check(*, share=lambda n: 1 / Q(n + 1)):
        return Holds() if [share(n) for n in range(3)] == [1, Q(1, 2), Q(1, 3)] else Refuted()

    found = outcomes_of(make(check))
    assert found["share = lambda n: 1 / Q(n - 1)"] == found["share = lambda n: 1 / Q(n)"] == "REFUTED"

    def divides_itself(*, zero=lambda n: n - n):
        return Holds() if zero(2) == 0 else Refuted(part=1 / (zero(2) + 2))

    assert outcomes_of(make(divides_itself))["zero = lambda n: -n"] == ILL_FORMED, "the check divided, no formula did"


def test_powers_of_rationals_are_whole(make):
    def check(*, square=lambda n: Q(n) ** 2, root=lambda h: isqrt(h**2)):  # noqa: F821
        return Holds()

    made = make(check)
    inside = {"root = lambda h: isqrt(h ** 3)", "root = lambda h: isqrt(h ** 1)"}
    squares = {"square = lambda n: Q(n) ** 3", "square = lambda n: Q(n) ** 1"}
    halves = {"square = lambda n: Q(n) ** (2 * 1.01)", "square = lambda n: Q(n) ** (2 * 0.99)"}
    assert set(names(made)) == inside | squares | halves
    made.methods = (Exact,)
    assert set(names(made)) == inside | squares


def test_a_named_formula_of_the_module_is_rewritten_and_its_docstring_left_alone(make):
    def check(*, f=area, label="text", flag=True):
        return Holds() if f(Q(4), Q(3)) == 6 else Refuted(area=f(Q(4), Q(3)))

    made = make(check)
    found = names(made)
    assert "f = half = width / (2 * 1.01)" in found
    assert "f = half -= height - height" in found
    assert not any("name of its own" in name for name in found)
    assert not any(name.startswith(("label", "flag")) for name in found)
    outcomes = {trial.name: trial.perform().outcome for trial in trials(made, automatic=True)}
    assert outcomes["f = half = width / (2 * 1.01)"] == "REFUTED"
    assert outcomes["f = def area(height, width):"] == "HOLDS", "a product: the area does not tell its sides apart"


def test_constants_are_changed_in_the_numbers_of_the_check(make):
    def in_fractions(*, f=lambda n: Fraction(1, n)):
        return Holds() if f(2) == Fraction(1, 2) else Refuted()

    def in_floats(*, f=lambda x: 2 * np.log(x)):
        return Holds() if np.allclose(f(np.ones(2) * 3), np.log([9, 9]), rtol=1e-6) else Refuted()

    def in_whole_numbers(*, f=lambda n: sum(range(4)) + n[0]):
        return Holds() if f([1]) == 7 else Refuted()

    for check in (in_fractions, in_floats):
        made = make(check)
        for trial in trials(made, automatic=True)[1:]:
            if trial.name != "f = lambda n: Fraction(n, 1)":
                assert trial.perform().outcome == "REFUTED", trial.name
    outcomes = {t.name: t.perform() for t in trials(make(in_whole_numbers), automatic=True)[1:]}
    ill = [result for result in outcomes.values() if result.outcome == ILL_FORMED]
    assert "IndexError" in ill[0].evidence["error"]
    assert outcomes["f = lambda n: sum(range(5)) + n[0]"].outcome == "REFUTED"


def test_the_resolution_is_the_finest_decade_that_is_refuted(make):
    def check(*, value=1.0):
        return Holds() if abs(value - 1) <= 2e-5 else Refuted()

    made = make(check)
    found = measure_resolution(made, made.setting(), 6)
    assert (found.epsilon, found.spec, str(found)) == (1e-4, "value", "1e-4")


@pytest.mark.parametrize("decade", range(1, 13))
def test_the_default_number_of_steps_always_ends_the_search(make, decade):
    def check(*, value=1.0):
        return Holds() if abs(value - 1) < 0.5 * 10.0**-decade else Refuted()

    made = make(check)
    found = measure_resolution(made, made.setting(), RESOLUTION_BUDGET)
    assert (found.epsilon, found.note) == (10.0**-decade, "")


def test_the_resolution_says_why_there_is_none(make):
    def blind(*, value=1.0):
        return Holds()

    def words(*, value=lambda: "a word"):
        return Holds(word=value())

    def flags(*, flag=True):
        return Holds()

    assert "no perturbation" in measure_resolution(make(blind), make(blind).setting(), 5).note
    assert "is no number" in measure_resolution(make(words), make(words).setting(), 5).note
    assert "no spec" in measure_resolution(make(flags), make(flags).setting(), 5).note
    refused = make(blind, no_resolution="integers only")
    assert measure_resolution(refused, refused.setting(), 5).note == "integers only"


def test_a_search_that_runs_out_of_steps_gives_an_upper_bound(make):
    def check(*, value=1.0):
        return Holds() if value == 1 else Refuted()

    made = make(check)
    found = measure_resolution(made, made.setting(), 1)
    assert found.epsilon == 1e-2
    assert "at most" in found.note


def test_a_perturbation_is_exact_in_the_numbers_of_the_value():
    factor = 1 + Fraction(1, 10**12)
    assert scaled(2, factor) == Q(2 * (10**12 + 1), 10**12)
    assert scaled(Fraction(1, 3), factor) == Fraction(1, 3) * factor
    assert scaled((Q(1, 3),), factor) == (Q(10**12 + 1, 3 * 10**12),)
    assert scaled(np.array([1, Q(1, 2)], dtype=object), factor)[1] == Q(10**12 + 1, 2 * 10**12)
    assert scaled(np.ones(2), Fraction(3, 2)).tolist() == [1.5, 1.5]
