"""The audit of the sources: no blank row, no claim of the catalogue without a place in the decks that state it."""

from collections import Counter, defaultdict

import pytest

from theory.claim import claims_registry
from theory.decks.catalogue import catalogue
from theory.decks.rows import contents, parse
from theory.sources import DECKS
from theory.uncheckable import UNCHECKABLE

CITED = defaultdict(set)
for found in contents():
    for row in found.rows:
        for reference in row.covered_by:
            kind, _, name = reference.partition(":")
            CITED[kind, name].add(found.deck.short)


def letters(heading):
    return "".join(character for character in heading.casefold() if character.isalnum())


def one_row(row):
    return f'deck = "Lec 19"\n[[slides]]\ntitle = "A slide"\nrows = [{row}]\n'


def test_every_deck_has_rows_in_the_order_of_the_decks():
    assert [found.deck for found in contents()] == list(DECKS)
    assert all(found.rows for found in contents())


def test_a_row_is_read_as_it_stands():
    (row,) = parse(
        one_row('{ system = "VAE", covered_by = ["model:vae", "claim:kl-chain-and-estep"] }'), "deck.toml"
    ).rows
    assert (row.slide, row.kind, row.says) == ("A slide", "system", "VAE")
    assert row.covered_by == ("model:vae", "claim:kl-chain-and-estep")
    assert not row.excluded


def test_an_uncheckable_row_takes_the_reason_of_its_record():
    record = UNCHECKABLE[0]
    (row,) = parse(one_row(f'{{ statement = "hard", uncheckable = "{record.name}" }}'), "deck.toml").rows
    assert row.excluded == record.reason
    assert not row.covered_by


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{ system = "VAE" }', "neither cover nor exclusion"),
        ('{ system = "VAE", covered_by = [] }', "neither cover nor exclusion"),
        ('{ system = "VAE", excluded = "" }', "neither cover nor exclusion"),
        ('{ system = "VAE", covered_by = ["model:vae"], excluded = "no" }', "covered_by and excluded"),
        ('{ system = "VAE", statement = "x", excluded = "no" }', "say what it is by one of"),
        ('{ system = " ", excluded = "no" }', "say what it is by one of"),
        ('{ excluded = "no" }', "say what it is by one of"),
        ('{ system = "VAE", covered = ["model:vae"] }', "unknown key 'covered'"),
        ('{ system = "VAE", uncheckable = "a-name" }', "no record 'a-name'"),
        ('{ system = "VAE", excluded = "no" }, { system = "VAE", excluded = "no" }', "stands there twice"),
    ],
)
def test_a_blank_or_unclear_row_is_an_error_that_names_it(row, message):
    with pytest.raises(ValueError, match=message) as error:
        parse(one_row(row), "deck.toml")
    assert "deck.toml" in str(error.value)
    assert "A slide" in str(error.value)


def test_an_unknown_deck_is_an_error():
    with pytest.raises(ValueError, match="'Lec 20' is none of"):
        parse(one_row('{ system = "VAE", excluded = "no" }').replace("Lec 19", "Lec 20"), "deck.toml")


def test_the_catalogue_is_whole():
    entries = catalogue().values()
    assert len(entries) == 94
    assert Counter(entry.verdict for entry in entries) == {"CONDITIONAL": 41, "FALSE": 15, "TRUE": 38}
    assert Counter(entry.priority for entry in entries) == {"P1": 59, "P2": 27, "P3": 8}
    assert len({entry.entry for entry in entries}) == 94
    assert {deck for entry in entries for deck in entry.decks} == {deck.short for deck in DECKS}


@pytest.mark.parametrize("claim", catalogue())
def test_every_deck_that_states_a_claim_has_a_row_that_it_covers(claim):
    assert set(catalogue()[claim].decks) <= CITED["claim", claim]


def test_two_claims_are_the_projects_own():
    assert {claim for claim, entry in catalogue().items() if not entry.decks} == {"imle-limit-weighted", "m-of-n-sharp"}


def test_every_claim_of_a_row_is_in_the_catalogue():
    assert {name for kind, name in CITED if kind == "claim"} <= set(catalogue())


def test_a_registered_claim_cites_no_deck_without_such_a_row():
    strays = [
        (claim.id, place.deck.short)
        for claim in claims_registry.values()
        for place in claim.places
        if place.deck.short not in CITED["claim", claim.id]
    ]
    assert strays == []


def test_every_place_that_is_cited_is_a_slide_of_its_deck():
    slides = {(found.deck.short, letters(row.slide)) for found in contents() for row in found.rows}
    cited = [(record.name, place) for record in UNCHECKABLE for place in record.where]
    for claim in claims_registry.values():
        cited += [(claim.id, place) for place in claim.places]
        cited += [(claim.id, place) for mutant in claim.mutants for place in mutant.where]
    strays = [
        (name, place.deck.short, place.heading)
        for name, place in cited
        if (place.deck.short, letters(place.heading)) not in slides
    ]
    assert strays == [], "correct the heading there, or add the slide to theory/decks"


def test_every_uncheckable_statement_has_a_row():
    cited = {row.uncheckable for found in contents() for row in found.rows}
    assert {record.name for record in UNCHECKABLE} <= cited


@pytest.mark.parametrize(
    "system",
    [
        "GAN", "DCGAN", "LAPGAN", "CycleGAN", "BigGAN", "StyleGAN", "SRGAN", "SRResNet", "f-GAN", "JS-GAN",
        "MMD-GAN", "TV-GAN", "Sobolev-GAN", "Stein-GAN", "GraphGAN", "MolGAN", "GraphRNN", "Graphite", "NICE",
        "RealNVP", "Glow", "GLO", "NADE", "EoNADE", "MADE", "DARN", "DRAW", "DLGM", "DBM", "DBN", "SCAE", "DGSN",
        "GMMN", "RIDE", "PixelCNN", "word2vec", "GPT-2", "IMLE", "DCI", "TFD", "SVHN", "MNIST", "CIFAR-10",
        "CIFAR-100", "BiLSTM", "LSTM", "Wasserstein GAN", "Entropic GAN", "Progressive GAN", "Photo-realistic GAN",
        "Large-scale GAN", "Gradient penalty", "Sinkhorn", "Metropolis–Hastings GAN", "A-NICE-MC",
        "Variational auto-encoder", "Wasserstein auto-encoder", "Expectation–maximisation",
        "Monte Carlo expectation–maximisation", "Diffusion model", "Deep diffusion", "Deep GMMs",
        "Inverse autoregressive flow", "Normalising flow", "Pixel recurrent network", "Multivariate Gaussian",
        "Locality-sensitive hashing", "k-d tree", "Navigating nets", "Dynamic Continuous Indexing",
        "Prioritized DCI", "Super-resolution by conditional IMLE", "1-nearest-neighbour", "Kernel density estimate",
        "Energy distance", "Maximum mean discrepancy", "Earth mover's distance", "Pseudolikelihood",
        "Contrastive divergence", "Slow feature analysis", "Bicubic",
    ],
)  # fmt: skip
def test_every_system_that_the_decks_name_is_a_row(system):
    systems = [row.says for found in contents() for row in found.rows if row.kind in ("system", "table")]
    assert any(system in says for says in systems)
