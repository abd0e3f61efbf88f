"""The five decks whose statements are checked, cited by their titles.

They were read as extracted text: a misprint may be the extraction's, so reports say "as printed in the source text".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Deck:
    """A source: authors, title, venue and year, and a short name for tables."""

    short: str
    title: str
    authors: str
    venue: str

    def slide(self, heading: str) -> Place:
        """The place in this deck that is headed `heading`."""
        return Place(self, heading)

    def __str__(self) -> str:
        return f"{self.authors}, “{self.title}” ({self.venue})"


@dataclass(frozen=True)
class Place:
    """A slide of a deck."""

    deck: Deck
    heading: str

    def __str__(self) -> str:
        return f"{self.deck}, “{self.heading}”"


POSTER = Deck("Implicit Assumptions", "On the Implicit Assumptions of GANs", "Li & Malik", "poster, 2018")
TALK = Deck("IMLE talk", "Implicit Maximum Likelihood Estimation", "Li & Malik", "talk, 2018")
BRUNA = Deck("Inference and Representation", "Inference and Representation, lecture 11", "Bruna", "NYU, 2018")
BALAJI = Deck("Entropic GANs", "Entropic GANs meet VAEs", "Balaji, Hassani, Chellappa & Feizi", "ICML 2019 slides")
YU = Deck("Lec 19", "Lec 19: Generative Adversarial Networks", "Yu", "Waterloo, 2020")
DECKS = (POSTER, TALK, BRUNA, BALAJI, YU)
