"""Tensors in .pt files, read where the file's pickle makes plain tensors and calls nothing else."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reports.auditing.pickle_outline import outline

#: What the pickle of plain tensors calls: all else that torch permits may ask for any memory.
_CALLED = (
    *(f"torch._utils _rebuild_{what}" for what in ("tensor_v2", "tensor_v3", "parameter")),
    *("torch.storage UntypedStorage", "torch uint16", "torch uint32", "torch uint64", "collections OrderedDict"),
)
#: So many keys are named.
_NAMED = 8


def read_tensors(path: Path, key: str, at: str) -> Any:
    """The tensor in a file, or its tensors by their keys; raises ValueError that begins with `at` where it knows why.

    Whatever else torch and zipfile raise of a malformed file is for the caller to tell.
    """
    import torch

    _refuse_other_pickles(path, key, at)
    found = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(found, Mapping):
        return found
    tensors = {str(word): value for word, value in found.items() if hasattr(value, "ndim")}
    if found and not tensors:
        told = f"{at} holds a dictionary without a tensor at its keys {_listed(list(found))}"
        raise ValueError(f"{told}: write the one that holds the rows alone, torch.save(tensor, path)")
    return tensors


def _refuse_other_pickles(path: Path, key: str, at: str) -> None:
    """Raises ValueError unless the file is an archive, not compressed, whose pickle makes plain tensors alone."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("its parts are larger than the file")
        programs = [member for member in members if member.filename.endswith("data.pkl")]
        if len(programs) != 1 or max(Counter(member.filename for member in members).values()) > 1:
            raise ValueError("it is no archive of one pickle")
        foreign, keys = outline(archive.read(programs[0]), _permitted)
    if foreign and keys:
        given = next((word for word in keys if str(word) == key), keys[0])
        alone = f"torch.save(torch.load({str(path)!r}, weights_only=False)[{given!r}], 'rows.pt')"
        told = f"{at} holds tensors at {_listed(keys)}, beside what would run code to be read ({foreign})"
        raise ValueError(f"{told}: if you trust the file, write one of them alone, {alone}")
    if foreign:
        raise ValueError(f"its pickle calls {foreign}")


def _permitted(called: str) -> bool:
    return called in _CALLED or (called.startswith("torch ") and called.endswith("Storage"))


def _listed(keys: list[Any]) -> str:
    return ", ".join(map(repr, keys[:_NAMED])) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
