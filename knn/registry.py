"""One registry serves indexes, divergences, models, claims, datasets and experiments.

A member is one decorated function or class in one file. Nothing lists the members: the
registry imports every module of its package when it is first read, then the entry points
of other distributions.
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Generic, TypeVar

T = TypeVar("T")

#: The extra of implicitbench that brings an optional module.
EXTRAS = {
    "torch": "models",
    "zuko": "models",
    "numba_cuda": "cuda",
    "dask": "cluster",
    "distributed": "cluster",
    "faiss": "peers",
    "pynndescent": "peers",
    "umap": "peers",
    "dcor": "peers",
    "geomloss": "peers",
    "hnswlib": "peers-source",
    "annoy": "peers-source",
}


def install(extra: str) -> str:
    """The remedy where an extra is missing. No index of packages has implicitbench yet, so it names a checkout."""
    return f"pip install '.[{extra}]' in a checkout of implicitbench"


def missing_extra(error: ModuleNotFoundError, what: str) -> ImportError:
    """The error to raise instead when `what` needs an optional module that is not installed.

    An absent module that belongs to no extra is a defect, and its own error is returned.
    """
    root = (error.name or "").partition(".")[0]
    if root not in EXTRAS:
        return error
    return ImportError(f"{what} needs {root}: {install(EXTRAS[root])}", name=root)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A question, after a semicolon, for the names most like `name` or that hold it, in whatever case; "" for none."""
    from difflib import get_close_matches

    written, given = {word.lower(): word for word in known}, str(name).lower()
    close = get_close_matches(given, list(written)) or [word for word in written if given and given in word][:3]
    return f"; did you mean {', '.join(written[word] for word in close)}?" if close else ""


class UnknownName(KeyError, ValueError):
    """A name that is none of those known: a KeyError as of any mapping, a ValueError as of any argument.

    Printed, it is its message; a KeyError else prints that in quotes.
    """

    def __str__(self) -> str:
        return str(self.args[0]) if len(self.args) == 1 else super().__str__()


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownName:
    """The error to raise for a `name` that is no `kind`: it lists the `known` and asks after those that are near."""
    known = list(known)
    return UnknownName(f"unknown {kind} {name!r}; known: {', '.join(known)}{did_you_mean(name, known)}")


class Registry(Mapping[str, T], Generic[T]):
    """Members of one kind by name, in the order of their names.

    Parameters: `kind`, the word that error messages use; `group`, the entry-point group in
    which other distributions name modules to import; `packages`, whose modules are scanned;
    `skip`, modules and packages among them that hold no members and are too heavy to import for a look.

    `unavailable` maps each module that could not be imported, because an optional package is
    not installed, to the error that says how to get it.
    """

    def __init__(self, kind: str, *, group: str, packages: tuple[str, ...], skip: tuple[str, ...] = ()):
        self.kind = kind
        self.group = group
        self.packages = packages
        self.skip = skip
        self.unavailable: dict[str, ImportError] = {}
        self._members: dict[str, T] = {}
        self._scanned = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: enters a member under `name`; a second, different one of that name raises ValueError."""

        def enter(member: T) -> T:
            present = self._members.get(name)
            if present is not None and _origin(present) != _origin(member):
                raise ValueError(
                    f"two members are called {name!r} among the {self.kind}s: "
                    f"{_origin(present)} and {_origin(member)}; rename one"
                )
            self._members[name] = member
            return member

        return enter

    def present(self, name: str) -> T | None:
        """The member registered under `name` so far; nothing is scanned for it."""
        return self._members.get(name)

    def __getitem__(self, name: str) -> T:
        if name not in self._members:
            self._scan()
        try:
            return self._members[name]
        except KeyError:
            raise unknown_name(self.kind, name, self) from None

    def __iter__(self) -> Iterator[str]:
        self._scan()
        return iter(sorted(self._members))

    def __len__(self) -> int:
        self._scan()
        return len(self._members)

    def _scan(self) -> None:
        if self._scanned:
            return
        self._scanned = True  # before the imports: a module may read the registry while it is scanned
        try:
            for module in self._modules():
                self._import(module)
        except BaseException:
            self._scanned = False  # half a registry must not pass for a whole one
            raise
        for point in entry_points(group=self.group):
            try:
                point.load()
            except Exception as error:
                # Another distribution's fault must not take ours down.
                warnings.warn(f"entry point {point.name!r} of {self.group} failed: {error!r}", stacklevel=3)

    def _import(self, module: str) -> None:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            explained = missing_extra(error, module)
            if explained is error:
                raise
            self.unavailable[module] = explained

    def _modules(self) -> Iterator[str]:
        for package in self.packages:
            path = importlib.import_module(package).__path__
            found = (info.name for info in pkgutil.walk_packages(path, prefix=f"{package}."))
            yield from sorted(name for name in found if not f"{name}.".startswith(tuple(f"{s}." for s in self.skip)))


def _origin(member: object) -> tuple[str, str]:
    described = member if hasattr(member, "__qualname__") else type(member)
    return getattr(member, "__module__", described.__module__), getattr(described, "__qualname__", "")
