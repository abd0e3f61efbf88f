"""Records of the experiments on search: what was measured, left out, and not reached."""

from tests.reports.made_up_records import record

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
