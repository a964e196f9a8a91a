"""Utilities that stand beside the core: data loading, and checkpoints that trade time for memory.

Mirrors the part of ``torch.utils`` that makes sense on NumPy (https://docs.pytorch.org/docs/stable/data.html,
https://docs.pytorch.org/docs/stable/checkpoint.html).
"""

from __future__ import annotations

import importlib
from typing import Any

from . import checkpoint as checkpoint, data as data, hooks as hooks


def __getattr__(name: str) -> Any:
    """Import what few programs use when it is first used."""
    if name in ("tensorboard", "_pytree"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
