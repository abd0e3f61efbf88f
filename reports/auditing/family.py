"""The tests of an audit, as one family: with what probability a perfect sampler is accused of anything is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from estimators.classifier_test import classifier_two_sample_test
from estimators.memorisation import TestedEstimate, data_copying, memorisation_test
from estimators.resampling import jackknife
from estimators.two_sample import two_sample_test
from reports.auditing.cells import Cells
from reports.auditing.material import Material

Array = NDArray[np.float64]

#: What a rejection shows.
UNLIKE, DROPS, COPIES, CLOSE, NARROW, WIDE, OVERFITS = (
    "unlike the data",
    "drops modes",
    "copies the training rows",
    "keeps near the training rows",
    "too little variance",
    "too much variance",
    "density fits the training rows better than others",
)  # fmt: skip
_GROUPS = 20


@dataclass(frozen=True)
class Test:
    """One test: `p_value` of its null hypothesis, what was measured, and the `defect` that a rejection shows."""

    name: str
    p_value: float
    value: float
    interval: tuple[float, float] | None
    unit: str
    defect: str
    detail: str


#: A name with the test to be run; ValueError and the like become a row of the audit.
Pending = tuple[str, Callable[[], Test]]


def family(
    material: Material,
    partition: Cells,
    *,
    permutations: int = 999,
    random_state: int = 0,
    densities: tuple[Array, Array] | None = None,
) -> Iterator[Pending]:
    """The tests of one audit, none of them run yet. Each has P(p ≤ α) ≤ α where the samples are fresh draws of the law.

    Real rows and samples are exchanged by permutation or counted by Fisher's test; of memorisation the training and the
    test rows. `densities`: the sampler's log densities of training and test rows, where it has any.
    """
    held, made = material.held, material.made
    common: dict[str, Any] = {"permutations": permutations, "random_state": random_state}

    def pooled(name: str, statistic: str) -> Pending:
        def run() -> Test:
            found = two_sample_test(held, made, statistic, **common)
            return Test(name, found.p_value, found.value, None, "", UNLIKE, found.statistic + _of(found.detail))

        return name, run

    yield pooled("energy test", "energy")
    yield pooled("MMD test", "mmd")
    yield pooled("classifier test, Fourier features", "classifier")
    yield "classifier test, neighbours", lambda: _accuracy(held, made, random_state)
    yield "cells", lambda: _cells(partition)
    yield "spread", lambda: _spread("spread", *_from_centre(held, made), common)
    yield "spread in cells", lambda: _spread("spread in cells", partition.radii_data, partition.radii_samples, common)
    yield "exact copies", lambda: _copies(material, common)
    if material.test is not None:
        yield "memorisation", lambda: _memorised(material, permutations, random_state)
        yield "nearest distances", lambda: _nearer(material, permutations, random_state)
        if densities is not None:
            yield "density of training rows", lambda: _gap(densities, common)


def _accuracy(held: Array, made: Array, random_state: int) -> Test:
    found = cast(TestedEstimate, classifier_two_sample_test(held, made, random_state=random_state))
    return Test(
        "classifier test, neighbours", found.p_value, found.value, found.interval, "", UNLIKE,
        "accuracy on held-out rows; ½ for equal laws and sizes" + _of(found.detail),
    )  # fmt: skip


def _cells(partition: Cells) -> Test:
    real = partition.of_data > 0
    reached = int((real & (partition.of_samples > 0)).sum())
    kind = "modes" if partition.known else "clusters"
    told = f"{reached} of {int(real.sum())} {kind} reached; Fisher's test in each, Bonferroni over them"
    return Test("cells", partition.p_value, reached / max(1, int(real.sum())), None, "", DROPS, told)


def _from_centre(held: Array, made: Array) -> tuple[Array, Array]:
    """Squared distances to the mean of both together, which exchanging labels does not move; 1 on average."""
    pooled = np.concatenate([held, made])
    squares = ((pooled - pooled.mean(axis=0)) ** 2).sum(axis=1)
    squares /= squares.mean() or 1.0
    return squares[: len(held)], squares[len(held) :]


def _spread(name: str, of_data: Array, of_samples: Array, common: dict[str, Any]) -> Test:
    found = two_sample_test(of_data, of_samples, _difference, **common)
    ratio = jackknife(_ratio, of_data, of_samples, n_groups=_GROUPS) if of_data.mean() > 0 else None
    value = 1.0 if ratio is None else ratio.value
    about = "mean squared distance to the " + ("mean of all rows" if name == "spread" else "centre of the cell")
    return Test(
        name, found.p_value, value, None if ratio is None else ratio.interval, "× data",
        NARROW if value < 1 else WIDE, f"{about}, samples over data",
    )  # fmt: skip


def _difference(x: Array, y: Array) -> float:
    return abs(float(x.mean()) - float(y.mean()))


def _ratio(x: Array, y: Array) -> float:
    return float(y.mean() / x.mean())


def _copies(material: Material, common: dict[str, Any]) -> Test:
    """How many samples equal a training row bit by bit; data that repeat themselves are exchanged with the samples.

    The rows as they were given: features may join rows that differ.
    """
    known: dict[bytes, int] = {}
    ours, theirs = (
        np.array([known.setdefault(blake2b(row.tobytes(), digest_size=16).digest(), len(known)) for row in part + 0.0])
        for part in (material.raw[1], material.made_raw)
    )
    copied = _copied(ours.astype(float)[:, None], theirs.astype(float)[:, None])
    told = f"{copied:.0f} of {len(theirs)} samples are training rows to the last bit"
    # No copy is the least that the statistic can be: whatever the permutations, p is 1.
    p_value = 1.0
    if copied:
        p_value = two_sample_test(ours.astype(float), theirs.astype(float), _copied, **common).p_value
    return Test("exact copies", p_value, copied / len(theirs), None, "", COPIES, told)


def _copied(x: Array, y: Array) -> float:
    return float(np.isin(y[:, 0], x[:, 0]).sum())


def _memorised(material: Material, permutations: int, random_state: int) -> Test:
    assert material.test is not None
    found = memorisation_test(
        material.data, material.test, material.made, n_permutations=permutations, random_state=random_state
    )
    return Test(
        "memorisation", found.p_value, found.value, found.interval, "", COPIES, found.method + _of(found.detail)
    )


def _nearer(material: Material, permutations: int, random_state: int) -> Test:
    assert material.test is not None
    # Exchanged and not by the normal law, whose level neither ties nor a strict threshold of Holm's would respect.
    found = data_copying(
        material.data, material.test, material.made, n_permutations=permutations, random_state=random_state
    )
    return Test("nearest distances", found.p_value, found.value, None, "", CLOSE, found.method + _of(found.detail))


def _gap(densities: tuple[Array, Array], common: dict[str, Any]) -> Test:
    train, test = densities
    found = two_sample_test(train, test, _surplus, **common)
    return Test(
        "density of training rows", found.p_value, found.value, None, "nat", OVERFITS,
        "mean log density of training less that of test rows",
    )  # fmt: skip


def _surplus(x: Array, y: Array) -> float:
    return float(x.mean() - y.mean())


def _of(detail: str) -> str:
    return f"; {detail}" if detail else ""
