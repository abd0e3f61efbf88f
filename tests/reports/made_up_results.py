"""A store with every kind of row: measured, failed, skipped, verified and not; built by hand, so nothing is run."""

import numpy as np

from reports.record import Status
from reports.store import Store
from tests.reports import made_up_training
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


SEARCHES = [
    ("knn brute-force", {}, True, 1.0, 900.0, 1.0),
    ("knn prioritized-dci", {"candidates": 0.01}, True, 0.7, 2500.0, 0.0),
    ("knn prioritized-dci", {"candidates": 0.1}, True, 0.97, 1500.0, 0.25),
    ("faiss HNSW", {"M": 16, "efSearch": 10}, False, 0.96, 30000.0, None),
    ("faiss Flat", {}, False, 1.0, 2000.0, None),
    ("a slow tree", {}, False, 0.999, 100.0, None),
]


def searches(dataset, rows, threads=1):
    params = {"dataset": dataset, "base": 10_000, "queries": 200, "k": 10, "repetitions": 5, "grid": "quick"}
    params["on_threads"] = threads
    cell = f"searches-{dataset}-{threads}"
    found = [
        record("nearest-neighbours", cell, params, "rows", rows, unit="rows", payload={"columns": 64, "queries": 200})
    ]
    for index, settings, ours, recall, qps, certified in SEARCHES:
        whose = {"index": index, "library": "some-library", "version": "1.2", "settings": settings, "ours": ours}

        def add(metric, value, whose=whose, **rest):
            found.append(record("nearest-neighbours", cell, params, metric, value, payload=whose, **rest))

        add("recall", recall, stderr=0.004)
        add("recall, choosing", recall - 0.001)
        add("queries per second", qps * rows / 1000, low=qps * rows / 1250, high=qps * rows / 900)
        add("build", 0.034)
        if certified is not None:
            add("evaluations", 321.5, stderr=3.2)
            add("certified", certified)
    left_out = {"index": "PyNNDescent", "library": "pynndescent", "version": "0.7", "settings": {}, "ours": False}
    for status, detail, index in (("skipped", "it compiles too long", "PyNNDescent"), ("failed", "OSError: no", "Bad")):
        payload = left_out | {"index": index}
        found.append(
            record("nearest-neighbours", cell, params, "recall", None, status=status, detail=detail, payload=payload)
        )
    return found


def models(task, of, dimension):
    for model, modes, good, energy in (("true data", of, 1.0, 0.0), ("imle", of, 0.7, 0.03), ("gan", of - 3, 0.9, 0.2)):
        for seed in range(3):
            rng = np.random.default_rng([seed, of])
            params = {"task": task, "model": model, "steps": 0 if model == "true data" else 1500}
            cell = f"{task}-{model}-{seed}"

            def made(metric, value, cell=cell, params=params, seed=seed, **rest):
                return record("implicit-models", cell, params, metric, value, seed=seed, **rest)

            if model == "gan" and seed == 2:
                yield [made("cell", None, status="failed", detail="Diverged at step 31")]
                continue
            samples = rng.random((40, dimension)).astype(np.float32)
            yield [
                made("modes", modes - seed % 2, payload={"samples": samples, "of": of}),
                made("high quality", good, stderr=0.01),
                made("squared energy distance", energy + 0.001 * (seed - 1), stderr=0.002),
            ]


def kept_modes():
    """Records of mode-coverage: one law, a model that chose its rate, one that kept its own, and one that failed."""
    rng = np.random.default_rng(0)
    for model, modes, precision, recall in (("true data", 25, 1.0, 1.0), ("imle", 25, 0.3, 0.9), ("gan", 18, 0.8, 0.6)):
        params = {
            "laws": "grid-25×1",
            "seeds": 3,
            "model": model,
            "steps": 0 if model == "true data" else 99,
        }

        def made(metric, each, params=params, **rest):
            payload = {"each": each, **rest}
            mean, error = float(np.mean(each)), float(np.std(each, ddof=1) / len(each) ** 0.5)
            cell = f"kept-{params['model']}"
            return record("mode-coverage", cell, params, f"grid-25×1: {metric}", mean, stderr=error, payload=payload)

        samples = (4 * rng.integers(-1, 2, size=(40, 2))).astype(np.float32)
        each = [modes, modes, modes - (model == "gan")]
        found = [made("modes", each, of=25, samples=samples), made("high quality", [precision] * 3)]
        found += [made("precision", [precision] * 3), made("recall", [recall] * 3), made("balance", [0.1, 0.2, 0.3])]
        if model != "true data":
            tried = {"0.003": 0.5, "0.001": 0.4, "0.01": 0.6} if model == "imle" else {}
            lr = 0.01 if model == "imle" else None
            cell = f"kept-{model}"
            payload = {"lr": lr, "tried": tried}
            found.append(record("mode-coverage", cell, params, "grid-25×1: training", 2.5, payload=payload))
        yield found
    params = {"laws": "grid-25×1", "seeds": 3, "model": "wgan", "steps": 99}
    yield [record("mode-coverage", "kept-wgan", params, "cell", None, status="failed", detail="Diverged at step 31")]


#: Sampler, rounds of k-means, seeds, log-likelihood and recall.
SAMPLERS = [("fresh images", 0, 1, 244.0, 0.9), ("centroids", 1, 2, 326.5, 0.3), ("centroids", 20, 1, 338.0, 0.2)]


def samplers():
    """Records of parzen-ordering; a sampler of two seeds, and one of which nothing but the failure is known."""
    for sampler, rounds, seeds, likelihood, share in [*SAMPLERS, ("gaussian", 0, 1, None, None)]:
        for seed in range(seeds):
            params = {"dataset": "digits", "sampler": sampler, "rounds": rounds, "centres": 250}
            cell = f"parzen-{sampler}-{rounds}-{seed}"

            def made(metric, value, cell=cell, params=params, seed=seed, **rest):
                return record("parzen-ordering", cell, params, metric, value, seed=seed, **rest)

            if likelihood is None:
                yield [made("cell", None, status="failed", detail="Out of memory")]
                continue
            drawn = np.random.default_rng(rounds).random((6, 64)).astype(np.float32)
            windows = {"bandwidth": 0.1668, "on_edge": rounds == 20, "side": 8, "samples": drawn}
            yield [
                made("log-likelihood", likelihood + seed, unit="nats", stderr=2.0, payload=windows),
                *(made(metric, share, stderr=0.02) for metric in ("precision", "recall", "coverage")),
                made("nearer to train", 0.95, payload={"p": 0.005, "expected": 0.75}),
            ]


def likelihoods():
    """Records of mnist-parzen on digits: two seeds of a model, one of another, and one that failed."""
    rows = {"dataset": "digits", "centres": 250, "most": 1000}
    for model, seeds, likelihood in (("imle", 2, 260.0), ("gmmn", 1, 150.0), ("non-saturating-gan", 1, None)):
        for seed in range(seeds):
            params, cell = {"model": model, **rows}, f"likelihood-{model}-{seed}"

            def made(metric, value, cell=cell, params=params, seed=seed, **rest):
                return record("mnist-parzen", cell, params, metric, value, seed=seed, **rest)

            if likelihood is None:
                yield [made("cell", None, status="failed", detail="Out of memory")]
                continue
            images = {
                name: np.random.default_rng(seed).random((10, 64)).astype(np.float32)
                for name in ("samples", "nearest", "between")
            }
            curve = [[float(step), step / 10, likelihood + seed - 50 / step] for step in (1, 5, 25)]
            windows = {"bandwidth": 0.1668, "on_edge": model == "gmmn", "side": 8, "curve": curve}
            yield [
                made("log-likelihood", likelihood + seed, unit="nats", stderr=2.0, payload=windows | images),
                made("log-likelihood, fewer samples", likelihood - 60, unit="nats"),
                made("log-likelihood, more samples", likelihood + 30, unit="nats"),
                *(made(metric, 0.3, stderr=0.02) for metric in ("precision", "recall", "coverage")),
                made("variance", 0.5),
                made("training", 2.5, unit="CPU s"),
            ]


def savings(dataset, rows):
    """Two splits of Prioritized DCI against E2LSH, one of which did not reach the ratio with a third method."""
    for split in range(2):
        params = {"dataset": dataset, "base": rows, "queries": 100, "k": 25, "ratio": 1.1, "grid": "quick"}

        def made(metric, value, search="", split=split, params=params, rest=None, **told):
            settings = {"n_simple": 25} if search.startswith("Prio") else {"n_tables": 40, "width": 20.7}
            payload = {"search": search, "settings": settings, **told}
            cell = f"savings-{dataset}-{split}"
            return record("dci-and-lsh", cell, params, metric, value, seed=split, payload=payload, **(rest or {}))

        found = [made("rows", rows)]
        for search, cost, size in (("Prioritized DCI", 48.0, 717.0), ("E2LSH", 228.0 + split, 1234.0)):
            found += [
                made("memory", size, search),
                made("evaluations", cost, search),
                made("seconds a query", 1e-4, search),
            ]
            for budget, ratio in ((25, 1.3), (100, 1.05)):
                found.append(made("ratio", ratio, search, candidates=budget, evaluations=budget * cost / 50))
        short = {"status": "broken", "detail": "its ratio stays above 1.1"}
        found.append(made("evaluations", None, "multi-level Prioritized DCI", rest=short))
        yield found


def growth(ambient):
    """Work on two manifolds, one count claimed, one size at which the recall was not reached."""
    for d in (2, 8):
        params = {"intrinsic": d, "ambient": ambient, "most": 4000, "queries": 40, "grid": "quick"}

        def made(metric, value, params=params, d=d, rest=None, **told):
            return record("search-growth", f"growth-{ambient}-{d}", params, metric, value, payload=told, **(rest or {}))

        found = []
        for search, counted, claimed in (
            ("Prioritized DCI", "distances", 0.0),
            ("Prioritized DCI", "entries popped", 1 - 1 / d),
            ("random hierarchy", "distances", None),
        ):
            for n in (1000, 2000, 4000):
                found.append(made("work", 3.0 * n**0.5, search=search, counted=counted, n=n))
            told = {"search": search, "counted": counted, "claimed": claimed}
            found.append(made("exponent", 0.5, rest={"stderr": 0.01}, **told))
        missed = {"status": "not-converged", "detail": "no budget reached recall 0.9 among 8000 points"}
        found.append(made("work", None, rest=missed, search="random hierarchy", counted="distances", n=8000))
        yield found


def distances():
    """Records of dimension-curse and of shifted-measures, two cells of each."""
    for d, slope, exact in ((1, -0.5, 0.2), (10, -0.09, 0.7)):
        params = {"d": d, "lengths": "16 256", "repeats": 2}
        curve = {"L": [16, 256], "mean": [0.4, 0.4 * 16**slope]}
        cell = f"curse-{d}"
        yield [
            record("dimension-curse", cell, params, "slope of W1", slope, stderr=0.01, payload=curve),
            record("dimension-curse", cell, params, "slope of energy", -0.5, stderr=0.02, payload=curve),
            record("dimension-curse", cell, params, "L times squared energy", exact, unit="length", stderr=0.01),
            record("dimension-curse", cell, params, "mean distance", exact, unit="length"),
        ]
    shift = [0.0, 0.05, 0.5, 1.0]
    for shape, jsd in (("parallel lines", [0.0, 0.69, 0.69, 0.69]), ("bumps", [0.0, 0.03, 0.6, 0.69])):
        params = {"shape": shape, "atoms": 40}
        yield [
            record("shifted-measures", f"shifted-{shape}", params, name, value[-1], unit=unit, payload=payload)
            for name, unit, value in (("W1", "length", shift), ("JSD", "nats", jsd))
            for payload in ({"shift": shift, "value": value},)
        ]


def biases():
    """Records of jsd-limits and of knn-divergence; a mean without a standard error and a cell that failed."""
    for law, n in (("uniform", 10), ("uniform", 40), ("normal", 10)):
        params = {"law": law, "n": n, "step": 64, "finest": 64, "repetitions": 30}
        found = []
        for k, mean, stderr in ((1, 0.0, None), (64, 0.6, 0.01)):
            found.append(record("jsd-limits", f"jsd-{law}-{n}", params, "jsd", mean, stderr=stderr, payload={"k": k}))
            if law == "uniform":
                found.append(record("jsd-limits", f"jsd-{law}-{n}", params, "expected", mean, payload={"k": k}))
        yield found
    for d, bias in ((1, -0.1), (10, -0.4)):
        params = {"d": d, "n": 100, "k": 5, "repetitions": 10}
        yield [
            record("knn-divergence", f"knn-kl-{d}", params, metric, value, payload={"method": method}, **rest)
            for method in ("fixed-k", "adaptive")
            for metric, value, rest in (("bias", bias, {"stderr": 0.03}), ("spread", 0.1, {}))
        ]
    died = {"status": "failed", "detail": "MemoryError"}
    yield [record("knn-divergence", "knn-kl-20", params | {"d": 20}, "cell", None, **died)]
    yield [record("jsd-limits", "jsd-died", {"law": "normal", "n": 40, "repetitions": 30}, "cell", None, **died)]


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


def write(path, *, broken=False):
    """Writes the store; `broken` has a claim that is not verified and one whose check died."""
    with Store(path, write=True) as store:
        for cell in claims(broken=broken):
            store.append(cell)
        for cell in errata_pictures():
            store.append(cell)
        for dataset, rows in (("digits", 1000), ("mnist", 10_000)):
            store.append(searches(dataset, rows))
            for cell in savings(dataset, rows):
                store.append(cell)
        for cell in growth(100):
            store.append(cell)
        for task, of, dimension in (("ring-8", 8, 2), ("digits", 10, 64)):
            for cell in models(task, of, dimension):
                store.append(cell)
        for cell in kept_modes():
            store.append(cell)
        for cell in samplers():
            store.append(cell)
        for cell in likelihoods():
            store.append(cell)
        for cell in distances():
            store.append(cell)
        for cell in biases():
            store.append(cell)
        for made_up in made_up_training.CELLS:
            for cell in made_up():
                store.append(cell)
    return path
