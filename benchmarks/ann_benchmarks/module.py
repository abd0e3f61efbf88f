"""The indexes of `knn` for the runner of ann-benchmarks: copy this folder to ann_benchmarks/algorithms/implicitbench.

The runner makes one object for each set of build arguments in config.yml, fits it on (n, d) rows, and for each set of
query arguments asks for the neighbours of the test rows, one at a time or in one batch.
"""

import numpy as np

from knn import indexes

from ..base.module import BaseANN

METRICS = {"euclidean": "euclidean", "angular": "cosine"}


class ImplicitBench(BaseANN):
    """One registered index: `metric` as ann-benchmarks calls it, `parameters` with which the index is built."""

    def __init__(self, metric, index, parameters=None):
        if metric not in METRICS:
            raise ValueError(f"metric {metric!r} is not served: use one of {', '.join(METRICS)}")
        self.built = dict(parameters or {})
        self.exact = bool(self.built.pop("exact", False))
        self.asked = {}
        self.index = indexes[index](metric=METRICS[metric], random_state=0, n_jobs=1, **self.built)
        self.label = index
        self.evaluations = 0
        self.certified = 0
        self.queries = 0

    @property
    def name(self):
        exact = {"exact": True} if self.exact else {}
        settings = ", ".join(f"{name}={value}" for name, value in {**self.built, **exact, **self.asked}.items())
        return f"implicitbench {self.label}({settings})"

    def fit(self, X):
        # Distances of float64 data cost twice the memory, and the data sets hold what fits float32.
        self.index.fit(np.ascontiguousarray(X, dtype=np.float32))

    def set_query_arguments(self, parameters):
        self.asked = dict(parameters)
        self.index.set_params(**self.asked)
        self.evaluations = self.certified = self.queries = 0

    def query(self, v, n):
        found = self._search(np.asarray(v, dtype=np.float32)[None], n)
        return found.indices[0][found.indices[0] >= 0]

    def batch_query(self, X, n):
        self.index.set_params(n_jobs=-1)
        try:
            self.answers = self._search(np.ascontiguousarray(X, dtype=np.float32), n).indices
        finally:
            self.index.set_params(n_jobs=1)

    def get_batch_results(self):
        return [row[row >= 0] for row in self.answers]

    def get_additional(self):
        """What all queries so far have cost, as the runner's own `dist_comps`, and the share that was proved."""
        return {"dist_comps": int(self.evaluations), "certified": self.certified / max(1, self.queries)}

    def done(self):
        del self.index

    def __str__(self):
        return self.name

    def _search(self, Q, n):
        found = self.index.search(Q, n, exact=self.exact)
        self.evaluations += found.evaluations.sum()
        self.certified += int(found.certified.sum())
        self.queries += len(Q)
        return found
