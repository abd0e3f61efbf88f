"""Every registered divergence keeps the laws that it claims, and breaks those that it does not claim."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimators import Empirical, divergences

UNIT = np.finfo(float).eps / 2
NAMES = sorted(divergences)
ON_SAMPLES = [name for name in NAMES if divergences[name].takes == "samples"]


@st.composite
def measures(draw, dimension=None):
    """A measure on up to six points of a small lattice, with rational masses."""
    d = dimension or draw(st.sampled_from([1, 2]))
    atoms = draw(st.lists(st.tuples(*[st.integers(0, 4)] * d), min_size=1, max_size=6, unique=True))
    masses = draw(st.lists(st.integers(1, 12), min_size=len(atoms), max_size=len(atoms)))
    return Empirical(np.array(atoms, dtype=float), np.array(masses) / sum(masses))


@st.composite
def several(draw, count):
    d = draw(st.sampled_from([1, 2]))
    return tuple(draw(measures(d)) for _ in range(count))


def mapped(P, f):
    """The law of f(X)."""
    return Empirical(f(P.atoms), P.weights)


def slack(*estimates):
    """What the certificates leave open, and an ulp of each value: no other error is allowed."""
    return sum(e.certificate.gap + 2 * UNIT * abs(e.value) for e in estimates if math.isfinite(e.value))


def close(one, other, factor=1.0):
    return one.value == other.value * factor or abs(one.value - other.value * factor) <= slack(one, other) * max(
        factor, 1.0
    )


@pytest.fixture(scope="module")
def corpus():
    """Thirty measures on the same few atoms, for the laws whose failure is looked for."""
    rng = np.random.default_rng(0)
    lattice = np.array(list(itertools.product(range(3), range(2))), dtype=float)
    return [Empirical(lattice, rng.dirichlet(np.full(6, 0.4))) for _ in range(30)]


@pytest.mark.parametrize("name", NAMES)
@given(pair=several(2))
def test_zero_exactly_where_the_measures_are_equal(name, pair):
    D, (P, Q) = divergences[name], pair
    assert D(P, P).value == 0
    assert (D(P, Q).value == 0) == (P == Q)
    assert D(P, Q).value >= 0


@pytest.mark.parametrize("name", NAMES)
@given(pair=several(2))
def test_the_value_lies_in_its_certificate_and_the_measures_are_left_alone(name, pair):
    P, Q = pair
    before = P.atoms.tobytes(), P.weights.tobytes()
    found = divergences[name](P, Q)
    assert found.value in found.certificate
    assert found.stderr is None or divergences[name].monte_carlo  # given measures are not sampled
    assert before == (P.atoms.tobytes(), P.weights.tobytes())
    assert divergences[name](P, Q) == found


@pytest.mark.parametrize("name", [name for name in NAMES if divergences[name].symmetric])
@given(pair=several(2))
def test_symmetry_where_it_is_claimed(name, pair):
    D, (P, Q) = divergences[name], pair
    assert close(D(P, Q), D(Q, P))


@pytest.mark.parametrize("name", [name for name in NAMES if not divergences[name].symmetric])
def test_asymmetry_where_symmetry_is_not_claimed(name, corpus):
    D = divergences[name]
    assert any(not close(D(P, Q), D(Q, P)) for P, Q in itertools.pairwise(corpus))


@pytest.mark.parametrize("name", [name for name in NAMES if divergences[name].metric_power is not None])
@given(triple=several(3))
def test_the_triangle_inequality_where_it_is_claimed(name, triple):
    D, (P, Q, R) = divergences[name], triple
    power = D.metric_power
    # An upper end of the left side's certificate above the right's lower end would refute nothing.
    left = D(P, R).certificate.lower ** power
    right = D(P, Q).certificate.upper ** power + D(Q, R).certificate.upper ** power
    assert left <= right * (1 + 4 * UNIT)


@pytest.mark.parametrize("name", [name for name in NAMES if divergences[name].metric_power != 1.0])
def test_no_triangle_inequality_where_none_is_claimed(name):
    """Two coins by way of a third break it, or three measures of which one is far out and sets the scale."""
    D = divergences[name]
    coins = [Empirical([0, 1], [1 - t, t]) for t in (0.1, 0.3, 0.5, 0.7, 0.9)]
    scales = [Empirical([0, 1, 100], [0.3, 0.3, 0.4]), Empirical([0, 100]), Empirical([2])]
    # Lower end against upper ends: a violation that rounding cannot have made.
    assert any(
        D(P, R).certificate.lower > D(P, Q).certificate.upper + D(Q, R).certificate.upper
        for family in (coins, scales)
        for P, Q, R in itertools.permutations(family, 3)
    )


@pytest.mark.parametrize("name", [name for name in NAMES if divergences[name].data_processing])
@given(pair=several(2), table=st.lists(st.integers(0, 2), min_size=25, max_size=25))
def test_no_map_of_the_space_increases_it_where_that_is_claimed(name, pair, table):
    D, (P, Q) = divergences[name], pair

    def f(atoms):
        places = (atoms @ 5.0 ** np.arange(atoms.shape[1])).astype(int)
        return np.array(table, dtype=float)[places]

    assert D(mapped(P, f), mapped(Q, f)).certificate.lower <= D(P, Q).certificate.upper


@pytest.mark.parametrize("name", [name for name in NAMES if not divergences[name].data_processing])
def test_some_map_increases_it_where_none_is_forbidden(name):
    """Stretching a gap, or moving one of three points past another, moves a distance that sees the geometry."""
    D = divergences[name]
    P, Q = Empirical([0, 1, 5], [0.31, 0.27, 0.42]), Empirical([0, 1, 5], [0.52, 0.01, 0.47])
    before = D(P, Q).certificate.upper
    stretched, swapped = ([Empirical(image, R.weights) for R in (P, Q)] for image in ([0, 1, 50], [0, 5, 1]))
    assert max(D(*stretched).certificate.lower, D(*swapped).certificate.lower) > before


@pytest.mark.parametrize("name", NAMES)
@given(pair=several(2), shift=st.integers(-1000, 1000))
def test_translations_leave_it_alone(name, pair, shift):
    D, (P, Q) = divergences[name], pair
    moved = D(mapped(P, lambda x: x + shift), mapped(Q, lambda x: x + shift))
    assert close(moved, D(P, Q))


@pytest.mark.parametrize("name", NAMES)
@given(pair=several(2), factor=st.sampled_from([0.125, 0.3, 3.0, 10.0, 1024.0]))
def test_scaling_multiplies_it_by_the_claimed_power(name, pair, factor):
    D, (P, Q) = divergences[name], pair
    scaled = D(mapped(P, lambda x: factor * x), mapped(Q, lambda x: factor * x))
    power = factor**D.degree
    value = D(P, Q)
    # Multiplying a coordinate by 0.3 rounds it: half an ulp of at most 5 · factor, to the power of the degree.
    rounding = 16 * UNIT * (5 * factor) ** D.degree if factor in (0.3, 3.0, 10.0) else 0.0
    assert scaled.value == value.value * power or abs(scaled.value - value.value * power) <= (
        scaled.certificate.gap + value.certificate.gap * power + rounding + 4 * UNIT * scaled.value
    )


@pytest.mark.parametrize("name", NAMES)
@given(pair=several(2), data=st.data())
def test_order_and_splitting_of_atoms_do_not_matter(name, pair, data):
    D, (P, Q) = divergences[name], pair
    order = data.draw(st.permutations(range(len(P))))
    split = Empirical(
        np.concatenate([P.atoms[order], P.atoms[:1]]),
        np.concatenate([P.weights[order] * np.where(np.array(order) == 0, 0.5, 1.0), P.weights[:1] / 2]),
    )
    assert D(split, Q) == D(P, Q)


@pytest.mark.parametrize("name", NAMES)
def test_disjoint_supports_are_infinitely_far_apart_only_if_that_is_claimed(name):
    value = divergences[name](Empirical([0, 1]), Empirical([2, 3])).value
    assert math.isfinite(value) == divergences[name].finite


@pytest.mark.parametrize("name", ON_SAMPLES)
@pytest.mark.parametrize("d", [1, 3])
def test_a_sample_is_its_empirical_measure_in_every_form_of_array(name, d):
    rng = np.random.default_rng(d)
    X, Y = rng.integers(0, 6, size=(25, d)).astype(float), rng.integers(1, 7, size=(19, d)).astype(float)
    D = divergences[name]
    found = D(X, Y)
    assert close(found, D(Empirical(X), Empirical(Y)))
    # The order of a sum of samples is the order of the samples: the bits may differ, the certificates may not.
    assert close(found, D(X[rng.permutation(25)], Y))
    forms = [X.tolist(), X.astype(np.float32), X.astype(np.int16), np.asfortranarray(X)]
    if d == 1:
        forms.append(X[:, 0])
    for form in forms:
        assert D(form, Y).value == found.value
    torch = pytest.importorskip("torch", reason="without [models] there is no tensor to read")
    assert D(torch.as_tensor(X), Y).value == found.value


@pytest.mark.parametrize("name", NAMES)
def test_one_atom_each(name):
    D = divergences[name]
    assert D(Empirical([[1.0, 2.0]]), Empirical([[1.0, 2.0]])).value == 0
    assert D(Empirical([[1.0, 2.0]]), Empirical([[1.0, 3.0]])).value > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_divergence_says_what_it_is(name):
    member = divergences[name]
    assert len(member.__doc__.splitlines()[0]) > 20
    estimate = member(Empirical([0, 1]), Empirical([1, 2]))
    assert estimate.method
    assert str(estimate)
