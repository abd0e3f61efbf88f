"""docs/claims.md, docs/claims/ and docs/errata.md say what the registry says, and all of it."""

import inspect
import re
from html import unescape
from pathlib import Path

import pytest

from reports import claims_page, errata_page
from reports.claims_page import claims_pages, group_of, own_claims
from reports.markdown import prose
from theory.claim import Exact, Holds, claim, claims_registry
from theory.errata import errata

DOCS = Path(__file__).parents[2] / "docs"
PAGES = claims_pages()


def section(name):
    page = PAGES[f"claims/{group_of(claims_registry[name]).file}.md"]
    return next(part for part in page.split("\n## ") if part.startswith(f"`{name}`"))


def test_the_pages_are_what_the_registry_says():
    written = {str(path.relative_to(DOCS).as_posix()): path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    listed = {path for path in written if path == "claims.md" or path.startswith("claims/")}
    stale = sorted(path for path in listed | set(PAGES) if written.get(path) != PAGES.get(path))
    assert not stale, f"stale: {', '.join(stale)}; run `{claims_page.COMMAND}`, or remove a page that has no claim left"
    assert written["errata.md"] == errata_page.errata_page(), f"stale: run `{errata_page.COMMAND}`"


def test_every_claim_has_one_section_and_one_line_of_the_index():
    sections = re.findall(r"^## `([^`]+)`$", "\n".join(PAGES.values()), re.MULTILINE)
    assert sorted(sections) == sorted(found.id for found in own_claims())
    assert re.findall(r"^\| \[`([^`]+)`\]", PAGES["claims.md"], re.MULTILINE) == sections


def test_all_that_a_claim_tells_of_itself_is_in_its_section():
    for found in own_claims():
        text = section(found.id)
        assert f"](formulas/{found.id}.svg)" in text
        assert inspect.getsource(found.check_function).rstrip() in text
        assert "**Evidence**" in text
        cases = [*found.mutants, *found.counterexamples, *found.boundaries]
        told = [found.says, found.source, found.primary, found.limits, *found.hypotheses, *(c.name for c in cases)]
        told += [words for mutant in found.mutants for words in (mutant.printed, mutant.correct)]
        told += list(found.equivalents.values())
        assert [words for words in told if prose(words) not in text] == [], found.id
        assert f"theory/claims/{found.__module__.rpartition('.')[2]}.py" in text


def test_every_formula_is_a_picture_that_needs_no_network():
    for found in own_claims():
        picture = (DOCS / "claims" / "formulas" / f"{found.id}.svg").read_text(encoding="utf-8")
        # Its paths are the library's; what it says is the registry's.
        said = re.search(r"<desc[^>]*>(.*?)</desc>", picture, re.DOTALL)
        assert said is not None, f"run `{claims_page.COMMAND}`"
        assert unescape(said[1]) == found.statement, f"{found.id}: stale, run `{claims_page.COMMAND}`"
        assert not re.search(r"(href|src)=.http|@import|url\(http", picture)
    written = {path.stem for path in (DOCS / "claims" / "formulas").glob("*.svg")}
    assert written == {found.id for found in own_claims()}


def test_a_claim_of_another_package_is_on_no_page():
    @claim("a-guest", says="of somebody else", source="elsewhere", method=Exact)
    def guest(*, truth=1):
        """By looking."""
        return Holds(truth=truth)

    try:
        assert guest not in own_claims()
        assert claims_pages() == PAGES
        assert "a-guest" in claims_pages([guest])["claims/others.md"]
    finally:
        claims_registry._members.pop("a-guest")


def test_every_erratum_is_a_row_with_a_link_to_its_claim():
    page = errata_page.errata_page()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "](claims/" in line]
    assert len(rows) == len(errata(claims=own_claims())) > 0
    for path, anchor in re.findall(r"\]\((claims/[^)#]+)#([^)]+)\)", page + PAGES["claims.md"]):
        assert f"\n## `{anchor}`\n" in PAGES[path]


@pytest.mark.parametrize(
    ("words", "markdown"),
    [
        ("E|X−Y| ≥ 0", r"E\|X−Y\| ≥ 0"),
        ("p_θ* < $1 ~ [0]", r"p\_θ\* \< \$1 \~ \[0\]"),
        ("`knn.DCI_x` is *it*", r"`knn.DCI_x` is \*it\*"),
        ("`a|b`", r"\`a\|b\`"),
        (r"\alpha", r"\\alpha"),
    ],
)
def test_words_are_not_markup(words, markdown):
    assert prose(words) == markdown


def test_the_commands_write_the_pages(tmp_path):
    claims_page.main([str(tmp_path)])
    errata_page.main([str(tmp_path / "errata.md")])
    assert {str(path.relative_to(tmp_path).as_posix()) for path in tmp_path.rglob("*.md")} == {*PAGES, "errata.md"}
    assert (tmp_path / "claims.md").read_bytes() == PAGES["claims.md"].encode()
