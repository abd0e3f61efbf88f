"""Figures: the same text for the same store, readable in any colour scheme and aloud."""

import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

from reports.figures import figure, figures
from reports.formula import formula
from reports.svg import SERIES, canvas, series_colours
from reports.svg import picture as render
from tests.reports import made_up_results

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


@pytest.fixture(scope="module")
def pictures(results):
    return {name: figure(name, output=results) for name in figures}


def test_there_is_a_picture_for_every_data_set_and_model(pictures):
    assert [p.title for p in pictures["recall-speed"]] == ["Recall and speed on digits", "Recall and speed on mnist"]
    assert len(pictures["mode-coverage"]) == 2
    assert len(pictures["samples"]) == 6


def test_the_same_store_gives_the_same_text(results, pictures, tmp_path):
    shutil.copy(results / "journal.jsonl", tmp_path)
    for name, drawn in pictures.items():
        assert [p.svg for p in figure(name, output=tmp_path)] == [p.svg for p in drawn]


@pytest.mark.parametrize("name", figures)
def test_every_picture_is_xml_with_a_title_a_description_and_its_own_names(name, pictures):
    seen = set()
    for picture in pictures[name]:
        root = ElementTree.fromstring(picture.svg)
        assert root.get("role") == "img"
        title, words = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert root.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
        assert title.text == picture.title
        assert words.text == picture.description
        assert len(words.text) > 40
        names = [node.get("id") for node in root.iter() if node.get("id")]
        assert len(names) == len(set(names))
        assert not seen & set(names)
        seen |= set(names)
        links = {node.get(LINK) for node in root.iter() if node.get(LINK)} | set(
            re.findall(r"url\((#[^)]+)", picture.svg)
        )
        inside = {link for link in links if not link.startswith("data:image/png;base64,")}
        assert inside <= {f"#{name}" for name in names}


@pytest.mark.parametrize("name", figures)
def test_nothing_in_a_picture_depends_on_the_day_or_reaches_outside(name, pictures):
    for picture in pictures[name]:
        assert "<style" not in picture.svg
        assert "<metadata" not in picture.svg
        addresses = set(re.findall(r"https?://[^\"' ]+", picture.svg))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_colours_follow_the_page(pictures):
    for drawn in pictures.values():
        for picture in drawn:
            bare = re.sub(r"var\(--[a-z0-9-]+, #[0-9a-f]{6}\)", "", picture.svg)
            assert not re.search(r"(fill|stroke): #(?!000000|ffffff)[0-9a-f]{6}", bare)
    assert "var(--ink" in pictures["recall-speed"][0].svg


def test_points_tell_what_they_are(pictures):
    svg = pictures["recall-speed"][1].svg
    assert "faiss HNSW · M=16, efSearch=10: recall 96.0 %, 300\u202f000 queries/s" in svg
    assert "frontier" in svg


def test_a_tip_is_text_and_no_markup():
    with canvas(2.0, 1.0) as (figure, axes):
        axes[0, 0].plot([0], [0], "o", gid="point")
        drawn = render(figure, name="p", title="t", description="d", tips={"point": "a < b & c"})
    titles = [node.text for node in ElementTree.fromstring(drawn.svg).iter(f"{SVG}title")]
    assert titles == ["t", "a < b & c"]


def test_failed_models_are_drawn_as_failed(tmp_path):
    from reports.store import Store

    with Store(tmp_path, write=True) as store:
        for cell in made_up_results.models("ring-8", 8, 2):
            if cell[0].params["model"] == "gan":
                cell = [
                    made_up_results.record(
                        "implicit-models",
                        cell[0].cell,
                        cell[0].params,
                        "cell",
                        None,
                        seed=cell[0].seed,
                        status="failed",
                        detail="no",
                    )
                ]
            store.append(cell)
    (drawn,) = figure("mode-coverage", output=tmp_path)
    assert ">failed<" in drawn.svg
    assert "gan: failed" in drawn.description


def test_an_empty_store_gives_no_pictures(tmp_path):
    from reports.store import Store

    with Store(tmp_path, write=True):
        pass
    assert {name: figure(name, output=tmp_path) for name in figures} == {name: [] for name in figures}
    assert len(figures) > 0


def test_names_have_the_same_colour_everywhere():
    colours = series_colours(["b", "a", "b"])
    assert colours == {"a": SERIES[0], "b": SERIES[1]}
    assert len(set(SERIES)) == len(SERIES) == 8


def test_a_formula_is_drawn_and_what_is_none_is_quoted():
    drawn = formula(r"\frac{1}{m}\sum_{i=1}^{n} P(E_i) < \infty", name="f")
    root = ElementTree.fromstring(drawn)
    assert root.find(f"{SVG}desc").text == r"\frac{1}{m}\sum_{i=1}^{n} P(E_i) < \infty"
    assert drawn == formula(r"\frac{1}{m}\sum_{i=1}^{n} P(E_i) < \infty", name="f")
    assert formula(r"\nosuchcommand{a<b}", name="g") == r"<code>\nosuchcommand{a&lt;b}</code>"
