"""docs/claims.md and docs/claims/: every claim of `theory.claims`, with its formula, hypotheses, sources, evidence,
mutants and code.

`python -m reports.claims_page` writes the pages anew from the registry, and each formula as a picture that needs no
network; the evidence is the recorded one, which the tests hold every run to.
"""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from reports.markdown import prose, table
from theory.claim import Claim, claims_registry
from theory.decks.catalogue import catalogue
from theory.errata import CAVEAT

FOLDER = Path("docs")
COMMAND = "python -m reports.claims_page"
#: What a verdict of the catalogue says of the statement as its source makes it.
VERDICTS = {
    "TRUE": "TRUE",
    "CONDITIONAL": "CONDITIONAL, true only with a hypothesis that the source leaves out",
    "FALSE": "FALSE as stated by the source; what is checked is the correction",
}


@dataclass(frozen=True)
class Group:
    """A page of claims: the letter of its entries in the catalogue, the page's file name and its title."""

    letter: str
    file: str
    title: str


GROUPS = (
    Group("A", "divergences", "Divergences, duality and metrics"),
    Group("B", "densities", "Pushforwards, flows, diffusion and autoregression"),
    Group("C", "gans", "Generative adversarial networks"),
    Group("D", "imle", "Implicit maximum likelihood and likelihood"),
    Group("E", "latent-variables", "Expectation–maximisation, auto-encoders and entropic GANs"),
    Group("F", "nearest-neighbours", "Nearest-neighbour search"),
    # Also what the catalogue does not list.
    Group("M", "others", "Further claims"),
)

_HEAD = f"""# {{title}}

<!-- Written by `{COMMAND}` from the registry of claims; do not edit. -->
"""

_INTRODUCTION = f"""
Each claim holds, and each of its mutants is refuted, whenever `implicitbench verify` runs; a name runs one claim:
`implicitbench verify m-of-n-lemma`. [theory.md](theory.md) explains the words, [errata.md](errata.md) gathers what the
sources print wrongly, and [coverage.md](coverage.md) lists what the decks contain. The decks were read as extracted
text: "printed" is to be read "{CAVEAT}". A primary paper marked "recalled" was not read again:
what is said of it is no quotation.
"""


def own_claims() -> list[Claim]:
    """The claims of `theory.claims`, in the catalogue's order and then by name; other packages' are left out."""
    order = {name: place for place, name in enumerate(_entries())}
    ours = [claim for claim in claims_registry.values() if claim.__module__.startswith("theory.claims.")]
    return sorted(ours, key=lambda claim: (order.get(claim.id, len(order)), claim.id))


def group_of(claim: Claim) -> Group:
    """The page that shows the claim."""
    letter = _entries().get(claim.id, GROUPS[-1].letter)[0]
    return next(group for group in GROUPS if group.letter == letter)


@cache
def _entries() -> dict[str, str]:
    return {name: entry.entry for name, entry in catalogue().items()}


def link(claim: Claim) -> str:
    """A link to the claim's section, from a page in docs/."""
    return f"[`{claim.id}`](claims/{group_of(claim).file}.md#{claim.id})"


def claims_pages(claims: Sequence[Claim] | None = None) -> dict[str, str]:
    """The pages in Markdown by their path under docs/: the index, and a page for each group that has a claim.

    `claims`: by default `own_claims()`.
    """
    claims = own_claims() if claims is None else claims
    members = {group: [claim for claim in claims if group_of(claim) == group] for group in GROUPS}
    members = {group: found for group, found in members.items() if found}
    pages = {"claims.md": "\n".join([_HEAD.format(title="Claims") + _INTRODUCTION, *_index(members)])}
    for group, found in members.items():
        sections = [_section(claim) for claim in found]
        pages[f"claims/{group.file}.md"] = "\n".join([_HEAD.format(title=group.title), *sections])
    return pages


def _index(members: dict[Group, list[Claim]]) -> Iterator[str]:
    for group, claims in members.items():
        yield f"## [{group.title}](claims/{group.file}.md)\n"
        rows = [(link(c), prose(c.says), c.verdict, c.method, str(len(c.mutants))) for c in claims]
        yield table(("claim", "says", "verdict", "method", "mutants"), rows)


def _section(claim: Claim) -> str:
    file = f"{claim.__module__.replace('.', '/')}.py"
    check = " ".join((inspect.getdoc(claim) or "").split())
    primary = f"; {prose(claim.primary)}" if claim.primary else ""
    printed = [mutant for mutant in claim.mutants if mutant.where]
    parts = [
        f"## `{claim.id}`\n\n{prose(claim.says)}.\n\n",
        f"![{claim.id} as a formula](formulas/{claim.id}.svg)\n\n" if claim.statement else "",
        f"- **Verdict**: {VERDICTS[claim.verdict]}\n",
        _points("Hypotheses", map(prose, claim.hypotheses)),
        f"- **Source**: {prose(claim.source)}{primary}\n",
        f"- **Check** ({claim.method}, [{file}](../../{file})): {prose(check)}\n",
        _points("Evidence", _evidence(claim)),
        _points("Mutants", (prose(mutant.name) for mutant in claim.mutants)),
        _points(
            f"Errata ({CAVEAT}; [all](../errata.md))",
            (
                f"{prose('; '.join(f'{place.deck.title}, “{place.heading}”' for place in mutant.where))}: "
                f"{prose(mutant.printed)}. Correct: {prose(mutant.correct)}"
                for mutant in printed
            ),
        ),
        _points("Counterexamples", (prose(case.name) for case in claim.counterexamples)),
        _points("Boundary cases", (prose(case.name) for case in claim.boundaries)),
        _points(
            "Automatic mutants that say the same as the truth",
            (f"`{name}`: {prose(reason)}" for name, reason in claim.equivalents.items()),
        ),
        _points("Without a resolution", [prose(claim.no_resolution)] if claim.no_resolution else []),
        _points("Limits", [prose(claim.limits)] if claim.limits else []),
        f"\n<details><summary>The code</summary>\n\n```python\n{_code(claim)}\n```\n\n</details>\n",
    ]
    return "".join(parts)


def formulas(claims: Sequence[Claim] | None = None) -> dict[str, str]:
    """Each claim's formula as an SVG file by its path under docs/; it follows the reader's light or dark colours."""
    from reports.formula import formula

    dark = "<style>@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; } }</style>"
    return {
        f"claims/formulas/{claim.id}.svg": formula(claim.statement, name=claim.id).replace(">", f">{dark}", 1) + "\n"
        for claim in (own_claims() if claims is None else claims)
        if claim.statement
    }


def _code(claim: Claim) -> str:
    """The claim as it is written: its statement, its true formulas and its check."""
    return inspect.getsource(claim.check_function).rstrip()


def _evidence(claim: Claim) -> list[str]:
    """What the true statement's check found, as recorded."""
    told = _recorded().get(claim.id, {}).get("truth")
    if told is None:
        return []
    numbers = ", ".join(f"{name} = {_told(value)}" for name, value in told["evidence"].items())
    return [prose(f"{told['outcome']}: {numbers}" if numbers else told["outcome"])]


def _told(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@cache
def _recorded() -> dict[str, Any]:
    path = Path(__file__).resolve().parent / "published" / "evidence.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _points(what: str, points: Iterable[str]) -> str:
    """A point of the list, with its own list if there are several; nothing if there is none."""
    found = list(points)
    if len(found) < 2:
        return "".join(f"- **{what}**: {point}\n" for point in found)
    return f"- **{what}**:\n" + "".join(f"  - {point}\n" for point in found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the pages to the folder given, by default docs/ under the working directory."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args(arguments).folder
    (folder / "claims" / "formulas").mkdir(parents=True, exist_ok=True)
    for path, page in {**claims_pages(), **formulas()}.items():
        (folder / path).write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
