"""One file over HTTP: resumed where the server can, checked before it appears under its name."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from reports.datasets.source import DataError, Progress

_BLOCK = 1 << 16
#: Seconds without a byte after which a connection counts as dead.
_STALL = 30.0


def download(
    url: str, target: Path, *, check: Callable[[Path], object], limit: int, progress: Progress | None = None
) -> Path:
    """Fetches `url` into `target`, which exists afterwards only with content that `check` accepted.

    Bytes gather in `target` + ".part"; an interrupted download goes on from there if the
    server honours ranges and starts again if not. `check` raises DataError for bad content,
    which is then thrown away. No more than `limit` bytes are taken.

    Raises DataError, naming the URL, when the server cannot be reached, answers with an error,
    stops early or sends too much.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"url must start with http:// or https://, not {url!r}")
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, limit, progress)
    except HTTPError as error:
        raise DataError(f"{url}: the server answers {error.code} {error.reason}") from error
    except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"{url}: no answer ({reason}); what has arrived is kept and the next try resumes") from error
    except OSError as error:
        raise DataError(f"{part} cannot be written ({error})") from error
    try:
        check(part)
    except DataError:
        part.unlink()
        raise
    return part.replace(target)


def _receive(url: str, part: Path, limit: int, progress: Progress | None) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer: HTTPResponse = urlopen(request, timeout=_STALL)
    except HTTPError as error:
        if error.code != 416 or not have:
            raise
        # The part is complete, or of another version: only `check` can tell.
        return
    with answer:
        resumed = answer.status == 206
        have = have if resumed else 0
        total = have + int(answer.headers.get("Content-Length") or 0)
        with part.open("ab" if resumed else "wb") as sink:
            while block := answer.read(_BLOCK):
                have += len(block)
                if have > limit:
                    break
                sink.write(block)
                if progress is not None:
                    progress(part.name.removesuffix(".part"), have, total)
        if have > limit:
            part.unlink()
            raise DataError(f"{url} sends more than the {limit} bytes that the file can have")
        if have < total:
            raise DataError(f"{url}: the connection ended after {have} of {total} bytes; the next try resumes")
