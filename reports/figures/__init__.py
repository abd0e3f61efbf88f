"""Figures: pure functions of the store. A figure is one file here and gives SVG that the page holds as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from knn.registry import Registry
from reports.store import Store
from reports.svg import Picture

__all__ = ["Figure", "figure", "figures"]


@dataclass(frozen=True)
class Figure:
    """`draw(store, size)` gives one picture a data set or model, none where nothing was measured.

    `claim`: the id of the claim that the figure explains, if it explains one.
    """

    name: str
    title: str
    about: str
    experiment: str
    draw: Callable[[Store, str | None], list[Picture]]
    claim: str = ""


figures: Registry[Figure] = Registry("figure", group="implicitbench.figures", packages=("reports.figures",))


def figure(name: str, *, output: str | Path | None = None, size: str | None = None) -> list[Picture]:
    """The pictures of the figure called `name`; their `.svg` is the text of an SVG element."""
    chosen = figures[name]
    with Store(output) as store:
        return chosen.draw(store, size)
