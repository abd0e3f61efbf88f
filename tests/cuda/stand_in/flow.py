"""Which registers a thread needs when it goes on after it has waited: the others need not be kept meanwhile."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.cuda.stand_in.code import FLOATS
from tests.cuda.stand_in.ptx import Entry, Instruction

#: Where a thread waits for others.
WAITS = ("bar", "shfl", "mma")
#: Products of matrices that a thread can wait for at once, and what none is taken across.
MOST, ENDS = 32, ("bar", "shfl", "bra", "ret", "exit")
_REGISTER = re.compile(r"%[\w.]+")


def parted(entry: Entry) -> dict[str, list[Instruction]]:
    """The blocks of an entry, parted after each branch and wherever a thread waits."""
    blocks: dict[str, list[Instruction]] = {}
    for label, instructions in entry.blocks.items():
        name, block = label, []
        instructions = _together(instructions)
        for i, one in enumerate(instructions):
            block.append(one)
            if one.name in (*WAITS, "bra", "ret", "exit") and i + 1 < len(instructions):
                blocks[name] = block
                name, block = f"{label}.{i}", []
        blocks[name] = block
    return blocks


def _together(instructions: list[Instruction]) -> list[Instruction]:
    """With products of matrices of which none needs another's but to add to it taken together, where the last of them
    was: lanes wait for each other once. Where the others were, they give their words.
    """
    done: list[Instruction] = []
    waiting: list[tuple[int, Instruction]] = []

    def end() -> None:
        if waiting:
            given = [one for _, one in waiting]
            for which, (place, one) in enumerate(waiting):
                done[place] = replace(one, words=("give",), operands=(str(which), *one.operands[1:3]))
            place, last = waiting[-1]
            products = ("{" + ", ".join(one.operands[which].strip("{}") for one in given) + "}" for which in (0, 3))
            done.insert(place + 1, replace(last, operands=tuple(products)))
            waiting.clear()

    for one in instructions:
        of_others = {name for _, other in waiting for name in _REGISTER.findall(other.operands[0])}
        inputs = _REGISTER.findall(" ".join(one.operands[1:3])) if one.name == "mma" else read(one)
        different = one.name == "mma" and waiting and (len(waiting) == MOST or one.words != waiting[0][1].words)
        if of_others & {*inputs, *(() if one.name == "mma" else written(one))} or different or one.name in ENDS:
            end()
        done.append(one)
        if one.name == "mma":
            waiting.append((len(done) - 1, one))
    end()
    return done


def written(one: Instruction) -> list[str]:
    """The registers that an instruction writes."""
    if one.name in ("st", "bra", "ret", "exit", "red", "cp", "give") or one.words[:2] == ("bar", "sync"):
        return []
    return _REGISTER.findall(one.operands[0])


def read(one: Instruction) -> list[str]:
    """The registers that an instruction reads, its guard among them."""
    own = [] if one.guard is None else [one.guard]
    start = 1 if written(one) else 0
    return own + [name for operand in one.operands[start:] for name in _REGISTER.findall(operand)]


def successors(blocks: dict[str, list[Instruction]]) -> dict[str, list[str]]:
    """Where each block may go on."""
    labels, following = list(blocks), {}
    for place, label in enumerate(labels):
        last = blocks[label][-1] if blocks[label] else None
        ahead = [last.operands[0]] if last is not None and last.name == "bra" else []
        ends = last is not None and last.name in ("bra", "ret", "exit") and last.guard is None
        if not ends and place + 1 < len(labels):
            ahead.append(labels[place + 1])
        following[label] = ahead
    return following


def needed(entry: Entry, blocks: dict[str, list[Instruction]]) -> dict[str, list[str]]:
    """For each block that ends with a wait, the registers that are read after it and not written by the wait itself."""
    bit = {name: 1 << i for i, name in enumerate(entry.registers)}
    uses, makes = {}, {}
    for label, instructions in blocks.items():
        used = made = 0
        for one in instructions:
            for name in read(one):
                used |= bit.get(name, 0) & ~made
            if one.guard is None:  # what a guard may leave out is not made for certain
                for name in written(one):
                    made |= bit[name]
        uses[label], makes[label] = used, made
    following = successors(blocks)
    alive = dict.fromkeys(blocks, 0)
    changed = True
    while changed:
        changed = False
        for label in reversed(blocks):
            after = 0
            for ahead in following[label]:
                after |= alive[ahead]
            now = uses[label] | (after & ~makes[label])
            if now != alive[label]:
                alive[label], changed = now, True
    kept = {}
    for label, instructions in blocks.items():
        if instructions and instructions[-1].name in WAITS:
            after = 0
            for ahead in following[label]:
                after |= alive[ahead]
            last = instructions[-1]
            for name in written(last):
                after &= ~bit[name]
            for name in read(last) if last.name in ("shfl", "mma") else ():  # whose partners are found when it goes on
                after |= bit[name]
            kept[label] = [name for name in entry.registers if bit[name] & after]
    return kept


def contractible(entry: Entry) -> list[Instruction]:
    """Sums of a product where neither names its rounding, so that a device's assembler may round them once."""
    every = [one for instructions in entry.blocks.values() for one in instructions]
    open_ones = [one for one in every if one.type in FLOATS and "rn" not in one.words]
    products = {one.operands[0] for one in open_ones if one.name == "mul"}
    moves = [one for one in every if one.name in ("mov", "neg", "selp")]
    before = -1
    while before != len(products):  # a product may be moved, negated or chosen before it is added
        before = len(products)
        products |= {name for one in moves if products & set(read(one)) for name in written(one)}
    return [one for one in open_ones if one.name in ("add", "sub") and products & set(one.operands[1:])]
