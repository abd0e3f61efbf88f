"""The frozen table of error slots: which statistical claim may err, and with what probability.

The 32 slots share α = 1e-6 evenly (Bonferroni), so a full run refutes some true statement with
probability at most 1e-6 over the choice of the root seed, whatever the dependence between claims.
Only true statements spend α; each mutant is missed with probability at most β = 1e-6. A failed
check is never run again with another seed: each retry would multiply α.
"""

from __future__ import annotations

ALPHA_TOTAL = 1e-6
BETA = 1e-6

#: A slot once given is never given to another claim, so that old records keep their meaning.
SLOTS: tuple[str | None, ...] = (
    "jsd-empirical-continuous",
    "w1-sample-rate",
    "energy-sample-rate",
    "gan-empirical-inconsistency",
    "nearest-sample-rate",
    "imle-overdispersion",
    "ml-consistency",
    "parzen-loglik-bias",
    "projection-lower-bound",
    "order-inversion",
    "dci-visit-exponents",
    "space-partition-counts",
    *[None] * 20,
)
ALPHA_PER_SLOT = ALPHA_TOTAL / len(SLOTS)


def claim_alpha(claim_id: str, stated: float | None = None) -> float:
    """α of a statistical claim: its slot's, or the level that a claim outside the table states for itself.

    Raises ValueError if it has both or neither: the table is the whole error budget of this project's own run.
    """
    in_table = claim_id in SLOTS
    if in_table and stated is None:
        return ALPHA_PER_SLOT
    if stated is not None and not in_table and 0 < stated < 1:
        return stated
    raise ValueError(
        f"the statistical claim {claim_id!r} "
        + ("has a slot and a level of its own; drop alpha=" if in_table else f"has no slot and alpha={stated!r}; "
           "give it a slot in theory/slots.py or @claim(alpha=…) in (0, 1)")
    )  # fmt: skip
