"""Over commits: asv's site without the network, and our page with the same series and the same regressions."""

import dataclasses
import functools
import http.server
import json
import re
import shutil
import threading
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import offline_site
from reports.history import write_history
from reports.history.page import frame_of
from reports.history.series import Point, from_asv, from_store, steps_of
from reports.store import Store, StoreError
from tests.browser import chromium, needs_chromium
from tests.reports import made_up_site
from tests.reports.made_up_records import record


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    pytest.importorskip("asv", reason="the site is asv's; [test] brings it")
    return made_up_site.publish(tmp_path_factory.mktemp("asv") / "repository")


@pytest.fixture(scope="module")
def offline(published, tmp_path_factory):
    site = tmp_path_factory.mktemp("offline") / "html"
    shutil.copytree(published[0], site)
    try:
        offline_site.fetch(offline_site.cache_folder())
    except offline_site.NotFetched as error:
        pytest.skip(f"asv's site is not clicked through, since its scripts are not here: {error}")
    offline_site.rewrite(site, offline_site.cache_folder())
    return site


def test_the_page_that_asv_publishes_asks_for_nothing_but_its_own_scripts(published, tmp_path):
    """With stand-ins for the scripts, so without npm: an address that a new asv brings is found here."""
    site, scripts = tmp_path / "html", tmp_path / "scripts"
    shutil.copytree(published[0], site)
    remote = r'(?:src|href)="(https?://[^"]+\.(?:js|css)[^"]*)"'
    before = re.findall(remote, (site / "index.html").read_text(encoding="utf-8"))
    assert len(before) == len(offline_site.ASSETS)
    scripts.mkdir()
    for asset in offline_site.ASSETS:
        (scripts / Path(asset.path).name).write_text("", encoding="utf-8")
    offline_site.rewrite(site, scripts)
    text = (site / "index.html").read_text(encoding="utf-8")
    assert not re.findall(remote, text)
    own = re.findall(rf'(?:src|href)="({offline_site.FOLDER}/[^"]+)"', text)
    assert len(own) == len(before)
    assert all((site / path).is_file() for path in own)


def test_every_series_and_regression_is_the_one_that_asv_published(published):
    site, commits = published
    series = {one.name: one for one in from_asv(site)}
    assert sorted(series) == [
        "fast_suite.Pair.time_of_two('one')",
        "fast_suite.Pair.time_of_two('two')",
        "fast_suite.time_steady",
        "fast_suite.track_share",
    ]
    for name, one in series.items():
        benchmark, _, rest = name.partition("(")
        expected = [made_up_site.values(i)[benchmark]["'two'" in rest] for i in range(made_up_site.COMMITS)]
        assert [(point.commit, point.value) for point in one.points] == list(zip(commits, expected, strict=True))
    found = json.loads((site / "regressions.json").read_text(encoding="utf-8"))["regressions"]
    told = {entry[0]: [(jump[2], jump[3]) for jump in entry[6]] for entry in found}
    assert told.keys() == {"fast_suite.Pair.time_of_two('two')"}
    ours = {one.name: [(s.was, s.became) for s in one.regressions] for one in series.values() if one.regressions}
    assert ours == told
    assert series["fast_suite.Pair.time_of_two('two')"].regressions[0].commit == commits[made_up_site.SLOWER_FROM]


def test_series_of_two_environments_are_told_apart(published, tmp_path):
    site = tmp_path / "html"
    shutil.copytree(published[0], site)
    (own,) = (
        path.parent for path in (site / "graphs").rglob("fast_suite.time_steady.json") if "summary" not in str(path)
    )
    shutil.copytree(own, own.parent / "numpy-1")
    series = from_asv(site)
    assert len({(one.name, one.where) for one in series}) == len(series) == 8
    assert len({one.where for one in series}) == 2
    text = write_history(tmp_path / "out", asv=site).read_text(encoding="utf-8")
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_the_journal_gives_a_series_where_one_cell_was_measured_at_two_commits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store(tmp_path, write=True) as store:
        for i, (value, commit) in enumerate([(100.0, "a" * 40), (99.0, "b" * 40), (50.0, "c" * 40)]):
            one = record("e", f"k{i}", {"index": "x"}, "speed", value, low=value - 3, high=value + 3, unit="1/s")
            store.append([dataclasses.replace(one, commit=commit)])
        store.append([record("e", "alone", {"index": "y"}, "speed", 1.0)])
    with Store(tmp_path) as store:
        (one,) = from_store(store)
    assert [point.value for point in one.points] == [100.0, 99.0, 50.0]
    assert [(step.before, step.commit) for step in one.regressions] == [("b" * 40, "c" * 40)]
    page = write_history(tmp_path, asv=None).read_text(encoding="utf-8")
    assert "speed (index=x" in page
    assert "1 with a regression" in page
    assert pd.read_csv(tmp_path / "report" / "tables" / "history.csv").worse_at.tolist() == ["c" * 40]
    changes = frame_of([one, dataclasses.replace(one, points=one.points[:1])]).change
    assert changes[0] == pytest.approx(-0.5)
    assert np.isnan(changes[1])  # of one commit there is none


def test_what_was_merged_stands_where_it_was_measured(tmp_path):
    """An older store that was merged comes last in the journal, and first in the series."""
    with Store(tmp_path, write=True) as store:
        for value, commit, day in [(2.0, "b", 2), (3.0, "c", 3), (1.0, "a", 1)]:
            one = record("e", f"k{day}", {"index": "x"}, "speed", value, low=value, high=value, unit="s")
            store.append([dataclasses.replace(one, commit=40 * commit, created=f"2026-01-0{day}T00:00:00+00:00")])
    with Store(tmp_path) as store:
        (one,) = from_store(store)
    assert [point.value for point in one.points] == [1.0, 2.0, 3.0]
    assert [step.commit for step in one.regressions] == [40 * "b", 40 * "c"]


def test_a_step_needs_a_unit_with_a_worse_side_and_ranges_that_lie_apart():
    def of(was, became, unit, spread=0.1):
        points = [Point(commit, value, value - spread, value + spread) for commit, value in (("a", was), ("b", became))]
        return len(steps_of(tuple(points), unit))

    assert of(1.0, 2.0, "s") == of(2.0, 1.0, "1/s") == 1
    assert of(2.0, 1.0, "s") == of(1.0, 2.0, "1/s") == of(1.0, 2.0, "nats") == 0
    assert of(1.0, 1.15, "s") == 0  # the ranges overlap
    assert of(1.0, 1.04, "s", spread=0.001) == 0  # beyond the repetitions, and less than what counts
    assert steps_of((Point("a", 1.0), Point("b", 9.0)), "s") == ()


def test_nothing_to_show_and_a_folder_without_a_site_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given in (None, tmp_path / "nowhere"):
        with pytest.raises(StoreError, match="make dashboard"):
            write_history(tmp_path / "results", asv=given)


def test_only_what_nobody_answers_is_called_not_fetched(tmp_path, monkeypatch):
    """The click-through is skipped for that alone: whatever else npm says, and other bytes, fail it."""
    monkeypatch.setattr(offline_site.shutil, "which", lambda _: None)
    with pytest.raises(offline_site.NotFetched, match="npm is not installed"):
        offline_site.fetch(tmp_path)
    monkeypatch.undo()
    nobody = ("code ECONNREFUSED", "code EAI_AGAIN", "code ENOTFOUND", "code ETIMEDOUT", "code ERR_SOCKET_TIMEOUT",
              "code E503", "code E500", "code EPROTO")  # fmt: skip
    refused = ("code E404", "code ETARGET", "code EUSAGE", "minTimeout is greater than maxTimeout", "")
    for said in nobody + refused:
        npm = tmp_path / "npm"
        npm.write_text(f"#!/bin/sh\necho 'npm error {said}' >&2\nexit 1\n", encoding="utf-8")
        npm.chmod(0o755)
        monkeypatch.setattr(offline_site.shutil, "which", lambda _, npm=npm: str(npm))
        kind = offline_site.NotFetched if said in nobody else offline_site.UnknownScript
        with pytest.raises(kind, match=f"could not fetch jquery.*{said}"):
            offline_site.fetch(tmp_path / "cache")


def test_a_script_that_nobody_knows_and_one_with_another_content_are_refused(tmp_path, monkeypatch):
    scripts = tmp_path / "fetched"
    scripts.mkdir()
    (tmp_path / "index.html").write_text('<script src="https://a.example/new.js"></script>', encoding="utf-8")
    with pytest.raises(offline_site.UnknownScript, match=r"new\.js, which is not known"):
        offline_site.rewrite(tmp_path, scripts)

    def other(_package, folder):
        for asset in offline_site.ASSETS:
            (folder / "package" / asset.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "package" / asset.path).write_text("something else", encoding="utf-8")

    monkeypatch.setattr(offline_site, "_unpack", other)
    with pytest.raises(offline_site.UnknownScript, match="another checksum"):
        offline_site.fetch(tmp_path / "cache")


def read(dumped):
    return json.loads(unescape(re.search(r"<title>(\{.*?\})</title>", dumped)[1]))


@needs_chromium
def test_chromium_clicks_through_our_page(published, tmp_path):
    page = write_history(tmp_path, asv=published[0])
    asked = """<script>addEventListener("load", () => {
      document.querySelector("#regressions li a").click();
      setTimeout(() => {
        const open = document.querySelector("details[open]");
        const plot = open.querySelector("svg.picture"), box = plot.getBoundingClientRect();
        const line = plot.querySelector("polyline").getBoundingClientRect();
        const filter = document.querySelector(".filter input");
        document.title = JSON.stringify({
          open: open.querySelector(".name").textContent, points: plot.querySelectorAll("circle, rect").length,
          drawn: box.width > 400 && line.width > 300 && line.height > 60,
          worse: plot.querySelectorAll("rect").length, sparks: document.querySelectorAll("svg.spark").length,
          wide: document.documentElement.scrollWidth > innerWidth,
          requests: performance.getEntriesByType("resource").length,
        });
      }, 50);
    });</script>"""
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"https?://(?!www\.w3\.org)", text)
    page.write_text(text.replace("</body>", asked + "</body>"), encoding="utf-8")
    dumped, complaints = chromium(page, tmp_path, "--dump-dom", "--virtual-time-budget=2000")
    assert complaints == []
    assert read(dumped) == {
        "open": "fast_suite.Pair.time_of_two('two')", "points": made_up_site.COMMITS, "drawn": True, "worse": 1,
        "sparks": 4, "wide": False, "requests": 0,
    }  # fmt: skip


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@needs_chromium
def test_chromium_clicks_through_asvs_site_without_the_network(offline, tmp_path):
    """The grid, a benchmark's plot, the list and the regressions; another host is asked for nothing."""
    text = (offline / "index.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|link rel="stylesheet" href)="https?:', text)
    # One step after another, each as soon as what the one before asked for is there.
    asked = """<script>window.addEventListener("load", () => {
      const found = {};
      const drawn = (canvas) => {
        const blank = document.createElement("canvas");
        [blank.width, blank.height] = [canvas.width, canvas.height];
        return canvas.width > 20 && canvas.toDataURL() !== blank.toDataURL();
      };
      const canvases = (where) => [...document.querySelectorAll(where + " canvas")].filter(drawn).length;
      const texts = (where) => [...document.querySelectorAll(where)].map((x) => x.textContent.trim());
      const when = (ready, next) => {
        const wait = setInterval(() => { if (ready()) { clearInterval(wait); next(); } }, 20);
      };
      const grid = "#summarygrid-display", tiles = () => document.querySelectorAll(grid + " a.btn").length;
      when(() => tiles() > 2 && canvases(grid) > 2, () => {
        found.grid = tiles();
        location.hash = "#fast_suite.Pair.time_of_two";
        when(() => canvases("#main-graph"), () => {
          found.plot = true;
          document.querySelector("#nav-li-summarylist a").click();
          when(() => document.querySelectorAll("#summarylist-body tbody tr").length > 3, () => {
            found.list = document.querySelectorAll("#summarylist-body tbody tr").length;
            document.querySelector("#nav-li-regressions a").click();
            when(() => document.querySelectorAll("#regressions-body tbody tr").length > 0, () => {
              found.regressions = texts("#regressions-body tbody tr td:first-child");
              found.others = performance.getEntriesByType("resource")
                .filter((entry) => !entry.name.startsWith(location.origin)).length;
              document.title = JSON.stringify(found);
            });
          });
        });
      });
    });</script>"""
    (offline / "clicked.html").write_text(text.replace("</head>", asked + "</head>"), encoding="utf-8")
    handler = functools.partial(_Quiet, directory=str(offline))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/clicked.html"
        dumped, complaints = chromium(address, tmp_path, "--dump-dom", "--virtual-time-budget=20000")
        server.shutdown()
    assert complaints == []
    assert read(dumped) == {
        "grid": 3, "plot": True, "list": 4,
        "regressions": ["fast_suite.Pair.time_of_two('two')"], "others": 0,
    }  # fmt: skip
