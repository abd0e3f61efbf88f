"""The two inner loops of a sum over pairs, on the machine's vectors: bits do not depend on their width.

LLVM makes vectors of a plain loop over the columns, but keeps its sums in memory; holding a tile of
them in registers is 1.4 times faster, and the fold of a row, left to LLVM, stays scalar (8 times slower).
Every column has its own sum, taken in the order of the coordinates with one rounding a term (fma).
"""

from __future__ import annotations

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

COLUMNS = 64
ROWS = 4
LANES = 8

_DOUBLE, _INT32 = ir.DoubleType(), ir.IntType(32)


def squared_distances(x, i, block, values):
    """values[r, j] = Σₖ (x[i+r, k] − block[k, j])² for 4 rows and 64 columns; rows past the last repeat it.

    x (n, d), block (d, 64), values (4, 64), all float64 and C-contiguous.
    """
    for r in range(ROWS):
        total = np.zeros(COLUMNS)
        for k in range(x.shape[1]):
            total += (x[min(i + r, len(x) - 1), k] - block[k]) ** 2
        values[r] = total


def add_row(values, weights, lanes):
    """lanes[l] += Σ wⱼ valuesⱼ over j mod 8 = l, in the order of j; values, weights (64,), lanes (8,)."""
    for j in range(0, COLUMNS, LANES):
        lanes += values[j : j + LANES] * weights[j : j + LANES]


@overload(squared_distances)
def _compiled_squared_distances(x, i, block, values):  # noqa: ARG001 (the signature is the Python function's)
    tile = _TILE_COLUMNS * _VECTORS

    def compiled(x, i, block, values):
        for j in range(0, COLUMNS, tile):
            _tile(x, i, block, j, values)  # type: ignore[call-arg]

    return compiled


@overload(add_row)
def _compiled_add_row(values, weights, lanes):  # noqa: ARG001
    return lambda values, weights, lanes: _add_row(values, weights, lanes)  # type: ignore[call-arg]


def _registers():
    """(doubles in a vector, vectors side by side): 4 rows of them fill the registers, 32 of 8 doubles or 16 of 4."""
    features = binding.get_host_cpu_features()
    return (8, 4) if features.get("avx512f") else (4, 2)


_TILE_COLUMNS, _VECTORS = _registers()


@intrinsic
def _tile(typing_context, x, i, block, j, values):  # noqa: ARG001
    """values[r, j:] of 4 rows and as many columns as the registers hold, one coordinate after another."""

    def generate(context, builder, signature, arguments):
        wide, count = ir.VectorType(_DOUBLE, _TILE_COLUMNS), _VECTORS
        points, columns, out = (
            context.make_array(signature.args[a])(context, builder, arguments[a]) for a in (0, 2, 4)
        )
        n, d = cgutils.unpack_tuple(builder, points.shape)
        integer = d.type
        last = builder.sub(n, integer(1))
        rows = [builder.add(arguments[1], integer(r)) for r in range(ROWS)]
        rows = [builder.select(builder.icmp_signed("<", row, n), row, last) for row in rows]
        rows = [builder.gep(points.data, [builder.mul(row, d)]) for row in rows]
        sums = [[cgutils.alloca_once_value(builder, wide([0.0] * _TILE_COLUMNS)) for _ in range(count)] for _ in rows]
        with cgutils.for_range(builder, d) as loop:
            here = builder.add(builder.mul(loop.index, integer(COLUMNS)), arguments[3])
            y = [
                _load(builder, columns.data, builder.add(here, integer(v * _TILE_COLUMNS)), wide) for v in range(count)
            ]
            for row, totals in zip(rows, sums, strict=True):
                same = _repeated(builder, builder.load(builder.gep(row, [loop.index])), wide)
                for column, total in zip(y, totals, strict=True):
                    gap = builder.fsub(same, column)
                    builder.store(_fma(builder, gap, gap, builder.load(total)), total)
        for r, totals in enumerate(sums):
            for v, total in enumerate(totals):
                place = builder.add(arguments[3], integer(r * COLUMNS + v * _TILE_COLUMNS))
                _store(builder, builder.load(total), out.data, place)
        return context.get_dummy_value()

    return types.void(x, types.intp, block, types.intp, values), generate


@intrinsic
def _add_row(typing_context, values, weights, lanes):  # noqa: ARG001
    def generate(context, builder, signature, arguments):
        wide = ir.VectorType(_DOUBLE, LANES)
        data = [
            context.make_array(kind)(context, builder, given).data
            for kind, given in zip(signature.args, arguments, strict=True)
        ]
        integer = context.get_value_type(types.intp)
        total = _load(builder, data[2], integer(0), wide)
        for j in range(0, COLUMNS, LANES):
            value, weight = (_load(builder, array, integer(j), wide) for array in data[:2])
            total = _fma(builder, value, weight, total)
        _store(builder, total, data[2], integer(0))
        return context.get_dummy_value()

    return types.void(values, weights, lanes), generate


def _load(builder, data, place, wide):
    return builder.load(builder.bitcast(builder.gep(data, [place]), wide.as_pointer()), align=8)


def _store(builder, value, data, place):
    builder.store(value, builder.bitcast(builder.gep(data, [place]), value.type.as_pointer()), align=8)


def _repeated(builder, value, wide):
    first = builder.insert_element(wide(ir.Undefined), value, _INT32(0))
    return builder.shuffle_vector(first, wide(ir.Undefined), ir.VectorType(_INT32, wide.count)([0] * wide.count))


def _fma(builder, a, b, c):
    name = f"llvm.fma.v{a.type.count}f64"
    return builder.call(
        cgutils.get_or_insert_function(builder.module, ir.FunctionType(a.type, [a.type] * 3), name), [a, b, c]
    )
