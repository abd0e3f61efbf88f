"""The page of an audit by the command: whole, with its pictures, without a word in the browser."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from reports import auditing
from reports.cli import app
from tests.browser import chromium, needs_chromium
from tests.reports.page_elements import Page


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """The command on small images that copy the data, with its page."""
    folder = tmp_path_factory.mktemp("audit")
    rng = np.random.default_rng(1)
    data = rng.random((60, 6, 5))
    np.save(folder / "data.npy", data)
    np.save(folder / "samples.npy", data[:40])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(auditing, "pending", lambda _: iter(()))  # the page shows whatever rows there are
        command = ["audit", "samples.npy", "--data", "data.npy", "--permutations", "399", "--output", "page.html"]
        done = CliRunner().invoke(app, [*command, "--json"])
    return done, folder / "page.html"


def test_a_defect_exits_1_and_is_named_in_the_json(audited):
    done, _ = audited
    assert done.exit_code == 1, done.output
    told = json.loads(done.stdout)
    assert told["verdict"] == told["defects"][0]["name"] == "copies the training rows"
    assert "The page:" in done.stderr


def test_a_page_by_another_ending_is_refused_before_anything_is_read(tmp_path):
    done = CliRunner().invoke(app, ["audit", "none.npy", "--data", "none.npy", "--output", str(tmp_path / "page.txt")])
    assert done.exit_code == 2
    assert "page.txt: give a name that ends in .html" in done.stderr


def test_the_page_is_whole_asks_nobody_and_shows_the_pictures(audited):
    text = audited[1].read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    links = [attributes["href"] for element, attributes in page.elements if element == "a"]
    assert links
    assert all(link.startswith("#") and link[1:] in page.ids for link in links)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "src" not in {name for _, attributes in page.elements for name in attributes}
    for name in ("embedding", "cells", "distances", "nearest", "worst"):
        assert f"audit-{name}-title" in page.ids
    assert "implicitbench verify parzen-loglik-bias" in text
    assert "copies the training rows" in text


@needs_chromium
def test_chromium_opens_the_page_without_a_word_in_light_and_dark(audited, tmp_path):
    from matplotlib.image import imread

    for scheme in ("light", "dark"):
        image = tmp_path / f"{scheme}.png"
        dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
        _, complaints = chromium(audited[1], tmp_path, f"--screenshot={image}", "--window-size=1200,1600", *dark)
        assert complaints == []
        pixels = imread(image)[..., :3]
        assert (pixels.mean() < 0.5) == (scheme == "dark")
        assert pixels.std() > 0.05
