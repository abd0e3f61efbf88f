"""KID against its definition written out, its subsets against their mean, its error against a jackknife by hand."""

import itertools

import numpy as np
import pytest

from estimators import kernel_inception_distance

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(25, 4)), RNG.normal(size=(20, 4)) + 0.5


def by_definition(x, y, degree=3, gamma=None, coef=1.0):
    gamma = 1 / x.shape[1] if gamma is None else gamma

    def k(a, b):
        return (gamma * float(a @ b) + coef) ** degree

    def own(z):
        return np.mean([k(a, b) for a, b in itertools.permutations(z, 2)])

    return own(x) + own(y) - 2 * np.mean([k(a, b) for a in x for b in y])


@pytest.mark.parametrize("options", [{}, {"degree": 2, "gamma": 0.7, "coef": 0.0}])
def test_the_value_is_the_definition(options):
    assert kernel_inception_distance(X, Y, **options).value == pytest.approx(by_definition(X, Y, **options), rel=1e-11)


def test_the_error_is_the_jackknife():
    parts = (
        [by_definition(np.delete(X, i, axis=0), Y) for i in range(len(X))],
        [by_definition(X, np.delete(Y, j, axis=0)) for j in range(len(Y))],
    )
    truth = sum((len(part) - 1) * np.var(part) for part in parts) ** 0.5
    assert kernel_inception_distance(X, Y).stderr == pytest.approx(truth, rel=1e-9)


def test_subsets_average_to_the_u_statistic():
    whole = kernel_inception_distance(X, Y)
    found = kernel_inception_distance(X, Y, n_subsets=2000, subset_size=10)
    spread = float(found.detail.split(": ")[1].split(";")[0])
    assert abs(found.value - whole.value) <= 5 * spread / 2000**0.5
    # All rows are the only subset of their size, whatever their order.
    assert kernel_inception_distance(X[:20], Y, n_subsets=2, subset_size=20).value == pytest.approx(
        kernel_inception_distance(X[:20], Y).value, rel=1e-11
    )
    assert "no standard error" in found.detail
    assert found.stderr is None


def test_two_rows_have_a_value_and_no_error():
    found = kernel_inception_distance(X[:2], Y[:2])
    assert found.value == pytest.approx(by_definition(X[:2], Y[:2]), rel=1e-12)
    assert found.stderr is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degree": 0}, "degree is 0"),
        ({"gamma": -1.0}, "gamma is -1.0"),
        ({"coef": np.inf}, "coef is inf"),
        ({"n_subsets": 1}, "n_subsets is 1"),
        ({"n_subsets": 5, "subset_size": 21}, "subset_size is 21"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        kernel_inception_distance(X, Y, **options)


def test_powers_that_overflow_are_refused():
    with pytest.raises(ValueError, match="overflow"):
        kernel_inception_distance(X * 1e120, Y)
