"""Which points' codes promise most: keys of the nearest cells, a tile of blocks at a time, and the least of them.

Of two codes c (a point's) and b (the query's), ‖c − b‖² = ‖b‖² + (‖c‖² − 2⟨c, b⟩); what stands in brackets is the
point's key, an int32, and exact. Codes lie in blocks of sixteen (knn/kernels/block_keys.py); a cell begins a block, and
the places that no point fills have the key of the dead.
"""

from __future__ import annotations

import numpy as np

from knn.kernels.assign import assign
from knn.kernels.block_keys import TOGETHER, WIDTH, below, keys_within
from knn.kernels.blocks import lowest
from knn.kernels.cpu_select import least_limit
from knn.kernels.jit import jit

#: The term of a dead point: its key exceeds every living one's, which are below 3 · 64 · 127² < 2²².
DEAD = 2**30
#: No key of a living point is above.
ANY = 2**24
#: Blocks to a tile, whose keys stay in the first-level cache.
TILE = 256
#: Groups of keys whose least are looked at to guess a limit: of 64, as few as are usually wanted have one each.
GROUPS = 64


@jit
def look_up(table, cells, query, probes, wanted):
    """(keys, places) of the `wanted` least keys in the `probes` nearest cells and the tail, ties taken, in no order.

    table = (blocks, terms), cells = (ends, prototypes, their terms): blocks ends[c] to ends[c + 1] hold cell c, and the
    last span the tail of points in no cell. query = (the code by which cells are chosen, that by which points are),
    int8 (64,) each. What is given is int32.
    """
    blocks, terms = table
    ends, near = cells[0], nearest_cells(cells, query[0], probes)
    b = query[1]
    shift = shift_of(b)
    # Typed zeros: for a literal one, what is called would be compiled again.
    limit, filled, many, full = np.int32(ANY), np.int64(0), np.int64(0), 2 * wanted + 64
    # Room for all points would be too large for the allocator to have at hand: it would be mapped anew each time.
    keys, places = np.empty(full + TOGETHER, np.int32), np.empty(full + TOGETHER, np.int32)
    tile, at = np.empty((TILE, TOGETHER), np.int32), np.empty(TILE, np.int32)
    for cell in near:
        for block in range(ends[cell], ends[cell + 1]):
            keys_within(blocks, terms, block, b, shift, limit, tile[many])
            at[many] = block
            many += 1
            if many == TILE:
                limit, filled, keys, places = _kept_of((tile, at, many), wanted, limit, filled, keys, places)
                many = np.int64(0)
    limit, filled, keys, places = _kept_of((tile, at, many), wanted, limit, filled, keys, places)
    if filled > wanted:
        filled = _keep(keys, places, filled, least_limit(keys[:filled], wanted))
    return keys[:filled], places[:filled]


@jit
def _kept_of(tiled, wanted, limit, filled, keys, places):
    """Adds to (keys, places) what may be among the `wanted` least so far; returns (limit, how many, keys, places).

    tiled = (keys int32 (blocks, 16), which blocks they are of, how many of these there are).
    """
    tile, at, many = tiled
    limit = min(limit, _guess(tile, many, wanted))
    full = 2 * wanted + 64
    for row in range(many):
        mask = below(tile, row, limit)
        if mask == 0:
            continue
        while mask:
            lane = lowest(mask)
            mask &= mask - 1
            keys[filled] = tile[row, lane]
            places[filled] = TOGETHER * at[row] + lane
            filled += 1
        if filled >= full:
            limit = min(limit, least_limit(keys[:filled], wanted))
            filled = _keep(keys, places, filled, limit)
            if 2 * filled > full:  # so many tie that looking again would find the same
                full = 2 * filled
        if filled + TOGETHER > keys.shape[0]:
            room = 2 * keys.shape[0]
            keys, places = _longer(keys, room), _longer(places, room)
    return limit, filled, keys, places


@jit
def _guess(tile, many, wanted):
    """A limit that at least `wanted` of a tile's keys do not exceed, by the least of each of 64 groups; ANY if none.

    Among 4096 keys some 33 do not exceed the 26th of those 64, and no branch depends on any of the others.
    """
    flat = tile.reshape(-1)
    whole = TOGETHER * many // GROUPS * GROUPS
    if whole == 0 or wanted > 3 * GROUPS // 4:
        return np.int32(ANY)
    least = flat[:GROUPS].copy()
    for start in range(GROUPS, whole, GROUPS):
        for i in range(GROUPS):
            least[i] = min(least[i], flat[start + i])
    return min(np.int32(ANY), least_limit(least, wanted))


@jit
def _longer(array, size):
    longer = np.empty(size, array.dtype)
    assign(longer, array)
    return longer


@jit
def nearest_cells(cells, b, probes):
    """The cells whose prototypes have the `probes` least keys, ties taken, in their order; last of all the tail."""
    ends, prototypes, terms = cells
    count = ends.shape[0] - 2
    far = np.empty((prototypes.shape[0], TOGETHER), np.int32)
    every_key(prototypes, terms, b, far)
    last = least_limit(far.reshape(-1)[:count], probes) if probes < count else np.int32(ANY)
    near, kept = np.empty(TOGETHER * prototypes.shape[0] + 1, np.int32), 0
    for block in range(far.shape[0]):
        mask = below(far, block, last)
        while mask:
            near[kept] = TOGETHER * block + lowest(mask)
            mask &= mask - 1
            kept += 1
    near[kept] = count
    return near[: kept + 1]


@jit
def every_key(blocks, terms, b, out):
    """The keys of all places of blocks (n, 1024) into out (n, 16)."""
    shift = shift_of(b)
    for block in range(blocks.shape[0]):
        keys_within(blocks, terms, block, b, shift, np.int32(0), out[block])


@jit
def shift_of(b):
    """128 Σb, what keeping codes as bytes c + 128 adds to a product."""
    total = np.int32(0)
    for j in range(WIDTH):
        total += np.int32(b[j])
    return np.int32(128 * total)


@jit
def _keep(keys, places, filled, limit):
    """Drops what is above the limit; returns how many stay."""
    kept = 0
    for i in range(filled):
        key, place = keys[i], places[i]
        keys[kept] = key
        places[kept] = place
        kept += key <= limit
    return kept
