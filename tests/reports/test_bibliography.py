"""Whatever a registered member cites stands in the bibliography, and nothing else is printed for it."""

import re

import pytest
from typer.testing import CliRunner

from reports.bibliography import Citation, bibtex, citations, cited_by, members, references, told_by
from reports.cli import app

#: Members that need not cite, and why.
NO_SOURCE = {
    "brute-force": "the definition itself",
    "gaussian": "mean and covariance, as in every textbook",
    "imle-limit-weighted": "new here, in no deck and no paper",
}


@pytest.mark.parametrize("kind", ["index", "divergence", "score", "model", "dataset", "claim"])
def test_every_source_that_a_member_names_is_in_the_bibliography(kind):
    own = {name: member for name, (known, member) in members().items() if known == kind}
    assert own
    unknown = {name: cited_by(told_by(kind, member))[1] for name, member in own.items()}
    missing = {name: list(map(str, found)) for name, found in unknown.items() if found}
    assert missing == {}, "add these to reports/references.bib"
    silent = {name for name, member in own.items() if not cited_by(told_by(kind, member))[0]}
    assert silent == NO_SOURCE.keys() & own.keys(), "name the source in the docstring, or the reason in NO_SOURCE"


def test_a_claim_cites_what_its_own_function_names():
    claim = members()["imle-limit-weighted"][1]
    told = told_by("claim", claim)
    assert claim.check_function.__doc__ in told
    assert claim.check.__doc__ not in told  # every claim's, of how it is run


def test_every_entry_is_whole_and_cited_by_somebody():
    cited = {entry.key for kind, member in members().values() for entry in cited_by(told_by(kind, member))[0]}
    assert set(references()) == cited
    for key, entry in references().items():
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry.text, flags=re.MULTILINE))
        assert {"author", "title", "year"} <= set(fields), key
        assert entry.text.count("{") == entry.text.count("}"), key
        assert "cited" not in fields


def test_citations_are_read_as_people_write_them():
    text = "Lin 1991. Li, Peng & Malik (2018), Goodfellow et al.\n2014; Székely & Rizzo's 2013, Theis, van den Oord & "
    text += "Bethge 2016"
    found = ["Lin 1991", "Li, Peng, Malik 2018", "Goodfellow et al. 2014", "Székely, Rizzo 2013"]
    assert [str(one) for one in citations(text)] == [*found, "Theis, van den Oord, Bethge 2016"]
    assert citations("in 2018, at ICML 2019 and since May") == []


def test_papers_of_one_year_are_told_apart_by_their_authors():
    def keys(text):
        return [entry.key for entry in cited_by(text)[0]]

    assert keys("Li et al. 2017") == ["li2017mmd"]
    assert keys("Li & Malik 2017") == ["li2017prioritized"]
    assert keys("Li & Malik 2018") == ["li2018imle"]
    assert "li2018assumptions" in keys("the poster “On the Implicit Assumptions of GANs”")
    assert keys("Arjovsky & Bottou 2017") == ["arjovsky2017towards"]
    assert cited_by("Nobody & Noone 1999")[1] == [Citation(("Nobody", "Noone"), "1999", False)]


def test_the_command_prints_what_is_named_or_what_was_used(results, monkeypatch):
    done = CliRunner().invoke(app, ["cite", "imle", "dci"])
    assert done.exit_code == 0
    assert re.findall(r"@\w+\{(\w+),", done.stdout) == ["implicitbench", "li2016dci", "li2018imle"]
    assert done.stdout.strip() == bibtex(["dci", "imle"]).strip()
    for name, told in (("nothing", "claim or data set"), ("PrioritizedDCI", "did you mean prioritized-dci")):
        refused = CliRunner().invoke(app, ["cite", name])
        assert refused.exit_code == 2
        assert told in " ".join(refused.stderr.split())
    used = CliRunner().invoke(app, ["cite", "--output", str(results)])
    assert "li2018imle" in used.stdout
    monkeypatch.chdir(results)
    refused = CliRunner().invoke(app, ["cite", "--output", "nowhere"])
    assert refused.exit_code == 2
    assert "nowhere" in refused.stderr
