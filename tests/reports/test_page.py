"""The page: everything that was measured, in one file that asks nobody for anything."""

import errno
import re
import shutil
from html.parser import HTMLParser
from importlib.resources import files

import pandas as pd
import pytest

from reports.page import write_report
from reports.page.markup import Html, join, tag
from reports.page.summary import _verified
from reports.store import Store, StoreError
from reports.tables import tables
from tests.browser import chromium, needs_chromium
from tests.reports import made_up_results


class Page(HTMLParser):
    """The elements of a page: (tag, attributes) in order, ids, and whether every element was closed."""

    VOID = frozenset({"meta", "br", "hr", "input", "img", "link"})

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        assert self.open == []
        self.ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_report(made_up_results.write(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def text(written):
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    return write_report(made_up_results.write(tmp_path_factory.mktemp("broken"), broken=True))


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
    text = broken.read_text(encoding="utf-8")
    assert "2 of 4" in text
    assert "not verified" in text
    for told in ("killed, twice", "OSError: no", "it compiles too long", "Diverged at step 31"):
        assert told in text, told


def test_the_page_is_a_function_of_the_journal_alone(written, text, tmp_path):
    shutil.copy(written.parent.parent / "journal.jsonl", tmp_path)
    assert write_report(tmp_path).read_text(encoding="utf-8") == text


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


def test_a_page_that_a_full_disk_refuses_says_where_and_what_to_do(written, tmp_path, monkeypatch):
    output = shutil.copytree(written.parents[1], tmp_path / "results")

    def full(_path, _content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("reports.page.replace_file", full)
    with pytest.raises(StoreError, match="could not be written") as refused:
        write_report(output)
    assert "free some space on its disk" in str(refused.value)
    assert str(output / "report") in str(refused.value)


def test_methods_that_add_up_to_more_than_the_claims_say_why():
    frame = pd.DataFrame(
        {"id": ["a", "b"], "topic": "t", "method": ["exact, certified", "exact"], "outcome": "HOLDS"}
        | {"verified": True, "refuted": 1, "mutants": 1}
    )
    assert "1 certified, 2 exact: some take more than one method" in str(_verified(frame))
    assert "more than one" not in str(_verified(frame.iloc[1:]))


@needs_chromium
def test_a_link_cut_within_an_escape_breaks_nothing(written, tmp_path):
    probe = tmp_path / "index.html"
    text = written.read_text(encoding="utf-8")
    probe.write_text(text.replace("<head>", '<head><script>location.hash = "#%E2%8";</script>', 1), encoding="utf-8")
    dumped, complaints = chromium(probe, tmp_path, "--dump-dom")
    assert complaints == []
    assert not re.search(r'<button[^>]*id="theme"[^>]* hidden', dumped)  # the script ran to its end


@needs_chromium
def test_chromium_opens_it_without_a_word_and_draws_every_picture(written, page, tmp_path):
    probe = tmp_path / "report" / "index.html"
    shutil.copytree(written.parent, probe.parent)
    asked = """<script>addEventListener("load", () => {
      const pictures = [...document.querySelectorAll("svg.picture")];
      const drawn = pictures.filter((picture) =>
        picture.getBoundingClientRect().width > 0 || picture.closest("details"));
      const head = document.querySelector("#table-nearest-neighbours thead th:nth-child(4) button");
      head.click();
      const rows = [...document.querySelectorAll("#table-nearest-neighbours tbody tr")];
      const first = Number(rows[0].cells[3].dataset.key), second = Number(rows[1].cells[3].dataset.key);
      const box = document.querySelector(".filter input");
      box.value = "hnsw";
      box.dispatchEvent(new Event("input"));
      const wide = document.documentElement.scrollWidth > innerWidth;
      location.hash = "#claim-beta";
      setTimeout(() => {
        document.title = JSON.stringify({
          pictures: pictures.length, drawn: drawn.length, sorted: first >= second,
          last: rows.at(-1).cells[3].textContent,
          left: rows.filter((row) => !row.hidden).length, open: document.getElementById("claim-beta").open, wide,
          requests: performance.getEntriesByType("resource").length,
        });
      }, 50);
    });</script>"""
    probe.write_text(probe.read_text(encoding="utf-8").replace("</body>", asked + "</body>"), encoding="utf-8")
    dumped, complaints = chromium(probe, tmp_path, "--dump-dom", "--virtual-time-budget=2000")
    assert complaints == []
    import json
    from html import unescape

    found = json.loads(unescape(re.search(r"<title>(\{.*?\})</title>", dumped)[1]))
    expected = sum(1 for element, a in page.elements if element == "svg")
    assert found == {
        "pictures": expected,
        "drawn": expected,
        "sorted": True,
        "last": "–",
        "left": 2,
        "open": True,
        "wide": False,
        "requests": 0,
    }


@needs_chromium
@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (1300, "dark"), (390, "light")])
def test_screenshots_are_not_blank(written, tmp_path, width, scheme):
    image = tmp_path / "page.png"
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    chromium(written, tmp_path, f"--screenshot={image}", f"--window-size={width},900", *dark)
    from matplotlib.image import imread

    pixels = imread(image)[..., :3]
    brightness = pixels.mean()
    assert (brightness < 0.5) == (scheme == "dark")
    assert pixels.std() > 0.05


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


@needs_chromium
def test_dark_that_a_reader_chose_is_not_printed(written, tmp_path):
    """Pale ink on white paper is not to be read: the colours of print are those of the light theme."""
    probe = tmp_path / "index.html"
    asked = """<script>addEventListener("load", () => {
      document.documentElement.dataset.theme = "dark";
      const ink = () => getComputedStyle(document.body).color;
      const dark = ink();
      for (const sheet of document.styleSheets)
        for (const rule of [...sheet.cssRules])
          if (rule.media && /screen/.test(rule.media.mediaText)) rule.media.mediaText = "print";
      document.title = JSON.stringify({ dark, printed: ink() });
    });</script>"""
    probe.write_text(written.read_text(encoding="utf-8").replace("</body>", asked + "</body>"), encoding="utf-8")
    dumped, complaints = chromium(probe, tmp_path, "--dump-dom")
    assert complaints == []
    assert '{"dark":"rgb(232, 235, 238)","printed":"rgb(27, 31, 36)"}' in dumped
