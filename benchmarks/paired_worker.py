"""One side of a comparison: a process that measures asv's benchmarks with the packages of one checkout.

`python paired_worker.py CHECKOUT SUITES`: started by its path, since the suites are those of one checkout and the
packages those of another. It reads one JSON command a line and answers each with one line; what benchmarks print goes
to the standard error.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import math
import os
import sys
import time
from pathlib import Path


def suites(folder: Path) -> list[str]:
    """The modules of asv's suites."""
    return sorted(path.stem for path in folder.glob("*_suite.py"))


def listed(module: str) -> list[tuple[str, list[str]]]:
    """Every timed benchmark of a suite: its name, and for each combination of parameters how asv writes it."""
    found = []
    for owner, name, benchmark in _timed(importlib.import_module(module)):
        labels = [", ".join(map(repr, values)) for values in itertools.product(*_params(owner or benchmark))]
        found.append((".".join(filter(None, (module, owner and owner.__name__, name))), labels))
    return found


def _timed(module):
    for name, value in vars(module).items():
        if inspect.isclass(value) and not name.startswith("_") and value.__module__ == module.__name__:
            for method in dir(value):
                if method.startswith("time_"):
                    yield value, method, getattr(value, method)
        elif name.startswith("time_") and callable(value):
            yield None, name, value


def _params(owner):
    """As asv reads them: one list of values, or a list of such lists."""
    given = list(getattr(owner, "params", []))
    return given if given and all(isinstance(item, list | tuple) for item in given) else [given] if given else []


class Benchmark:
    """One benchmark with one combination of parameters, set up."""

    caches: dict[type, object] = {}  # noqa: RUF012 - shared on purpose: a class makes its cache once a process

    def __init__(self, name: str, place: int):
        module, *path = name.split(".")
        target = importlib.import_module(module)
        owner = getattr(target, path[0]) if len(path) == 2 else None
        self.instance = owner() if owner else None
        run = getattr(self.instance if owner else target, path[-1])
        values = list(itertools.product(*_params(owner or run)))[place]
        if owner is not None and hasattr(owner, "setup_cache"):
            if owner not in self.caches:
                self.caches[owner] = self.instance.setup_cache()
            values = (self.caches[owner], *values)
        self.values, self.run = values, run
        if hasattr(self.instance, "setup"):
            self.instance.setup(*values)

    def seconds(self, number: int) -> float:
        """CPU seconds of this process for `number` calls: what others do on the machine does not count."""
        run, values, start = self.run, self.values, time.process_time()
        for _ in range(number):
            run(*values)
        return time.process_time() - start

    def close(self) -> None:
        if hasattr(self.instance, "teardown"):
            self.instance.teardown(*self.values)


def serve(commands, answer) -> None:
    """Answers commands until there are no more: list, prepare, measure, close."""
    current = None
    for line in commands:
        asked = json.loads(line)
        try:
            if asked["do"] == "list":
                answer({"benchmarks": [item for module in asked["suites"] for item in listed(module)]})
            elif asked["do"] == "prepare":
                current = Benchmark(asked["name"], asked["place"])
                # The first call compiles, reads and allocates; it counts for nobody, and decides whether there is time.
                told = {"first": current.seconds(1), "from": _origins()}
                if told["first"] <= asked.get("longest", math.inf):
                    told["seconds"] = current.seconds(1)
                answer(told)
            elif asked["do"] == "measure":
                answer({"seconds": current.seconds(asked["number"])})
            elif asked["do"] == "close":
                if current is not None:
                    current.close()
                current = None
                answer({})
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})


def _origins() -> dict[str, str]:
    """Where the packages that are measured were imported from."""
    names = ("knn", "estimators", "theory", "reports")
    return {name: str(Path(sys.modules[name].__file__).parent) for name in names if name in sys.modules}


if __name__ == "__main__":
    # Answers leave by a descriptor of their own: a benchmark that prints would break the conversation.
    own = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    sys.path[:0] = sys.argv[1:3]
    serve(sys.stdin, lambda told: own.write(json.dumps(told) + "\n"))
