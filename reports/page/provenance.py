"""Under every number: when, where, by which commit; and the whole story at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.page.markup import Html, tag
from reports.record import Record


def footnote(records: Sequence[Record], *, download: str = "") -> Html:
    """One line for a table or figure: size, seeds, commit, machine, day, and the files that hold the same numbers."""
    if not records:
        return Html("")
    seeds = sorted({record.seed for record in records})
    parts = [
        f"{records[0].size} size",
        f"seed{'s' if len(seeds) > 1 else ''} {_ranges(seeds)}",
        f"commit {', '.join(_distinct(short_commit(r.commit) for r in records))}",
        f"machine {', '.join(_distinct(str(r.machine.get('fingerprint', '')) for r in records))}",
        _days(records),
    ]
    files = None
    if download:
        files = tag("span", " · ", [_link(download, ending) for ending in ("csv", "md", "tex", "html")])
    return tag("p", " · ".join(part for part in parts if part), files, class_="footnote")


def section(records: Sequence[Record]) -> Html:
    """Machines, versions, commits and data sets of everything on the page."""
    machines = _distinct(_machine(record) for record in records)
    versions = sorted({f"{name} {number}" for record in records for name, number in record.versions.items()})
    data = sorted({f"{name} (MD5 {digest})" for record in records for name, digest in record.data.items()})
    rows = [
        ("Machine", machines),
        ("Commit", _distinct(record.commit for record in records)),
        ("Measured", [_days(records)]),
        ("Size", _distinct(record.size for record in records)),
        ("Data", data or ["none beyond what is drawn from known laws"]),
        ("Versions", [", ".join(versions)]),
        ("Records", [f"{len(records)} in {len({r.cell for r in records})} cells"]),
    ]
    body = [[tag("dt", name), [tag("dd", value) for value in values]] for name, values in rows]
    again = tag("p", "The page is a function of the journal beside it: ", tag("code", "implicitbench report"), " ")
    return tag(
        "section",
        tag("h2", "Provenance"),
        tag("dl", body, class_="facts"),
        again,
        id="provenance",
    )


def short_commit(commit: str) -> str:
    """Twelve digits and whether the sources had been changed since; a version stays as it is."""
    head, plus, rest = commit.partition("+")
    return (head[:12] if len(head) == 40 else head) + plus + rest


def machine_line(record: Record) -> str:
    """Processor, cores, memory and system in one line."""
    return _machine(record)


def _machine(record: Record) -> str:
    known = record.machine
    if not known:
        return ""
    return (
        f"{known.get('cpu', 'unknown processor')}, {known.get('threads', '?')} threads, "
        f"{known.get('memory_gib', '?')} GiB, {known.get('system', '')} {known.get('architecture', '')}, "
        f"Python {known.get('python', '?')} ({known.get('fingerprint', '')})"
    )


def _days(records: Iterable[Record]) -> str:
    days = sorted({record.created[:10] for record in records if record.created})
    return " – ".join(days if len(days) < 2 else (days[0], days[-1]))


def _distinct(values: Iterable[str]) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]


def _ranges(numbers: list[int]) -> str:
    consecutive = len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{numbers[0]} – {numbers[-1]}" if consecutive else ", ".join(map(str, numbers))


def _link(name: str, ending: str) -> Html:
    return tag("a", ending.upper(), href=f"tables/{name}.{ending}", download=True, class_="file")
