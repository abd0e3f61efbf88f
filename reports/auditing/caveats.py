"""What the claims teach about reading an audit: each caveat with the claim that proves it."""

from __future__ import annotations

from dataclasses import dataclass

from reports.auditing.material import Material


@dataclass(frozen=True)
class Caveat:
    """A sentence about this audit, and the `claim` whose check proves what it rests on."""

    claim: str
    says: str


def caveats(material: Material, *, densities: bool) -> tuple[Caveat, ...]:
    """Those that concern this audit: by dimension, sizes, and what was given."""
    n, d = material.reference.shape
    found = [
        Caveat(
            "jsd-empirical-continuous",
            "JSD between the rows themselves is log 2 for every sampler without atoms, the perfect one too: no "
            "divergence of the empirical measures is shown, and those shown are estimates between the laws.",
        ),
        Caveat(
            "jsd-limits-do-not-commute",
            "Histograms do not mend that: with finer bins a binned JSD goes to log 2, with more rows to 0.",
        ),
        Caveat(
            "parzen-loglik-bias",
            "A Parzen likelihood rewards collapse: a sampler of one well-placed point may score above the true law. "
            "Read it beside recall and cells, never alone.",
        ),
        Caveat(
            "energy-sample-rate",
            "Energy distance and its relatives are above 0 between finite samples of one law, by order n^(−1/2) in "
            "every dimension: whether the laws differ is what the tests say, with the perfect sampler's score beside.",
        ),
        Caveat(
            "precision-recall",
            "Precision alone is no quality: it rises where a sampler keeps to what it does well. Read it with recall.",
        ),
        Caveat(
            "gan-finite-capacity-drops-modes",
            "No finite set of features sees every dropped mode: a test that does not reject shows that it saw nothing, "
            "not that there is nothing.",
        ),
    ]
    if d >= 3:
        found.insert(
            2,
            Caveat(
                "w1-sample-rate",
                f"W₁ converges like n^(−1/{d}) here: {n} rows of one law are far apart. It is only to be compared with "
                "what a perfect sampler scores.",
            ),
        )
    if material.features:
        found.append(
            Caveat(
                "feature-wasserstein-pseudometric",
                f"All was compared by {material.features}: laws that these features do not tell apart score as equal.",
            )
        )
    if densities:
        found.append(
            Caveat(
                "likelihood-equals-near-samples",
                "A high mean log density is no high density at each row: a few rows may carry it.",
            )
        )
    return tuple(found)
