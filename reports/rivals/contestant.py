"""What takes part in a comparison of searches: something that is built on rows and then asked for neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from knn.registry import Registry
from reports.record import Scalar


class Answer(NamedTuple):
    """The indices (q, k) that a search gave, −1 for none; and, where it tells, evaluations and certificates (q,)."""

    indices: np.ndarray
    evaluations: np.ndarray | None = None
    certified: np.ndarray | None = None


#: `search(Q, k, **asked)`: the answer at one setting of the parameters that can change after building.
Search = Callable[..., Answer]


@dataclass(frozen=True)
class Contestant:
    """A search with its grid of parameters.

    `build(X, seed, threads, **built)` makes the index on X (n, d) float32, C-ordered, and returns its
    `Search`; every entry of `built` is built once and asked with every entry of `asked`. Both take
    `threads` threads, or one where the library has no way to take more. `library` is the package whose
    version is reported. `sizes`: the sizes at which it takes part, with `why` it stays out of the others.
    """

    name: str
    library: str
    build: Callable[..., Search]
    built: tuple[Mapping[str, Scalar], ...] = ({},)
    asked: tuple[Mapping[str, Scalar], ...] = ({},)
    sizes: tuple[str, ...] = ("quick", "standard", "full")
    why: str = ""
    ours: bool = field(default=False)


#: Each entry returns the contestants that one installed library offers.
rivals: Registry[Callable[[], list[Contestant]]] = Registry(
    "rival", group="implicitbench.rivals", packages=("reports.rivals",)
)


def settings(**grid: Any) -> tuple[dict[str, Scalar], ...]:
    """One dict a value: `settings(ef=(10, 20))` is `({"ef": 10}, {"ef": 20})`."""
    ((name, values),) = grid.items()
    return tuple({name: value} for value in values)
