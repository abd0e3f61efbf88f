"""One row a divergence: what applies, what failed and why."""

import math

import numpy as np
import pandas as pd
import pytest

from estimators import (
    Empirical,
    Estimate,
    Gaussian,
    Mixture,
    NotConverged,
    StudentT,
    Uniform,
    compare,
    divergences,
    f_divergence,
    gaussian_wasserstein,
    precision,
    scores,
)
from estimators.comparison import COLUMNS, Divergence, divergence


@pytest.fixture
def planted(monkeypatch):
    """Registers divergences for one test."""
    monkeypatch.setattr(divergences, "_members", dict(divergences))

    def plant(name, function):
        divergence(name, takes="samples")(function)
        return function

    return plant


X = np.random.default_rng(0).normal(size=(20, 2))


def test_measures_have_every_divergence_and_samples_those_that_take_them():
    every = compare(Empirical(X), Empirical(X + 1))
    assert isinstance(every, pd.DataFrame)
    assert tuple(every.columns) == COLUMNS
    assert list(every.divergence) == list(divergences)
    samples = compare(X, X + 1)
    on_samples = {name for name, member in divergences.items() if member.takes == "samples"}
    assert set(samples.divergence) == on_samples | set(scores)
    assert {"precision", "recall", "density", "coverage", "frechet", "kernel-inception"} <= set(scores)
    assert not set(scores) & set(every.divergence)
    few = compare(X[:4], X[4:8])
    assert set(few.divergence) == on_samples | {name for name, member in scores.items() if member.least <= 4}
    assert {"energy-distance", "mmd", "wasserstein"} <= set(samples.divergence)
    assert {"kl", "jsd", "total-variation"} <= set(every.divergence) - set(samples.divergence)
    assert (every.status == "ok").all()
    assert (samples.status == "ok").all()


def test_a_row_is_the_estimate_of_that_divergence():
    frame = compare(Empirical([0, 1]), Empirical([1, 2])).set_index("divergence")
    assert frame.value["kl"] == math.inf
    assert frame.unit["jsd"] == "nats"
    assert frame.value["wasserstein"] == pytest.approx(1, rel=1e-12)
    assert frame.lower["wasserstein"] <= 1 <= frame.upper["wasserstein"]
    assert pd.isna(frame.low["wasserstein"])
    sampled = compare(X, X + 1, ["energy-distance"]).iloc[0]
    assert sampled.stderr > 0
    # No bound on rounding, which is no interval for the law behind a sample.
    assert (sampled.low, sampled.high) == pytest.approx(
        (sampled.value - 1.959964 * sampled.stderr, sampled.value + 1.959964 * sampled.stderr), rel=1e-6
    )
    assert sampled.lower <= sampled.value <= sampled.upper < sampled.high
    share = compare(X, X + 1, ["precision"]).iloc[0]
    assert (share.low, share.high) == precision(X, X + 1).interval


def test_a_proof_never_stands_where_an_interval_does():
    """Of 20 rows no W₁ is known to a part in 10⁹: low and high are of samples or of directions, and say so."""
    table = compare(X, X * 2 + 3).set_index("divergence")
    proved = {"wasserstein", "wasserstein-2", "sinkhorn", "max-sliced-wasserstein"}
    assert (table.interval[list(proved)] == "").all()
    assert table.loc[list(proved), ["stderr", "low", "high"]].isna().all(axis=None)
    assert table.loc[list(proved), ["lower", "upper"]].notna().all(axis=None)
    assert table.interval["sliced-wasserstein"] == "95 % of directions"
    assert set(table.interval.drop([*proved, "sliced-wasserstein"])) <= {"95 % of samples", ""}
    assert (table.interval[["energy-distance", "precision"]] == "95 % of samples").all()
    assert (table.low.isna() == (table.interval == "")).all()


def test_two_densities_have_a_row_for_each_f_divergence_and_gaussians_one_of_transport():
    P, Q = Gaussian([0.0, 1.0], 1.0), Gaussian([1.0, 0.0], 2.0)
    gaussians, others = (
        compare(P, Q).set_index("divergence"),
        compare(StudentT(3.0), Gaussian()).set_index("divergence"),
    )
    named = {"kl", "reverse-kl", "jsd", "total-variation", "chi-squared", "hellinger"}
    assert set(others.index) == {name for name, member in divergences.items() if member.densities == "any"} >= named
    assert set(gaussians.index) == set(others.index) | {"wasserstein-2"}
    assert (gaussians.status == "ok").all()
    assert (others.status == "ok").all()
    for name in named - {"hellinger"}:
        found = f_divergence(P, Q, name)
        assert (gaussians.value[name], gaussians.method[name]) == (found.value, found.method)
        assert (gaussians.method[name] == "closed form") == (name in ("kl", "reverse-kl", "chi-squared"))
        if found.interval is not None:
            assert (gaussians.low[name], gaussians.high[name]) == found.interval
    transport = gaussian_wasserstein(P, Q)
    assert gaussians.value["wasserstein-2"] == transport.value
    assert gaussians.lower["wasserstein-2"] == transport.certificate.lower
    assert pd.isna(gaussians.low["wasserstein-2"])
    assert gaussians.interval["jsd"] == "rule's estimate"
    assert others.value["chi-squared"] == math.inf
    # Nothing certifies Monte Carlo but its error.
    drawn = compare(Mixture([1.0], [Gaussian([0.0] * 3)]), Gaussian([0.5] * 3), ["jsd"]).iloc[0]
    assert drawn.method.startswith("Monte Carlo")
    assert drawn.low < drawn.value < drawn.high
    assert drawn.interval == "95 % of draws"
    assert compare(Uniform(), Gaussian(), "energy-distance").status[0] == "error"


def test_a_density_beside_samples_is_refused_with_the_remedy():
    for other in (X[:, :1], Empirical(X[:, :1]), [0.0, 1.0]):
        with pytest.raises(TypeError, match=r"P is a density and Q is .*pass two densities, or P\.sample\(n\)"):
            compare(Gaussian(), other)
        with pytest.raises(TypeError, match=r"Q is a density and P is .*Q\.sample\(n\)"):
            compare(other, Gaussian())
    with pytest.raises(ValueError, match="P has dimension 1 and Q has 2"):
        compare(Gaussian(), Gaussian([0.0, 0.0]))


def test_what_is_named_is_computed_and_may_fail_in_its_row():
    frame = compare(X, X + 1, ["wasserstein", "jsd"])
    assert list(frame.status) == ["ok", "error"]
    assert frame.detail[1].startswith("TypeError: P is ndarray")
    assert list(compare(X, X, "mmd").divergence) == ["mmd"]
    with pytest.raises(ValueError, match=r"^unknown divergence or score 'emd'; known: "):
        compare(X, X, ["emd"])


def raising(error):
    def fail(*_):
        raise error

    return fail


def test_one_failure_is_one_row(planted):
    partial = Estimate(2.0, unit="length", converged=False)
    planted("stopping", raising(NotConverged("out of pivots", partial)))
    planted("empty-handed", raising(NotConverged("never began")))
    planted("broken", raising(ZeroDivisionError("division by zero")))
    frame = compare(X, X + 1).set_index("divergence")
    assert frame.status["stopping"] == "not converged"
    assert (frame.value["stopping"], frame.detail["stopping"]) == (2.0, "out of pivots")
    assert frame.status["empty-handed"] == "not converged"
    assert frame.detail["broken"].startswith("ZeroDivisionError")
    assert pd.isna(frame.value["broken"])
    assert frame.status["wasserstein"] == "ok"


@pytest.mark.parametrize(
    ("P", "Q", "message"),
    [
        (X, X[:, :1], "P has 2 coordinates a point and Q has 1"),
        (X, X[:0], "Q is empty"),
        (X * np.inf, X, "P: row 0 is not finite"),
        (Empirical([0.0]), X, "P has 1 coordinates a point and Q has 2"),
    ],
)
def test_input_that_nothing_could_take_raises(P, Q, message):
    with pytest.raises(ValueError, match=message):
        compare(P, Q)


def test_two_divergences_of_one_name_are_refused(planted):
    with pytest.raises(ValueError, match="two members are called 'kl'"):
        planted("kl", raising(ValueError("mine")))


def test_a_registered_divergence_is_called_as_its_function_is():
    assert isinstance(divergences["jsd"], Divergence)
    P, Q = Empirical([0, 1]), Empirical([0, 1], [0.25, 0.75])
    assert divergences["jsd"](P, Q, base=2).unit == "bits"


def test_the_table_tells_which_values_are_bounds():
    X = np.random.default_rng(0).normal(size=(2, 9, 3))
    table = compare(*X, divergences=["max-sliced-wasserstein", "energy-distance"]).set_index("divergence")
    assert table["bound"].to_dict() == {"max-sliced-wasserstein": "lower", "energy-distance": ""}
