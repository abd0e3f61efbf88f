"""The store and the runner over commits: what recording, reopening and dispatching cost."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

#: An experiment whose cells cost nothing; in a file of its own, since worker processes import it.
NULL = """
from reports.experiment import Cell, Experiment, Measurement, experiments

@experiments.register("null")
class Null(Experiment):
    question = "What does dispatching cost?"

    def cells(self, size, data):
        return [Cell({"i": i}) for i in range(200)]

    def measure(self, cell):
        yield Measurement("value", 1.0, payload={"row": list(range(20))})
"""


def _cell(i, rows=100):
    from reports.record import Record

    drawn = np.random.default_rng(i).normal(size=rows)
    shared = {"experiment": "e", "cell": f"key-{i}", "params": {"i": i}, "size": "quick", "seed": i}
    return [Record(**shared, metric=name, value=drawn[0], payload={"drawn": drawn}) for name in ("a", "b", "c")]


class Recording:
    """Cells of three records with 100 numbers each."""

    def setup(self):
        from reports.store import Store

        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(self.folder.name, write=True)
        self.next = 0

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    def time_append_100(self):
        for _ in range(100):
            self.store.append(_cell(self.next))
            self.next += 1


class Reopening:
    """A store of 1000 cells, with and without its index."""

    timeout = 120

    def setup_cache(self):
        from reports.store import Store

        folder = tempfile.mkdtemp(dir=Path.cwd())  # asv gives a folder of its own, and removes it
        with Store(folder, write=True) as store:
            for i in range(1000):
                store.append(_cell(i))
        return folder

    def setup(self, folder):
        self.bare = tempfile.TemporaryDirectory()
        Path(self.bare.name, "journal.jsonl").write_bytes(Path(folder, "journal.jsonl").read_bytes())

    def teardown(self, folder):  # noqa: ARG002
        self.bare.cleanup()

    def time_open(self, folder):
        from reports.store import Store

        Store(folder).close()

    def time_rebuild(self, folder):  # noqa: ARG002
        from reports.store import Store

        Store(self.bare.name).close()

    def time_frame(self, folder):
        from reports.store import Store

        with Store(folder) as store:
            store.frame()


class Dispatching:
    """200 cells that cost nothing, in one warm worker."""

    timeout = 120

    def track_dispatch_overhead(self):
        from reports.runner import run

        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "null_experiment.py").write_text(NULL)
            sys.path.insert(0, folder)
            try:
                import null_experiment  # noqa: F401 - registers itself

                ended = {}

                def note(state):
                    ended.setdefault(state.done, time.perf_counter())

                run("null", output=Path(folder, "out"), jobs=1, progress=note)
            finally:
                sys.path.remove(folder)
        # The first cell waits for the worker to start.
        return 1e3 * (ended[max(ended)] - ended[1]) / (max(ended) - 1)


Dispatching.track_dispatch_overhead.unit = "ms a cell"
