"""A page as headless Chromium sees it: what it dumps, and what the page said on the console."""

import subprocess

import pytest

from benchmarks.browser import CHROMIUM, FLAGS

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the page was not opened")


def chromium(page, tmp_path, *flags):
    """Opens `page`, a path or an address; gives (standard output, console lines)."""
    command = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        *flags,
        page if isinstance(page, str) else page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    # The browser logs its own troubles too; what a page causes is logged as CONSOLE.
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]
