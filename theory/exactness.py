"""What an exact claim may not do: let a rounded number decide, or draw what its setting does not know.

A claim of method Exact alone is held to it at each seam, whatever runs it:

* what its formulas are given, what they yield, and what an outcome tells are exact: whole numbers, rationals,
  infinities, balls of radius 0, and containers of those. A float or a wider ball raises `Inexact` where it is handed
  over;
* no comparison in its code, by an operator or as `np.less`, draws of instances aside, has on a side what makes a
  rounded number: a decimal, `10**-3`, a global that is a float, a call of `float`, of `math` or of a rounding function
  of NumPy; nor is there a call of `isclose` and the like;
* generators are made by `Setting.rng` or seeded from it, and their makers have no other name. So a check that draws
  says so: it takes a `Setting`.

Seen is the code of a check and of what it calls in its own module. What a local variable, an attribute of an object or
a function of another module holds is not followed: a rounded number made there and compared here is seen only when it
is handed on, as an argument, a value or evidence.

A claim that encloses or samples besides says so, `method=(Exact, Certified)`, and is free of these three. No claim
moves the global generators of Python, NumPy or torch.
"""

from __future__ import annotations

import ast
import inspect
import math
import pickle
import random
import sys
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

import numpy as np

GENERATORS = {
    "default_rng", "Generator", "RandomState", "Philox", "PCG64", "MT19937", "SFC64", "Random", "SystemRandom",
    "urandom", "token_bytes", "randbits",
}  # fmt: skip
TOLERANT = {"isclose", "allclose", "approx", "assert_allclose", "assert_almost_equal"}
#: Comparisons that are called, and the operators.
COMPARING = {
    "compare", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "array_equal", "lt", "le", "gt",
    "ge", "eq", "ne",
}  # fmt: skip
#: What rounds in NumPy; in `math` everything does but what follows.
ROUNDING = {
    "float16", "float32", "float64", "longdouble", "complex128", "sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2",
    "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "divide",
    "true_divide", "mean", "average", "std", "var", "median", "linspace", "norm",
}  # fmt: skip
WHOLE = {
    "comb", "perm", "factorial", "gcd", "lcm", "isqrt", "prod", "floor", "ceil", "trunc", "isinf", "isnan", "isfinite",
}  # fmt: skip
REMEDY = "use rationals (theory.exact.Q), or say method=(Exact, Certified)"


class Inexact(TypeError):
    """A rounded number where an exact claim decides."""


class HiddenDraw(RuntimeError):
    """A draw that the setting, hence the root seed, does not govern."""


def require_exact(value: Any, what: str) -> None:
    """Raises Inexact if `value`, or an entry of it, is a rounded number; `what` names it."""
    if isinstance(value, float | complex | np.inexact):
        if not (isinstance(value, float) and math.isinf(value)):
            raise Inexact(f"{what} is {value!r}, a rounded number; {REMEDY}")
    elif isinstance(value, np.ndarray):
        if value.dtype.kind in "fc" and value.size:
            raise Inexact(f"{what} is an array of {value.dtype}, rounded numbers; {REMEDY}")
        if value.dtype.kind == "O":
            require_exact(value.ravel().tolist(), what)
    elif isinstance(value, Mapping):
        for entry in value.values():
            require_exact(entry, what)
    elif isinstance(value, list | tuple | set | frozenset):
        for entry in value:
            require_exact(entry, what)
    elif type(value).__module__.startswith("flint") and hasattr(value, "is_exact") and not value.is_exact():
        raise Inexact(f"{what} is the ball {value.str(5)}, no exact number; {REMEDY}")
    elif getattr(getattr(value, "dtype", None), "is_floating_point", False):
        raise Inexact(f"{what} is a tensor of {value.dtype}, rounded numbers; {REMEDY}")


def exactly(formula: Any, name: str) -> Any:
    """A formula that refuses rounded arguments and values, or a number that is no rounded one."""
    if not callable(formula) or isinstance(formula, type):
        require_exact(formula, name)
        return formula

    @wraps(formula)
    def held(*arguments: Any, **named: Any) -> Any:
        require_exact((arguments, named), f"an argument of {name}")
        value = formula(*arguments, **named)
        require_exact(value, f"a value of {name}")
        return value

    return held


@contextmanager
def no_hidden_draws(what: str) -> Iterator[None]:
    """Raises HiddenDraw on leaving if a global generator of Python, NumPy or torch has moved."""
    before, modules = _states(), len(sys.modules)
    yield
    moved = [name for name, state in _states().items() if before.get(name, state) != state]
    # Some packages draw while they are imported; the next run of the check will tell.
    if moved and len(sys.modules) == modules:
        raise HiddenDraw(f"{what} drew from the global generator of {' and '.join(moved)}; draw from setting.rng()")


def _states() -> dict[str, Any]:
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002
    states: dict[str, Any] = {"random": random.getstate(), "numpy.random": pickle.dumps(legacy)}
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return states


@cache
def objections(check: Callable[..., Any]) -> tuple[str, ...]:
    """What the code of a check, and of the functions of its module that it calls, may not do in an exact claim."""
    return tuple(objection for function in _reached(check) for objection in _objections(function))


def _reached(check: Callable[..., Any]) -> list[types.FunctionType]:
    found: list[types.FunctionType] = []
    left = [inspect.unwrap(check)]
    while left:
        function = left.pop()
        if isinstance(function, types.FunctionType) and function not in found:
            found.append(function)
            names = _names(function.__code__)
            known = [function.__globals__[name] for name in names if name in function.__globals__]
            left += [f for f in known if getattr(f, "__module__", None) == check.__module__]
    return found


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    return set(code.co_names).union(*inner)


def _objections(function: types.FunctionType) -> Iterator[str]:
    tree = _tree(function)
    for node in ast.walk(tree) if tree else ():
        name = _last(node.func) if isinstance(node, ast.Call) else "compare" if isinstance(node, ast.Compare) else ""
        if name in COMPARING and not _draws(node):
            if any(_rounded(part, function) for part in ast.walk(node)):
                yield f"{function.__name__} compares with a rounded number, {ast.unparse(node)!r}; {REMEDY}"
        elif name in TOLERANT:
            yield f"{function.__name__} compares with a tolerance, {ast.unparse(node)!r}; {REMEDY}"
        elif isinstance(node, ast.Call) and name in GENERATORS and not any(map(_draws, [*node.args, *node.keywords])):
            yield f"{function.__name__} makes a generator of its own, {ast.unparse(node)!r}; use setting.rng()"
    for part in _renamed(tree) if tree else ():
        yield f"{function.__name__} gives {ast.unparse(part)!r}, a maker of generators, another name; use setting.rng()"


def _rounded(node: ast.AST, function: types.FunctionType) -> bool:
    """Whether this part of a comparison is, or makes, a rounded number; infinities are none."""
    if isinstance(node, ast.Call):
        called, home = _last(node.func), _home(node.func, function)
        rounds = (home == "numpy" and called in ROUNDING) or (home == "math" and called not in WHOLE)
        return rounds or _value(node.func, function) in (float, complex)
    value = _folded(node) if isinstance(node, ast.Constant | ast.BinOp) else _value(node, function)
    return isinstance(value, float | complex | np.inexact) and not np.isinf(value)


def _folded(node: ast.expr) -> Any:
    """The value of an expression of literal numbers alone, such as 10**-3; None for any other."""
    literal = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
    if not all(isinstance(part, literal) for part in ast.walk(node)):
        return None
    try:
        return eval(compile(ast.Expression(node), "", "eval"), {})  # literals only
    except (ArithmeticError, TypeError):
        return None


def _value(node: ast.AST, function: types.FunctionType) -> Any:
    """What a global name, or a dotted one in a module, stands for; None if that cannot be told."""
    if isinstance(node, ast.Name):
        code = function.__code__
        if node.id in {*code.co_varnames, *code.co_cellvars, *code.co_freevars}:
            return None
        return function.__globals__.get(node.id, {"float": float, "complex": complex}.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = _value(node.value, function)
        return getattr(owner, node.attr, None) if isinstance(owner, types.ModuleType) else None
    return None


def _home(node: ast.AST, function: types.FunctionType) -> str:
    """The package of what a name stands for, `from … import …` included."""
    value = _value(node, function)
    return "numpy" if isinstance(value, np.ufunc) else (getattr(value, "__module__", None) or "").partition(".")[0]


def _last(node: ast.AST) -> str:
    """The last part of a dotted name: `normal` of `rng.normal`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _renamed(tree: ast.AST) -> Iterator[ast.AST]:
    """Makers of generators that are named without being called, annotations aside."""
    spoken_for: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            spoken_for.add(node.func)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            spoken_for |= set(ast.walk(annotation)) if annotation is not None else set()
    for node in ast.walk(tree):
        if node not in spoken_for and isinstance(node, ast.Name | ast.Attribute) and _last(node) in GENERATORS:
            yield node


def _draws(node: ast.AST) -> bool:
    """Whether what stands here comes of the setting's generator."""
    parts = list(ast.walk(node))
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return "rng" in names or any(isinstance(part, ast.Attribute) and part.attr == "rng" for part in parts)


def _tree(function: types.FunctionType) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):  # a lambda in the middle of a statement, or code without a file
        return None
