"""The plug-in for ann-benchmarks under a stand-in of its runner: every definition is expanded, built and asked."""

import importlib
import itertools
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from knn import BruteForce, indexes

PLUGIN = Path(__file__).parent.parent / "benchmarks" / "ann_benchmarks"

BASE = """
class BaseANN:
    def done(self):
        pass

    def get_additional(self):
        return {}

    def __str__(self):
        return self.name
"""


def combinations(arguments):
    """Lists multiply their entries out, dictionaries their values, as the runner's configuration has it."""
    if isinstance(arguments, dict):
        values = [value if isinstance(value, list) else [value] for value in arguments.values()]
        return [dict(zip(arguments, chosen, strict=True)) for chosen in itertools.product(*values)]
    return [list(chosen) for chosen in itertools.product(*(e if isinstance(e, list) else [e] for e in arguments))]


def groups(group, expanded, plain):
    if expanded in group:
        return combinations([combinations(one) if isinstance(one, dict) else one for one in group[expanded]])
    return combinations(group[plain]) if plain in group else []


def definitions(metric):
    """(name, constructor, build arguments, query argument groups) of every run group."""
    for algorithm in yaml.safe_load((PLUGIN / "config.yml").read_text())["float"]["any"]:
        assert {"name", "constructor", "module", "docker_tag", "disabled", "run_groups"} <= set(algorithm)
        for group in algorithm["run_groups"].values():
            for arguments in groups(group, "arg_groups", "args"):
                given = [metric if argument == "@metric" else argument for argument in algorithm["base_args"]]
                asked = groups(group, "query_arg_groups", "query_args")
                yield algorithm, [*given, *arguments], asked


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The plug-in where the runner looks for it: ann_benchmarks.algorithms.implicitbench.module."""
    folder = tmp_path / "ann_benchmarks" / "algorithms"
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "module.py").write_text(BASE)
    shutil.copytree(PLUGIN, folder / "implicitbench")
    for package in (folder.parent, folder, folder / "base", folder / "implicitbench"):
        (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("ann_benchmarks.algorithms.implicitbench.module")
    for name in [name for name in sys.modules if name.partition(".")[0] == "ann_benchmarks"]:
        del sys.modules[name]


@pytest.mark.parametrize("metric", ["euclidean", "angular"])
def test_the_runner_gets_what_it_asks_for(module, metric, tmp_path):
    rng = np.random.default_rng(0)
    X, Q = rng.standard_normal((300, 8)), rng.standard_normal((6, 8))
    truth = BruteForce(metric=module.METRICS[metric]).fit(X.astype(np.float32)).search(Q.astype(np.float32), 5)
    names, kinds = [], set()
    for algorithm, arguments, asked in definitions(metric):
        assert algorithm["module"] == "ann_benchmarks.algorithms.implicitbench"
        algo = getattr(module, algorithm["constructor"])(*arguments)
        algo.fit(X)
        kinds.add(type(algo.index))
        for query_arguments in asked or [[]]:
            if query_arguments:
                algo.set_query_arguments(*query_arguments)
            single = [algo.query(q, 5) for q in Q]
            algo.batch_query(Q, 5)
            for alone, together in zip(single, algo.get_batch_results(), strict=True):
                np.testing.assert_array_equal(alone, together)
                assert len(set(alone.tolist())) == len(alone) <= 5
                assert all(0 <= int(i) < 300 for i in alone)
            extra = algo.get_additional()
            assert extra["dist_comps"] >= 2 * sum(map(len, single))
            if extra["certified"] == 1.0:
                np.testing.assert_array_equal(single, truth.indices)
            names.append(str(algo))
        if not asked:
            assert extra["certified"] == 1.0  # those without budgets are exact
        algo.done()
    assert len(set(names)) == len(names)  # results of different parameters are told apart
    assert kinds == set(indexes.values())
    with h5py.File(tmp_path / "run.hdf5", "w") as file:  # the runner keeps them as attributes
        file.attrs.update(extra)
        assert file.attrs["dist_comps"] == extra["dist_comps"]


def test_a_metric_that_is_not_served_is_refused(module):
    with pytest.raises(ValueError, match="'hamming' is not served"):
        module.ImplicitBench("hamming", "brute-force")


def test_the_image_installs_what_the_module_imports():
    text = (PLUGIN / "Dockerfile").read_text()
    assert text.startswith("FROM ann-benchmarks\n")
    assert "pip3 install implicitbench" in text
