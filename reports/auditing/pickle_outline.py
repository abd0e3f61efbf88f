"""What a pickle would make, told by its operations: nothing of it is made."""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field

#: A tuple as a key is hashed in C, tuple within tuple, without a limit; a tensor's arguments hold two.
_DEEPEST = 100


@dataclass
class _Thing:
    """An object: its constant or the name of its global; is it a tensor; what of a dictionary holds tensors."""

    constant: object = None
    depth: int = 0
    tensor: bool = False
    tensors: list[object] = field(default_factory=list)


def outline(program: bytes, permitted: Callable[[str], bool]) -> tuple[str, list[object]]:
    """The first global "module name" that is not permitted, or "", and the keys under which tensors lie at the top.

    Raises ValueError for tuples that nest deeper than any tensor's, for operations that no writer of tensors uses, and
    with LookupError for a program that cannot be followed.
    """
    stack: list[_Thing] = []
    marks: list[int] = []
    memo: dict[object, _Thing] = {}
    foreign = ""
    for operation, argument, _ in pickletools.genops(program):
        name = operation.name
        if name in ("PROTO", "FRAME", "STOP"):
            continue
        if name == "MARK":
            marks.append(len(stack))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in ("POP", "POP_MARK", "DUP", "EXT1", "EXT2", "EXT4"):
            raise ValueError(f"its pickle has the operation {name}, which no tensor needs")
        else:
            made = _made(operation, argument, _taken(operation, stack, marks))
            if name in ("GLOBAL", "STACK_GLOBAL", "INST") and not foreign:
                foreign = "" if name == "GLOBAL" and permitted(str(made.constant)) else str(made.constant)
            stack.append(made)
    return foreign, stack[-1].tensors


def _taken(operation: pickletools.OpcodeInfo, stack: list[_Thing], marks: list[int]) -> list[_Thing]:
    """What the operation takes from the stack, in order."""
    before = operation.stack_before
    start = len(stack) - len(before)
    if pickletools.markobject in before:
        start = marks.pop() - before.index(pickletools.markobject)
    if start < 0:
        raise IndexError("its pickle takes what is not there")
    taken = stack[start:]
    del stack[start:]
    return taken


def _made(operation: pickletools.OpcodeInfo, argument: object, taken: list[_Thing]) -> _Thing:
    name = operation.name
    if name.startswith("TUPLE"):
        depth = 1 + max((thing.depth for thing in taken), default=0)
        if depth > _DEEPEST:
            raise ValueError(f"its pickle nests tuples more than {_DEEPEST} deep, which no tensor needs")
        return _Thing(depth=depth)
    if name == "STACK_GLOBAL":
        return _Thing(f"{taken[0].constant} {taken[1].constant}")
    if name == "REDUCE":
        return _Thing(tensor=str(taken[0].constant).startswith("torch._utils _rebuild_"))
    if name in ("SETITEM", "SETITEMS"):
        pairs = zip(taken[1::2], taken[2::2], strict=False)
        taken[0].tensors.extend(key.constant for key, value in pairs if value.tensor)
    # What is filled stays the object that it was, for whoever has it from the memo.
    return (
        taken[0]
        if taken and name in ("SETITEM", "SETITEMS", "APPEND", "APPENDS", "ADDITEMS", "BUILD")
        else _Thing(argument)
    )
