"""The pictures of the errata: their numbers by other ways, and what is drawn where something is missing."""

import re

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ndtr, rel_entr
from scipy.stats import binom

from reports.experiment import experiments
from reports.experiments import errata_pictures
from reports.figures import figure, figures
from reports.page import write_report
from reports.store import Store
from tests.reports import made_up_claims
from tests.reports.made_up_records import record

PICTURES = ("imle-bias", "imle-spread", "jsd-limits", "order-inversion")


def measured(picture):
    experiment = experiments["errata-pictures"]()
    (cell,) = (cell for cell in experiment.cells("quick", {}) if cell.params["picture"] == picture)
    found = {}
    for measurement in experiment.measure(cell):
        found.setdefault(measurement.metric, []).append(measurement)
    return found


def test_there_is_a_cell_and_a_figure_for_each_and_each_explains_a_claim_that_exists():
    from theory.claim import claims_registry

    cells = experiments["errata-pictures"]().cells("full", {})
    assert tuple(cell.params["picture"] for cell in cells) == PICTURES
    explained = {name: figures[name].claim for name in figures if figures[name].claim}
    assert tuple(explained) == tuple(f"errata-{name}" for name in PICTURES)
    assert set(explained.values()) <= set(claims_registry)


@pytest.fixture
def few(monkeypatch):
    """Fewer points, so that the tests are quick."""
    monkeypatch.setattr(errata_pictures, "SAMPLES", (1, 2, 16))
    monkeypatch.setattr(errata_pictures, "DATA", (1, 7))
    monkeypatch.setattr(errata_pictures, "BINS", (1, 2, 16, 2**20))


def slope(theta, m, h=1e-4):
    """The central difference of Σ E R, integrated by SciPy."""
    data = [-1.1, -0.2, 0.1, 0.4, 2.3]

    def mean_least(a):
        return quad(lambda r: 2 * r * (ndtr(a - r) + ndtr(-a - r)) ** m, 0, 14, epsabs=1e-13, epsrel=1e-13)[0]

    return sum(mean_least(abs(x - theta - h)) - mean_least(abs(x - theta + h)) for x in data) / (2 * h)


@pytest.mark.usefixtures("few")
def test_the_best_locations_of_plain_imle_are_those_of_another_quadrature():
    found = measured("imle-bias")
    (curve,), (limit,) = found["plain IMLE"], found["limit"]
    assert curve.payload["m"] == [1, 2, 16]
    assert curve.payload["mle"] == pytest.approx(0.3, rel=1e-15)
    for m, location in zip(curve.payload["m"], curve.payload["location"], strict=True):
        # The difference quotient is off by h² times the third derivative.
        assert location == pytest.approx(brentq(lambda theta, m=m: slope(theta, m), 0, 1), abs=2e-6)
    assert curve.low < curve.value < curve.high
    # The root that the claim states.
    assert limit.low < 0.590581485308 < limit.high
    assert limit.high - limit.low == pytest.approx(2e-6)


def test_a_root_without_a_proof_is_an_error():
    from theory.certified import ball

    with pytest.raises(ArithmeticError, match="no proof of a change of sign"):
        errata_pictures._root(lambda theta: ball("0 +/- 1") + ball(theta) - ball("0.5"))


@pytest.mark.usefixtures("few")
def test_the_best_variances_have_the_limits_of_the_claim():
    found = measured("imle-spread")
    assert [(m.payload["d"], m.value) for m in found["limit"]] == [(1, 3.0), (2, 2.0)]
    for curve in found["best variance"]:
        assert curve.payload["variance"][0] == 0
        assert curve.value == curve.payload["variance"][-1] > 1


@pytest.mark.usefixtures("few")
def test_the_expected_divergence_is_the_binomial_sum():
    found = measured("jsd-limits")
    assert found["largest"][0].value == pytest.approx(np.log(2), rel=1e-15)
    assert [curve.payload["n"] for curve in found["expected JSD"]] == [1, 7]
    for curve in found["expected JSD"]:
        n = curve.payload["n"]
        for k, value in zip(curve.payload["k"], curve.payload["jsd"], strict=True):
            share, mean = np.arange(n + 1) / n, (np.arange(n + 1) / n + 1 / k) / 2
            term = (rel_entr(share, mean) + rel_entr(1 / k, mean)) / 2
            # k terms of size 1/k, each rounded: 1e-16 of log 2 times the cancellation in a bin without data.
            assert value == pytest.approx(k * np.sum(binom.pmf(np.arange(n + 1), n, 1 / k) * term), rel=1e-9, abs=1e-15)


def test_the_draws_lie_about_the_exact_probability_and_reject_the_recalled_bound():
    found = measured("order-inversion")
    (half,) = found["at a half"]
    # The angle between v_l − v_s and v_l + v_s at s/l = ½, over π: 2 arctan ½ = arccos 3/5.
    assert half.value == pytest.approx(np.arccos(3 / 5) / np.pi, rel=1e-15)
    ratio, exact, recalled = (np.array(half.payload[name]) for name in ("ratio", "exact", "recalled"))
    assert (exact[0], exact[-1], recalled[-1]) == pytest.approx((0, 0.5, 1))
    assert (recalled[1:] > exact[1:]).all()
    assert [points.payload["d"] for points in found["draws"]] == [2, 3, 50]
    for points in found["draws"]:
        at, low, share, high = (np.array(points.payload[name]) for name in ("ratio", "low", "share", "high"))
        assert (low < share).all()
        assert (share < high).all()
        truth = np.arccos((1 - at**2) / (1 + at**2)) / np.pi
        assert ((low <= truth) & (truth <= high)).all()
        far = at > 0.5
        assert (high[far] < np.arcsin(at[far]) * 2 / np.pi).all()
    assert ratio[50] == 0.5


@pytest.fixture
def store_of(tmp_path):
    def write(keep=bool, status=None):
        with Store(tmp_path, write=True) as store:
            for cell in made_up_claims.errata_pictures():
                kept = [record for record in cell if keep(record)]
                if kept:
                    store.append(kept)
                elif status:
                    store.append([
                        record(
                            "errata-pictures", cell[0].cell, cell[0].params, "cell", None, status=status, detail="no"
                        )
                    ])  # fmt: skip
        return tmp_path

    return write


def test_each_is_drawn_and_described_with_its_numbers(store_of):
    output = store_of()
    drawn = {name: figure(f"errata-{name}", output=output) for name in PICTURES}
    assert [len(pictures) for pictures in drawn.values()] == [1, 1, 1, 1]
    told = {name: pictures[0].description for name, pictures in drawn.items()}
    assert "0.3 at 1, 0.49 at 4, 0.57 at 16" in told["imle-bias"]
    assert "in dimension 2: 0 at 1, 0.5 at 4, 1.2 at 16; limit 2" in told["imle-spread"]
    assert "n = 1000: 0 at 1, 0.0001 at 2, 0.3 at 1024" in told["jsd-limits"]
    assert "100 draws in dimensions 3 with their intervals: 0.16 at 0.25, 0.4 at 0.75" in told["order-inversion"]
    for words, name in (
        ("limit 0.6000", "imle-bias"),
        ("the truth 1", "imle-spread"),
        ("1\u202f000", "jsd-limits"),
    ):
        assert f">{words}<" in drawn[name][0].svg


@pytest.mark.parametrize(
    ("picture", "metric"),
    [
        ("imle-bias", "limit"),
        ("imle-spread", "best variance"),
        ("jsd-limits", "largest"),
        ("order-inversion", "draws"),
    ],
)
def test_without_one_of_its_records_a_picture_is_left_out_and_the_others_stand(store_of, picture, metric):
    output = store_of(lambda record: (record.params["picture"], record.metric) != (picture, metric))
    assert {name: len(figure(f"errata-{name}", output=output)) for name in PICTURES} == {
        name: int(name != picture) for name in PICTURES
    }


def test_a_cell_that_failed_is_no_picture_and_the_page_stands(store_of):
    output = store_of(lambda record: record.params["picture"] != "imle-bias", status="failed")
    assert figure("errata-imle-bias", output=output) == []
    text = write_report(output).read_text(encoding="utf-8")
    assert 'id="figure-errata-imle-bias"' not in text
    assert 'id="figure-errata-imle-spread"' in text


def test_a_picture_and_the_claim_it_explains_lead_to_each_other_where_the_claim_was_run(store_of):
    output = store_of()
    before = write_report(output).read_text(encoding="utf-8")
    assert "Claim: imle-overdispersion." in before
    report = made_up_claims.claim_report("imle-overdispersion", printed=True)
    params = {"claim": "imle-overdispersion", "mutants": "hand", "deep": False}
    with Store(output, write=True) as store:
        store.append([record("claims", "claim-x", params, "verified", 1.0, payload=report)])
    after = write_report(output).read_text(encoding="utf-8")
    errata = re.search(r'<section id="errata">.*?</section>', after, flags=re.S)[0]
    assert 'Claim: <a href="#claim-imle-overdispersion">' in errata
    assert errata.count('href="#figure-errata-imle-spread"') == 1
    assert "Claim: order-inversion." in errata
