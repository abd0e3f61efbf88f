"""Draws faults of six kinds from the syntax tree of a source file, and writes the source with one of them in it.

| kind | a fault replaces | by |
|---|---|---|
| constant | a number c | 2c, or 1 where c = 0 |
| sign | a + b, a − b, −a | a − b, a + b, a |
| comparison | <, ≤, >, ≥, =, ≠, in, is | ≤, <, ≥, >, ≠, =, not in, is not, and back |
| off-by-one | an integer k, an end of a slice, the last bound of a range | itself ± 1 |
| swapped arguments | f(…, a, b, …) | f(…, b, a, …) |
| dropped term | a + b, a − b, `a and b`, `a or b` | one of its terms |

Left alone: docstrings, texts and what they are put together from, type hints, what is raised or warned of, tables of
exported names, and the hand-written false formulas of a claim (`.mutant`, `.printed`), which are faults already.
"""

from __future__ import annotations

import ast
import copy
import random
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = ("constant", "sign", "comparison", "off-by-one", "swapped arguments", "dropped term")
OTHER_RELATION: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
#: Functions whose arguments may come in any order.
SYMMETRIC = frozenset({"max", "min", "isclose", "maximum", "minimum", "gcd", "hypot"})
NAME_TABLES = frozenset({"__all__", "_HOMES", "__slots__"})
#: Calls whose arguments are texts, types, or faults already.
SPARED_CALLS = frozenset({"warn", "mutant", "printed", "TypeVar", "cast"})


@dataclass(frozen=True)
class Fault:
    """Bytes [start, end) of a UTF-8 file become `after`; `line` counts from 1."""

    file: str
    line: int
    kind: str
    before: str
    after: str
    start: int
    end: int

    def planted(self, source: str) -> str:
        """The source with the fault, all other lines staying where they are."""
        return self._spliced(source, self.after)

    def probed(self, source: str) -> str:
        """The source in which the faulty expression, instead of being evaluated, ends the process with status 86.

        In a compiled kernel, which cannot end the process, a RuntimeError is raised before its statement.
        """
        statement = self._statement_of_kernel(source)
        if statement is None:
            return self._spliced(source, f"__import__('os')._exit(86) or ({self.before})")
        lines = source.split("\n")
        text = lines[statement.lineno - 1]
        margin = text[: len(text) - len(text.lstrip())]
        lines.insert(statement.lineno - 1, f"{margin}raise RuntimeError('reached')")
        return "\n".join(lines)

    def changes_code(self, source: str) -> bool:
        """Whether the compiled code differs, constants folded and places in the file left aside."""
        return _instructions(compile(source, "source", "exec")) != _instructions(
            compile(self.planted(source), "source", "exec")
        )

    def _spliced(self, source: str, text: str) -> str:
        raw = source.encode()
        lost_lines = raw[self.start : self.end].count(b"\n")
        return (raw[: self.start] + f"({text}{chr(10) * lost_lines})".encode() + raw[self.end :]).decode()

    def _statement_of_kernel(self, source: str) -> ast.stmt | None:
        offsets = _Offsets(source)
        found = None
        for function in ast.walk(ast.parse(source)):
            if isinstance(function, ast.FunctionDef) and any(
                ast.unparse(d).partition("(")[0].endswith("jit") for d in function.decorator_list
            ):
                for statement in ast.walk(function):
                    if isinstance(statement, ast.stmt) and statement is not function:
                        start, end = offsets.span(statement)
                        if start <= self.start and self.end <= end:
                            found = statement  # walked outside in
        return found


def draw(root: Path, packages: Sequence[str], count: int, seed: int) -> list[Fault]:
    """The first `count` faults of the seed's sequence: the kinds in turn, each from all its places with equal chance.

    A shorter sequence begins a longer one. Fewer come where the sources have no more.
    """
    pools: dict[str, list[Fault]] = {kind: [] for kind in KINDS}
    rng = random.Random(seed)
    for package in packages:
        for path in sorted(Path(root, package).rglob("*.py")):
            for fault in faults(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix(), rng):
                pools[fault.kind].append(fault)
    for pool in pools.values():
        rng.shuffle(pool)
    turns = max(map(len, pools.values()), default=0)
    sequence = [pools[kind][turn] for turn in range(turns) for kind in KINDS if turn < len(pools[kind])]
    return sequence[:count]


def faults(source: str, file: str, rng: random.Random) -> Iterator[Fault]:
    """Every place of every kind in the source, with the fault drawn for it."""
    offsets = _Offsets(source)
    raw = source.encode()
    for node in _open_to_faults(ast.parse(source)):
        for kind, place, changed in _changes(node, rng):
            start, end = offsets.span(place)
            before = raw[start:end].decode()
            # A fault in the text of a record: on one line.
            yield Fault(file, place.lineno, kind, " ".join(before.split()), ast.unparse(changed), start, end)


def _changes(node: ast.AST, rng: random.Random) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    step = rng.choice((-1, 1))
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield "constant", node, ast.Constant(2 * node.value or 1)
        if isinstance(node.value, int):
            yield "off-by-one", node, ast.Constant(node.value + step)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        adds = isinstance(node.op, ast.Add)
        yield "sign", node, ast.BinOp(node.left, ast.Sub() if adds else ast.Add(), node.right)
        left = node.left if step > 0 else node.right if adds else ast.UnaryOp(ast.USub(), node.right)
        yield "dropped term", node, left
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", node, node.operand
    elif isinstance(node, ast.Compare):
        relation = OTHER_RELATION[type(node.ops[0])]()
        yield "comparison", node, ast.Compare(node.left, [relation, *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BoolOp):
        gone = rng.randrange(len(node.values))
        left_over = [value for i, value in enumerate(node.values) if i != gone]
        yield "dropped term", node, left_over[0] if len(left_over) == 1 else ast.BoolOp(node.op, left_over)
    elif isinstance(node, ast.Slice):
        for end in (node.lower, node.upper):
            if end is not None and not isinstance(end, ast.Constant):
                yield "off-by-one", end, _shifted(end, step)
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        if name == "range" and node.args:
            bound = node.args[min(1, len(node.args) - 1)]
            if not isinstance(bound, ast.Constant | ast.Starred):
                yield "off-by-one", bound, _shifted(bound, step)
        pairs = [
            i
            for i, (a, b) in enumerate(zip(node.args, node.args[1:], strict=False))
            if not isinstance(a, ast.Starred) and not isinstance(b, ast.Starred) and ast.dump(a) != ast.dump(b)
        ]
        if pairs and name not in SYMMETRIC:
            i = rng.choice(pairs)
            changed = copy.copy(node)
            changed.args = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
            yield "swapped arguments", node, changed


def _shifted(bound: ast.expr, step: int) -> ast.expr:
    return ast.BinOp(bound, ast.Add() if step > 0 else ast.Sub(), ast.Constant(1))


def _open_to_faults(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below, in order of the text, without what is spared."""
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _spared(child):
                yield from _open_to_faults(child)


def _spared(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert):
        return True
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in NAME_TABLES for target in node.targets)
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).rpartition(".")[2] in SPARED_CALLS
    if isinstance(node, ast.BinOp):
        return any(isinstance(part, ast.JoinedStr) or _is_text(part) for part in (node.left, node.right))
    return False


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _instructions(code: types.CodeType) -> tuple[object, ...]:
    constants = tuple(
        _instructions(c) if isinstance(c, types.CodeType) else (type(c).__name__, repr(c)) for c in code.co_consts
    )
    return code.co_code, code.co_exceptiontable, code.co_names, code.co_varnames, constants


class _Offsets:
    """Where lines begin, in bytes; the syntax tree counts columns so."""

    def __init__(self, source: str):
        self.begins = [0]
        for line in source.split("\n"):
            self.begins.append(self.begins[-1] + len(line.encode()) + 1)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.begins[node.lineno - 1] + node.col_offset, self.begins[node.end_lineno - 1] + node.end_col_offset
