"""What MkDocs is told of pages that lie outside docs/: the README is the first page, and a link to a source or a record
brings that file along.

The pages stay as they are read in the repository; only links are turned, and nothing is written down twice.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
#: Pages of the repository's root by their place on the site.
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
#: Where files lie that pages link to and that are no part of docs/.
BESIDE = "files"
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\\)(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(((?!https?://|#|mailto:)[^)#\s]+)(#[^)\s]*)?\)")
#: Items of a list within a list.
_NESTED = re.compile(r"^  ([-*] )", re.MULTILINE)


def on_files(files, config):
    """Adds the pages of the root, every file outside docs/ that a page links to, and pages that the menu forgot."""
    for name, place in PAGES.items():
        files.append(File.generated(config, place, content=(ROOT / name).read_text(encoding="utf-8")))
    for page in list(files.documentation_pages()):
        for found in _LINK.finditer(_prose(page.content_string)):
            target = _target(page.src_uri, found[3])
            if target.is_file() and not _on_site(target) and files.get_file_from_path(_beside(target)) is None:
                files.append(File.generated(config, _beside(target), abs_src_path=str(target)))
    named = str(config.nav)
    forgotten = [page.src_uri for page in files.documentation_pages() if f"'{page.src_uri}'" not in named]
    if config.nav and forgotten:
        config.nav.append({"Further": forgotten})
    return files


def on_page_markdown(markdown, page, config, files):  # noqa: ARG001 - MkDocs passes them by these names
    """Turns links for the site; those to folders, which have no page, become plain text.

    Lists within lists are indented by two here, and Python-Markdown wants four.
    """
    pieces, end = [], 0
    for kept in [*_FENCE.finditer(markdown), None]:
        start = kept.start() if kept else len(markdown)
        prose = _NESTED.sub(r"    \1", markdown[end:start])
        pieces.append(_LINK.sub(lambda found: _turned(page.file.src_uri, found), prose))
        if kept:
            pieces.append(kept[0])
            end = kept.end()
    return "".join(pieces)


def _prose(markdown: str) -> str:
    return _FENCE.sub("", markdown)


def _turned(source: str, found: re.Match[str]) -> str:
    target = _target(source, found[3])
    if target.is_dir():
        return found[2]
    place = _on_site(target) or (_beside(target) if target.is_file() else found[3])
    relative = os.path.relpath(place, PurePosixPath(source).parent) if target.exists() else found[3]
    return f"{found[1]}[{found[2]}]({PurePosixPath(relative)}{found[4] or ''})"


def _target(source: str, link: str) -> Path:
    """The file that a link on the page means, in the repository."""
    origin = {place: ROOT / name for name, place in PAGES.items()}.get(source, ROOT / "docs" / source)
    return (origin.parent / link).resolve()


def _on_site(target: Path) -> str | None:
    """The place on the site of what has one without being brought along."""
    if target.parent == ROOT and target.name in PAGES:
        return PAGES[target.name]
    docs = ROOT / "docs"
    return target.relative_to(docs).as_posix() if target.is_relative_to(docs) else None


def _beside(target: Path) -> str:
    return f"{BESIDE}/{target.relative_to(ROOT).as_posix()}"
