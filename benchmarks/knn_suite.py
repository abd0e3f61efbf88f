"""Nearest neighbours over commits: seconds, memory, recall, distances computed, and the share of proved answers."""

import numpy as np

K = 10
NAMES = [
    "brute-force", "cover-tree", "dci", "kd-tree", "lsh", "multi-level-dci", "principal-dci", "prioritized-dci",
    "random-hierarchy", "rotated-dci",
]  # fmt: skip
SETTINGS = {
    "dci": {"n_simple": 4, "n_composite": 3, "visits": 3000},
    "lsh": {"n_tables": 20, "n_projections": 6},
    "prioritized-dci": {"n_simple": 15, "n_composite": 2, "candidates": 500},
}


def _data(n=10_000, d=128, queries=200):
    """Clusters on a plane of 16 dimensions, float32: (X, Q)."""
    rng = np.random.default_rng(0)
    centres, plane = 4 * rng.standard_normal((20, 16)), rng.standard_normal((16, d))
    rows = (centres[rng.integers(0, 20, n + queries)] + rng.standard_normal((n + queries, 16))) @ plane
    return rows[:n].astype(np.float32), rows[n:].astype(np.float32)


def _index(name, **parameters):
    from knn import indexes  # here: asv imports this file to list it, and a commit may lack the package's needs

    return indexes[name](n_neighbors=K, random_state=0, **SETTINGS.get(name, {}), **parameters)


class _OnEveryIndex:
    params = NAMES
    param_names = ("index",)

    def setup(self, name):
        self.X, self.Q = _data()
        self.index = _index(name).fit(self.X)
        self.index.search(self.Q, K)
        self.index.search(self.Q[:1], K, exact=True)  # both compile what is timed


class Building(_OnEveryIndex):
    def time_fit(self, name):
        _index(name).fit(self.X)

    def peakmem_fit(self, name):
        _index(name).fit(self.X)


class Searching(_OnEveryIndex):
    def time_batch_of_200(self, name):  # noqa: ARG002
        self.index.search(self.Q, K)

    def time_one(self, name):  # noqa: ARG002
        self.index.search(self.Q[:1], K)

    def time_exact_20(self, name):  # noqa: ARG002
        self.index.search(self.Q[:20], K, exact=True)

    def peakmem_batch_of_200(self, name):  # noqa: ARG002
        self.index.search(self.Q, K)


class Changing(_OnEveryIndex):
    number = 1

    def setup(self, name):
        super().setup(name)
        self.index.insert(self.Q[:1])

    def time_insert_100_one_by_one(self, name):  # noqa: ARG002
        for row in self.Q[:100]:
            self.index.insert(row[None])


class Codes:
    """The scan of Principal DCI's codes: a loop that fails to vectorise is some twenty times slower."""

    def setup(self):
        from knn.kernels import cpu

        rng = np.random.default_rng(0)
        self.codes = rng.integers(-127, 128, (60_000, 64)).astype(np.int8)
        self.terms, self.nearest = np.empty(60_000, np.int32), np.empty(1, np.int32)
        self.blocks = np.empty((60_000 // 16, 1024), np.uint8)
        cpu.terms_of(self.codes, self.terms)
        cpu.pack(self.codes, np.arange(60_000, dtype=np.int32), self.blocks)
        self.kernels = cpu
        self.time_keys_of_60000()

    def time_keys_of_60000(self):
        self.kernels.nearest_codes(self.codes[:1], self.blocks, self.terms, self.nearest)


class Answers(_OnEveryIndex):
    """What is found, at which cost, with which proof; the truth is computed in float64 without the package."""

    def setup(self, name):
        super().setup(name)
        X, Q = self.X.astype(np.float64), self.Q.astype(np.float64)
        squared = np.stack([((X - q) ** 2).sum(axis=1) for q in Q[:50]])
        self.truth = np.sqrt(np.sort(squared, axis=1)[:, K - 1])
        self.found = self.index.search(self.Q[:50], K)

    def track_recall(self, name):  # noqa: ARG002
        """Share of the neighbours that lie within the true k-th distance (rounding of another order aside)."""
        return float((self.found.distances <= self.truth[:, None] * (1 + 2.0**-40)).mean())

    def track_evaluations(self, name):  # noqa: ARG002
        return float(self.found.evaluations.mean())

    def track_share_certified(self, name):  # noqa: ARG002
        return float(self.found.certified.mean())

    def track_evaluations_until_proved(self, name):  # noqa: ARG002
        return float(self.index.search(self.Q[:50], K, exact=True).evaluations.mean())


Answers.track_recall.unit = "share"
Answers.track_evaluations.unit = "distances"
Answers.track_share_certified.unit = "share"
Answers.track_evaluations_until_proved.unit = "distances"
