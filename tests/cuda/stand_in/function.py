"""A kernel as a function of LLVM's that runs one thread from where it last waited to where it waits next.

    int step(char *frame)

gives how the thread stopped (`DONE`, `BARRIER`, `WARP`, `FAULT`). What it needs to go on lies in its frame, whose head
machine.c describes; so threads take turns without stacks of their own. All spaces of memory are the host's, and every
access is checked by its shadow: aligned, inside what is allocated, and written before it is read.
"""

from __future__ import annotations

from tests.cuda.stand_in import flow
from tests.cuda.stand_in.accesses import Accesses, each_of
from tests.cuda.stand_in.code import Code, place
from tests.cuda.stand_in.operations import compute
from tests.cuda.stand_in.ptx import Entry, Instruction

DONE, BARRIER, WARP, FAULT = range(4)
#: Places in a thread's frame and in what its block shares, as machine.c has them.
FRAME = {
    "resume": 0,
    "environment": 8,
    "tid": 16,
    "lane": 28,
    "told": 32,
    "turn": 36,
    "given": 40,
    "warp": 56,
    "size": 64,
    "words": 80,
}
KEPT = 80 + 2 * 24 * flow.MOST
ENVIRONMENT = {
    "parameters": 0,
    "shared": 8,
    "base": 16,
    "size": 24,
    "shadow": 32,
    "ctaid": 40,
    "nctaid": 52,
    "ntid": 64,
}
AGREED, FAULT_LINE, FAULT_ADDRESS = 76, 80, 88

#: What a register holds that nothing has written.
_POISON = {"i1": "false", "i16": -13365, "i32": -875836469, "i64": -3761688987579986997}
_POISON |= {"float": "0x7FF8000000000000", "double": "0x7FF8000000000000"}


class Function(Accesses):
    """The text of a kernel's function, `.text`, and how many bytes a thread's frame has, `.frame_size`."""

    def __init__(self, entry: Entry, offsets: dict[str, int]):
        super().__init__(Code(entry), entry, offsets)
        self.waits: list[tuple[str, list[str], Instruction, str]] = []
        blocks = flow.parted(entry)
        self.kept = flow.needed(entry, blocks)
        self.frame_size = KEPT + 8 * max(map(len, self.kept.values()), default=0)
        labels = list(blocks)
        for label, following in zip(labels, [*labels[1:], "end"], strict=True):
            self.code.label(_label(label))
            for one in blocks[label]:
                self._instruction(one, label, following)
            if not (blocks[label] and blocks[label][-1].name in ("bra", "ret", "exit", *flow.WAITS)):
                self.code.do(f"br label %{_label(following)}")
        body, self.code.lines = self.code.lines, []
        self._entry(entry, labels[0])
        self.text = "\n".join(
            [*self.checks.values(), "define i32 @step(ptr %frame) {", *self.code.lines, *body, *_END, "}"]
        )

    def _entry(self, entry: Entry, first: str) -> None:
        code = self.code
        for name in entry.registers:
            code.do(f"{place(name)} = alloca {code.kinds[name]}")
            code.do(f"store {code.kinds[name]} {_POISON[code.kinds[name]]}, ptr {place(name)}")
        code.do("%fault.line = alloca i32")
        code.do("%fault.address = alloca i64")
        code.do(f"%environment.at = getelementptr i8, ptr %frame, i64 {FRAME['environment']}")
        code.do("%environment = load ptr, ptr %environment.at")
        for name in ("parameters", "shared", "base", "size", "shadow"):
            code.do(f"%{name}.at = getelementptr i8, ptr %environment, i64 {ENVIRONMENT[name]}")
            code.do(f"%{name} = load i64, ptr %{name}.at")
        code.do("%resume = load i32, ptr %frame")
        code.do(f"switch i32 %resume, label %{_label(first)} [")
        for i, _ in enumerate(self.waits, 1):
            code.do(f"  i32 {i}, label %resume{i}")
        code.do("]")
        for i, (label, kept, one, following) in enumerate(self.waits, 1):
            code.label(f"resume{i}")
            for at, name in enumerate(kept):
                self._put_loaded(name, self._field(KEPT + 8 * at, code.kinds[name]))
            self._waited(one, label)
            code.do(f"br label %{_label(following)}")

    def _put_loaded(self, name, value):
        self.code.do(f"store {self.code.kinds[name]} {value}, ptr {place(name)}")

    def _field(self, at: int, kind: str, of: str = "%frame") -> str:
        where = self.code.value(f"getelementptr i8, ptr {of}, i64 {at}")
        return self.code.value(f"load {kind}, ptr {where}")

    def _set(self, at: int | str, kind: str, value: str, of: str = "%frame") -> None:
        where = self.code.value(f"getelementptr i8, ptr {of}, i64 {at}")
        self.code.do(f"store {kind} {value}, ptr {where}")

    def _instruction(self, one: Instruction, label: str, following: str) -> None:
        code = self.code
        if one.name == "bra":
            return self._branch(one, following)
        if one.guard is not None:
            if one.name in flow.WAITS:
                raise NotImplementedError(f"line {one.line}: a wait under a guard")
            on, past = code.new_label("on"), code.new_label("past")
            self._part(one, on, past)
            code.label(on)
            self._plain(one)
            code.do(f"br label %{past}")
            code.label(past)
            if one.name in ("ret", "exit"):
                code.do(f"br label %{_label(following)}")
        elif one.name in flow.WAITS:
            self._wait(one, label, following)
        else:
            self._plain(one)
        return None

    def _part(self, one: Instruction, on: str, past: str) -> None:
        chosen = self.code.get(one.guard, "i1")
        first, second = (past, on) if one.negated else (on, past)
        self.code.do(f"br i1 {chosen}, label %{first}, label %{second}")

    def _branch(self, one: Instruction, following: str) -> None:
        if one.guard is None:
            self.code.do(f"br label %{_label(one.operands[0])}")
        else:
            self._part(one, _label(one.operands[0]), _label(following))

    def _plain(self, one: Instruction) -> None:
        if one.name in ("ret", "exit"):
            self.code.do(f"ret i32 {DONE}")
        elif one.name in ("ld", "st", "atom", "cp", "give"):
            getattr(self, f"_{one.name}")(one)
        elif one.name == "mov" and one.operands[1].split(".")[0] in ("%tid", "%ntid", "%ctaid", "%nctaid", "%laneid"):
            self._special(one)
        elif one.name == "mov" and one.operands[1] in self.offsets:
            self.code.put(one.operands[0], self.code.value(f"add i64 %shared, {self.offsets[one.operands[1]]}"), "i64")
        else:
            compute(self.code, one)

    def _special(self, one: Instruction) -> None:
        name, _, axis = one.operands[1][1:].partition(".")
        if name == "laneid":
            value = self._field(FRAME["lane"], "i32")
        else:
            of = "%frame" if name == "tid" else "%environment"
            start = FRAME["tid"] if name == "tid" else ENVIRONMENT[name]
            value = self._field(start + 4 * "xyz".index(axis), "i32", of)
        self.code.put(one.operands[0], value, "i32")

    def _wait(self, one: Instruction, label: str, following: str) -> None:
        """Keep what is needed later, say what is waited for, and stop."""
        code, kept = self.code, self.kept[label]
        for at, name in enumerate(kept):
            self._set(KEPT + 8 * at, code.kinds[name], code.value(f"load {code.kinds[name]}, ptr {place(name)}"))
        self.waits.append((label, kept, one, following))
        if one.name == "bar":
            if one.operands[0 if one.words[1] == "sync" else 1] != "0" or (one.operands[1:] and one.words[1] == "sync"):
                raise NotImplementedError(f"line {one.line}: barriers but the first, and of fewer than all threads")
            told = "0" if one.words[1] == "sync" else code.value(f"zext i1 {code.get(one.operands[2], 'i1')} to i32")
            stops = BARRIER
        elif one.name == "mma":
            told, stops = "-1", WARP
        else:
            told, stops = code.get(one.operands[4], "i32"), WARP
            turn = self._field(FRAME["turn"], "i32")
            parity = code.value(f"and i64 {code.value(f'zext i32 {turn} to i64')}, 1")
            at = code.value(f"add i64 {code.value(f'mul i64 {parity}, 8')}, {FRAME['given']}")
            self._set(at, "i32", code.get(one.operands[1], "i32"))
        self._set(FRAME["told"], "i32", told)
        self._set(FRAME["resume"], "i32", str(len(self.waits)))
        code.do(f"ret i32 {stops}")

    def _waited(self, one: Instruction, label: str) -> None:  # noqa: ARG002
        """What a wait gives a thread that goes on."""
        code = self.code
        if one.words[:2] == ("bar", "sync"):
            return
        if one.words == ("bar", "red", "or", "pred"):
            code.put(one.operands[0], code.value(f"icmp ne i32 {self._field(AGREED, 'i32', '%environment')}, 0"), "i1")
        elif one.words == ("shfl", "sync", "bfly", "b32"):
            self._exchanged(one)
        elif one.name == "mma":
            self._multiplied(one)
        else:
            raise NotImplementedError(f"line {one.line}: {'.'.join(one.words)}")

    def _give(self, one: Instruction) -> None:
        """The words of both matrices that a lane gives to a product, where the others find them."""
        turn = self._field(FRAME["turn"], "i32")
        parity = self.code.value(f"and i64 {self.code.value(f'zext i32 {turn} to i64')}, 1")
        own = FRAME["words"] + 24 * int(one.operands[0])
        start = self.code.value(f"add i64 {self.code.value(f'mul i64 {parity}, {24 * flow.MOST}')}, {own}")
        for i, name in enumerate(each_of(one.operands[1]) + each_of(one.operands[2])):
            self._set(self.code.value(f"add i64 {start}, {4 * i}"), "i32", self.code.get(name, "i32"))

    def _multiplied(self, one: Instruction) -> None:
        """The lane's four sums of each product, one after another, by machine.c."""
        of_halves = _MATRICES.get(one.words)
        if of_halves is None:
            raise NotImplementedError(f"line {one.line}: {'.'.join(one.words)}")
        code, (made, added) = self.code, (each_of(operand) for operand in one.operands)
        sums = code.value("alloca [4 x i32]")
        places = [code.value(f"getelementptr i32, ptr {sums}, i64 {i}") for i in range(4)]
        for start in range(0, len(made), 4):
            for where, name in zip(places, added[start : start + 4], strict=True):
                code.do(f"store i32 {code.get(name, 'i32')}, ptr {where}")
            told = f"i32 {int(of_halves)}, i32 {start // 4}, i32 {int(start + 4 == len(made))}"
            self._call("stand_in_multiply", f"ptr %frame, {told}, ptr {sums}")
            for where, name in zip(places, made[start : start + 4], strict=True):
                code.put(name, code.value(f"load i32, ptr {where}"), "i32")

    def _exchanged(self, one: Instruction) -> None:
        """The value of the lane whose number differs by the mask's bits, or one's own outside the segment."""
        code = self.code
        lane = self._field(FRAME["lane"], "i32")
        mask = code.value(f"and i32 {code.get(one.operands[2], 'i32')}, 31")
        other = code.value(f"xor i32 {lane}, {mask}")
        clamp = code.get(one.operands[3], "i32")
        segment, ends = code.value(f"lshr i32 {clamp}, 8"), code.value(f"and i32 {clamp}, 31")
        last = code.value(
            f"or i32 {code.value(f'and i32 {lane}, {segment}')}, "
            f"{code.value(f'and i32 {ends}, ' + code.value(f'xor i32 {segment}, -1'))}"
        )
        near = code.value(f"icmp sle i32 {other}, {last}")
        chosen = code.value(f"zext i32 {code.value(f'select i1 {near}, i32 {other}, i32 {lane}')} to i64")
        warp, size = self._field(FRAME["warp"], "i64"), self._field(FRAME["size"], "i64")
        frame = code.value(f"add i64 {warp}, {code.value(f'mul i64 {chosen}, {size}')}")
        turn = self._field(FRAME["turn"], "i32")
        parity = code.value(f"and i64 {code.value(f'zext i32 {turn} to i64')}, 1")
        at = code.value(f"add i64 {code.value(f'mul i64 {parity}, 8')}, {FRAME['given']}")
        where = code.value(f"inttoptr i64 {code.value(f'add i64 {frame}, {at}')} to ptr")
        to, _, found = one.operands[0].partition("|")
        code.put(to, code.value(f"load i32, ptr {where}"), "i32")
        if found:
            code.put(found, near, "i1")
        self._set(FRAME["turn"], "i32", code.value(f"add i32 {turn}, 1"))


#: Which products of matrices machine.c knows, and whether they are of halves.
_MATRICES = {
    ("mma", "sync", "aligned", "m16n8k16", "row", "col", "f32", "f16", "f16", "f32"): True,
    ("mma", "sync", "aligned", "m16n8k32", "row", "col", "s32", "s8", "s8", "s32"): False,
}
_END = [
    "end:",
    f"  ret i32 {DONE}",
    "fault:",
    "  %line = load i32, ptr %fault.line",
    "  %address = load i64, ptr %fault.address",
    f"  %line.at = getelementptr i8, ptr %environment, i64 {FAULT_LINE}",
    "  store i32 %line, ptr %line.at",
    f"  %address.at = getelementptr i8, ptr %environment, i64 {FAULT_ADDRESS}",
    "  store i64 %address, ptr %address.at",
    f"  ret i32 {FAULT}",
]


def _label(name: str) -> str:
    return "L" + name.replace("$", "_")
