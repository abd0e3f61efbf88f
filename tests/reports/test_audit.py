"""The audit names each planted defect, and accuses a perfect sampler no more often than its level says."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

import reports
from estimators import ring
from estimators.result import Estimate
from reports import auditing
from reports.auditing.cells import cells
from reports.auditing.family import CLOSE, COPIES, DROPS, NARROW, OVERFITS, UNLIKE, WIDE
from reports.auditing.formats import read_rows
from reports.auditing.power import power, rows_for
from tests.naive import fisher_too_few
from theory.claim import claims_registry

LAW, FOUR, RNG = ring(8), ring(4), np.random.default_rng(0)
TRAIN, TEST = LAW.sample(400, random_state=1), LAW.sample(300, random_state=2)
FRESH = LAW.sample(400, random_state=3)
OWN = LAW.modes[((FRESH[:, None] - LAW.modes) ** 2).sum(axis=2).argmin(axis=1)]


def tests_only(monkeypatch):
    monkeypatch.setattr(auditing, "pending", lambda _: iter(()))


@pytest.fixture
def quick(monkeypatch):
    """The audit with its tests and without its scores."""
    tests_only(monkeypatch)
    return lambda samples, data=TRAIN, **more: reports.audit(samples, data, permutations=399, **more)


SAMPLERS = {
    "a mode is dropped": (FRESH[np.abs(OWN - LAW.modes[0]).sum(axis=1) > 0], {DROPS}),
    "training rows with noise": (TRAIN[::2] + 1e-4 * RNG.normal(size=(200, 2)), {COPIES}),
    "training rows": (TRAIN[RNG.integers(400, size=400)], {COPIES}),
    "too little variance in each mode": (OWN + 0.6 * (FRESH - OWN), {NARROW}),
    "too much variance": (FRESH * 1.1, {WIDE, UNLIKE}),
    "another place": (FRESH + 0.5, {UNLIKE}),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_each_planted_defect_is_named(quick, name):
    samples, named = SAMPLERS[name]
    found = quick(samples, test=TEST)
    assert named <= {defect.name for defect in found.defects}, str(found)
    assert all(defect.p_value <= 0.05 and defect.name in found.verdict for defect in found.defects)


def test_a_dropped_mode_is_told_from_copies_and_named_by_its_number(quick):
    found = quick(SAMPLERS["a mode is dropped"][0], test=TEST, modes=LAW.modes)
    assert COPIES not in {defect.name for defect in found.defects}
    dropped = next(defect for defect in found.defects if defect.name == DROPS)
    assert dropped.cells == (0,)
    assert "1 of 8 modes" in dropped.says


def test_too_little_variance_is_not_taken_for_copying(quick):
    names = {defect.name for defect in quick(SAMPLERS["too little variance in each mode"][0], test=TEST).defects}
    assert CLOSE in names  # narrow samples are nearer to the training rows than fresh ones are
    assert COPIES not in names


def test_copies_are_seen_without_a_test_set_and_repeated_data_are_no_copies(quick):
    assert COPIES in {defect.name for defect in quick(TRAIN[:100]).defects}
    coins = np.random.default_rng(4).integers(0, 2, size=(2, 200, 3)).astype(float)
    found = quick(coins[0], coins[1])
    copies = found.frame[found.frame["name"] == "exact copies"].iloc[0]
    assert copies.value == 1  # every sample equals some datum,
    assert copies.p_value > 0.05  # as every datum does


def test_features_that_join_rows_make_no_copies(quick):
    """On a grid most samples lie where a training row does; the rows themselves are none."""

    def grid(rows):
        return np.floor(8 * rows)

    assert np.mean([(grid(TRAIN) == row).all(axis=1).any() for row in grid(FRESH)]) > 0.5
    for samples, copied in ((FRESH, 0.0), (TRAIN[:100], 1.0)):
        assert quick(samples, features=grid).frame.set_index("name").value["exact copies"] == copied


def test_an_overfitted_density_is_named(quick):
    def windows(rows):
        squares = ((rows[:, None] - TRAIN) ** 2).sum(axis=2)
        return np.log(np.exp(-squares / (2 * 0.01**2)).mean(axis=1) + 1e-300)

    found = quick(FRESH, test=TEST, log_density=windows)
    assert [defect.name for defect in found.defects] == [OVERFITS]
    rows = found.frame[found.frame.section == "likelihood"].set_index("name")
    assert rows.value["log density of training rows"] > rows.value["log density of test rows"]
    assert rows.low["log density of test rows"] < rows.value["log density of test rows"]


def rare(n, random_state):
    """Equal rows but for rare outliers: ties everywhere."""
    return (np.random.default_rng(random_state).random((n, 1)) < 0.0075) * 1.0


def false_alarms(repetitions, n, draw=FOUR.sample, n_samples=None):
    accused = 0
    for seed in range(repetitions):
        data, test, samples = (
            draw(size, random_state=3 * seed + part) for part, size in enumerate((n, n, n_samples or n))
        )  # fmt: skip
        given = test if seed % 2 or n_samples else None
        found = reports.audit(samples, data, test=given, permutations=399, random_state=seed)
        accused += bool(found.defects)
    return accused


def test_a_perfect_sampler_is_accused_no_more_often_than_the_level(monkeypatch):
    tests_only(monkeypatch)
    # At a true share of 5 % so many accusations have probability below 0.1 %.
    assert false_alarms(24, 40) <= binom.isf(1e-3, 24, 0.05)


def test_a_perfect_sampler_of_a_discrete_law_is_not_accused_by_its_ties(monkeypatch):
    """By nearest distances alone, of 20 test rows against 1000 samples: the normal law accuses one in seven."""
    tests_only(monkeypatch)
    every = auditing.family

    def nearest(*given, **more):
        return [one for one in every(*given, **more) if one[0] == "nearest distances"]

    monkeypatch.setattr(auditing, "family", nearest)
    monkeypatch.setattr(auditing, "cells", lambda held, made, *_, **__: cells(held, made, [[0.0], [1.0]]))
    assert false_alarms(200, 20, rare, 1000) <= binom.isf(1e-3, 200, 0.05)


@pytest.mark.deep
def test_a_perfect_sampler_is_accused_no_more_often_than_the_level_a_thousand_times(monkeypatch):
    tests_only(monkeypatch)
    assert false_alarms(1000, 60) <= binom.isf(1e-3, 1000, 0.05)


@pytest.fixture(scope="module")
def whole():
    """One audit with every score, of few rows."""
    seen = []
    found = reports.audit(
        FRESH[:80], TRAIN, test=TEST, max_rows=60, permutations=399, progress=lambda *told: seen.append(told)
    )
    return found, seen


def test_every_score_has_a_row_with_an_error_and_the_floor_of_a_perfect_sampler(whole):
    found, seen = whole
    frame = found.frame.set_index("name")
    for name in ("wasserstein", "energy-distance", "mmd", "precision", "recall", "coverage"):
        row = frame.loc[name]
        assert row.status == "ok", row.detail
        assert row.low <= row.value <= row.high, name
        assert math.isfinite(row.floor), name
    assert frame.low["wasserstein"] < frame.value["wasserstein"] - 1e-3  # of sampling, not of the solver
    assert {told[2] for told in seen} >= {"wasserstein", "cells", "Parzen windows"}
    assert all(done < total for done, total, _ in seen)
    assert found.defects == ()


def test_the_same_arguments_give_the_same_audit(quick):
    first, second = (quick(FRESH, test=TEST, random_state=5).as_dict() for _ in range(2))
    assert first == second


def test_text_json_and_notebook_tell_the_same(whole):
    found, _ = whole
    json.loads(json.dumps(found.as_dict(), allow_nan=False))
    for told in (str(found), found._repr_html_()):
        assert "no defect seen" in told
        assert "wasserstein" in told
    assert all(caveat.claim in claims_registry for caveat in found.caveats)
    assert "parzen-loglik-bias" in str(found)


def test_a_score_that_fails_is_a_row_with_its_reason(monkeypatch, quick):
    def broken(_):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(auditing, "pending", lambda _: iter([("divergence", "mine", lambda: broken(None))]))
    row = quick(FRESH).frame.set_index("name").loc["mine"]
    assert (row.status, row.detail) == ("error", "RuntimeError: no such thing")


def test_an_error_that_is_no_number_stays_none(monkeypatch):
    """Without an interval the lower end is NaN, and max(0, NaN) would make it 0."""
    monkeypatch.setattr("reports.auditing.scores.jackknife", lambda *_, **__: Estimate(1.0))
    row = reports.audit(FRESH, TRAIN, permutations=399, max_rows=40, scores=["wasserstein"]).frame.set_index("name")
    assert row.status["wasserstein"] == "ok"
    assert math.isnan(row.low["wasserstein"])


def test_scores_are_chosen_by_name():
    found = reports.audit(FRESH, TRAIN, permutations=399, max_rows=40, scores=["precision", "recall"])
    asked = found.frame[~found.frame.section.isin(["test", "power"])]
    assert list(asked["name"]) == ["precision", "recall"]
    with pytest.raises(ValueError, match=r"scores has 'nothing': pass names of .*precision"):
        reports.audit(FRESH, TRAIN, permutations=399, max_rows=40, scores=["nothing"])


def test_fishers_test_and_the_counts_are_those_of_the_definition():
    known = cells(TRAIN[:60], FRESH[:50], LAW.modes)
    for place in range(8):
        own = [
            ((part[:, None] - LAW.modes) ** 2).sum(axis=2).argmin(axis=1) == place for part in (TRAIN[:60], FRESH[:50])
        ]
        a, b = (int(of.sum()) for of in own)
        assert (known.of_data[place], known.of_samples[place]) == (a, b)
        # Ratios of binomial coefficients by logarithms of Γ: some hundreds of ulps.
        assert known.p_values[place] == pytest.approx(float(fisher_too_few(a, b, 60, 50)), rel=1e-11)


def test_power_is_what_a_simulation_finds():
    n, m, share, n_cells = 120, 100, 0.06, 10
    claimed = power(share, n, m, level=0.05, n_cells=n_cells)
    drawn = np.random.default_rng(0).binomial(n, share, size=4000)
    seen = int(np.sum([float(fisher_too_few(int(x), 0, n, m)) <= 0.05 / n_cells for x in drawn]))
    low, high = binom.ppf([1e-6, 1 - 1e-6], 4000, claimed)
    assert low <= seen <= high
    needed = rows_for(share, 0.9, level=0.05, n_cells=n_cells)
    assert power(share, needed, needed, level=0.05, n_cells=n_cells) >= 0.9
    assert power(share, needed // 2, needed // 2, level=0.05, n_cells=n_cells) < 0.9
    assert power(0.5, 3, 3, level=0.05, n_cells=10**6) == 0.0


def test_the_rows_that_power_takes_are_enough_and_so_are_more():
    """Power falls where a further row is needed: the least n that happens to do is not the answer."""

    for share, wanted, n_cells, also in ((0.1, 0.9, 200, ()), (0.5, 0.5, 100, (17,)), (0.9, 0.9, 2, (5,))):
        needed = rows_for(share, wanted, level=0.05, n_cells=n_cells)
        enough = [n for n in range(1, 2 * needed) if power(share, n, n, level=0.05, n_cells=n_cells) >= wanted]
        assert enough == [*also, *range(needed, 2 * needed)]
    assert rows_for(1e-3, 0.9, level=0.05, n_cells=200, most=1000) is None


def test_power_tells_on_what_it_rests(quick):
    known, clusters = (quick(FRESH, modes=modes).frame for modes in (LAW.modes, None))
    for frame, told in ((known, "at least so where no other mode lies in its cell"), (clusters, "one cluster is the")):
        rows = frame[frame.section == "power"]
        assert rows.name.str.contains("alone in its cell").all()
        assert rows.detail.str.contains(told).all()
    assert not clusters.detail.str.contains("at least so").any()


def test_features_and_images(quick):
    images = RNG.random((60, 3, 4))
    found = quick(images[:30], images[30:], features="pca:2")
    assert found.material.shape == (3, 4)
    assert found.material.held.shape[1] == 2
    assert "feature-wasserstein-pseudometric" in {caveat.claim for caveat in found.caveats}
    assert quick(images[:30], images[30:], features=lambda rows: rows[:, :1]).material.held.shape[1] == 1


def sampler(n, random_state):
    return np.random.default_rng(random_state).normal(size=(n, 2))


def test_a_callable_or_a_model_draws_fresh_samples():
    assert read_rows(sampler, "samples", n=7, random_state=3).values.tolist() == sampler(7, 3).tolist()
    assert read_rows(LAW, "samples", n=5).values.shape == (5, 2)
    assert read_rows("tests.reports.test_audit:sampler", "samples", n=4).origin.endswith("(4)")
    with pytest.raises(ValueError, match="returned 3 rows"):
        read_rows(lambda n: np.zeros((3, 2)), "samples", n=4)  # noqa: ARG005


def test_a_cell_without_a_single_row_of_either_is_no_defect():
    far = np.concatenate([LAW.modes, [[100.0, 100.0]]])
    known = cells(TRAIN, FRESH, far)
    assert known.p_values[-1] == 1
    assert 8 not in known.lacking(0.05)
    assert replace(known, p_values=known.p_values / 10).p_value < known.p_value


def test_a_test_of_another_law_is_asked_about_and_one_of_the_same_is_not(quick):
    """What memorisation says rests on it: rows that nobody copied look copied."""
    doubtful, sound = quick(FRESH, test=TEST[TEST[:, 0] > 0]), quick(FRESH, test=TEST)
    assert [doubt.startswith("a classifier tells test from data, right on ") for doubt in doubtful.doubts] == [True]
    assert sound.doubts == ()
    assert f"look first: {doubtful.doubts[0]}" in str(doubtful)
    assert json.loads(json.dumps(doubtful.as_dict()))["doubts"] == list(doubtful.doubts)
    assert "Look first: " in doubtful._repr_html_()
    row = sound.frame.set_index("name").loc["test told from data"]
    assert (row.section, row.status) == ("input", "ok")
    assert row.low < 0.5 < row.high
