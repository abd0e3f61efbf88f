"""Claims of the field, each proved, enclosed or tested at a stated error level, beside mutants that must fail."""

from knn.lazy import lazy_exports

_HOMES = {
    "Certified": "theory.claim",
    "Claim": "theory.claim",
    "ClaimReport": "theory.verify",
    "Exact": "theory.claim",
    "Holds": "theory.claim",
    "Inconclusive": "theory.claim",
    "Outcome": "theory.claim",
    "Refuted": "theory.claim",
    "Statistical": "theory.claim",
    "claim": "theory.claim",
    "claims_registry": "theory.claim",
    "verify": "theory.verify",
    "verify_claim": "theory.verify",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
