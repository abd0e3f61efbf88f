"""Which source files a module's numbers come from, read off its import statements without running it."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: Packages whose sources are followed; imports of any other are libraries, known by their versions.
OURS = ("knn", "estimators", "theory", "reports")

#: Modules that carry numbers and make none: a change in them does not make a measurement stale.
CARRIERS = frozenset({"knn.lazy", "knn.registry", "reports", "reports.experiment", "reports.record"})


@dataclass(frozen=True)
class _Module:
    file: Path
    digest: str
    imports: frozenset[str]
    exports: dict[str, str]


def source_closure(modules: Iterable[str]) -> dict[str, str]:
    """The files that the modules and all that they import come from, each with the SHA-256 of its text.

    Follows imports anywhere in a file, function bodies included, relative ones, names that an
    `__init__` exports lazily (`_HOMES`), and `importlib.import_module("literal")`. What is found
    by scanning a registry is not an import: name it. The modules themselves may be of any package;
    beyond them only those of the four are followed. `_HOMES` tables are left out of a digest, so
    that a new export does not make everything stale. Keys are module names with `/` as in a path,
    the same on every machine. Files are read once a process until `forget`. Raises
    ModuleNotFoundError naming a module that does not exist.
    """
    return {name.replace(".", "/"): module.digest for name, module in sorted(_walk(modules).items())}


def foreign_imports(modules: Iterable[str]) -> list[str]:
    """Top-level names, other than the standard library's, that the closure imports from elsewhere."""
    found = {name.partition(".")[0] for module in _walk(modules).values() for name in module.imports}
    return sorted(found - set(OURS) - sys.stdlib_module_names)


def forget() -> None:
    """Makes the next call read the files again."""
    _read.cache_clear()


def _walk(modules: Iterable[str]) -> dict[str, _Module]:
    found: dict[str, _Module] = {}
    waiting = []
    for name in modules:
        if _read(name) is None:
            raise ModuleNotFoundError(f"no source of module {name!r}; a cell's modules are importable names", name=name)
        waiting.append(name)
    while waiting:
        name = waiting.pop()
        module = _read(name)
        if module is None or name in found or name in CARRIERS:
            continue
        found[name] = module
        waiting += [parent for imported in module.imports for parent in _with_parents(imported)]
        waiting += _with_parents(name)[:-1]
    return found


def _with_parents(name: str) -> list[str]:
    """a.b.c as a, a.b, a.b.c where they are modules of ours; a name exported by a package as its home."""
    if name.partition(".")[0] not in OURS:
        return []
    parts = name.split(".")
    chain = [".".join(parts[: i + 1]) for i in range(len(parts))]
    modules = [prefix for prefix in chain if _read(prefix) is not None]
    if modules and len(modules) < len(chain):
        package = _read(modules[-1])
        home = package.exports.get(parts[len(modules)]) if package else None
        return modules + (_with_parents(home) if home else [])
    return modules


@cache
def _read(name: str) -> _Module | None:
    """The module as its file has it now; None when no such module has a source file."""
    file = _locate(name)
    if file is None:
        return None
    text = file.read_text(encoding="utf-8")  # newlines are made equal, whatever the checkout's are
    tree = ast.parse(text, filename=name)
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    exports, table = _exports(tree)
    lines = text.split("\n")
    for statement in table:
        lines[statement.lineno - 1 : statement.end_lineno] = [""] * ((statement.end_lineno or 0) - statement.lineno + 1)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return _Module(file, digest, frozenset(_imports(tree, package)), exports)


def _locate(name: str) -> Path | None:
    """The module's file, found without importing its parents, which `find_spec` would do."""
    top, *rest = name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not rest:
        return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        for file in (Path(folder, *rest, "__init__.py"), Path(folder, *rest[:-1], f"{rest[-1]}.py")):
            if file.is_file():
                return file
    return None


def _exports(tree: ast.Module) -> tuple[dict[str, str], list[ast.stmt]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(t) for t in statement.targets] == ["_HOMES"]:
            return ast.literal_eval(statement.value), [statement]
    return {}, []


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
                bound = alias.asname or alias.name.partition(".")[0]
                aliases[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str))
    for node in ast.walk(tree):  # knn.BruteForce after `import knn`
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield f"{aliases[node.value.id]}.{node.attr}"


def _absolute(node: ast.ImportFrom, package: str) -> str:
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
    return ".".join(part for part in (base, node.module) if part)
