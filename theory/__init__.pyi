# Written by `python -m reports.stubs` from the table in __init__.py; do not edit.
from theory.claim import Certified as Certified
from theory.claim import Claim as Claim
from theory.claim import Exact as Exact
from theory.claim import Holds as Holds
from theory.claim import Inconclusive as Inconclusive
from theory.claim import Outcome as Outcome
from theory.claim import Refuted as Refuted
from theory.claim import Statistical as Statistical
from theory.claim import claim as claim
from theory.claim import claims_registry as claims_registry
from theory.verify import ClaimReport as ClaimReport
from theory.verify import verify as verify
from theory.verify import verify_claim as verify_claim

__all__ = [
    "Certified",
    "Claim",
    "ClaimReport",
    "Exact",
    "Holds",
    "Inconclusive",
    "Outcome",
    "Refuted",
    "Statistical",
    "claim",
    "claims_registry",
    "verify",
    "verify_claim",
]
