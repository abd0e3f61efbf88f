"""A function of LLVM's, built line by line: registers of PTX as variables, values in the types that are asked for."""

from __future__ import annotations

import struct

from tests.cuda.stand_in.ptx import BYTES, Entry

KEPT = {"pred": "i1", "b16": "i16", "b32": "i32", "b64": "i64", "f32": "float", "f64": "double"}
FLOATS = {"f16": "half", "f32": "float", "f64": "double"}
_BITS = {**{f"i{bits}": bits for bits in (1, 8, 16, 32, 64, 128)}, "half": 16, "float": 32, "double": 64}


def llvm(kind: str) -> str:
    """LLVM's name of a type of PTX."""
    return "i1" if kind == "pred" else FLOATS.get(kind) or f"i{8 * BYTES[kind]}"


def signed(kind: str) -> bool:
    return kind.startswith("s")


class Code:
    """Lines of a function, with a name for each value that they make."""

    def __init__(self, entry: Entry):
        self.kinds = {name: KEPT[kind] for name, kind in entry.registers.items()}
        self.lines: list[str] = []
        self.count = 0

    def value(self, text: str) -> str:
        """A new value, what `text` computes."""
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def new_label(self, what: str) -> str:
        self.count += 1
        return f"{what}{self.count}"

    def get(self, operand: str, kind: str) -> str:
        """An operand of a type of LLVM's: a register, cut or reread as that type has it, or a number."""
        if not operand.startswith("%"):
            return _number(operand, kind)
        own = self.kinds[operand]
        return self.cast(self.value(f"load {own}, ptr {place(operand)}"), own, kind)

    def cast(self, value: str, own: str, kind: str, sign: bool = False) -> str:
        """The same bits as another type, fewer of them or, with the sign or zeros, more."""
        if own == kind:
            return value
        if own in FLOATS.values():
            own, value = f"i{_BITS[own]}", self.value(f"bitcast {own} {value} to i{_BITS[own]}")
        whole = f"i{_BITS[kind]}"
        if _BITS[own] > _BITS[kind]:
            value = self.value(f"trunc {own} {value} to {whole}")
        elif _BITS[own] < _BITS[kind]:
            value = self.value(f"{'sext' if sign else 'zext'} {own} {value} to {whole}")
        return value if whole == kind else self.value(f"bitcast {whole} {value} to {kind}")

    def put(self, register: str, value: str, kind: str, sign: bool = False) -> None:
        """The register's next content: a value of a type of LLVM's, widened to the register by sign or zeros."""
        if register == "_":
            return
        own = self.kinds[register]
        self.do(f"store {own} {self.cast(value, kind, own, sign)}, ptr {place(register)}")


def place(register: str) -> str:
    """The variable that a register is kept in."""
    return f"%R.{register[1:]}"


def _number(text: str, kind: str) -> str:
    if kind in ("float", "double"):
        return _float(text)
    if kind == "i1":
        return "true" if int(text, 0) else "false"
    if text[:2] in ("0f", "0F"):
        return str(int(text[2:], 16))
    return str(int(text.rstrip("U"), 0))


def _float(text: str) -> str:
    """LLVM writes both types as the bits of a double."""
    if text[:2] in ("0f", "0F"):
        number = struct.unpack(">f", bytes.fromhex(text[2:]))[0]
    elif text[:2] in ("0d", "0D"):
        number = struct.unpack(">d", bytes.fromhex(text[2:]))[0]
    else:
        number = float(text)
    return f"0x{struct.pack('>d', number).hex().upper()}"
