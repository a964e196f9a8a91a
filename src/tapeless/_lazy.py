"""Packages whose names are imported when they are first used (PEP 562), so that a program pays for what it needs.

All of `nn` and `optim` are 150 files and 110 ms, a quarter of what a small program takes from start to end; an MLP
needs half of that.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, homes: Mapping[str, str], modules: str) -> tuple[Callable[[str], Any], Callable[[], Any]]:
    """Return the functions ``__getattr__`` and ``__dir__`` of a package.

    `homes` maps a file of the package to the names that come from it, `modules` names the files and packages that are
    public themselves.
    """
    files = {name: file for file, names in homes.items() for name in names.split()}
    submodules = modules.split()

    def get(name: str) -> Any:
        if name in submodules:
            return importlib.import_module(f".{name}", package)
        if name not in files:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{files[name]}", package), name)
        setattr(sys.modules[package], name, value)  # the next time it is found at once
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *files, *submodules})

    return get, names
