"""The documentation as a site: built strictly, complete, and asking nobody for anything."""

import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from reports import docs_tables, reproducing_page
from tests.browser import chromium, needs_chromium

ROOT = Path(__file__).parent.parent


def build(root, site):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", root / "mkdocs.yml", "-d", site]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("material", reason="the site is built by mkdocs-material; [docs] brings it")
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_of_the_documentation_is_on_the_site(site):
    pages = [page for page in (ROOT / "docs").rglob("*.md") if page.name != "README.md"]
    for page in pages:
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).is_file(), page
    for name in ("index", "contributing", "changelog", "example_package/index"):
        assert (site / f"{name}.html").is_file(), name


def test_no_page_asks_another_host_for_anything(site):
    for page in site.rglob("*.html"):
        asked = re.findall(r'<(?:script|img|iframe|link)\b[^>]*?\s(?:src|href)="(?:https?:)?//[^"]+"', page.read_text())
        assert not asked, f"{page.name} asks for {asked}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text()), sheet.name


def test_records_and_sources_that_pages_link_to_come_along(site):
    page = (site / "reproducing.html").read_text(encoding="utf-8")
    linked = re.findall(r'href="(files/[^"]+)"', page)
    assert {Path(link).name for link in linked} >= {path.name for path in reproducing_page.PUBLISHED.iterdir()}
    for link in linked:
        assert (site / link).is_file(), link


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path):
    pytest.importorskip("material", reason="the site is built by mkdocs-material; [docs] brings it")
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "site_hooks.py", tmp_path / "docs")
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("# Empty\n", encoding="utf-8")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:\n  - Get started")[0]
    (tmp_path / "mkdocs.yml").write_text(settings, encoding="utf-8")
    for text, passes in (
        ("# Here\n[there](#here)\n", True),
        ("[gone](docs/gone.md)\n", False),
        ("[x](#gone)\n", False),
    ):
        (tmp_path / "README.md").write_text(text, encoding="utf-8")
        done = build(tmp_path, tmp_path / "site")
        assert (done.returncode == 0) == passes, done.stderr
        assert passes or "gone" in done.stderr


@needs_chromium
def test_chromium_opens_it_from_its_folder_and_finds_a_word(site, tmp_path):
    asked = """<script>addEventListener("load", () => {
      const field = document.querySelector("[data-md-component=search-query]");
      field.focus();
      field.value = "certificate";
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new KeyboardEvent("keyup", { key: "e", bubbles: true }));
      const wait = setInterval(() => {
        const found = document.querySelectorAll(".md-search-result__item").length;
        if (!found) return;
        clearInterval(wait);
        document.title = JSON.stringify({
          found: found > 3, drawn: document.querySelector("h1").getBoundingClientRect().width > 100,
          others: performance.getEntriesByType("resource").filter((entry) => !entry.name.startsWith("file:")).length,
        });
      }, 50);
    });</script>"""
    page = site / "choosing-an-index.html"
    probe = site / "probe.html"
    probe.write_text(page.read_text(encoding="utf-8").replace("</body>", asked + "</body>"), encoding="utf-8")
    dumped, complaints = chromium(probe, tmp_path, "--dump-dom", "--virtual-time-budget=10000")
    probe.unlink()
    assert complaints == []
    told = json.loads(unescape(re.search(r"<title>(\{.*?\})</title>", dumped)[1]))
    assert told == {"found": True, "drawn": True, "others": 0}


def test_marked_tables_are_their_records():
    pages = list(docs_tables.pages())
    assert {page.name for page in pages} >= {"choosing-an-index.md", "choosing-a-divergence.md"}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert docs_tables.filled(text) == text, f"{page.name}: run `make docs`"


def test_the_page_of_reproducing_names_every_record_table_figure_and_experiment():
    from reports.experiment import experiments
    from reports.figures import figures
    from reports.tables import tables

    text = (ROOT / "docs" / "reproducing.md").read_text(encoding="utf-8")
    assert text == reproducing_page.reproducing_page(), "run `make docs`"
    for path in reproducing_page.PUBLISHED.iterdir():
        assert f"[{path.name}](" in text
    for name in experiments:
        assert f"`implicitbench run {name}`" in text
    for name in [one.name for one in tables.values() if one.experiment]:
        assert f"`{name}`" in text
    for name in figures:
        assert f"`#figure-{name}`" in text


def test_a_record_that_nothing_is_known_to_write_is_refused():
    with pytest.raises(KeyError, match=r"nothing is known to write reports/published/gone\.csv"):
        reproducing_page.made_by("gone.csv")
