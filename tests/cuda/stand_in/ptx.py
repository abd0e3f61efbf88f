"""PTX, the text that NVIDIA's compiler makes of a kernel, read into instructions.

Of NVIDIA's "PTX ISA" what our kernels compile to, and no more: what is not known is refused by its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: Bytes of the types that end an instruction's name, as in add.s64.
BYTES = {f"{kind}{bits}": bits // 8 for kind in "bsuf" for bits in (8, 16, 32, 64)}


@dataclass(frozen=True)
class Instruction:
    """`@guard name.modifiers operands;` at a line of the text."""

    line: int
    guard: str | None
    negated: bool
    words: tuple[str, ...]
    operands: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def type(self) -> str:
        return self.words[-1]


@dataclass
class Entry:
    """A kernel: what it takes, its registers and its blocks of instructions, the first of which it starts with."""

    name: str
    #: (name, bytes, alignment) of each parameter.
    parameters: list[tuple[str, int, int]]
    registers: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, list[Instruction]] = field(default_factory=dict)


@dataclass
class Program:
    """What a text declares: its kernels, and the arrays of a block, (bytes, alignment) each. Those of the device are
    what Numba keeps for errors, which kernels do not touch.
    """

    entries: dict[str, Entry]
    shared: dict[str, tuple[int, int]]


_DECLARED = re.compile(r"\.(?:align (\d+) )?\.?(\w+)\s+([\w$]+)(?:\[(\d*)\])?$")
_LABEL = re.compile(r"(\$?[\w$]+):$")
_INSTRUCTION = re.compile(r"(?:@(!?)(%[\w.]+)\s+)?([a-z][\w.]*)\s*(.*)$", re.DOTALL)


def read(text: str) -> Program:
    """The program of a PTX text; raises NotImplementedError with the line of what is not known."""
    program = Program({}, {})
    statements = _statements(text)
    for line, statement in statements:
        if ".entry" in statement:
            entry = _entry(statement)
            _body(program, entry, statements)
            program.entries[entry.name] = entry
        elif ".shared" in statement or ".global" in statement:
            _variable(program, line, statement)
        elif statement.split()[0] not in (".version", ".target", ".address_size"):
            raise NotImplementedError(f"line {line}: {statement}")
    return program


def _statements(text: str):
    """(line, statement) of all that ends with a semicolon, a brace, a colon, or is a directive of one line."""
    kept, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("//")[0].strip()
        if not line or line.startswith(".pragma"):
            continue
        if not kept:
            start = number
        kept = f"{kept} {line}".strip()
        alone = line in "{}" or _LABEL.match(line) or kept.split()[0] in (".version", ".target", ".address_size")
        if line == "{" and kept != "{":  # a kernel's head and the brace that opens its body
            yield start, kept[:-1].strip()
            kept = "{"
        if kept == "{" or alone or line.endswith(";"):
            yield start, kept.removesuffix(";").strip()
            kept = ""


def _declared(line: int, text: str) -> tuple[str, int, int]:
    found = _DECLARED.match(text.strip())
    if not found:
        raise NotImplementedError(f"line {line}: {text}")
    alignment, kind, name, many = found.groups()
    size = BYTES[kind]
    return name, size * int(many or (0 if many == "" else 1)), int(alignment or size)


def _variable(program: Program, line: int, statement: str) -> None:
    plain = re.sub(r"\.(visible|extern|common|weak|shared|global)\s+", "", statement)
    name, size, alignment = _declared(line, plain)
    if ".shared" in statement:
        program.shared[name] = (size, alignment)


def _entry(head: str) -> Entry:
    name, _, inside = head.partition(".entry")[2].partition("(")
    parameters = []
    for each in filter(None, (part.strip() for part in inside.rpartition(")")[0].split(","))):
        parameters.append(_declared(0, each.replace(".param", "").strip()))
    return Entry(name.strip(), parameters)


def _body(program: Program, entry: Entry, statements) -> None:
    """Instructions up to the brace that closes the kernel; names declared within inner braces hold there alone."""
    scopes: list[dict[str, str]] = []
    block, label, inner = [], "entry", 0
    for line, statement in statements:
        if statement == "{":
            scopes.append({})
            inner += 1
        elif statement == "}":
            scopes.pop()
            if not scopes:
                break
        elif statement.startswith(".reg"):
            _registers(entry, statement, scopes, inner)
        elif statement.startswith(".shared"):
            _variable(program, line, statement)
        elif found := _LABEL.match(statement):
            entry.blocks[label] = block
            block, label = [], found[1]
        else:
            block.append(_instruction(line, statement, scopes))
    entry.blocks[label] = block


def _registers(entry: Entry, statement: str, scopes: list[dict[str, str]], inner: int) -> None:
    kind, names = statement.removeprefix(".reg").split(None, 1)
    for name in names.split(","):
        many = re.match(r"\s*(%[\w.]+)<(\d+)>", name)
        each = [f"{many[1]}{i}" for i in range(int(many[2]))] if many else [name.strip()]
        if len(scopes) > 1:
            scopes[-1].update({one: f"{one}.{inner}" for one in each})
            each = [f"{one}.{inner}" for one in each]
        entry.registers.update(dict.fromkeys(each, kind.removeprefix(".")))


def _instruction(line: int, statement: str, scopes: list[dict[str, str]]) -> Instruction:
    for scope in reversed(scopes[1:]):
        statement = re.sub(r"%\w+", lambda one, scope=scope: scope.get(one[0], one[0]), statement)
    found = _INSTRUCTION.match(statement)
    if not found:
        raise NotImplementedError(f"line {line}: {statement}")
    negated, guard, name, rest = found.groups()
    # Commas part operands, but for those within {…} and […].
    operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^\s,]+", rest)
    return Instruction(line, guard, negated == "!", tuple(name.split(".")), tuple(operands))
