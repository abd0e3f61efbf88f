"""What an audit works on: the samples, the data, and the rows of each that are compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import whole_number
from estimators.points import as_points, same_columns
from reports.auditing.agreement import counted, refuse_no_distances, refuse_other_shapes, refuse_other_widths
from reports.auditing.formats import Rows, load_callable, running

Array = NDArray[np.float64]

#: Fewer rows than this serve no score of neighbours and leave each half of the data with fewer than ten.
LEAST_ROWS = 20


@dataclass(frozen=True)
class Material:
    """The rows of an audit, in the space of the features.

    `samples` (m, d), `data` (n, d) and `test` (n', d), data that the sampler did not see, or None. For scores, three
    equally many rows: `reference`, real ones, `drawn`, the sampler's, and `twin`, other real ones in the place of the
    sampler's: what a perfect sampler would score. For tests `held` and `made`, as many as there are up to the limit.
    `raw` has samples, data and test before the features, for pictures; `made_raw` are the rows of `made` before them;
    `shape` is that of an image, or None.
    """

    samples: Array
    data: Array
    test: Array | None
    reference: Array
    drawn: Array
    twin: Array
    held: Array
    made: Array
    made_raw: Array
    raw: tuple[Array, Array, Array | None]
    shape: tuple[int, ...] | None
    origins: tuple[str, str, str]
    features: str


def prepare(
    samples: Rows,
    data: Rows,
    test: Rows | None,
    *,
    features: str | Callable[[Array], Any] | None,
    shape: tuple[int, ...] | None,
    max_rows: int,
    random_state: int,
) -> Material:
    """Checks the rows against each other, maps them to features and draws those that are compared.

    Where there is no test the data are their own: half of them are the reference and half the twin, drawn at random.
    Raises ValueError that names the argument, and the row where there is one.
    """
    max_rows = whole_number(max_rows, "max_rows", LEAST_ROWS)
    raw = (samples.values, data.values, None if test is None else test.values)
    for rows, name in zip((samples, data, test), ("samples", "data", "test"), strict=True):
        if rows is None:
            continue
        refuse_other_widths(rows.values, data.values, name, "data")
        refuse_other_shapes(rows.shape, data.shape, name, "data")
        same_columns(data.columns, rows.columns, ("data", name))
        if len(rows.values) < LEAST_ROWS:
            told = counted(len(rows.values), "row")
            raise ValueError(f"{name} has {told}: pass {LEAST_ROWS} or more, with fewer no defect can be seen")
        if features is None:
            refuse_no_distances(rows.values, name)
    shape = _image_shape(shape, samples, data)
    mapped, told = _featured(raw, features)
    s, d, t = mapped
    rng = np.random.default_rng(random_state)
    drawn = rng.permutation(len(s))
    moved = s[drawn]
    if t is None:
        order = d[rng.permutation(len(d))]
        real, other = order[: len(d) // 2], order[len(d) // 2 :]
        held = order[:max_rows]
    else:
        real, other = t[rng.permutation(len(t))], d[rng.permutation(len(d))]
        held = real[:max_rows]
    n = min(max_rows, len(real), len(other), len(moved))
    origins = (samples.origin, data.origin, "" if test is None else test.origin)
    made, made_raw = moved[:max_rows], raw[0][drawn[:max_rows]]
    return Material(
        s, d, t, real[:n], moved[:n], other[:n], held, made, made_raw, raw, shape, origins, told
    )  # fmt: skip


def _featured(
    raw: tuple[Array, Array, Array | None], features: str | Callable[[Array], Any] | None
) -> tuple[tuple[Array, Array, Array | None], str]:
    if features is None:
        return raw, ""
    if isinstance(features, str) and re.match(r"pca(:|$)", features) and not re.fullmatch(r"pca:\d+", features):
        raise ValueError(f"features is {features!r}: pass pca:k, k principal components, such as pca:20")
    parts = [part for part in raw if part is not None]
    if isinstance(features, str) and (found := re.fullmatch(r"pca:(\d+)", features)):
        from sklearn.decomposition import PCA

        most = min(sum(map(len, parts)), parts[0].shape[1])
        width = whole_number(int(found[1]), "features: pca:k", 1, most, ", the coordinates and rows that there are")
        # Of all rows alike: fitted to the data alone it would tell them from the samples, and no test had its level.
        pooled = np.concatenate(parts)
        fitted = PCA(width, svd_solver="full").fit(pooled[np.lexsort(pooled.T)])
        mapped = [fitted.transform(part) for part in parts]
        told = f"the first {width} principal components of all rows"
    else:
        called = load_callable(features, "features") if isinstance(features, str) else features
        if not callable(called):
            raise ValueError(f"features is {features!r}: pass module:function, pca:k, or a function of rows")
        mapped = []
        for part, name in zip(parts, ("samples", "data", "test"), strict=False):
            with running(f"features of {name}"):
                found_features = called(part)
            of_part = as_points(found_features, f"features of {name}")
            if len(of_part) != len(part):
                raise ValueError(f"features of {name} has {len(of_part)} rows of {len(part)}: return one for each row")
            mapped.append(of_part)
        told = features if isinstance(features, str) else getattr(features, "__name__", "a function")
    return (mapped[0], mapped[1], mapped[2] if len(mapped) > 2 else None), told


def _image_shape(shape: tuple[int, ...] | None, samples: Rows, data: Rows) -> tuple[int, ...] | None:
    width = data.values.shape[1]
    if shape is None:
        known = data.shape or samples.shape
        return known if known is not None and len(known) in (2, 3) else None
    shape = tuple(shape)
    if len(shape) not in (2, 3) or min(shape) < 1 or int(np.prod(shape)) != width:
        told = "x".join(map(str, shape))
        raise ValueError(f"shape is {told}, and a row has {width} coordinates: pass height x width (x channels)")
    return shape


def as_grey(rows: Array, shape: tuple[int, ...], low: float, high: float) -> Array:
    """Rows as grey images (n, height, width) in [0, 1]: channels are averaged, [low, high] is spread over the greys."""
    images = rows.reshape(len(rows), *shape)
    if len(shape) == 3:
        images = images.mean(axis=1 if shape[0] in (1, 3) and shape[2] not in (1, 3) else 3)
    return ((images - low) / (high - low if high > low else 1.0)).clip(0.0, 1.0)
