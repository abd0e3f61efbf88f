"""The page: everything that was measured, in one file that asks nobody for anything."""

import errno
import re
import shutil
from importlib.resources import files

import pandas as pd
import pytest

from reports.page import write_report
from reports.page.markup import Html, join, tag
from reports.page.summary import _verified
from reports.store import Store, StoreError
from reports.tables import tables
from tests.reports import made_up_results
from tests.reports.page_elements import Page


def test_it_lies_beside_its_tables(written):
    assert written.name == "index.html"
    endings = sorted(path.suffix for path in (written.parent / "tables").iterdir())
    assert endings == sorted([".csv", ".md", ".tex", ".html"] * len(tables))


def test_every_link_leads_to_a_place_on_the_page_or_to_a_file_beside_it(page, written):
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert links
    for link in links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            assert (written.parent / link).is_file(), link


def test_it_asks_nobody_for_anything(page, text):
    for element, attributes in page.elements:
        assert element not in ("img", "link", "iframe", "object", "embed", "audio", "video", "source")
        assert "src" not in attributes
        if element in ("use", "image"):
            target = attributes.get("href") or attributes.get("xlink:href")
            assert target.startswith(("#", "data:image/png;base64,"))
    assert not re.search(r"@import|url\((?!#)", text)
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_the_page_is_small(page, text):
    assert len(page.ids) == len(set(page.ids))
    assert len(text.encode()) < 5e6


def test_every_claim_has_a_permalink_with_statement_evidence_and_mutants(page, text):
    for name in ("alpha", "beta", "gamma"):
        assert f"claim-{name}" in page.ids
        detail = re.search(rf'<details id="claim-{name}".*?</details>', text, flags=re.S)[0]
        for told in (f"{name} says that a &lt; b &amp; c", "&lt;x&gt; &amp; y", "a factor of two", "Somebody 2001"):
            assert told in detail
        assert "<svg" in detail
        assert "commit 0123456789ab" in detail


def test_the_first_screen_answers_the_five_questions(text):
    first = re.search(r'<section id="summary">.*?</section>', text, flags=re.S)[0]
    for told in ("3 of 3", "6 of 6", "a = −b", "faiss HNSW", "imle", "A processor", "0123456789ab", "quick size"):
        assert told in first, told


def test_failures_are_shown_and_never_dropped(broken):
    text = write_report(broken).read_text(encoding="utf-8")
    assert "2 of 4" in text
    assert "not verified" in text
    for told in ("killed, twice", "OSError: no", "it compiles too long", "Diverged at step 31"):
        assert told in text, told


def test_the_page_is_a_function_of_the_journal_alone(tmp_path):
    """What figures are not on it, tests/reports/test_figures.py draws twice."""
    text = write_report(made_up_results.write_few(tmp_path / "whole")).read_text(encoding="utf-8")
    (tmp_path / "journal").mkdir()
    shutil.copy(tmp_path / "whole" / "journal.jsonl", tmp_path / "journal")
    assert write_report(tmp_path / "journal").read_text(encoding="utf-8") == text


def test_an_empty_store_gives_a_page_that_says_what_to_run(tmp_path):
    with Store(tmp_path, write=True):
        pass
    text = write_report(tmp_path).read_text(encoding="utf-8")
    Page(text)
    for name in ("claims", "nearest-neighbours", "implicit-models"):
        assert f"implicitbench run {name}" in text
    with pytest.raises(StoreError):
        write_report(tmp_path / "nothing")


def test_text_is_escaped_unless_it_is_markup():
    assert tag("p", "<b>", Html("<i></i>"), title='"', hidden=True, class_=None) == (
        '<p title="&quot;" hidden>&lt;b&gt;<i></i></p>'
    )
    assert tag("br") == "<br>"
    assert join(["a&b", None, ("c",)]) == "a&amp;bc"


def test_a_page_that_a_full_disk_refuses_says_where_and_what_to_do(tmp_path, monkeypatch):
    with Store(tmp_path, write=True):
        pass

    def full(_path, _content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("reports.page.replace_file", full)
    with pytest.raises(StoreError, match="could not be written") as refused:
        write_report(tmp_path)
    assert "free some space on its disk" in str(refused.value)
    assert str(tmp_path / "report") in str(refused.value)


def test_methods_that_add_up_to_more_than_the_claims_say_why():
    frame = pd.DataFrame(
        {"id": ["a", "b"], "topic": "t", "method": ["exact, certified", "exact"], "outcome": "HOLDS"}
        | {"verified": True, "refuted": 1, "mutants": 1}
    )
    assert "1 certified, 2 exact: some take more than one method" in str(_verified(frame))
    assert "more than one" not in str(_verified(frame.iloc[1:]))


def test_every_picture_has_words_for_those_who_do_not_see_it(text):
    pictures = re.findall(r"<svg\b.*?</svg>", text, flags=re.S)
    assert len(pictures) > 5
    for svg in pictures:
        head = svg[: svg.index(">")]
        assert 'role="img"' in head
        named = re.search(r'aria-labelledby="([^"]+)"', head)
        for name in named[1].split():
            assert re.search(rf'<(title|desc) id="{name}">[^<]+</\1>', svg), head


def luminance(colour):
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_can_be_told_from_their_background_in_light_and_dark():
    """WCAG 2.2: 4.5 : 1 for text, 3 : 1 for lines and marks that carry meaning."""
    sheet = (files("reports.page") / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r"\{[^{}]*--ink:[^{}]*\}", sheet)
    themes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]
    assert len(themes) == 3  # light, dark as chosen, dark as the system says
    assert themes[1] == themes[2]
    for theme in themes:
        for ground in ("paper", "card"):
            for name in theme:
                least = 3.0 if name.startswith("series") else 4.5
                if name in ("paper", "card", "rule") or name.endswith("wash"):
                    continue
                low, high = sorted((luminance(theme[name]), luminance(theme[ground])))
                assert (high + 0.05) / (low + 0.05) >= least, f"{name} {theme[name]} on {ground} {theme[ground]}"


def test_sections_are_listed_and_tables_stand_beside_their_numbers(text):
    contents = re.search(r'<nav id="contents".*?</nav>', text, flags=re.S)[0]
    for name in {table.experiment for table in tables.values()} - {"", "claims"}:
        assert f'href="#{name}"' in contents
    for name, table in tables.items():
        if f'id="table-{name}"' in text and table.experiment:
            for ending in ("csv", "md", "tex", "html"):
                assert f'href="tables/{name}.{ending}"' in text
