"""How many imports lie between a file and a module, read off the import statements of a folder of sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path


class ImportGraph:
    """The modules of `packages` below `root`, and those that each imports, also within functions.

    A name that a package exports lazily (`_HOMES`) leads to its home. What a registry finds by scanning is no import.
    """

    def __init__(self, root: Path, packages: Sequence[str]):
        # The repository's one reading of import statements; here, since asv imports this file to find benchmarks.
        from reports.sources import _exports, _imports

        self.files: dict[str, str] = {}
        self._imported: dict[str, set[str]] = {}
        self._homes: dict[str, dict[str, str]] = {}
        for package in packages:
            for path in sorted(Path(root, package).rglob("*.py")):
                parts = path.relative_to(root).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                self.files[name] = path.relative_to(root).as_posix()
                tree = ast.parse(path.read_text(encoding="utf-8"))
                own_package = name if parts[-1] == "__init__" else name.rpartition(".")[0]
                self._homes[name] = _exports(tree)[0]
                self._imported[name] = set(_imports(tree, own_package))

    def distances(self, start: str) -> dict[str, int]:
        """Each module that `start` leads to, with the fewest imports on the way; a package comes with its modules.

        A test file has its folder's and the tests' `conftest` besides its own imports.
        """
        found = {start: 0}
        border = [start]
        while border:
            reached = []
            for name in border:
                for near in self._leads_to(name):
                    if near not in found:
                        found[near] = found[name] + 1
                        reached.append(near)
            border = reached
        return found

    def module_of(self, file: str) -> str:
        """The module's name. Raises KeyError for a file that is not below the packages."""
        return {path: name for name, path in self.files.items()}[file]

    def _leads_to(self, name: str) -> Iterator[str]:
        for imported in sorted(self._imported.get(name, ())):
            yield from self._modules(imported)
        parts = name.split(".")
        for i in range(1, len(parts)):
            package = ".".join(parts[:i])
            yield from (m for m in (package, f"{package}.conftest") if m in self.files and m != name)

    def _modules(self, name: str) -> Iterator[str]:
        parts = name.split(".")
        for i in range(len(parts), 0, -1):
            module = ".".join(parts[:i])
            if module in self.files:
                yield module
                home = self._homes[module].get(parts[i]) if i < len(parts) else None
                if home:
                    yield from self._modules(home)
                return
