"""How soon a report shows its first table: `python -m benchmarks.page_speed results/report/index.html [--output CSV]`.

Headless Chromium opens the page `--openings` times, each with an empty profile. The page tells two moments on the
browser's own clock, from the start of its navigation: when the first frame after the first table was drawn, and when
all of it was loaded. The start of the browser is not counted. A row a moment: the median, the quickest, the slowest.
"""

from __future__ import annotations

import argparse
import datetime
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarks.browser import CHROMIUM, FLAGS
from benchmarks.origin import origin, write_rows
from benchmarks.ratio_table import say

FIELDS = ("moment", "milliseconds", "least", "most", "openings", "page_mb", "commit", "machine", "date")
MOMENTS = ("first table", "loaded")
#: After the frame that is drawn next: a callback of the frame runs before it is drawn, a task that it leaves after.
_AFTER_FRAME = "requestAnimationFrame(()=>setTimeout(()=>console.log('moment first table '+performance.now())))"
_LOADED = "addEventListener('load',()=>console.log('moment loaded '+performance.now()))"


def telling(html: str) -> str:
    """The page with scripts behind its first table that tell the moments. Raises ValueError for a page without one."""
    before, end, rest = html.partition("</table>")
    if not end:
        raise ValueError("the page has no table; give the index.html of a report")
    return f"{before}{end}<script>{_AFTER_FRAME};{_LOADED}</script>{rest}"


def moments(browser: str, page: Path, profile: Path) -> dict[str, float]:
    """Milliseconds of each moment in one opening. Raises RuntimeError where the page did not tell them all in three.

    The browser ends when its picture is taken, which now and then is before a message of the page has reached it.
    """
    for attempt in range(3):
        found, said = _opened(browser, page, profile / str(attempt))
        if set(found) == set(MOMENTS):
            return {moment: float(value) for moment, value in found.items()}
    raise RuntimeError(f"the page told {sorted(found)} of {list(MOMENTS)}; the browser said: {said[-500:]}")


def _opened(browser: str, page: Path, profile: Path) -> tuple[dict[str, str], str]:
    command = [
        browser, *FLAGS, "--window-size=1280,900", f"--user-data-dir={profile}",
        f"--screenshot={profile / 'page.png'}", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return dict(re.findall(r"moment (first table|loaded) ([0-9.]+)", done.stderr)), done.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--openings", type=int, default=9)
    parser.add_argument("--output", type=Path, help="CSV in which the figures are kept")
    chosen = parser.parse_args()
    if chosen.openings < 1:
        parser.error(f"--openings is {chosen.openings}; give 1 or more")
    if CHROMIUM is None:
        parser.error("no Chromium is installed")
    html = chosen.page.read_text(encoding="utf-8")
    told: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "index.html"
        page.write_text(telling(html), encoding="utf-8")
        for opening in range(chosen.openings):
            told.append(moments(CHROMIUM, page, Path(folder) / f"profile-{opening}"))
    where = {**origin(), "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    rows = []
    for moment in MOMENTS:
        each = [one[moment] for one in told]
        low, middle, high = min(each), statistics.median(each), max(each)
        say(f"{moment}: {middle:.0f} ms ({low:.0f} to {high:.0f}) in {len(each)} openings")
        rows.append({
            "moment": moment, "milliseconds": f"{middle:.0f}", "least": f"{low:.0f}", "most": f"{high:.0f}",
            "openings": len(each), "page_mb": f"{len(html.encode()) / 1e6:.2f}", **where,
        })  # fmt: skip
    if chosen.output:
        write_rows(chosen.output, FIELDS, rows)


if __name__ == "__main__":
    main()
