"""A store with every kind of row: measured, failed, skipped, verified and not; built by hand, so nothing is run."""

import numpy as np

from reports.store import Store
from tests.reports import made_up_training
from tests.reports.made_up_claims import claims, errata_pictures
from tests.reports.made_up_records import record
from tests.reports.made_up_searches import growth, savings, searches


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


def write_few(path, *, broken=False):
    """Claims, searches of one data set and models of one task: a store whose page is drawn soon."""
    with Store(path, write=True) as store:
        for cell in [*claims(broken=broken), searches("mnist", 10_000), *models("ring-8", 8, 2)]:
            store.append(cell)
    return path


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
