"""Saved indexes that somebody forged: parts exchanged, values that tell, sizes off by one, under checksums that fit.

About half of what is made passes the checks of `load`, and is searched: values change more often than shapes, and what
was changed is often made to fit together again, as a forger would who knows the format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.robustness.containers import MARK, joined, packed, sealed_json, separate, unpacked
from benchmarks.robustness.readers import BOUNDS, SAVED

Arrays = dict[str, np.ndarray]
#: Numbers at the edges of what floats and whole numbers of any width hold, and of what is let in as data.
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 127.0, 2.0**-1074, 2.0**-149, 2.0**-537, 2.0**-100, 1.1e-308, 2.0**100, 2.0**116)
ENDLESS = (np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 2.0**500, 1e300, 1.7e308, -1.7e308)
WHOLE = (0, 1, -1, 2, 3, 15, 16, 17, 127, -128, 255, 2**15, 2**30, 2**31 - 1, -(2**31), 2**31, 2**32, 2**62, 2**63 - 1)
#: Without "cuda": whether such an index answers or names the remedy is the machine's, and has tests of its own.
WORDS = ("", "auto", "cosine", "inner_product", "queue", "points", "random-rotation", "kd-tree", "\ud800")
SIZES = (0, 1, 2, 3, 4, 7, 40, 10**6, 2**31, 2**32, 2**53, 2**63, 10**30, 10**400, -1, -7)
PARTS = (0.5, 1.0, 1e-9, 5e-324, 1.5, 1e308, float("nan"), float("inf"), 0.0, -0.0, 3.0)
OTHER = (None, True, False, [], {}, [1], {"a": 1}, [[1, 2], [3, 4]])


def forged(files: list[bytes], rng: np.random.Generator) -> bytes:
    """One of the honest files with one to three of its parts forged, sealed."""
    header, arrays = unpacked(files[int(rng.integers(len(files)))])
    alter: Callable[[dict[str, Any]], None] = lambda _: None  # noqa: E731 (replaced below)
    for _ in range(_one((1, 1, 1, 1, 2, 3), rng)):
        what = rng.random()
        if what < 0.55:
            _forge_array(arrays, rng)
        elif what < 0.70:
            _forge_together(arrays, rng)
        elif what < 0.90:
            _forge_header(header, rng)
        elif what < 0.97:
            _exchange(header, arrays, files, rng)
        else:
            alter = lambda told: _misplace(told, rng)  # noqa: E731
    if rng.random() < 0.6:
        _mend(arrays)
    return packed(header, arrays, alter)


def forged_shards(folders: list[bytes], rng: np.random.Generator) -> bytes:
    """A sharded index: forged shards, under digests that fit, or what `sharded.json` tells of them."""
    first, *shards = separate(_one([one for one in folders if one.startswith(MARK)], rng))
    told = json.loads(first.rpartition(b"\n")[0])
    if rng.random() < 0.5:
        at = int(rng.integers(len(shards)))
        shards[at] = forged([shards[at]], rng)
    if rng.random() < 0.2:
        shards[0] = shards[-1]
    told["shards"] = [hashlib.sha256(shard).hexdigest() for shard in shards]
    if rng.random() < 0.6:
        name = _one(list(told), rng)
        told[name] = _forge_json(told[name], rng)
    return joined([sealed_json(told), *shards])


def _one(choices: Any, rng: np.random.Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _forge_array(arrays: Arrays, rng: np.random.Generator) -> None:
    """Changes one array: its values mostly, and seldom its shape or type."""
    name = _one(list(arrays), rng)
    ways = (_values, _values, _values, _scaled, _scaled, _scaled, _scaled, _moved, _moved, _reshaped, _retyped)
    arrays[name] = np.ascontiguousarray(_one(ways, rng)(arrays[name].copy(), rng))


def _values(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some entries, or all, become numbers that tell, or what other entries are."""
    if not array.size:
        return array
    flat = array.reshape(-1)
    places = rng.integers(flat.size, size=int(rng.integers(1, 4))) if rng.random() < 0.85 else slice(None)
    if array.dtype == bool:
        flat.view(np.uint8)[places] = _one((0, 1, 0, 1, 2, 128, 255), rng)
    elif rng.random() < 0.3:
        flat[places] = flat[int(rng.integers(flat.size))]
    elif array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            flat[places] = _one(ENDLESS if rng.random() < 0.2 else FLOATS, rng)
    else:
        near = (len(array) - 1, len(array), len(array) + 1, flat.size)
        flat[places] = np.array(_one(near if rng.random() < 0.4 else WHOLE, rng)).astype(array.dtype)
    return array


def _scaled(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Floats in other units, bytes at random, whole numbers one more or less."""
    if array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            return (array * array.dtype.type(_one((2.0, 0.5, -1.0, 1e10, 1e-10, 0.0, 1e30, 1e-40), rng))).astype(
                array.dtype
            )
    if array.dtype.itemsize == 1 and array.dtype != bool:
        return rng.integers(0, 256, array.shape, np.uint8).view(array.dtype)
    if array.size and array.dtype != bool:
        array.reshape(-1)[int(rng.integers(array.size)) :] += array.dtype.type(_one((1, 2, 100), rng))
    return array


def _moved(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Entries change places: two of them, all, or along an axis."""
    flat, what = array.reshape(-1), rng.random()
    if what < 0.4 and array.size:
        a, b = rng.integers(array.size, size=2)
        flat[a], flat[b] = flat[b], flat[a]
        return array
    if what < 0.6:
        return rng.permutation(flat).reshape(array.shape)
    axis = int(rng.integers(array.ndim)) if array.ndim else None
    if axis is None:
        return array
    return np.flip(array, axis) if what < 0.8 else rng.permuted(array, axis=axis)


def _reshaped(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A row less, a row more, nothing, other axes, one axis, none."""
    shorter, twice = array[:-1] if array.ndim else array, np.repeat(array, 2, axis=0) if array.ndim else array
    wider = np.concatenate([array, array[..., -1:]], axis=-1) if array.ndim and array.shape[-1] else array
    one = array.reshape(-1)[0] if array.size else array
    return _one((shorter, twice, wider, array[:0] if array.ndim else array, array.T, array.reshape(-1), one), rng)


def _retyped(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same numbers in another type, or the same bytes; big-endian too."""
    kinds = (np.float32, np.float64, np.int8, np.uint8, np.int32, np.int64, np.uint64, np.bool_, ">i4", ">f8", ">i8")
    with np.errstate(all="ignore"):
        if rng.random() < 0.3:
            return array.astype(array.dtype.newbyteorder(">"))  # the same to whoever reads the header
        return array.astype(_one(kinds, rng))


def _forge_together(arrays: Arrays, rng: np.random.Generator) -> None:
    """Changes what belongs together, so that it fits: ids, the dead, runs and trees, a cover tree, points."""
    n = len(arrays["points.rows"])
    what = int(rng.integers(5))
    if what == 0:
        steps = rng.integers(1, _one((2, 5, 2**40, 2**55), rng), n)
        arrays["points.ids"] = np.cumsum(steps)
        arrays["points.next_id"] = np.array([int(steps.sum()) + _one((1, 2, 2**40), rng)])
    elif what == 1:
        arrays["points.alive"] = rng.random(n) < _one((0.0, 0.1, 0.5, 0.9, 1.0), rng)
    elif what == 2:
        cuts = {0, n, *rng.integers(0, n + 1, int(rng.integers(4))).tolist()}
        for name in {"index.bounds", "index.ends"} & arrays.keys():
            arrays[name] = np.array(sorted(cuts))
    elif what == 3 and "index.links" in arrays:
        links, spans = np.full((n, 2), -1), rng.random((n, 3)) * _one((0.0, 1e-300, 1.0, 1e300), rng)
        for node in range(1, n):
            parent = int(rng.integers(node))
            links[node, 1], links[parent, 0] = links[parent, 0], node
        arrays["index.links"], arrays["index.spans"] = links, spans
    elif "points.rows" in arrays:
        rows = arrays["points.rows"]
        with np.errstate(all="ignore"):
            scale = _one((0.0, 1e-300, 1e-30, 1.0, 1e30, 2.0**115, 2.0**498), rng)
            arrays["points.rows"] = (rng.standard_normal(rows.shape) * scale).astype(rows.dtype)


def _forge_header(header: dict[str, Any], rng: np.random.Generator) -> None:
    what, parameters = rng.random(), header["parameters"]
    if what < 0.75 and parameters and isinstance(parameters, dict):  # forged before, they may be anything
        name = _one(list(parameters), rng)
        parameters[name] = _forge_json(parameters[name], rng)
    elif what < 0.85:
        header["budgets"] = {_one(("visits", "candidates", "probes", "beam"), rng): _one(SIZES + PARTS, rng)}
    elif what < 0.92:
        width = header["features"] if header["features"] in range(100) else 3
        names = ([f"x{i}" for i in range(int(width))], list(range(int(width))), [["a"], ["b"], ["c"]])
        header["feature_names"] = _one(names, rng)
    else:
        name = _one(list(header), rng)
        header[name] = _forge_json(header[name], rng)


def _forge_json(value: Any, rng: np.random.Generator) -> Any:
    """Another value: near the one that is there, or of any kind; within lists and objects, one of theirs."""
    if value and isinstance(value, (list, dict)) and rng.random() < 0.7:
        place = _one(range(len(value)) if isinstance(value, list) else list(value), rng)
        forged = value.copy()
        forged[place] = _forge_json(value[place], rng)
        return forged
    if type(value) is int and rng.random() < 0.6:
        return value + _one((1, -1, 2, 30), rng)
    return _one(_one((SIZES, SIZES, PARTS, PARTS, WORDS, OTHER), rng), rng)


def _exchange(header: dict[str, Any], arrays: Arrays, files: list[bytes], rng: np.random.Generator) -> None:
    """Takes an array from a file of the same kind of index, or from another array of this one."""
    alike = [one for one in files if f'"index": "{header["index"]}"'.encode() in one]
    others = unpacked(_one(alike, rng))[1] if alike and rng.random() < 0.7 else arrays
    name = _one(list(arrays), rng)
    arrays[name] = others[name] if others is not arrays and name in others else _one(list(others.values()), rng)


def _misplace(told: dict[str, Any], rng: np.random.Generator) -> None:
    """Tells of one array that it is where another is, or of a size, or of a type, that it has not."""
    entries = list(told["arrays"].values())
    entry, what = _one(entries, rng), int(rng.integers(6))
    if what < 2:
        entry["offset"] = _one(entries, rng)["offset"] + _one((0, 0, 64, -64, 1), rng)
    elif what == 2:
        entry["shape"] = [*entry["shape"], _one(SIZES, rng)]
    elif what == 3:
        entry["shape"] = [0, _one(SIZES, rng)]
    elif what == 4:
        entry["dtype"] = _one(entries, rng)["dtype"]
    else:
        told["payload"] = _forge_json(told["payload"], rng)


def _mend(arrays: Arrays) -> None:
    """Makes runs sorted again by their keys, and the dead what each index takes them for."""
    keys, order, bounds = (arrays.get(f"index.{name}") for name in ("keys", "order", "bounds"))
    if keys is not None and order is not None and bounds is not None and keys.ndim == 2 and bounds.ndim == 1:
        size, ends = keys.shape[1], np.clip(bounds.astype(np.int64), 0, keys.shape[1])
        line = np.tile(np.arange(size, dtype=np.int32), (len(keys), 1))
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            line[:, start:stop] = start + np.argsort(keys[:, start:stop], axis=1, kind="stable")
        arrays["index.order"] = line
    alive, terms = arrays.get("points.alive"), arrays.get("index.terms")
    if alive is None or alive.dtype != bool or alive.ndim != 1:
        return
    dead = np.flatnonzero(~alive)
    if terms is not None and terms.dtype == np.float32 and terms.shape == (2, len(alive)):
        terms = terms.copy()
        terms[:, dead] = [[np.inf], [0.0]]
        arrays["index.terms"] = terms
    places, terms = arrays.get("index.cells.places"), arrays.get("index.cells.terms")
    sound = places is not None and terms is not None and places.shape == alive.shape and places.dtype == np.int32
    if sound and terms is not None and terms.ndim == 1 and terms.dtype == np.int32 and len(dead):
        gone, terms = places[dead] if places is not None else dead, terms.copy()
        terms[gone[(gone >= 0) & (gone < len(terms))]] = 2**30
        arrays["index.cells.terms"] = terms


#: How a kind of input is forged from its honest files.
FORGERS = {SAVED: forged, BOUNDS: forged, "sharded-index": forged_shards}
