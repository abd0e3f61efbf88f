"""What was used, as BibTeX: the members' docstrings name their sources, one file has them in full."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from knn.registry import UnknownName, did_you_mean

_PARTICLE = r"(?:Le |van den |van de |van der |von |de )?"
_NAME = rf"{_PARTICLE}[A-ZÀ-Ž][\w’'\-]+"
#: Peng & Li 2023, Goodfellow et al. 2014, Lin (1991), Székely & Rizzo's 2013.
_CITED = re.compile(rf"({_NAME}(?:, {_NAME})*(?: & {_NAME}| et al\.)?)(?:['’]s)?,? \(?((?:1[89]|20)\d\d)\b")
#: Words that stand before a year as an author does.
_NO_AUTHORS = ("ICML", "NYU", "Waterloo")


@dataclass(frozen=True)
class Reference:
    """An entry: its `key`, its text as it stands in the file, surnames and year, and how else it is named."""

    key: str
    text: str
    surnames: tuple[str, ...]
    year: str
    cited: str

    def answers(self, citation: Citation) -> bool:
        """Whether the words can mean this entry: the first author, the year, and everybody else who is named.

        Two names, or one, are all the authors; three or more may be the first of them; "et al." stands for two or more.
        """
        own, named = self.surnames, citation.surnames
        open_ended = "others" in own
        if own[0] != named[0] or self.year != citation.year or (set(named) - set(own) and not open_ended):
            return False
        if citation.et_al:
            return len(own) > 2 or open_ended
        return len(own) == len(named) if len(named) < 3 else len(own) >= len(named)


@dataclass(frozen=True)
class Citation:
    """Authors and a year, as a docstring has them."""

    surnames: tuple[str, ...]
    year: str
    et_al: bool

    def __str__(self) -> str:
        return f"{', '.join(self.surnames)}{' et al.' if self.et_al else ''} {self.year}"


@cache
def references() -> dict[str, Reference]:
    """The entries of the bibliography by key; raises ValueError for a key that stands twice."""
    text = (files("reports") / "references.bib").read_text(encoding="utf-8")
    found: dict[str, Reference] = {}
    for entry in re.findall(r"^@\w+\{.*?^\}", text, flags=re.MULTILINE | re.DOTALL):
        key = re.match(r"@\w+\{([^,]+),", entry)
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry, flags=re.MULTILINE))
        if key is None or key[1] in found:
            raise ValueError(f"references.bib: {entry.splitlines()[0]} has no key, or another's")
        surnames = tuple(author.partition(",")[0].strip() for author in fields["author"].split(" and "))
        shown = re.sub(r"^  cited = .*\n", "", entry, flags=re.MULTILINE)
        found[key[1]] = Reference(key[1], shown, surnames, fields["year"], fields.get("cited", ""))
    return found


def citations(text: str) -> list[Citation]:
    """Every author-year citation in a text, in its order, each once."""
    found: dict[Citation, None] = {}
    for authors, year in _CITED.findall(" ".join(text.split())):
        names = tuple(re.sub(r"['’]s$", "", name) for name in re.split(r", | & ", authors.removesuffix(" et al.")))
        if names[-1] not in _NO_AUTHORS:
            found[Citation(names, year, authors.endswith("et al."))] = None
    return list(found)


def cited_by(text: str) -> tuple[list[Reference], list[Citation]]:
    """The entries that a text cites, and the citations that no entry answers.

    An entry with `cited` is one that is named by these words; without them the author-year form does not mean it.
    """
    plain = " ".join(text.split())
    by_words = [entry for entry in references().values() if entry.cited and entry.cited in plain]
    found, unknown = {entry.key: entry for entry in by_words}, []
    for citation in citations(plain):
        answers = [entry for entry in references().values() if entry.answers(citation)]
        chosen = [entry for entry in answers if not entry.cited] or answers
        if not chosen:
            unknown.append(citation)
        found |= {entry.key: entry for entry in chosen}
    return [found[key] for key in sorted(found)], unknown


def members() -> dict[str, tuple[str, Any]]:
    """Everything registered, by name: its kind and itself. A name of two kinds has both, as `kind:name`."""
    from estimators.comparison import divergences
    from estimators.scoring import scores
    from estimators.training.registry import models
    from knn.base import indexes
    from reports.datasets.source import datasets
    from theory.claim import claims_registry

    kinds: dict[str, Mapping[str, Any]] = {
        "index": indexes, "divergence": divergences, "score": scores, "model": models, "dataset": datasets,
        "claim": claims_registry,
    }  # fmt: skip
    found: dict[str, tuple[str, Any]] = {}
    for kind, registry in kinds.items():
        for name, member in registry.items():
            found[f"{kind}:{name}" if name in found else name] = (kind, member)
    return found


def told_by(kind: str, member: Any) -> str:
    """The text in which a member names its sources: its docstring, its `source`, and its module's where it is alone."""
    parts = [getattr(member, "__doc__", None), getattr(member, "source", None), getattr(member, "primary", None)]
    if kind != "claim":  # whose docstring is that of its own function
        parts.append(importlib.import_module(member.__module__).__doc__)
    return "\n".join(part for part in parts if isinstance(part, str))


def bibtex(names: Iterable[str]) -> str:
    """BibTeX of this package and of what the named members cite; raises KeyError for an unknown name."""
    known = members()
    chosen: dict[str, Reference] = {}
    for name in names:
        if name not in known:
            told = f"unknown name {name!r}: pass an index, divergence, score, model, claim or data set"
            raise UnknownName(told + did_you_mean(name, known))
        chosen |= {entry.key: entry for entry in cited_by(told_by(*known[name]))[0]}
    return "\n\n".join([_itself(), *(chosen[key].text for key in sorted(chosen))])


def used(output: Any = None) -> list[str]:
    """The members that the records in an output folder name: claims, methods among the parameters, and data sets.

    Raises StoreError where there are no results.
    """
    from reports.store import Store

    known, found = members(), set()
    with Store(output) as store:
        for record in store.records():
            found |= {str(value) for value in record.params.values()} | set(record.data)
    return sorted(found & set(known))


def _itself() -> str:
    from importlib.metadata import version

    return (
        "@software{implicitbench,\n  author = {{The implicitbench developers}},\n"
        "  title = {implicitbench: implicit generative models and nearest-neighbour search, benchmarked, and their "
        f"theory verified}},\n  version = {{{version('implicitbench')}}},\n}}"
    )
