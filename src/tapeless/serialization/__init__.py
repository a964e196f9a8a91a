"""Saving and loading: safetensors, PyTorch's ``.pt`` files and NumPy's ``.npz``; no file can run anything.

What each format keeps, and what damage is noticed: docs/serialization.md.

>>> import tapeless as tl
>>> model = tl.nn.Linear(2, 3)
>>> tl.save(model.state_dict(), "model.pt")
>>> model.load_state_dict(tl.load("model.pt"))
<All keys matched successfully>
"""

from __future__ import annotations

from ._api import format_of as format_of, load as load, save as save
from ._error import FileError as FileError
from ._safe_globals import (
    add_safe_globals as add_safe_globals,
    clear_safe_globals as clear_safe_globals,
    get_safe_globals as get_safe_globals,
    safe_globals as safe_globals,
)
from ._safe_open import load_file as load_file, safe_open as safe_open, save_file as save_file

__all__ = [
    "FileError",
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "load",
    "load_file",
    "safe_globals",
    "safe_open",
    "save",
    "save_file",
]
