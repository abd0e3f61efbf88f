"""What a notebook shows of an answer says all that its text says, and takes no word for markup."""

from html.parser import HTMLParser

import numpy as np

from estimators import Certificate, Estimate
from knn import BruteForce, Neighbours
from knn.notebook import html_table
from theory import Refuted
from theory.verify import verify_claim


class Cells(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.cells = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, _):
        self.open.append(tag)
        if tag in ("th", "td", "caption"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.cells[-1] += data


def cells(shown):
    return Cells(shown._repr_html_()).cells


def test_every_sign_stands_for_itself():
    assert Cells(html_table(("a < b",), [("&", '"x"')], "1 > 0")).cells == ["1 > 0", "a < b", "&", '"x"']


def test_an_estimate_shows_value_interval_and_proof():
    proved = Certificate("dual", 0.25, 0.75)
    shown = cells(Estimate(0.5, stderr=0.1, interval=(0.3, 0.7), certificate=proved, unit="nats", method="m < n"))
    assert shown == [
        "value",
        "0.5 ± 0.1 nats",
        "proved",
        "0.25 … 0.75, dual",
        "interval",
        "0.3 … 0.7",
        "method",
        "m < n",
    ]
    assert cells(Estimate(0.5)) == ["value", "0.5"]


def test_answers_show_ids_distances_cost_and_proof():
    found = BruteForce().fit(np.arange(20.0)[:, None]).search(np.array([[3.2], [7.0]]), 2)
    shown = cells(found)
    assert shown[0] == "2 queries, 2 neighbours of each: 20 distances a query, 1 proved"
    assert shown[shown.index("exact") + 1 :][:5] == ["0", "3 (0.2)", "4 (0.8)", "20", "proved"]
    empty = Neighbours(*(np.zeros(shape, int) for shape in ((0, 3), (0, 3), (0,), (0,))))
    assert cells(empty)[0] == "0 queries, 3 neighbours of each: none"
    wide = BruteForce().fit(np.arange(99.0)[:, None]).search(np.zeros((50, 1)), 40)
    assert len(cells(wide)) == 1 + 9 * 11  # eight rows and columns, whatever was asked


def test_outcomes_and_reports_show_their_evidence():
    assert cells(Refuted(x=1, bound="a < b")) == ["REFUTED", "x", "1", "bound", "a < b"]
    shown = cells(verify_claim("m-of-n-lemma", resolution_budget=0))
    assert shown[0].startswith("m-of-n-lemma: ")
    assert shown.count("REFUTED") >= 2
    assert "HOLDS" in shown
