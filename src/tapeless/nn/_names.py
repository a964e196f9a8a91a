"""Checks of the names that modules register things under, and how types are called in messages."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from tapeless._tensor import Tensor


def typename(value: Any) -> str:
    """Return a type's name as PyTorch writes it: ``int``, ``torch.FloatTensor``, ``package.Class``."""
    if isinstance(value, Tensor):
        return str(value.type())
    kind = value if isinstance(value, type) else type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def check_member_name(module: Any, name: str, role: str, registry: Container[str]) -> None:
    """Raise unless ``name`` can be registered: a string without dots, not empty, not already something else.

    ``role`` is "parameter", "buffer" or "module", for the message.
    """
    if not isinstance(name, str):
        raise TypeError(f"{role} name should be a string. Got {typename(name)}")
    if name not in registry and hasattr(module, name):
        raise KeyError(f"attribute '{name}' already exists")
    if "." in name:
        got = f", got: {name}" if role == "module" else ""
        raise KeyError(f'{role} name can\'t contain "."{got}')
    if name == "":
        raise KeyError(f'{role} name can\'t be empty string ""')
