"""A store of ten cells, what is in it, and what it warns of."""

import warnings

import numpy as np

from reports.record import Record, Status
from reports.store import Store, StoreDamaged


def cell(i, *, key=None, status=Status.OK, value=None, experiment="e", size="quick"):
    """The two records of a cell."""
    shared = {"experiment": experiment, "cell": key or f"key-{i}", "params": {"i": i}, "size": size, "seed": 0}
    shared |= {"status": status, "detail": "" if status.final else "because", "seconds": 0.5}
    numbers = (i / 7 if value is None else value, float("inf"))
    return [
        Record(**shared, metric=metric, value=number, payload={"drawn": np.arange(i)})
        for metric, number in zip(("mean", "bound"), numbers, strict=True)
    ]


def ten_cells(folder):
    """The folder with a store of ten cells, closed in order."""
    with Store(folder, write=True) as store:
        for i in range(10):
            assert store.append(cell(i))
    return folder


def expected(indices=range(10)):
    return [record for i in indices for record in cell(i)]


def damaged(folder, **options):
    """The store's records and damage, of which it warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Store(folder, **options) as store:
            found = store.records()
    assert [str(w.message).partition(": ")[2] for w in caught if w.category is StoreDamaged] == [
        str(damage) for damage in store.damage
    ]
    return found, store.damage


def forget_index(folder):
    for name in ("index.sqlite", "index.sqlite.sha256"):
        (folder / name).unlink(missing_ok=True)
