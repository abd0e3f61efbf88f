"""Every claim of the registry: its truth holds, each mutant is refuted, each counterexample runs."""


def test_claim(claim_trial):
    claim_trial.require()
