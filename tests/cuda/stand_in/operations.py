"""What instructions of PTX compute, as LLVM has it: no product is contracted with a sum unless the text says so."""

from __future__ import annotations

from tests.cuda.stand_in.code import FLOATS, Code, llvm, signed
from tests.cuda.stand_in.ptx import BYTES, Instruction

_WHOLE = {"and": "and", "or": "or", "xor": "xor", "add": "add", "sub": "sub"}
_FLOATING = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_ONE = {"abs": "fabs", "sqrt": "sqrt", "ex2": "exp2", "lg2": "log2"}
_ROUND = {"rmi": "floor", "rpi": "ceil", "rzi": "trunc", "rni": "rint"}
_ORDERED = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "one"}
_UNORDERED = {"ltu": "ult", "leu": "ule", "gtu": "ugt", "geu": "uge", "equ": "ueq", "neu": "une"}
_FLOAT_ORDERS = {**_ORDERED, **_UNORDERED, "num": "ord", "nan": "uno"}


def compute(code: Code, one: Instruction) -> None:
    """The lines of an instruction that only computes; raises NotImplementedError for one that is not known."""
    known = globals().get(f"_{one.name}") or (_floating if one.type in FLOATS else _whole)
    unknown = {"ftz", "sat", "rz", "rm", "rp", "cc", "NaN", "xorsign", "abs"} & set(one.words[1:])
    if unknown or known(code, one, one.type) is NotImplemented:
        raise NotImplementedError(f"line {one.line}: {'.'.join(one.words)} {', '.join(one.operands)}")


def _whole(code, one, kind):
    type_ = llvm(kind)
    a = code.get(one.operands[1], type_)
    if one.name == "not":
        result = code.value(f"xor {type_} {a}, {'true' if type_ == 'i1' else -1}")
    elif one.name == "neg":
        result = code.value(f"sub {type_} 0, {a}")
    elif one.name == "abs":
        result = code.value(f"call {type_} @llvm.abs.{type_}({type_} {a}, i1 false)")
    elif len(one.operands) != 3:
        return NotImplemented
    else:
        b = code.get(one.operands[2], type_)
        sign = "s" if signed(kind) else "u"
        if one.name in _WHOLE:
            result = code.value(f"{_WHOLE[one.name]} {type_} {a}, {b}")
        elif one.name in ("div", "rem"):
            result = _divided(code, f"{sign}{one.name}", type_, a, b)
        elif one.name in ("min", "max"):
            result = code.value(f"call {type_} @llvm.{sign}{one.name}.{type_}({type_} {a}, {type_} {b})")
        else:
            return NotImplemented
    code.put(one.operands[0], result, type_, signed(kind))
    return None


def _divided(code, name, type_, a, b):
    """A device divides by zero without a word, and the least number by −1; what comes of it is not specified."""
    zero = code.value(f"icmp eq {type_} {b}, 0")
    minus = code.value(f"icmp eq {type_} {b}, -1")
    bad = code.value(f"or i1 {zero}, {minus if name[0] == 's' else 'false'}")
    divisor = code.value(f"select i1 {bad}, {type_} 1, {type_} {b}")
    result = code.value(f"{name} {type_} {a}, {divisor}")
    if name[0] == "s":
        turned = code.value(f"sub {type_} 0, {a}") if name == "sdiv" else "0"
        result = code.value(f"select i1 {minus}, {type_} {turned}, {type_} {result}")
    return code.value(f"select i1 {zero}, {type_} -1, {type_} {result}")


def _floating(code, one, kind):
    type_ = llvm(kind)
    a = code.get(one.operands[1], type_)
    if one.name in _ONE:
        result = code.value(f"call {type_} @llvm.{_ONE[one.name]}.{kind}({type_} {a})")
    elif one.name == "neg":
        result = code.value(f"fneg {type_} {a}")
    elif one.name == "rcp":
        result = code.value(f"fdiv {type_} 1.0, {a}")
    elif one.name == "copysign":  # PTX names the sign first
        magnitude = code.get(one.operands[2], type_)
        result = code.value(f"call {type_} @llvm.copysign.{kind}({type_} {magnitude}, {type_} {a})")
    elif one.name in _FLOATING:
        result = code.value(f"{_FLOATING[one.name]} {type_} {a}, {code.get(one.operands[2], type_)}")
    elif one.name in ("min", "max"):
        b = code.get(one.operands[2], type_)
        result = code.value(f"call {type_} @llvm.{one.name}num.{kind}({type_} {a}, {type_} {b})")
    elif one.name == "fma":
        b, c = (code.get(one.operands[i], type_) for i in (2, 3))
        result = code.value(f"call {type_} @llvm.fma.{kind}({type_} {a}, {type_} {b}, {type_} {c})")
    else:
        return NotImplemented
    code.put(one.operands[0], result, type_)
    return None


def _mul(code, one, kind):
    if kind in FLOATS:
        return _floating(code, one, kind)
    type_, sign = llvm(kind), signed(kind)
    a, b = (code.get(one.operands[i], type_) for i in (1, 2))
    if "lo" in one.words:
        code.put(one.operands[0], code.value(f"mul {type_} {a}, {b}"), type_, sign)
        return None
    wide = f"i{16 * BYTES[kind]}"
    a, b = (code.cast(value, type_, wide, sign) for value in (a, b))
    product = code.value(f"mul {wide} {a}, {b}")
    if "hi" in one.words:
        high = code.value(f"lshr {wide} {product}, {8 * BYTES[kind]}")
        product, wide = code.value(f"trunc {wide} {high} to {type_}"), type_
    code.put(one.operands[0], product, wide, sign)
    return None


def _mad(code, one, kind):
    if "lo" not in one.words:
        return NotImplemented
    type_ = llvm(kind)
    a, b, c = (code.get(one.operands[i], type_) for i in (1, 2, 3))
    code.put(
        one.operands[0], code.value(f"add {type_} {code.value(f'mul {type_} {a}, {b}')}, {c}"), type_, signed(kind)
    )
    return None


def _shl(code, one, kind):
    return _shifted(code, one, kind, "shl")


def _shr(code, one, kind):
    return _shifted(code, one, kind, "ashr" if signed(kind) else "lshr")


def _shifted(code, one, kind, name):
    """Shifts by the width and more give zeros, or the sign."""
    type_, bits = llvm(kind), 8 * BYTES[kind]
    value, by = code.get(one.operands[1], type_), code.get(one.operands[2], "i32")
    far = code.value(f"icmp uge i32 {by}, {bits}")
    most = bits - 1 if name == "ashr" else 0
    by = code.value(f"select i1 {far}, i32 {most}, i32 {by}")
    by = code.cast(by, "i32", type_, False)
    result = code.value(f"{name} {type_} {value}, {by}")
    if name != "ashr":
        result = code.value(f"select i1 {far}, {type_} 0, {type_} {result}")
    code.put(one.operands[0], result, type_, signed(kind))


def _selp(code, one, kind):
    type_ = llvm(kind)
    a, b = (code.get(one.operands[i], type_) for i in (1, 2))
    chosen = code.get(one.operands[3], "i1")
    code.put(one.operands[0], code.value(f"select i1 {chosen}, {type_} {a}, {type_} {b}"), type_, signed(kind))


def _setp(code, one, kind):
    if len(one.words) != 3 or "|" in one.operands[0]:
        return NotImplemented
    type_, order = llvm(kind), one.words[1]
    a, b = (code.get(one.operands[i], type_) for i in (1, 2))
    if kind in FLOATS:
        result = code.value(f"fcmp {_FLOAT_ORDERS[order]} {type_} {a}, {b}")
    else:
        name = order if order in ("eq", "ne") else ("s" if signed(kind) else "u") + order
        result = code.value(f"icmp {name} {type_} {a}, {b}")
    code.put(one.operands[0], result, "i1")
    return None


def _mov(code, one, kind):
    to, from_ = one.operands
    if from_.startswith("{"):
        parts = [part.strip() for part in from_.strip("{}").split(",")]
        type_, bits = llvm(kind), 8 * BYTES[kind] // len(parts)
        total = "0"
        for i, part in enumerate(parts):
            piece = code.cast(code.get(part, f"i{bits}"), f"i{bits}", type_, False)
            total = code.value(f"or {type_} {total}, {code.value(f'shl {type_} {piece}, {bits * i}')}")
        code.put(to, total, type_)
    elif to.startswith("{"):
        parts = [part.strip() for part in to.strip("{}").split(",")]
        type_, bits = llvm(kind), 8 * BYTES[kind] // len(parts)
        whole = code.get(from_, type_)
        for i, part in enumerate(parts):
            piece = code.value(f"lshr {type_} {whole}, {bits * i}")
            code.put(part, code.value(f"trunc {type_} {piece} to i{bits}"), f"i{bits}")
    else:
        code.put(to, code.get(from_, llvm(kind)), llvm(kind))


def _cvta(code, one, kind):
    """All spaces have the addresses of the host."""
    code.put(one.operands[0], code.get(one.operands[1], llvm(kind)), llvm(kind))


def _cvt(code, one, from_kind):
    to_kind, mode = one.words[-2], one.words[1]
    to, from_ = llvm(to_kind), llvm(from_kind)
    value = code.get(one.operands[1], from_)
    if to_kind in FLOATS and from_kind in FLOATS:
        if to != from_:
            wider = BYTES[to_kind] > BYTES[from_kind]
            value = code.value(f"{'fpext' if wider else 'fptrunc'} {from_} {value} to {to}")
        elif mode in _ROUND:
            value = code.value(f"call {to} @llvm.{_ROUND[mode]}.{to_kind}({to} {value})")
    elif to_kind in FLOATS:
        value = code.value(f"{'sitofp' if signed(from_kind) else 'uitofp'} {from_} {value} to {to}")
    elif from_kind in FLOATS:
        if mode not in _ROUND:
            return NotImplemented
        given, value = value, code.value(f"call {from_} @llvm.{_ROUND[mode]}.{from_kind}({from_} {value})")
        name = f"llvm.fpto{'s' if signed(to_kind) else 'u'}i.sat"
        value = code.value(f"call {to} @{name}.{to}.{from_kind}({from_} {value})")
        if "64" in (from_kind[1:], to_kind[1:]):  # what is no number becomes the highest bit, of narrower types 0
            nothing, highest = code.value(f"fcmp uno {from_} {given}, 0.0"), 1 << (8 * BYTES[to_kind] - 1)
            value = code.value(f"select i1 {nothing}, {to} {highest}, {to} {value}")
    else:
        value = code.cast(value, from_, to, signed(from_kind))
    code.put(one.operands[0], value, to, signed(to_kind))
    return None


def _bfi(code, one, kind):
    type_, bits = llvm(kind), 8 * BYTES[kind]
    a, b = (code.get(one.operands[i], type_) for i in (1, 2))
    if not (one.operands[3].isdigit() and one.operands[4].isdigit()):
        return NotImplemented
    start, length = int(one.operands[3]), int(one.operands[4])
    if start >= bits:
        return NotImplemented
    mask = ((1 << length) - 1) << start & ((1 << bits) - 1)
    moved = code.value(f"shl {type_} {a}, {start}")
    inside, outside = code.value(f"and {type_} {moved}, {mask}"), code.value(f"and {type_} {b}, {~mask}")
    code.put(one.operands[0], code.value(f"or {type_} {inside}, {outside}"), type_)
    return None


def _dp4a(code, one, kind):
    if one.words != ("dp4a", "s32", "s32"):
        return NotImplemented
    a, b, total = (code.get(one.operands[i], llvm(kind)) for i in (1, 2, 3))
    for shift in (24, 16, 8, 0):
        left, right = (code.value(f"ashr i32 {code.value(f'shl i32 {x}, {shift}')}, 24") for x in (a, b))
        total = code.value(f"add i32 {total}, {code.value(f'mul i32 {left}, {right}')}")
    code.put(one.operands[0], total, "i32")
    return None
