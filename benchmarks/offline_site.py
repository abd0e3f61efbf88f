"""asv's published site without the network: `python -m benchmarks.offline_site .asv/html`.

asv's page asks other hosts for jQuery, Flot and Bootstrap. The same are taken from npm, each file is held to the
checksum below, and the page is written anew so that it asks its own folder alone. What was fetched once is kept in the
user's cache.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.ratio_table import say

FOLDER = "scripts"


class Asset(NamedTuple):
    """A file of a package; `stands_for` is part of the address by which asv's page asks for it."""

    stands_for: str
    package: str
    path: str
    sha256: str


ASSETS = (
    Asset("jquery-3.3.1.min.js", "jquery@3.3.1", "dist/jquery.min.js",
          "160a426ff2894252cd7cebbdd6d6b7da8fcd319c65b70468f10b6690c45d02ef"),
    Asset("jquery.flot.min.js", "flot@0.8.3", "jquery.flot.js",
          "b7b931f273c38b1277b9c6c1f4e05c4ec09885a487bddaf3279e2d7e49a38e12"),
    Asset("jquery.flot.time", "flot@0.8.3", "jquery.flot.time.js",
          "a582c832adc7138a6b05aaf61f16ebac274701f1be4afea77e739a1c34b9c41a"),
    Asset("jquery.flot.selection", "flot@0.8.3", "jquery.flot.selection.js",
          "e6c85f6c1ebe4b4da29d8ae238c7c5060283f05f7ef054f6b91817d02c092918"),
    Asset("jquery.flot.categories", "flot@0.8.3", "jquery.flot.categories.js",
          "6e81664b28ea795c734906f4aa15614640a75ac7fbd399a7fb9084040698351a"),
    Asset("jquery.flot.orderBars", "flot-orderbars@1.0.0", "js/jquery.flot.orderBars.js",
          "39735b4f46f96ff4e082572401f47c55a2767b366fd1d1e821e44a8d830a12bf"),
    Asset("stupidtable", "stupid-table-plugin@1.1.3", "stupidtable.min.js",
          "4642380f28ebe9ed7cac251793b281ef8620c4386205d92788f9b12f5cceb4e0"),
    Asset("md5.min.js", "blueimp-md5@2.19.0", "js/md5.min.js",
          "64d7ded388c562e4bde9e58ce205e5fa01b9734fcd434d496eb7b4fbfe9b927d"),
    Asset("bootstrap.min.js", "bootstrap@3.1.1", "dist/js/bootstrap.min.js",
          "898d05a17f2cfc5120ddcdba47a885c378c0b466f30f0700e502757e24b403a1"),
    Asset("bootstrap.min.css", "bootstrap@3.1.1", "dist/css/bootstrap.min.css",
          "e9503448692b738dd260fbd7f7cabf2e11f09b600fa97e6eb3a56eba5b1a7e9b"),
)  # fmt: skip
#: What the page loads: whole script elements, and style sheets.
_REMOTE = re.compile(r'<script[^>]*\ssrc="(https?://[^"]+)"[^>]*></script>|<link[^>]*\shref="(https?://[^"]+)"[^>]*>')
#: What npm says where nobody answered it, or only that it is to come again: libuv's names and its own. Whatever else it
#: says is a fault to be mended.
_NOBODY = re.compile(
    r"\b(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ENOTFOUND|EAI_AGAIN|ENETUNREACH|ENETDOWN|EHOSTUNREACH|EHOSTDOWN"
    r"|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ERR_STREAM_PREMATURE_CLOSE|EPROTO|E429|E5[0-9][0-9])\b"
)


class NotFetched(RuntimeError):
    """A script cannot be had now: npm is not installed, or found nobody to ask."""


class UnknownScript(RuntimeError):
    """npm refuses, a script has other bytes than the one that is named here, or asv's page asks for one that is not."""


def cache_folder() -> Path:
    """Where the scripts are kept."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("implicitbench")) / "dashboard"


def fetch(folder: Path) -> None:
    """Puts every asset into `folder` under its own name; raises NotFetched, and UnknownScript otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    wanting = [asset for asset in ASSETS if not _is_there(folder / Path(asset.path).name, asset)]
    for package in dict.fromkeys(asset.package for asset in wanting):
        with tempfile.TemporaryDirectory() as made:
            _unpack(package, Path(made))
            for asset in (asset for asset in wanting if asset.package == package):
                found = Path(made, "package", asset.path)
                if not _is_there(found, asset):
                    raise UnknownScript(f"{package}: {asset.path} has another checksum than the one that is known")
                shutil.copy(found, folder / found.name)


def rewrite(site: Path, scripts: Path) -> None:
    """Copies the scripts beside the page and makes it ask for these; raises UnknownScript for other addresses."""
    shutil.copytree(scripts, site / FOLDER, dirs_exist_ok=True)
    page = site / "index.html"
    page.write_text(_REMOTE.sub(_own, page.read_text(encoding="utf-8")), encoding="utf-8")


def _own(found: re.Match[str]) -> str:
    address = found[1] or found[2]
    for asset in ASSETS:
        if asset.stands_for in address:
            name = f"{FOLDER}/{Path(asset.path).name}"
            if found[1]:
                return f'<script src="{name}" onerror="js_load_failure()"></script>'
            return f'<link rel="stylesheet" href="{name}">'
    raise UnknownScript(f"asv's page asks for {address}, which is not known here: add it to ASSETS")


def _is_there(path: Path, asset: Asset) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == asset.sha256


def _unpack(package: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetched("npm is not installed: with it the dashboard's scripts are fetched once")
    # Without a network npm would try for minutes. It refuses a longest wait below the shortest, 10 s if none is told.
    patience = ["--fetch-timeout=20000", "--fetch-retries=1"]
    patience += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    command = [npm, "pack", "--loglevel=error", "--ignore-scripts", *patience, package]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotFetched(f"npm could not fetch {package} within a minute") from error
    packed = next(folder.glob("*.tgz"), None)
    if done.returncode or packed is None:
        kind = NotFetched if _NOBODY.search(done.stderr) else UnknownScript
        raise kind(f"npm could not fetch {package}: {done.stderr.strip()[:300]}")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path, help="the folder that asv published")
    site = parser.parse_args().site
    if not (site / "index.html").is_file():
        raise SystemExit(f"{site} holds no index.html: run `asv publish` first")
    try:
        fetch(cache_folder())
        rewrite(site, cache_folder())
    except (NotFetched, UnknownScript) as error:
        raise SystemExit(f"{error}. The site at {site} is complete, and asks the network for its scripts.") from error
    say(f"{site / 'index.html'} asks nobody for anything")


if __name__ == "__main__":
    main()
