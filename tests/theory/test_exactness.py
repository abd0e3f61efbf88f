"""An exact claim refuses rounded numbers wherever they are handed over, and draws that its setting does not know."""

import math
import random

import numpy as np
import pytest
from flint import arb

from theory.claim import Certified, Exact, Holds, Refuted, claim, claims_registry
from theory.exact import Q
from theory.exactness import HiddenDraw, Inexact, no_hidden_draws, require_exact
from theory.outcome import encode
from theory.trial import trials

TOL = 1e-4
ENDLESS = math.inf


@pytest.fixture
def outcome():
    """What the true statement of a throw-away claim with this check comes to: its outcome or its error."""

    def run(check, *, method=Exact, **specs):
        made = claim("throwaway", says="", source="", method=method)(check)
        try:
            if specs:
                made.mutant("changed", **specs)
            result = trials(made)[-1].perform()
        finally:
            claims_registry._members.pop("throwaway")
        return result.evidence.get("error", result.outcome)

    return run


def of_a_half(*, half=lambda n: Q(n, 2)):
    return Holds() if half(3) == Q(3, 2) else Refuted()


def evidence_in_floats(*, half=lambda n: Q(n, 2)):
    return Holds(value=float(half(3).p) / 2)


def tolerant(*, half=lambda n: Q(n, 2)):
    return Holds() if abs(int(2 * half(3)) / 2 - 1.5) < 1e-9 else Refuted()


def close(*, half=lambda n: Q(n, 2)):
    return Holds() if np.isclose(int(2 * half(3)), 3) else Refuted()


def by_a_constant(*, half=lambda n: Q(n, 2)):
    return Holds() if abs(int(2 * half(3)) - 3) < TOL else Refuted()


def by_division(*, half=lambda n: Q(n, 2)):
    return Holds() if float(1) / 3 * int(2 * half(3)) - 1 < int(half(2)) else Refuted()


def by_a_power(*, half=lambda n: Q(n, 2)):
    return Holds() if abs(int(2 * half(3)) - 3) < 10**-3 else Refuted()


def by_roots(*, half=lambda n: Q(n, 2)):
    return Holds() if math.sqrt(int(half(8))) == 2 else Refuted()


def by_roots_of_arrays(*, half=lambda n: Q(n, 2)):
    return Holds() if np.equal(np.sqrt(int(half(8))), 2) else Refuted()


def under_another_name(*, half=lambda n: Q(n, 2)):
    rng = np.random.default_rng
    return Holds() if np.less(rng(0).normal() - 10, int(half(2))) else Refuted()


def exactly_compared(*, half=lambda n: Q(n, 2)):
    TOL = Q(1, 10**4)  # a local name hides the global one
    fine = abs(half(3) - Q(3, 2)) < TOL and math.comb(4, 2) == 6 and np.less(int(half(2)), 2)
    fine = fine and int(half(2)) < ENDLESS
    return Holds() if fine else Refuted()


def fixed_seed(*, half=lambda n: Q(n, 2)):
    return Holds() if half(int(np.random.default_rng(0).integers(1))) == 0 else Refuted()


def through_a_helper(*, half=lambda n: Q(n, 2)):
    return fixed_seed(half=half)


def drawn(setting, *, half=lambda n: Q(n, 2)):
    n, skipped = int(setting.rng().integers(9)), setting.rng(1).random() < 0.5
    again = np.random.default_rng(setting.rng(2).integers(2**31))
    return Holds() if half(2 * n) == n and skipped in (True, False) and again else Refuted()


def global_draw(*, half=lambda n: Q(n, 2)):
    return Holds() if half(0) == int(np.random.rand()) else Refuted()  # noqa: NPY002


def test_an_exact_check_is_left_alone(outcome):
    assert outcome(of_a_half) == outcome(drawn) == outcome(exactly_compared) == "HOLDS"


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (evidence_in_floats, "the evidence 'value' is 1.5, a rounded number"),
        (tolerant, "compares with a rounded number"),
        (by_a_constant, "compares with a rounded number, 'abs(int(2 * half(3)) - 3) < TOL'"),
        (by_division, "compares with a rounded number"),
        (by_a_power, "compares with a rounded number, 'abs(int(2 * half(3)) - 3) < 10 ** (-3)'"),
        (by_roots, "compares with a rounded number, 'math.sqrt("),
        (by_roots_of_arrays, "compares with a rounded number, 'np.equal("),
        (under_another_name, "gives 'np.random.default_rng', a maker of generators, another name"),
        (close, "compares with a tolerance"),
        (fixed_seed, "makes a generator of its own"),
        (through_a_helper, "fixed_seed makes a generator of its own"),
        (global_draw, "drew from the global generator of numpy.random"),
    ],
)
def test_what_rounds_or_draws_is_refused_with_the_remedy(outcome, check, told):
    assert told in outcome(check)
    # A claim that samples or encloses besides says so, and is free to; no claim has the global generators.
    assert outcome(check, method=(Exact, Certified)) == (outcome(check) if check is global_draw else "HOLDS")


def test_a_formula_is_exact_in_what_it_is_given_and_in_what_it_yields(outcome):
    assert "a value of throwaway: half is 1.5" in outcome(of_a_half, half=lambda n: n / 2)
    assert "an argument of throwaway: half is 3.0" in outcome(
        lambda *, half=lambda n: Q(int(n), 2): Holds(n=half(float(3))), half=lambda n: Q(int(n), 2)
    )
    assert "throwaway: rate is 0.5" in outcome(lambda *, rate=0.5: Holds(doubled=int(2 * rate)))


@pytest.mark.parametrize(
    ("value", "told"),
    [(1, 1), (True, True), (None, None), ("0.5", "0.5"), (Q(1, 3), "1/3"), (float("inf"), "inf"),
     (arb(2), "2.0000000000000000000"),
     ([Q(1)], ["1"]), ({"a": (1, 2)}, {"a": [1, 2]}), (np.arange(3), [0, 1, 2]), (np.empty(0), [])],
)  # fmt: skip
def test_exact_values_pass_and_are_told_as_they_are(value, told):
    require_exact(value, "it")
    assert encode(value) == told


@pytest.mark.parametrize(
    "value",
    [0.5, float("nan"), 1j, np.float32(1), np.ones(2), np.array([0.5], dtype=object), [Q(1), [0.5]], {"a": 0.5},
     {0.5}, arb(1) / 3, arb(1, 1)],
)  # fmt: skip
def test_rounded_values_do_not(value):
    with pytest.raises(Inexact, match=r"it is .*use rationals"):
        require_exact(value, "it")


def test_the_global_generators_are_watched():
    torch = pytest.importorskip("torch")
    for draw, name in ((random.random, "random"), (lambda: torch.rand(1), "torch")):
        told = f"a check drew from the global generator of {name};"
        with pytest.raises(HiddenDraw, match=told), no_hidden_draws("a check"):
            draw()
    with no_hidden_draws("a check"):
        np.random.default_rng().random()
