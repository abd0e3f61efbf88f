"""Loads, stores and atomic operations of a kernel, each checked by the shadow of memory."""

from __future__ import annotations

import ctypes
import re

from tests.cuda.stand_in.code import FLOATS, Code, llvm, signed
from tests.cuda.stand_in.ptx import BYTES, Entry, Instruction

_ATOMIC = {"add": "add", "exch": "xchg", "and": "and", "or": "or", "xor": "xor"}
_ADDRESS = re.compile(r"\[([%\w.$]+)(?:\+(-?\d+))?\]")


def address_of(name: str) -> int:
    """Where a function of machine.c is."""
    from tests.cuda.stand_in.machine import library

    return ctypes.cast(getattr(library(), name), ctypes.c_void_p).value


class Accesses:
    """What touches memory: `offsets` are the places of a block's arrays in its shared memory."""

    def __init__(self, code: Code, entry: Entry, offsets: dict[str, int]):
        self.code, self.offsets = code, offsets
        #: The functions that check accesses, by their names.
        self.checks: dict[str, str] = {}
        self.parameters, at = {}, 0
        for name, size, alignment in entry.parameters:
            at += -at % alignment
            self.parameters[name] = at
            at += size

    def _address(self, operand: str, one: Instruction) -> str:
        found = _ADDRESS.match(operand)
        if not found:
            raise NotImplementedError(f"line {one.line}: address {operand}")
        name, more = found[1], int(found[2] or 0)
        if name in self.offsets:
            return self.code.value(f"add i64 %shared, {self.offsets[name] + more}")
        return self.code.value(f"add i64 {self.code.get(name, 'i64')}, {more}")

    def _checked(self, address: str, size: int, one: Instruction, writes: bool, reads: bool) -> str:
        """A pointer to `size` bytes that may be accessed; the thread ends with a fault where they may not."""
        code, name = self.code, f"may{'.read' if reads else ''}{'.write' if writes else ''}.{size}"
        self.checks[name] = _check(name, size, writes, reads)
        good = code.value(f"call i1 @{name}(i64 {address}, i64 %base, i64 %size, i64 %shadow)")
        bad, allowed = code.new_label("bad"), code.new_label("allowed")
        code.do(f"br i1 {good}, label %{allowed}, label %{bad}")
        code.label(bad)
        code.do(f"store i32 {one.line}, ptr %fault.line")
        code.do(f"store i64 {address}, ptr %fault.address")
        code.do("br label %fault")
        code.label(allowed)
        return code.value(f"inttoptr i64 {address} to ptr")

    def _ld(self, one: Instruction) -> None:
        code, kind = self.code, llvm(one.type)
        if "param" in one.words:
            found = _ADDRESS.match(one.operands[1])
            at = self.parameters[found[1]] + int(found[2] or 0)
            where = code.value(f"inttoptr i64 {code.value(f'add i64 %parameters, {at}')} to ptr")
            code.put(one.operands[0], code.value(f"load {kind}, ptr {where}"), kind, signed(one.type))
            return
        names, each = each_of(one.operands[0]), BYTES[one.type]
        where = self._checked(self._address(one.operands[1], one), each * len(names), one, writes=False, reads=True)
        for i, name in enumerate(names):
            at = code.value(f"getelementptr i8, ptr {where}, i64 {each * i}")
            code.put(name, code.value(f"load {kind}, ptr {at}"), kind, signed(one.type))

    def _st(self, one: Instruction) -> None:
        code, kind = self.code, llvm(one.type)
        values, each = each_of(one.operands[1]), BYTES[one.type]
        where = self._checked(self._address(one.operands[0], one), each * len(values), one, writes=True, reads=False)
        for i, value in enumerate(values):
            at = code.value(f"getelementptr i8, ptr {where}, i64 {each * i}")
            code.do(f"store {kind} {code.get(value, kind)}, ptr {at}")

    def _cp(self, one: Instruction) -> None:
        """A copy to shared memory that comes when its thread waits for it, of 4 bytes of which the rest are zeros."""
        code = self.code
        if one.words == ("cp", "async", "wait_all"):
            self._call("stand_in_arrive", "ptr %frame")
            return
        if one.words != ("cp", "async", "ca", "shared", "global") or one.operands[2] != "4":
            raise NotImplementedError(f"line {one.line}: {'.'.join(one.words)} {', '.join(one.operands)}")
        to, from_ = (self._address(operand, one) for operand in one.operands[:2])
        size = code.get(one.operands[3], "i32")
        self._checked(to, 4, one, writes=False, reads=False)
        some, none = code.new_label("some"), code.new_label("none")
        code.do(f"br i1 {code.value(f'icmp ne i32 {size}, 0')}, label %{some}, label %{none}")
        code.label(some)
        self._checked(from_, 4, one, writes=False, reads=True)
        code.do(f"br label %{none}")
        code.label(none)
        self._call("stand_in_copy", f"ptr %frame, i64 {to}, i64 {from_}, i32 {size}")

    def _call(self, name: str, arguments: str) -> None:
        """Calls a function of machine.c."""
        self.code.do(f"call void {self.code.value(f'inttoptr i64 {address_of(name)} to ptr')}({arguments})")

    def _atom(self, one: Instruction) -> None:
        code, kind, name = self.code, llvm(one.type), one.words[-2]
        value = code.get(one.operands[2], kind)
        where = self._checked(self._address(one.operands[1], one), BYTES[one.type], one, writes=True, reads=True)
        if name == "cas":
            new = code.get(one.operands[3], kind)
            pair = code.value(f"cmpxchg ptr {where}, {kind} {value}, {kind} {new} seq_cst seq_cst")
            old = code.value(f"extractvalue {{ {kind}, i1 }} {pair}, 0")
        else:
            how = _ATOMIC.get(name)
            if one.type in FLOATS:
                how = {"add": "fadd"}.get(name)
            elif name in ("min", "max"):
                how = name if signed(one.type) else f"u{name}"
            if how is None:
                raise NotImplementedError(f"line {one.line}: {'.'.join(one.words)}")
            old = code.value(f"atomicrmw {how} ptr {where}, {kind} {value} seq_cst")
        code.put(one.operands[0], old, kind, signed(one.type))


def each_of(operand: str) -> list[str]:
    return [name.strip() for name in operand.strip("{}").split(",")]


def _check(name: str, size: int, writes: bool, reads: bool) -> str:
    """A function of LLVM's: whether `size` bytes may be accessed, which are written then if that is what is asked."""
    word = f"i{8 * size}"
    wanted, both = (int.from_bytes(bytes([bits]) * size, "little") for bits in (3 if reads else 1, 3))
    lines = [
        f"define internal i1 @{name}(i64 %address, i64 %base, i64 %size, i64 %shadow) noinline {{",
        "  %inside = sub i64 %address, %base",
        "  %near = icmp ult i64 %inside, %size",
        f"  %odd = and i64 %address, {size - 1}",
        "  %even = icmp eq i64 %odd, 0",
        "  %good = and i1 %near, %even",
        "  br i1 %good, label %known, label %no",
        "known:",
        "  %place = add i64 %address, %shadow",
        "  %where = inttoptr i64 %place to ptr",
        f"  %bits = load {word}, ptr %where",
        f"  %held = and {word} %bits, {wanted}",
        f"  %all = icmp eq {word} %held, {wanted}",
        "  br i1 %all, label %yes, label %no",
        "yes:",
        *([f"  store {word} {both}, ptr %where"] if writes else []),
        "  ret i1 true",
        "no:",
        "  ret i1 false",
        "}",
    ]
    return "\n".join(lines)
