"""What the first call on a machine waits for: no strings in kernels, none compiled twice, the cache."""

import ast
import csv
from pathlib import Path

import pytest

from benchmarks import first_call
from knn import indexes

ROOT = Path(__file__).parents[1]


def is_a_number(value):
    """Whether an expression is a number by its form: a literal, np.inf, a constant's name, one of those negated."""
    if isinstance(value, ast.UnaryOp):
        return is_a_number(value.operand)
    if isinstance(value, ast.Attribute):
        return ast.unparse(value) == "np.inf"
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id.isupper() and len(value.id) > 1)


def several(subscript):
    """Whether a subscript is of several places by its form."""
    return any(isinstance(part, ast.Slice) or getattr(part, "value", 0) is ... for part in ast.walk(subscript.slice))


def kernels_in(source):
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and "jit" in map(ast.unparse, function.decorator_list):
            yield function


def dear_assignments(kernel):
    """A kernel's assignments for which Numba compiles the message that shapes do not fit, as far as form tells."""
    for one in ast.walk(kernel):
        if not isinstance(one, ast.Assign | ast.AugAssign):
            continue
        for target in one.targets if isinstance(one, ast.Assign) else [one.target]:
            pairs = [(target, one.value)]
            if isinstance(target, ast.Tuple):
                values = one.value.elts if isinstance(one.value, ast.Tuple) else [one.value] * len(target.elts)
                pairs = list(zip(target.elts, values, strict=True))
            for place, value in pairs:
                if isinstance(place, ast.Subscript) and (
                    (several(place) and not is_a_number(value))
                    or isinstance(value, ast.Tuple)
                    or (isinstance(value, ast.Subscript) and several(value))
                ):
                    yield one.lineno, ast.unparse(one)


def test_kernels_assign_arrays_by_loops():
    files = [path for package in ("knn", "estimators") for path in (ROOT / package / "kernels").glob("*.py")]
    kernels = [(path, kernel) for path in files for kernel in kernels_in(path.read_text(encoding="utf-8"))]
    assert len(kernels) > 100
    dear = {f"{path.relative_to(ROOT)}:{kernel.name}": list(dear_assignments(kernel)) for path, kernel in kernels}
    assert {name: found for name, found in dear.items() if found} == {}


@pytest.mark.parametrize(
    "line",
    [
        "out[:] = values", "out[:, : n - 1] = a[0]", "out[0] = (1, 2)", "out[1:] = -a", "out[:] = X", "out[...] = a",
        "a[:], b[:] = x, y", "a[0], b[:2] = x", "out[row] = lanes[:k]", "out[:] += a",
    ],
)  # fmt: skip
def test_the_watch_itself_sees_an_array_assigned(line):
    (kernel,) = kernels_in(f"@jit\ndef kernel(out):\n    {line}\n")
    assert list(dear_assignments(kernel))


@pytest.mark.parametrize(
    "line", ["out[:] = -np.inf", "out[0, 1:] = 0", "out[0] = y", "out[:n] = NOTHING", "a[0], b = 1, 2"]
)
def test_the_watch_lets_numbers_pass(line):
    (kernel,) = kernels_in(f"@jit\ndef kernel(out):\n    {line}\n")
    assert not list(dear_assignments(kernel))


def test_the_next_process_compiles_nothing(tmp_path):
    cold, kept = (first_call.asked("brute-force", str(tmp_path)) for _ in range(2))
    assert "knn.kernels.cpu_screen.settle" in [name for name, _ in cold["compiled"]]
    assert kept["compiled"] == []


#: Two copies of it are wanted: a branch in the innermost loop goes by a literal.
COPIED = "knn.kernels.cpu_planes._part"


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("rows", "columns"), [(3000, 24), (3000, 8), (6000, 128)])
@pytest.mark.parametrize("name", [*indexes, *first_call.DIVERGENCES])
def test_no_kernel_compiles_strings_nor_another_for_a_literal(name, rows, columns, tmp_path):
    compiled = first_call.asked(name, str(tmp_path), rows, columns)["compiled"]
    assert compiled
    assert [one for one, _ in compiled if one.startswith("numba.cpython.unicode")] == []
    own = [(one, types) for one, types in compiled if one.startswith(("knn.", "estimators.")) and one != COPIED]
    again = {one for one, _ in own if sum(other == one for other, _ in own) > 1}
    assert [(one, types) for one, types in own if one in again and ("Literal[" in types or "omitted(" in types)] == []
    if name == "principal-dci":
        assert [one for one, _ in own].count("knn.kernels.cpu_principal_search.search_codes") == 1


def test_a_name_that_nothing_has_is_told(capsys):
    with pytest.raises(SystemExit):
        first_call.main(["brute-forse"])
    assert "brute-forse; known are brute-force" in capsys.readouterr().err


def test_a_row_has_medians_and_the_spread():
    samples = [{"cold_s": s, "proof_s": 0.0, "kept_s": 1.0} for s in (3.0, 1.0, 2.5)]
    row = first_call.row_of("lsh", samples, 7)
    assert (row["cold_s"], row["cold_s_least"], row["cold_s_largest"]) == ("2.50", "1.00", "3.00")
    assert (row["name"], row["compiled"], row["repeats"]) == ("lsh", 7, 3)


def test_what_is_not_proved_has_an_empty_field():
    row = first_call.row_of("mmd", [{"cold_s": 1.0, "proof_s": None, "kept_s": 0.5}], 7)
    assert (row["proof_s"], row["proof_s_least"], row["kept_s"]) == ("", "", "0.50")


def test_names_are_measured_in_turns_and_kept_by_name(tmp_path, monkeypatch, capsys):
    order = []

    def asked(name, cache):
        order.append((name, cache))
        return {"first": float(len(order)), "proof": None, "compiled": [("f", "()")]}

    monkeypatch.setattr(first_call, "asked", asked)
    path = tmp_path / "first-call.csv"
    assert first_call.main(["lsh", "mmd", "lsh", "--repeats", "2", "--output", str(path)]) == 0
    assert [name for name, _ in order] == ["lsh", "lsh", "mmd", "mmd"] * 2
    assert len({cache for _, cache in order}) == 4
    with path.open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert {name: (row["cold_s"], row["kept_s"], row["repeats"]) for name, row in rows.items()} == {
        "lsh": ("3.00", "4.00", "2"), "mmd": ("5.00", "6.00", "2"),
    }  # fmt: skip
    assert "repeat 2 of 2" in capsys.readouterr().out


def test_a_process_that_fails_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="nothing-such"):
        first_call.asked("nothing-such", str(tmp_path))
