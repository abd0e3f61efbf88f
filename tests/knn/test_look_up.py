"""Principal DCI's codes in blocks: their products by every instruction, and what a search looks up and selects."""

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from knn.kernels import cpu
from knn.kernels.cpu_look_up import DEAD, look_up
from knn.kernels.cpu_principal_search import sort_by
from knn.kernels.cpu_select import least_limit
from knn.principal_cells import means
from tests import naive


def some_codes(n, seed, most=127):
    return np.random.default_rng(seed).integers(-most, most + 1, (n, 64)).astype(np.int8)


def packed(codes, places=None):
    """Blocks that hold the codes, one after the other or at their places, and the terms of all places."""
    places = np.arange(len(codes)) if places is None else places
    blocks = np.zeros((-(-(int(places.max()) + 1) // 16), 1024), np.uint8)
    terms = np.full(16 * len(blocks), DEAD, np.int32)
    of_codes = np.empty(len(codes), np.int32)
    cpu.terms_of(codes, of_codes)
    terms[places] = of_codes
    cpu.pack(codes, places.astype(np.int32), blocks)
    return blocks, terms


@pytest.mark.parametrize("extreme", [127, -127])
def test_products_of_codes_are_whole_numbers_up_to_the_largest(extreme):
    """64 · 127² in int32, and the nearest of some codes, the first of equals."""
    codes = np.concatenate([some_codes(19, 1), np.full((2, 64), extreme, np.int8)])
    blocks, terms = packed(codes)
    np.testing.assert_array_equal(terms[:21], [sum(int(c) ** 2 for c in code) for code in codes])
    nearest = np.empty(21, np.int32)
    cpu.nearest_codes(codes, blocks, terms, nearest)
    np.testing.assert_array_equal(nearest, [*range(19), 19, 19])


def test_codes_are_packed_and_unpacked(dtype):  # noqa: ARG001
    codes = np.concatenate([some_codes(30, 2), np.full((1, 64), -127, np.int8), np.full((1, 64), 127, np.int8)])
    places = np.random.default_rng(0).permutation(40)[:32].astype(np.int32)
    blocks, _ = packed(codes, places)
    again = np.empty_like(codes)
    cpu.unpack(blocks, places, again)
    np.testing.assert_array_equal(again, codes)


PRODUCTS = """
import numpy as np
from numba import njit
from knn.kernels.block_keys import keys_within
rng = np.random.default_rng(0)
blocks = rng.integers(1, 256, (3, 1024)).astype(np.uint8)
terms = rng.integers(0, 2**20, 48).astype(np.int32)
for b in (rng.integers(-127, 128, 64), np.full(64, 127), np.full(64, -127)):
    b, shift = b.astype(np.int8), np.int32(128 * int(b.sum()))
    blocks[1, :512], blocks[1, 512:] = 1, 255
    codes = blocks.reshape(3, 16, 16, 4).transpose(0, 2, 1, 3).reshape(48, 64).astype(int) - 128
    expected = terms - 2 * (codes @ b.astype(int))
    for block in range(3):
        limit = np.int32(np.median(expected[16 * block : 16 * block + 16]))
        out, plain = np.full(18, -1, np.int32), np.full(18, -1, np.int32)
        compiled = njit(lambda *a: keys_within(*a))
        bits = compiled(blocks, terms, block, b, shift, limit, out)
        assert bits == keys_within(blocks, terms, block, b, shift, limit, plain)
        assert (out == plain).all() and (out[:16] == expected[16 * block : 16 * block + 16]).all()
        assert bits == sum(1 << i for i in range(16) if out[i] <= limit) and (out[16:] == -1).all()
"""


@pytest.mark.parametrize("cpu_name", ["", "generic"], ids=["this machine", "any machine"])
def test_products_are_the_same_by_every_instruction(cpu_name):
    """The plain loop, and what is compiled for this CPU and for one that has nothing special."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0", **({"NUMBA_CPU_NAME": cpu_name} if cpu_name else {})}
    run = subprocess.run([sys.executable, "-c", PRODUCTS], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("probes", [1, 2, 3])
@pytest.mark.parametrize("wanted", [1, 4, 60])
@pytest.mark.parametrize("most", [1, 127])
def test_what_is_looked_up_is_what_the_twin_finds(probes, wanted, most):
    """Codes of −1, 0, 1 in few columns tie often; a dead point is never found, nor is a place that nobody fills."""
    codes, query, points = some_codes(40, 2, most), some_codes(1, 3, most)[0], some_codes(3, 4, most)
    codes[:, 6:] = 0
    spans, ends, dead = np.array([0, 10, 11, 33, 40]), np.array([0, 1, 2, 4, 5]), 5
    places = np.concatenate(
        [np.arange(*span) - span[0] + 16 * end for span, end in zip(pairwise(spans), ends[:4], strict=True)]
    )
    blocks, terms = packed(codes, places)
    near, near_terms = packed(points)
    terms[places[dead]] = DEAD
    listed = [[i for i in range(*span) if i != dead] for span in pairwise(spans)]
    cells = list(zip(points, listed[:3], strict=True))
    expected = naive.least_keys(codes, cells, listed[3], points[1], query, probes, wanted)
    keys, found = look_up((blocks, terms), (ends, near, near_terms), (points[1], query), probes, wanted)
    place_of = {int(place): i for i, place in enumerate(places)}
    assert {(place_of[int(p)], int(key)) for p, key in zip(found, keys, strict=True)} == expected
    assert len(keys) == len(expected)


@pytest.mark.parametrize("wanted", [1, 30, 48, 49, 5000])
def test_the_least_of_many_tiles_are_found_whatever_ties(wanted):
    """Several tiles of 256 blocks in one cell, with few different keys, and then a far tail."""
    for most in (1, 127):
        codes, query = some_codes(9000, 8, most), some_codes(1, 9, most)[0]
        codes[:, 5:] = 0
        blocks, terms = packed(codes)
        near, near_terms = packed(codes[:1])
        keys, found = look_up((blocks, terms), (np.array([0, 400, 563]), near, near_terms), (query, query), 1, wanted)
        every = (codes.astype(int) ** 2).sum(axis=1) - 2 * codes.astype(int) @ query.astype(int)
        np.testing.assert_array_equal(np.sort(found), np.flatnonzero(every <= np.sort(every)[wanted - 1]))
        np.testing.assert_array_equal(keys, every[found])


@pytest.mark.parametrize("most", [1, 9, 2**30])
def test_a_limit_takes_the_smallest_and_what_ties_with_the_last(most):
    values = np.random.default_rng(most).integers(-most, most + 1, 77).astype(np.int32)
    for k in range(1, 78):
        limit = least_limit(values, k)
        np.testing.assert_array_equal(values[values <= limit], values[values <= np.sort(values)[k - 1]])


@pytest.mark.parametrize("n", [0, 1, 2, 37, 300])
def test_sorting_moves_the_items_with_the_keys(n):
    keys = np.random.default_rng(n).integers(0, 40, n).astype(np.int32)
    items, before = np.arange(n, dtype=np.int32), keys.copy()
    sort_by(keys, items)
    np.testing.assert_array_equal(keys, np.sort(before))
    np.testing.assert_array_equal(before[items], keys)
    np.testing.assert_array_equal(np.sort(items), np.arange(n))


def test_means_are_where_lloyd_leaves_them():
    """Against the definition, round by round; a mean without members stays."""
    codes = some_codes(200, 5, 30)
    codes[7] = codes[3]  # two equal means: the second has no members
    centres = codes[:9].astype(np.float64)
    for _ in range(8):
        nearest = ((codes[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        for c in set(nearest.tolist()):
            centres[c] = codes[nearest == c].mean(axis=0)
    # float32 means of some ten whole numbers below 128: nowhere near a half that rounding could move by a step.
    assert np.abs(means(codes, 9) - centres).max() <= 0.5 + 2.0**-10
