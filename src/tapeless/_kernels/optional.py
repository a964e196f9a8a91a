"""Libraries that are used when they are there: SciPy, for functions that few programs need."""

from __future__ import annotations

import importlib
from typing import Any


def scipy(submodule: str, user: str) -> Any:
    """Return a submodule of SciPy, or say how to install it: `user` is the function that needs it."""
    try:
        return importlib.import_module(f"scipy.{submodule}")
    except ImportError as error:
        raise ImportError(
            f"{user} needs SciPy, which is not installed. Install it with: pip install 'tapeless[scipy]'"
        ) from error
