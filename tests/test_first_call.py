"""What the first call on a machine waits for: no strings in kernels, none compiled twice, the cache."""

import ast
from pathlib import Path

import pytest

from benchmarks import first_call
from knn import indexes

ROOT = Path(__file__).parents[1]


def is_a_number(value):
    """Whether an expression is a number by its form: a literal, np.inf, a module's constant, one of those negated."""
    if isinstance(value, ast.UnaryOp):
        return is_a_number(value.operand)
    if isinstance(value, ast.Attribute):
        return ast.unparse(value) == "np.inf"
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id.isupper())


def dear_assignments(source):
    """The assignments of a kernel for which Numba compiles the message that shapes do not fit, as far as form tells."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef) or "jit" not in map(ast.unparse, function.decorator_list):
            continue
        for one in ast.walk(function):
            for target in one.targets if isinstance(one, ast.Assign) else ():
                if isinstance(target, ast.Subscript):
                    sliced = any(isinstance(part, ast.Slice) for part in ast.walk(target.slice))
                    if (sliced and not is_a_number(one.value)) or isinstance(one.value, ast.Tuple):
                        yield one.lineno, ast.unparse(one)


def test_kernels_assign_arrays_by_loops():
    files = [path for package in ("knn", "estimators") for path in (ROOT / package / "kernels").glob("*.py")]
    dear = {path.name: list(dear_assignments(path.read_text(encoding="utf-8"))) for path in files}
    assert len(dear) > 30
    assert {name: found for name, found in dear.items() if found} == {}


@pytest.mark.parametrize("line", ["out[:] = values", "out[:, : n - 1] = a[0]", "out[0] = (1, 2)", "out[1:] = -a"])
def test_the_watch_itself_sees_an_array_assigned(line):
    assert list(dear_assignments(f"@jit\ndef kernel(out, values, a, n):\n    {line}\n"))
    assert not list(
        dear_assignments("@jit\ndef kernel(out):\n    out[:] = -np.inf\n    out[0, 1:] = 0\n    out[0] = y\n")
    )


def test_the_next_process_compiles_nothing(tmp_path):
    cold, kept = (first_call.asked("brute-force", str(tmp_path)) for _ in range(2))
    assert "knn.kernels.cpu_screen.settle" in cold["compiled"]
    assert kept["compiled"] == []


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", [*indexes, *first_call.DIVERGENCES])
def test_no_kernel_compiles_strings_and_a_proof_little(name, tmp_path):
    compiled = first_call.asked(name, str(tmp_path))["compiled"]
    assert compiled
    assert [one for one in compiled if one.startswith("numba.cpython.unicode")] == []
    if name == "principal-dci":
        assert compiled.count("knn.kernels.cpu_principal_search.search_codes") == 1


def test_a_name_that_nothing_has_is_told(capsys):
    with pytest.raises(SystemExit):
        first_call.main(["brute-forse"])
    assert "brute-forse; known are brute-force" in capsys.readouterr().err


def test_a_row_has_medians_and_the_spread():
    samples = [{"cold_s": s, "proof_s": 0.0, "kept_s": 1.0} for s in (3.0, 1.0, 2.5)]
    row = first_call.row_of("lsh", samples, 7)
    assert (row["cold_s"], row["cold_s_least"], row["cold_s_largest"]) == ("2.50", "1.00", "3.00")
    assert (row["name"], row["compiled"], row["repeats"]) == ("lsh", 7, 3)
