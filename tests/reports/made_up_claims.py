"""Records of claims, verified and not, and those behind the pictures of the errata."""

from reports.record import Status
from tests.reports.made_up_records import record


def result(claim, kind, name, outcome, *, passed=True, **evidence):
    expected = "HOLDS" if kind in ("truth", "boundary") else "REFUTED"
    return {
        "claim": claim,
        "kind": kind,
        "name": name,
        "expected": expected,
        "outcome": outcome,
        "passed": passed,
        "evidence": evidence,
        "seconds": 0.012,
        "reason": "",
    }


def claim_report(name, *, verified=True, printed=False):
    results = [
        result(name, "truth", "", "HOLDS" if verified else "REFUTED", passed=verified, value=1.25, where="<x> & y"),
        result(name, "mutant", "a factor of two", "REFUTED"),
        result(name, "printed" if printed else "mutant", "a lost sign", "REFUTED"),
        result(name, "automatic", "no formula", "ILL-FORMED"),
        result(name, "boundary", "the limit", "HOLDS"),
    ]
    erratum = {
        "deck": "A deck",
        "slide": "A slide",
        "printed": "a = −b",
        "correct": "a = b",
        "claim": name,
        "mutant": "a lost sign",
        "outcome": "REFUTED",
        "evidence": {},
    }
    return {
        "id": name,
        "topic": "events",
        "method": "exact",
        "verdict": "FALSE" if printed else "TRUE",
        "priority": "P1",
        "says": f"{name} says that a < b & c",
        "statement": r"\frac{a}{b} \leq c",
        "source": "A deck, “A slide”",
        "primary": "Somebody 2001",
        "hypotheses": ["b is not 0"],
        "limits": "",
        "root_seed": 0,
        "deep": False,
        "alpha": 0.0,
        "results": results,
        "equivalents": {},
        "resolution": {"epsilon": 1e-12, "spec": "factor", "note": ""},
        "seconds": 0.25,
        "complaints": [] if verified else [f"{name}: the true statement must be HOLDS and is REFUTED"],
        "verified": verified,
        "outcome": results[0]["outcome"],
        "errata": [erratum] if printed else [],
    }


def claims(*, broken):
    for name, verified, printed in (("alpha", True, False), ("beta", True, True), ("gamma", not broken, False)):
        payload = claim_report(name, verified=verified, printed=printed)
        params = {"claim": name, "mutants": "hand", "deep": False}
        yield [record("claims", f"claim-{name}", params, "verified", float(verified), payload=payload)]
    if broken:
        params = {"claim": "delta", "mutants": "hand", "deep": False}
        yield [record("claims", "claim-delta", params, "cell", None, status=Status.DIED, detail="killed, twice")]


def errata_pictures():
    """The records behind the pictures of the errata, with fewer points than are measured."""

    def made(picture, *measured):
        params = {"picture": picture}
        return [record("errata-pictures", f"errata-{picture}", params, *one, payload=told) for *one, told in measured]

    m = [1, 4, 16]
    yield made(
        "imle-bias",
        ("plain IMLE", 0.57, {"m": m, "location": [0.3, 0.49, 0.57], "mle": 0.3}),
        ("limit", 0.6, None),
    )
    yield made(
        "imle-spread",
        ("best variance", 2.1, {"d": 1, "m": m, "variance": [0.0, 0.97, 2.1]}),
        ("limit", 3.0, {"d": 1}),
        ("best variance", 1.2, {"d": 2, "m": m, "variance": [0.0, 0.5, 1.2]}),
        ("limit", 2.0, {"d": 2}),
    )
    k = [1, 2, 1024]
    yield made(
        "jsd-limits",
        ("expected JSD", 0.69, {"n": 1, "k": k, "jsd": [0.0, 0.2, 0.69]}),
        ("expected JSD", 0.3, {"n": 1000, "k": k, "jsd": [0.0, 0.0001, 0.3]}),
        ("largest", 0.693, None),
    )
    curves = {"ratio": [0.0, 0.5, 1.0], "exact": [0.0, 0.295, 0.5], "recalled": [0.0, 0.333, 1.0]}
    points = {"d": 3, "ratio": [0.25, 0.75], "share": [0.16, 0.4], "low": [0.14, 0.38], "high": [0.18, 0.43]}
    yield made("order-inversion", ("at a half", 0.295, curves), ("draws", 100.0, points))
