"""Codes of a random rotation: whole numbers as the plain loop has them, estimates without bias, errors as foretold."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from knn import BruteForce, PrincipalDCI, RotatedDCI
from knn.kernels import bit_planes, cpu, cpu_rotated
from knn.rotated_codes import BITS, ROUNDS
from tests import naive


def turn(width, seed):
    rng = np.random.default_rng(seed)
    places = np.array([rng.permutation(width) for _ in range(ROUNDS)], np.int32)
    return places, rng.integers(0, 2, (ROUNDS, width)) * 2.0 - 1.0


def rotated(rows, width, way):
    out, scratch = np.zeros((len(rows), width)), np.empty(width)
    out[:, : rows.shape[1]] = rows
    for row in out:
        cpu_rotated.rotate(row, *way, scratch)
    return out


def coded(X, bits, way, centre, scale=1.0):
    width = way[0].shape[1]
    blocks = -(-len(X) // 8)
    words = np.zeros((blocks, bits, width // 64, 8), np.uint64)
    terms = np.empty((2, 8 * blocks), np.float32)
    terms[0], terms[1] = np.inf, 0.0
    told = cpu.encode_rotated(X, centre, scale, way, 0, words, terms)
    return words, terms, told


def numbers_of(words, n, width):
    """u of each point, from its bits."""
    planes = [[int(words[i // 8, :, j // 64, i % 8][b]) >> j % 64 & 1 for b in range(words.shape[1])] for i in range(n)
              for j in range(width)]  # fmt: skip
    return (np.array(planes) << np.arange(words.shape[1])).sum(axis=1).reshape(n, width)


def steps(z, bits, step):
    """(u, ‖z‖²/⟨g, z⟩) of a rotated row: u = ⌊z/step⌋ + 2^(B − 1) held to B bits, g = u − (2^B − 1)/2."""
    half = 2 ** (bits - 1)
    u = [min(max(math.floor(value / step) + half, 0), 2 * half - 1) for value in z]
    product = naive.sum_in_order((number - (2 * half - 1) / 2) * value for number, value in zip(u, z, strict=True))
    return u, naive.sum_in_order(naive.square(value) for value in z) / product


PRODUCTS = """
import numpy as np
from numba import njit
from knn.kernels.bit_planes import block_products
rng = np.random.default_rng(0)
compiled = njit(lambda words, block, query, out: block_products(words, block, query, out))
for planes, n in ((1, 1), (2, 3), (4, 5)):
    words = rng.integers(0, 2**64, (3, planes, n, 8), dtype=np.uint64)
    words[1] = 2**64 - 1
    query, out, plain = rng.integers(0, 2**64, (n, 6), dtype=np.uint64), np.zeros(8, np.int64), np.zeros(8, np.int64)
    for block in range(3):
        compiled(words, block, query, out)
        block_products(words, block, query, plain)
        assert (out == plain).all(), (out, plain)
"""


@pytest.mark.parametrize("cpu_name", ["", "generic"], ids=["this machine", "any machine"])
def test_bits_are_counted_alike_by_every_instruction(cpu_name):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0", **({"NUMBA_CPU_NAME": cpu_name} if cpu_name else {})}
    run = subprocess.run([sys.executable, "-c", PRODUCTS], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr


def test_products_of_planes_are_those_of_whole_numbers_kernels():
    rng = np.random.default_rng(1)
    u, v = rng.integers(0, 8, (8, 128)), rng.integers(-32, 32, 128)
    words, query = np.zeros((1, 3, 2, 8), np.uint64), np.zeros((2, 6), np.uint64)
    for j in range(128):
        for b in range(3):
            words[0, b, j // 64] |= (u[:, j] >> b & 1).astype(np.uint64) << np.uint64(j % 64)
        for b in range(6):
            query[j // 64, b] |= np.uint64(int(v[j]) >> b & 1) << np.uint64(j % 64)
    out = np.zeros(8, np.int64)
    bit_planes.block_products(words, 0, query, out)
    np.testing.assert_array_equal(out, u @ v)


@pytest.mark.parametrize("width", [64, 192, 448])
def test_a_rotation_keeps_products_and_spreads_one_coordinate_kernels(width):
    way, rows = turn(width, 0), np.vstack([np.eye(width)[:3], np.random.default_rng(2).standard_normal((3, width))])
    out = rotated(rows, width, way)
    # Some 3 · log₂(width) roundings of each entry.
    np.testing.assert_allclose(out @ out.T, rows @ rows.T, rtol=0, atol=200 * width * 2.0**-53)
    # Six standard deviations of a normal coordinate; more would be a sign that a transform was left out.
    assert np.abs(out[:3]).max() < 6 / np.sqrt(width)


@pytest.mark.parametrize("bits", BITS)
def test_codes_and_keys_are_those_of_the_twin_kernels(bits):
    rng = np.random.default_rng(bits)
    X, q, centre = rng.standard_normal((11, 40)), rng.standard_normal(40), rng.standard_normal(40)
    way = turn(64, bits)
    words, terms, _ = coded(X, bits, way, centre, 0.5)
    Z, y = rotated((X - centre) * 0.5, 64, way), rotated((q - centre)[None] * 0.5, 64, way)[0]
    u = numbers_of(words, 11, 64)
    planes = np.zeros((1, 6), np.uint64)
    alpha, beta, shift = cpu_rotated.encode_asked(q, centre, -1, way, bits, planes)
    keys, slots = cpu_rotated.least_keys(words, terms, planes, (alpha, beta, shift), 11)
    v = np.rint(y / (np.abs(y).max() / 31))
    for key, slot in zip(keys, slots, strict=True):
        z = Z[slot]
        cosines = {}
        for factor in cpu_rotated.TRIED:
            step = factor * cpu_rotated.STEPS[bits - 1] * np.sqrt((z @ z) / 64)
            told, ratio = steps(z, bits, step)
            g = np.array(told) - (2**bits - 1) / 2
            cosines[tuple(told)] = (g @ z) / np.linalg.norm(g), ratio, g
        best = max(cosine for cosine, _, _ in cosines.values())
        cosine, ratio, g = cosines[tuple(u[slot].tolist())]
        # The best of the steps tried, or one that ties with it but for the roundings of 64 additions.
        assert cosine >= best * (1 - 64 * 2.0**-52)
        # float32 terms, and v's rounding taken out of its length.
        estimate = z @ z - 2 * ratio * (g @ v) * (y @ y) / (v @ y)
        np.testing.assert_allclose(key / alpha, estimate, rtol=0, atol=2.0**-20 * (z @ z + abs(estimate)))
    assert (np.diff(keys) >= 0).all()


@pytest.mark.parametrize("bits", BITS)
def test_estimates_have_no_bias_and_the_error_foretold(bits):
    """Over 400 rotations: the mean within five of its standard errors, the spread within a fifth of what is told."""
    rng = np.random.default_rng(3)
    x, q = rng.standard_normal((2, 1, 100)) ** 3  # far from normal, before the rotation
    true, errors, foretold = float(x[0] @ q[0]), [], []
    for seed in range(400):
        way, planes = turn(128, seed), np.zeros((2, 6), np.uint64)
        words, terms, (_, lost) = coded(x, bits, way, np.zeros(100))
        alpha, beta, shift = cpu_rotated.encode_asked(q[0], np.zeros(100), 0, way, bits, planes)
        key = cpu_rotated.least_keys(words, terms, planes, (alpha, beta, shift), 1)[0][0]
        errors.append((x[0] @ x[0] - key / alpha) / 2 - true)
        foretold.append(lost / 127 * (x[0] @ x[0]) * (q[0] @ q[0]))
    errors = np.array(errors)
    assert abs(errors.mean()) < 5 * errors.std() / 20
    # x and q are not at right angles, along which part of the error vanishes; 400 draws know a spread to 3.5 %.
    assert 0.8 < errors.std() / np.sqrt(np.mean(foretold)) < 1.2
    # Theorem 3.2's tail, with its constant for normal deviates: beyond 3 less than 2 exp(−4.5) = 2.2 %.
    assert (np.abs(errors) > 3 * np.sqrt(np.mean(foretold))).mean() < 0.022


@pytest.mark.parametrize("wanted", [1, 7, 40])
def test_the_least_keys_are_found_ties_included_kernels(wanted):
    rng = np.random.default_rng(4)
    X = np.repeat(rng.integers(-2, 3, (15, 3)), 3, axis=0).astype(float)
    way, planes = turn(64, 5), np.zeros((1, 6), np.uint64)
    words, terms, _ = coded(X, 2, way, np.zeros(3))
    terms[:, [2, 9]] = [[np.inf], [0.0]]  # dead
    numbers = cpu_rotated.encode_asked(rng.standard_normal(3), np.zeros(3), 0, way, 2, planes)
    every, slots = cpu_rotated.least_keys(words, terms, planes, numbers, 45)
    assert set(slots.tolist()) == set(range(45)) - {2, 9}
    keys, found = cpu_rotated.least_keys(words, terms, planes, numbers, wanted)
    np.testing.assert_array_equal(keys, every[every <= every[min(wanted, 43) - 1]])
    assert set(found.tolist()) == set(slots[every <= keys[-1]].tolist())


def test_more_bits_find_more_where_no_direction_holds_more_than_others():
    rng = np.random.default_rng(5)
    X, Q = rng.standard_normal((3000, 120)).astype(np.float32), rng.standard_normal((50, 120)).astype(np.float32)
    true = BruteForce().fit(X).search(Q, 10).indices
    found = []
    for parameters in (*({"directions": "random-rotation", "bits": bits} for bits in BITS), {"probes": 1.0}):
        index = PrincipalDCI(candidates=30, random_state=0, **parameters).fit(X)
        indices = index.search(Q, 10).indices
        found.append(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(indices, true, strict=True)]))
    # 500 neighbours know a share to 0.02; a bit is worth far more, until all are found.
    assert found[0] + 0.1 < found[1]
    assert found[1] + 0.05 < found[2]
    assert found[3] > 0.97
    assert found[4] + 0.1 < found[1]  # 63 of 120 equal directions, in 64 bytes against 32


def test_points_that_come_from_elsewhere_are_found_as_if_they_had_been_there():
    rng = np.random.default_rng(6)
    X = (rng.standard_normal((2000, 8)) @ rng.standard_normal((8, 90))).astype(np.float32)
    moved = (rng.standard_normal((1000, 8)) @ rng.standard_normal((8, 90)) + 3).astype(np.float32)
    index = RotatedDCI(candidates=20, random_state=0).fit(X)
    ids = index.insert(moved)
    assert index.drift_ == 0.0
    found = index.search(moved[:60] + np.float32(0.01), 5)
    fresh = (
        RotatedDCI(candidates=20, random_state=0)
        .fit(np.concatenate([X, moved]))
        .search(moved[:60] + np.float32(0.01), 5)
    )
    np.testing.assert_array_equal(found.indices[:, 0], ids[:60])
    assert (found.indices == fresh.indices).mean() > 0.95


def test_bits_are_looked_at_at_the_door_and_the_error_is_told():
    X = np.random.default_rng(7).standard_normal((50, 70))
    for wrong in (
        {"bits": 4},
        {"bits": 5, "directions": "random-rotation"},
        {"bits": 0, "directions": "random-rotation"},
    ):
        with pytest.raises(ValueError, match="bits="):
            PrincipalDCI(**wrong).fit(X)
    errors = [PrincipalDCI(directions="random-rotation", bits=bits, random_state=0).fit(X).error_ for bits in BITS]
    # √(1/cos² − 1) of the best steps of normal deviates (Max 1960: distortions 0.3634, 0.1175, 0.03454, 0.009497).
    best = np.array([0.3634, 0.1175, 0.03454, 0.009497])
    np.testing.assert_allclose(errors, np.sqrt(best / (1 - best) / 127), rtol=0.1)
    with pytest.raises(AttributeError, match="8 bits"):
        PrincipalDCI().fit(X).error_  # noqa: B018
