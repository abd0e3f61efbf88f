"""docs/errata.md: what the sources print wrongly, what is right, and the mutant that shows it.

`python -m reports.errata_page` writes the page anew from the registry of claims.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from reports.claims_page import link, own_claims
from reports.markdown import prose, table
from theory.claim import Claim
from theory.errata import CAVEAT, errata
from theory.sources import DECKS

PAGE = Path("docs", "errata.md")
COMMAND = "python -m reports.errata_page"

_HEAD = f"""# Errata of the sources

<!-- Written by `{COMMAND}` from the registry of claims; do not edit. -->

Formulas and statements of the five decks that are wrong, *{CAVEAT}*: the decks were read as extracted text,
and a misprint may be the extraction's, not the authors'. Some rows are statements that a slide implies and does not
print, or prints without the hypothesis that makes them true; they say so. Each row is a mutant of the claim that it
names. Whenever `implicitbench verify` runs, the check that confirms the correction refutes the printed formula by the
same code, and a row that is not refuted makes the run fail. The mutant's name is that under which pytest shows it.
"""


def errata_page(claims: Sequence[Claim] | None = None) -> str:
    """The page in Markdown, one table a deck, in the order of the decks. `claims`: by default those of the project."""
    claims = own_claims() if claims is None else claims
    links = {claim.id: link(claim) for claim in claims}
    found = errata(claims=claims)
    parts = [_HEAD]
    for deck in DECKS:
        rows = [
            (
                prose(row.where.heading),
                prose(row.printed),
                prose(row.correct),
                links[row.claim],
                prose(row.mutant),
            )
            for row in found
            if row.where.deck == deck
        ]
        if rows:
            parts.append(f"## {deck.title}\n\n{prose(f'{deck.authors}, {deck.venue}')}.\n")
            parts.append(table(("slide", "as printed", "correct", "claim", "mutant"), rows))
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the page to the path given, by default docs/errata.md under the working directory."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=main.__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=PAGE)
    parser.parse_args(arguments).path.write_text(errata_page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
