"""docs/coverage.md: what the five decks contain, and the member of a registry that covers each system and statement.

`python -m reports.coverage_table` writes the page anew from the registries and `theory.decks`.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from knn.registry import Registry
from reports.markdown import escaped, table
from theory.decks.catalogue import catalogue
from theory.decks.rows import Contents, Row, contents

#: Where each kind of member is registered; read on use, since some registries bring torch.
REGISTRIES = {
    "claim": ("theory.claim", "claims_registry"),
    "index": ("knn.base", "indexes"),
    "divergence": ("estimators.comparison", "divergences"),
    "model": ("estimators.training.registry", "models"),
    "dataset": ("reports.datasets.source", "datasets"),
    "experiment": ("reports.experiment", "experiments"),
}
STATUSES = ("filled", "planned", "excluded")
PAGE = Path("docs", "coverage.md")

_HEAD = """# Coverage of the sources

<!-- Written by `python -m reports.coverage_table` from the registries and theory/decks; do not edit. -->

Every system and statement of the five lecture decks that this project is about, in slide order and in the project's
words, with what covers it here. A row is *filled* if every member that it names is registered, *planned* if one is
still to come, and *excluded* for the reason given. The decks were read as extracted text, without their pictures:
"as printed" means as printed in the source text, and marks what is wrong, incomplete or easily misread there; the
claim beside it says what is right.
"""


def registered() -> dict[str, frozenset[str]]:
    """The names of every registry, by kind.

    Raises ImportError if an optional package is missing, since members that cannot be imported would pass for planned.
    """
    names = {}
    for kind, (module, attribute) in REGISTRIES.items():
        registry: Registry[object] = getattr(importlib.import_module(module), attribute)
        names[kind] = frozenset(registry)
        for error in registry.unavailable.values():
            raise ImportError(f"the coverage of the sources needs every {kind}: {error}", name=error.name)
    return names


def is_registered(reference: str, names: Mapping[str, frozenset[str]]) -> bool:
    """Whether the member "kind:name" exists.

    Raises ValueError if the kind is unknown, the claim is in no catalogue, or a registered name
    differs in its hyphens, underscores and capitals alone, which would leave a row planned for ever.
    """
    kind, _, name = reference.partition(":")
    if kind not in names:
        raise ValueError(f"{reference!r}: unknown kind {kind!r}; known: {', '.join(names)}")
    if name in names[kind]:
        return True
    for other in sorted(names[kind]):
        if _letters(other) == _letters(name):
            raise ValueError(f"{reference!r} is not registered, but {other!r} is; correct the row in theory/decks")
    if kind == "claim" and name not in catalogue():
        raise ValueError(f"{reference!r} is neither registered nor in the catalogue of claims; correct the row")
    return False


def status(row: Row, names: Mapping[str, frozenset[str]]) -> str:
    """One of `STATUSES`."""
    if row.excluded:
        return "excluded"
    return "filled" if all(is_registered(reference, names) for reference in row.covered_by) else "planned"


def coverage_page(decks: Sequence[Contents] | None = None, names: Mapping[str, frozenset[str]] | None = None) -> str:
    """The page in Markdown: the counts, a table a deck, and the catalogue's claims with the decks that state them.

    `decks`: by default those of `theory.decks`; `names`: by default those registered. Raises as `is_registered` does.
    """
    decks = contents() if decks is None else decks
    names = registered() if names is None else names
    counts = {found.deck.short: Counter(status(row, names) for row in found.rows) for found in decks}
    total = sum(counts.values(), Counter())
    parts = [
        _HEAD,
        table(
            ("deck", "rows", *STATUSES),
            [_count_row(found.deck.title, counts[found.deck.short]) for found in decks] + [_count_row("all", total)],
        ),
    ]
    for found in decks:
        rows = [(escaped(row.slide), row.kind, escaped(row.says), _cover(row, names)) for row in found.rows]
        parts.append(f"## {found.deck.title}\n\n{escaped(f'{found.deck.authors}, {found.deck.venue}')}.\n")
        parts.append(table(("slide", "what", "in our words", "covered by"), rows))
    parts.append(
        "## The catalogue of claims\n\n"
        "The verdict is the catalogue's, on the statement as the decks make it: CONDITIONAL if a hypothesis is left\n"
        "out, FALSE if it is wrong as printed.\n"
    )
    parts.append(table(("entry", "claim", "verdict", "priority", "stated by", "status"), _claims(decks, names)))
    return "\n".join(parts)


def _claims(decks: Sequence[Contents], names: Mapping[str, frozenset[str]]) -> list[tuple[str, ...]]:
    citing = {found.deck.title: {reference for row in found.rows for reference in row.covered_by} for found in decks}
    rows: list[tuple[str, ...]] = []
    for claim, entry in catalogue().items():
        stated = [title for title, references in citing.items() if f"claim:{claim}" in references]
        place = "the project's own addition" if not entry.decks else "; ".join(stated)
        state = "filled" if is_registered(f"claim:{claim}", names) else "*planned*"
        rows.append((entry.entry, f"`{claim}`", entry.verdict, entry.priority, place, state))
    return rows


def _cover(row: Row, names: Mapping[str, frozenset[str]]) -> str:
    if row.excluded:
        return f"excluded: {escaped(row.excluded)}"
    cells = []
    for reference in row.covered_by:
        kind, _, name = reference.partition(":")
        cells.append(f"{kind} `{name}`" + ("" if is_registered(reference, names) else " *planned*"))
    return ", ".join(cells)


def _count_row(title: str, count: Counter[str]) -> tuple[str, ...]:
    return (title, str(count.total()), *(str(count[name]) for name in STATUSES))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the page to the path given, by default docs/coverage.md under the working directory."""
    parser = argparse.ArgumentParser(prog="python -m reports.coverage_table", description=main.__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=PAGE)
    parser.parse_args(arguments).path.write_text(coverage_page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
