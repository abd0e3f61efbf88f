"""Automatic mutants of a claim's specs: one small change each in the syntax tree of a formula, never of its check.

Changed are each numeric constant (× 1.01 and × 0.99; ± 1 where it counts: subscripts, ranges, whole exponents, and
whole numbers that are a formula by themselves), each sign, each additive term (dropped), and each pair of arguments
(swapped), of calls as of the formula itself. A formula is a lambda, a number, or a function of the claim's own module;
what it calls is left alone. Where nothing but rationals may decide, whole exponents change by ± 1 alone: other powers
of rationals are none.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.claim import Claim

#: The factors by which constants change. As names in the tree they are bound to one number type after another.
FACTORS = {"1.01": (101, 100), "0.99": (99, 100)}
#: Calls whose arguments have no order.
SYMMETRIC = {"min", "max", "gcd", "hypot", "add", "multiply", "isclose"}
#: Calls whose arguments are counted in whole steps.
COUNTING = {"range", "comb", "factorial", "isqrt", "enumerate", "islice", "eye", "zeros", "ones"}

#: The file that a changed formula is said to stand in.
MUTANT = "<mutant>"
#: What makes a number of the type at hand, by this name in the tree.
NUMBER = "number of this type"

Formula = ast.Lambda | ast.FunctionDef | ast.expr


@dataclass(frozen=True)
class AutomaticMutant:
    """One changed formula: its name is the changed text, `versions()` compile it, one for each number type.

    The factors of constants are tried as flint rationals, as Fractions, as floats and as balls, and so is a constant
    that is all that is left of a sum, after the plain number: the first version whose types the formula and the check
    accept is the one that counts.
    """

    name: str
    spec: str
    tree: Formula
    namespace: dict[str, Any]

    def versions(self) -> Iterator[Callable[[], Any]]:
        uses_factor, left_over = _uses_factor(self.tree), _Number().visit(copy.deepcopy(self.tree))
        if not uses_factor:
            yield partial(_compiled, self.tree, self.namespace)
        if uses_factor or ast.dump(left_over) != ast.dump(self.tree):
            for kind in number_kinds():
                numbers = {name: kind(*ratio) for name, ratio in FACTORS.items()} | {NUMBER: kind}
                yield partial(_compiled, left_over, {**self.namespace, **numbers})


def number_kinds() -> tuple[Callable[..., Any], ...]:
    """p/q of each type, q = 1 unless it is given."""
    from flint import arb, fmpq

    return fmpq, Fraction, lambda p, q=1: p / q, lambda p, q=1: arb(p) / q


def automatic_mutants(claim: Claim) -> list[AutomaticMutant]:
    """Every automatic mutant of `claim`, in the order of its specs; names are distinct and stable under layout."""
    mutants: list[AutomaticMutant] = []
    taken: dict[str, int] = {}
    for spec, formula, namespace in formulas(claim):
        original = ast.dump(formula)
        for changed, place in _changes(formula, exact=claim.exact_only):
            if ast.dump(changed) == original:
                continue
            name = f"{spec} = {_text(changed, place)}"
            taken[name] = taken.get(name, 0) + 1
            if taken[name] > 1:
                name = f"{name} ({taken[name]})"
            mutants.append(AutomaticMutant(name, spec, changed, namespace))
    return mutants


def formulas(claim: Claim) -> Iterator[tuple[str, Formula, dict[str, Any]]]:
    """Each spec that is a formula: (name, syntax tree, the names that it may use)."""
    check = inspect.unwrap(claim.check_function)
    tree = ast.parse(textwrap.dedent(inspect.getsource(check))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    variables = inspect.getclosurevars(check)
    namespace = {**check.__globals__, **variables.nonlocals}
    for argument, default in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True):
        value = claim.specs[argument.arg]
        if isinstance(default, ast.Lambda):
            yield argument.arg, default, namespace
        elif isinstance(value, types.FunctionType):
            if value.__module__ == check.__module__ and value.__name__ != "<lambda>":
                function = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
                assert isinstance(function, ast.FunctionDef)
                yield argument.arg, function, value.__globals__
        elif default is not None and not isinstance(value, bool | str | None) and not isinstance(default, ast.Name):
            yield argument.arg, default, namespace


def _changes(formula: Formula, *, exact: bool) -> Iterator[tuple[Formula, ast.AST]]:
    """Copies of the formula with one change each, and the node of the copy that changed."""
    count = sum(1 for _ in ast.walk(formula))
    for position in range(count):
        node = _node(formula, position)
        context = _context(formula, node)
        if context is None:
            continue
        if exact and context == "exponent" and node is not formula:
            context = "count"
        for change in _node_changes(node, context):
            changed = copy.deepcopy(formula)
            target = _node(changed, position)
            replacement = change(target)
            if replacement is not target:
                changed = _Replace(target, replacement).visit(changed)
            yield ast.fix_missing_locations(changed), replacement


def _node_changes(node: ast.AST, context: str) -> Iterator[Callable[[Any], ast.AST]]:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        if context != "count" and node.value != 0:
            yield from (partial(_times, factor) for factor in FACTORS)
        if context != "value" and isinstance(node.value, int):
            yield from (partial(_plus, step) for step in (1, -1))
    elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        yield _flipped
        if isinstance(node, ast.BinOp):
            yield _left_term
            yield _right_term
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield lambda minus: minus.operand
    elif isinstance(node, ast.arguments) or (isinstance(node, ast.Call) and _called(node) not in SYMMETRIC):
        yield from (partial(_swap, i, j) for i, j in combinations(range(len(node.args)), 2))


def _times(factor: str, constant: Any) -> ast.AST:
    return ast.BinOp(constant, ast.Mult(), ast.Name(factor, ast.Load()))


def _plus(step: int, constant: Any) -> ast.AST:
    return ast.Constant(constant.value + step)


def _left_term(node: Any) -> ast.AST:
    return _left_over(node.left)


def _right_term(node: Any) -> ast.AST:
    right = _left_over(node.right)
    return right if isinstance(node.op, ast.Add) else ast.UnaryOp(ast.USub(), right)


def _left_over(term: Any) -> Any:
    if isinstance(term, ast.Constant):
        term.is_left_over = True  # type: ignore[attr-defined]
    return term


def _flipped(node: Any) -> ast.AST:
    node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
    return node


def _swap(i: int, j: int, node: Any) -> ast.AST:
    node.args[i], node.args[j] = node.args[j], node.args[i]
    return node


def _context(formula: Formula, node: ast.AST) -> str | None:
    """Where a node stands: "value", "count" (whole steps), "exponent" (a whole power); None leaves it alone."""
    # A number that is a formula by itself may be a count, of samples or dimensions; 0 is rather a difference.
    alone = node is formula and isinstance(node, ast.Constant) and node.value != 0
    context: str | None = "exponent" if alone else "value"
    for parent in ast.walk(formula):
        if isinstance(parent, ast.Expr) and isinstance(parent.value, ast.Constant) and parent.value is node:
            return None  # a docstring
        inside = context
        if (isinstance(parent, ast.Subscript) and _within(parent.slice, node)) or (
            isinstance(parent, ast.Call) and _called(parent) in COUNTING and any(_within(a, node) for a in parent.args)
        ):
            inside = "count"
        elif isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and parent.right is node:
            inside = "count" if inside == "count" else "exponent"
        elif isinstance(parent, ast.FunctionDef) and _outside_body(parent, node):
            return None
        context = inside
    return context


def _outside_body(function: ast.FunctionDef, node: ast.AST) -> bool:
    """Annotations, decorators and defaults of a formula's function are not the formula; its arguments are."""
    if node is function or node is function.args:
        return False
    return not any(_within(statement, node) for statement in function.body)


def _within(tree: ast.AST, node: ast.AST) -> bool:
    return any(part is node for part in ast.walk(tree))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _node(formula: Formula, position: int) -> ast.AST:
    for index, node in enumerate(ast.walk(formula)):
        if index == position:
            return node
    raise IndexError(position)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, replacement: ast.AST):
        self.target, self.replacement = target, replacement

    def visit(self, node: ast.AST) -> Any:
        return self.replacement if node is self.target else self.generic_visit(node)


class _Number(ast.NodeTransformer):
    """Makes a number of the type at hand of what is left of a sum: 1 has no logarithm, arb(1) has one."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not hasattr(node, "is_left_over"):
            return node
        return ast.Call(ast.Name(NUMBER, ast.Load()), [node], [])


def _uses_factor(tree: Formula) -> bool:
    return any(isinstance(node, ast.Name) and node.id in FACTORS for node in ast.walk(tree))


def _text(formula: Formula, place: ast.AST) -> str:
    """The changed formula in one line: a lambda or number whole, of a function the statement that changed."""
    if not isinstance(formula, ast.FunctionDef):
        return ast.unparse(formula)
    for statement in ast.walk(formula):
        if isinstance(statement, ast.stmt) and statement is not formula and _within(statement, place):
            inner = [s for s in ast.walk(statement) if isinstance(s, ast.stmt) and s is not statement]
            if not any(_within(s, place) for s in inner):
                return ast.unparse(statement).splitlines()[0]
    return ast.unparse(formula).splitlines()[0]


def _compiled(tree: Formula, namespace: dict[str, Any]) -> Any:
    tree = ast.fix_missing_locations(copy.deepcopy(tree))
    if isinstance(tree, ast.FunctionDef):
        scope = dict(namespace)
        bare = copy.deepcopy(tree)
        bare.decorator_list = []
        exec(compile(ast.fix_missing_locations(ast.Module([bare], [])), MUTANT, "exec"), scope)
        return scope[tree.name]
    return eval(compile(ast.fix_missing_locations(ast.Expression(tree)), MUTANT, "eval"), namespace)
