"""docs/coverage.md says what is registered, and says it of every row."""

from pathlib import Path

import pytest

from reports.coverage_table import REGISTRIES, coverage_page, is_registered, main, registered, status
from theory.decks.rows import Contents, Row, contents
from theory.sources import DECKS

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
NONE = {kind: frozenset() for kind in REGISTRIES}
SOME = NONE | {"claim": frozenset({"tail-integral"}), "model": frozenset({"imle"})}


def page_of(*rows, names=SOME):
    return coverage_page([Contents(DECKS[0], rows)], names)


def test_the_page_is_what_the_registries_say():
    pytest.importorskip("torch", reason="without torch the models cannot be read, and the page is refused")
    assert PAGE.read_text(encoding="utf-8") == coverage_page(), "stale: run `python -m reports.coverage_table`"


def test_the_registries_are_read_live():
    pytest.importorskip("torch", reason="without torch the models cannot be read, and the page is refused")
    names = registered()
    assert "m-of-n-lemma" in names["claim"]
    assert "prioritized-dci" in names["index"]
    assert "jsd" in names["divergence"]
    assert "imle" in names["model"]
    assert "mnist" in names["dataset"]
    assert "nearest-neighbours" in names["experiment"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("s", "statement", "x", covered_by=("claim:tail-integral", "model:imle")), "filled"),
        (Row("s", "statement", "x", covered_by=("claim:tail-integral", "model:vae")), "planned"),
        (Row("s", "statement", "x", covered_by=("model:vae", "claim:tail-integral")), "planned"),
        (Row("s", "remark", "x", excluded="an opinion"), "excluded"),
    ],
)
def test_a_row_is_filled_when_all_of_its_members_are_registered(row, expected):
    assert status(row, SOME) == expected


def test_members_reasons_and_counts_are_printed():
    page = page_of(
        Row("One", "system", "IMLE", covered_by=("model:imle", "model:vae")),
        Row("One", "statement", "E X", covered_by=("claim:tail-integral",)),
        Row("Two", "remark", "fine", excluded="an opinion"),
    )
    assert "| One | system | IMLE | model `imle`, model `vae` *planned* |\n" in page
    assert "| One | statement | E X | claim `tail-integral` |\n" in page
    assert "| Two | remark | fine | excluded: an opinion |\n" in page
    assert f"| {DECKS[0].title} | 3 | 1 | 1 | 1 |\n" in page
    assert "| all | 3 | 1 | 1 | 1 |\n" in page


def test_formulas_cannot_become_markup():
    page = page_of(Row("s", "statement", "p* = f(t_1|x) <a> [b] \\c `d`", excluded="none"))
    assert r"| p\* = f(t\_1\|x) \<a\> \[b\] \\c \`d\` |" in page


def test_the_claims_table_tells_additions_from_statements():
    page = page_of(Row("s", "statement", "E X", covered_by=("claim:tail-integral",)))
    assert f"| D1 | `tail-integral` | TRUE | P1 | {DECKS[0].title} | filled |\n" in page
    assert "| F2 | `m-of-n-sharp` | TRUE | P1 | the project's own addition | *planned* |\n" in page


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("person:imle", "unknown kind 'person'"),
        ("imle", "unknown kind 'imle'"),
        ("model:IMLE", "'imle' is; correct the row"),
        ("claim:tail_integral", "'tail-integral' is; correct the row"),
        ("claim:tail-integrals", "neither registered nor in the catalogue"),
    ],
)
def test_a_misspelt_reference_is_an_error_and_not_planned(reference, message):
    with pytest.raises(ValueError, match=message):
        is_registered(reference, SOME)


def test_every_row_of_the_decks_is_on_the_page():
    rows = sum(len(found.rows) for found in contents())
    page = coverage_page(names=NONE)
    decks, _, _ = page.partition("## The catalogue of claims")
    assert decks.count(" *planned* |\n") + decks.count(" | excluded: ") == rows
    assert f"| all | {rows} | 0 |" in page


def test_the_command_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr("reports.coverage_table.registered", lambda: SOME)
    main([str(tmp_path / "page.md")])
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == coverage_page(names=SOME)


def test_a_registry_that_could_not_be_read_whole_is_refused(monkeypatch):
    class Partial(dict):
        unavailable = {"estimators.models.imle": ImportError("needs torch: pip install …", name="torch")}  # noqa: RUF012

    monkeypatch.setattr("estimators.training.registry.models", Partial())
    monkeypatch.setattr("reports.coverage_table.REGISTRIES", {"model": REGISTRIES["model"]})
    with pytest.raises(ImportError, match="needs every model: needs torch"):
        registered()
