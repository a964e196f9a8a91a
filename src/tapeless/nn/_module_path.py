"""The note that tells in which layer of a model an error was raised."""

from __future__ import annotations

from typing import Any

from tapeless._tensor import Tensor

_KEY = "_tapeless_module_path"


def add_module_note(error: Exception, module: Any, args: tuple[Any, ...]) -> None:
    """Add or extend the one line that names the failing layer by its path from the root.

    Every module on the way out calls this: the innermost one writes ``in module Linear(...)``,
    and each one further out puts its own name in front: ``in module Net.encoder.2 (Linear(...))``.
    """
    try:
        path = getattr(error, _KEY, None)
        if path is None:
            path = {
                "id": None,
                "names": [],
                "layer": _one_line(module),
                "input": _describe(args),
                "note": None,
            }
            setattr(error, _KEY, path)  # plain data only: the error stays picklable
        else:
            path["names"].insert(0, _name_below(module, path["id"]))
        path["id"] = id(module)
        _replace_note(error, path, type(module).__name__)
    except Exception:  # the note is a courtesy; nothing that goes wrong here may hide the error itself
        return


def _replace_note(error: Exception, path: dict[str, Any], root: str) -> None:
    if path["names"]:
        text = f"in module {'.'.join([root, *path['names']])} ({path['layer']}){path['input']}"
    else:
        text = f"in module {path['layer']}{path['input']}"
    notes = getattr(error, "__notes__", None)
    if notes and path["note"] in notes:
        notes[notes.index(path["note"])] = text
    else:
        error.add_note(text)
    path["note"] = text


def _name_below(module: Any, child_id: int) -> str:
    """Return the dotted name of the module with this ``id`` below ``module``; ``?`` if it has none."""
    for name, descendant in module.named_modules():
        if id(descendant) == child_id and descendant is not module:
            return str(name)
    return "?"


def _one_line(module: Any) -> str:
    """Describe a layer in one line: its repr, or only its class where the repr would list children."""
    text = repr(module)
    return type(module).__name__ if "\n" in text else text


def _describe(args: tuple[Any, ...]) -> str:
    """Say what tensors the layer was called with: ``, called with float32 [5, 29]``."""
    shown = [f"{arg.dtype} {list(arg.shape)}" for arg in args[:4] if isinstance(arg, Tensor)]
    return f", called with {', '.join(shown)}" if shown else ""
