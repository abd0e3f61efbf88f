"""Every formula that the catalogue knows to be printed wrongly is a mutant of its claim, at a slide of its deck."""

from collections import Counter

import pytest

from theory.claim import claims_registry
from theory.decks.catalogue import catalogue

POSTER, TALK, BRUNA = "Implicit Assumptions", "IMLE talk", "Inference and Representation"
BALAJI, YU = "Entropic GANs", "Lec 19"

#: The catalogue's table of what is printed wrongly: deck, what, and for each entry the least number of mutants.
ROWS = [
    (TALK, "the weights' sign in the main result", {"D5": 1}),
    (TALK, "plain IMLE is maximum likelihood, and consistent", {"D8": 1, "D11": 1}),
    (POSTER, "maximum likelihood is a high density at each point", {"D17": 1}),
    (TALK, "a smaller area above the distance's cdf is a larger density", {"D2": 1}),
    (TALK, "support inclusion makes forward KL finite", {"A13": 1}),
    (TALK, "better precision at full recall improves the model", {"D20": 1}),
    (TALK, "gradient descent-ascent finds a stationary point", {"C12": 1}),
    (TALK, "a grid has its dimension for all α > 1", {"F6": 1}),
    (TALK, "an embedding keeps the dimension", {"F7": 1}),
    (TALK, "a gradient of zero only at distance zero", {"D12": 1}),
    (BRUNA, "total variation without ½", {"A15": 1}),
    (BRUNA, "the energy distance is the sup over the ball", {"A21": 1}),
    (BRUNA, "an energy distance from any symmetric d", {"A20": 1}),
    (BRUNA, "a flow's gradient at z_k", {"B5": 1}),
    (BRUNA, "a density over its determinant", {"B6": 1}),
    (BRUNA, "diffusion by −Δ", {"B7": 1}),
    (BRUNA, "an estimate of KL without the logarithm", {"A14": 1}),
    (BRUNA, "the sign in the discriminator's loss", {"C6": 1}),
    (BRUNA, "a bracket in the GAN's identity", {"C1": 1}),
    (BRUNA, "the rate of W₁ for every d", {"A22": 1}),
    (BRUNA, "JSD needs absolute continuity", {"A8": 1}),
    (BRUNA, "clipped networks compute W₁", {"A16": 1}),
    (BRUNA, "negative pairs that are not in the corpus", {"B13": 1}),
    (BRUNA, "pixels of two values", {"M1": 1}),
    (BALAJI, "the entropy of the wrong pair", {"E5": 1}),
    (BALAJI, "primal and dual without their λ", {"E6": 2}),
    (YU, "f** = f for every convex f", {"A1": 1}),
    (YU, "D_f ≥ 0 without p ≪ q", {"A4": 1}),
    (YU, "f* of Jensen–Shannon without its domain", {"A3": 1}),
    (YU, "max for min max and for sup", {"A6": 1, "M4": 1}),
    (YU, "the objective of the JS-GAN is D_f", {"C2": 1}),
    (YU, "Monte Carlo EM with shared samples and no 1/m", {"E2": 1}),
    (YU, "all Lipschitz, all differentiable critics", {"A16": 2}),
]
PRINTED = Counter(
    (claim.id, deck)
    for claim in claims_registry.values()
    for mutant in claim.mutants
    for deck in {place.deck.short for place in mutant.where}
)
IDS = {entry.entry: claim for claim, entry in catalogue().items()}


def test_the_table_has_its_33_rows():
    assert len({what for _, what, _ in ROWS}) == len(ROWS) == 33


@pytest.mark.parametrize(("deck", "what", "entries"), ROWS, ids=[f"{'-'.join(row[2])} {row[0]}" for row in ROWS])
def test_what_is_printed_wrongly_is_a_printed_mutant(deck, what, entries):
    for entry, count in entries.items():
        found = PRINTED[IDS[entry], deck]
        assert found >= count, (
            f"{what}: {IDS[entry]} ({entry}) needs {count} .printed mutant(s) at a slide of {deck!r} and has {found}"
        )
