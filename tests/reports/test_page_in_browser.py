"""The page as Chromium shows it: without a word on the console, in light and dark, on screen and paper."""

import json
import re
import shutil
from html import unescape

import pytest

from tests.browser import chromium, needs_chromium


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
