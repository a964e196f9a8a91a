"""Checkpoints and weights of `fit`: `tapeless.save` and `tapeless.load`, and what to do with a model's weights."""

from __future__ import annotations

import os
from typing import Any

from tapeless import serialization
from tapeless.nn import Module
from tapeless.serialization._atomic import Path, check_writable as check_writable


def save_checkpoint(state: Any, path: Path) -> None:
    """Write nested dicts, lists and tuples of tensors, arrays, numbers and strings to one file, atomically.

    This is `tapeless.save`: the extension of `path` says the format (.npz, .safetensors, .pt). Raises `TypeError`,
    naming the place, for anything else in `state`, and `OSError` when the file cannot be written (what was there
    before then stays).

    >>> import tapeless as tl
    >>> model = tl.nn.Linear(2, 3)
    >>> tl.training.save_checkpoint({"model": model.state_dict(), "epoch": 7}, "run.npz")
    >>> tl.training.load_checkpoint("run.npz")["epoch"]
    7
    """
    serialization.save(state, path, format=_format(path))


def load_checkpoint(path: Path) -> Any:
    """Read what `save_checkpoint` wrote: the same nesting, tensors as fresh tensors.

    This is `tapeless.load`; nothing in the file is run. Raises `FileNotFoundError`, or `ValueError` for a file that
    is damaged or no checkpoint.

    >>> import tapeless as tl
    >>> tl.training.save_checkpoint({"betas": (0.9, 0.999), "step": tl.tensor(3.0)}, "state.npz")
    >>> tl.training.load_checkpoint("state.npz")
    {'betas': (0.9, 0.999), 'step': tensor(3.)}
    """
    return serialization.load(path)


def save_weights(model: Module, path: Path) -> None:
    """Write the ``state_dict`` of `model` to a file in the format of its extension, atomically.

    A .npz file is a plain one, which any NumPy program can read: ``np.load(path)["0.weight"]`` (tied weights stand in
    it once). Raises `OSError` when the file cannot be written.

    >>> import tapeless as tl
    >>> tl.training.save_weights(tl.nn.Linear(2, 3), "linear.npz")
    >>> import numpy as np
    >>> np.load("linear.npz").files
    ['weight', 'bias']
    """
    state = model.state_dict()
    # Without the versions of the modules' classes, which `state_dict` notes, the archive is of arrays alone.
    kind = _format(path)
    serialization.save(dict(state) if kind == "npz" else state, path, format=kind)


def load_weights(model: Module, path: Path, strict: bool = True) -> Any:
    """Load weights by name into `model`, in place; return the missing and the unexpected names.

    Reads a state dict in any format of `tapeless.load`, PyTorch's included, and, from a checkpoint of `fit`, the best
    weights. Raises `RuntimeError` for names (with `strict`) or shapes that do not fit, `FileNotFoundError`, or
    `ValueError` for a damaged file.

    >>> import tapeless as tl
    >>> a, b = tl.nn.Linear(2, 3), tl.nn.Linear(2, 3)
    >>> tl.training.save_weights(a, "linear.npz")
    >>> tl.training.load_weights(b, "linear.npz")
    <All keys matched successfully>
    >>> bool((a.weight == b.weight).all())
    True
    """
    state = _weights_of(serialization.load(path), path)
    try:
        return model.load_state_dict(state, strict=strict)
    except RuntimeError as error:
        error.add_note(f"while loading the weights in {os.fspath(path)!r}")
        raise


def _format(path: Path) -> str:
    """The format that an extension stands for; .npz without one, as ever."""
    return serialization.format_of(path) or "npz"


def _weights_of(state: Any, path: Path) -> Any:
    """The best weights in a checkpoint of `fit`, those that a user's keeps as "model", or the state dict itself."""
    if isinstance(state, dict):
        best, model = state.get("best"), state.get("model")
        if isinstance(best, dict) and best.get("weights") is not None:
            return best["weights"]
        if isinstance(model, dict):
            return model
        if any(hasattr(value, "shape") for value in state.values()):
            return state
    raise ValueError(
        f"expected weights in {os.fspath(path)!r}: a file of save_weights, or a checkpoint with a state dict "
        'under "model"; read it with load_checkpoint(path) and see what it has'
    )
