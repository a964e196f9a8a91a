"""Checkpoints: nested state in one .npz file without pickle, so opening a stranger's file runs no code.

Every array becomes a member of the archive under a readable name (``model/0.weight``); how they are nested, and
all that is no array, stands in one JSON string, the member ``__tapeless__``. Files are written beside their final
place and moved there whole, so a crash leaves the old file or the new one, never half of one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np

from tapeless._core.tensor_base import unwrap, wrap
from tapeless._tensor import Tensor
from tapeless.nn import Module

HEADER = "__tapeless__"
FORMAT = 1
Path = str | os.PathLike[str]


def save_checkpoint(state: Any, path: Path) -> None:
    """Write nested dicts, lists and tuples of tensors, arrays, numbers and strings to one .npz file, atomically.

    Meant for what ``state_dict`` of models, optimizers and schedulers returns. The file goes to `path` as it
    stands; no suffix is added. Raises `TypeError`, naming the place, for anything else in `state`, and `OSError`
    when the file cannot be written (what was there before then stays).

    >>> import tapeless as tl
    >>> model = tl.nn.Linear(2, 3)
    >>> tl.training.save_checkpoint({"model": model.state_dict(), "epoch": 7}, "run.npz")
    >>> tl.training.load_checkpoint("run.npz")["epoch"]
    7
    """
    arrays: dict[str, np.ndarray] = {}
    tree = _encode(state, "", arrays)
    header = json.dumps({"format": FORMAT, "state": tree})
    _write(path, {HEADER: np.array(header), **arrays})


def load_checkpoint(path: Path) -> Any:
    """Read what `save_checkpoint` wrote: the same nesting, tensors as fresh tensors.

    Nothing in the file is run (``allow_pickle=False``). Raises `FileNotFoundError`, or `ValueError` for a file
    that is damaged or no checkpoint.

    >>> import tapeless as tl
    >>> tl.training.save_checkpoint({"betas": (0.9, 0.999), "step": tl.tensor(3.0)}, "state.npz")
    >>> tl.training.load_checkpoint("state.npz")
    {'betas': (0.9, 0.999), 'step': tensor(3.)}
    """
    arrays = _read(path)
    if HEADER not in arrays or _is_weights(arrays):
        raise ValueError(
            f"expected a checkpoint written by save_checkpoint or fit, but {os.fspath(path)!r} is another .npz "
            "file; for one that save_weights wrote, use load_weights(model, path)"
        )
    return _decode(_header(arrays, path)["state"], arrays)


def save_weights(model: Module, path: Path) -> None:
    """Write the ``state_dict`` of `model` to a plain .npz file, one array per name, atomically.

    Any NumPy program can read it: ``np.load(path)["0.weight"]``. The file goes to `path` as it stands; no suffix
    is added. Raises `OSError` when the file cannot be written.

    >>> import tapeless as tl
    >>> tl.training.save_weights(tl.nn.Linear(2, 3), "linear.npz")
    >>> import numpy as np
    >>> np.load("linear.npz").files
    ['weight', 'bias']
    """
    state = model.state_dict()
    arrays = {name: value._array for name, value in state.items() if isinstance(value, Tensor)}
    # What get_extra_state returned is no array, as a rule; then the file gets a header for it.
    extra = {name: value for name, value in state.items() if name not in arrays}
    if extra:
        more: dict[str, np.ndarray] = {}
        tree = _encode(extra, HEADER, more)
        arrays |= {HEADER: np.array(json.dumps({"format": FORMAT, "extra": tree})), **more}
    _write(path, arrays)


def load_weights(model: Module, path: Path, strict: bool = True) -> Any:
    """Load weights by name into `model`, in place; return the missing and the unexpected names.

    Reads files of `save_weights` and, from a checkpoint of `fit`, the best weights. Raises `RuntimeError` for
    names (with `strict`) or shapes that do not fit, `FileNotFoundError`, or `ValueError` for a damaged file.

    >>> import tapeless as tl
    >>> a, b = tl.nn.Linear(2, 3), tl.nn.Linear(2, 3)
    >>> tl.training.save_weights(a, "linear.npz")
    >>> tl.training.load_weights(b, "linear.npz")
    <All keys matched successfully>
    >>> bool((a.weight == b.weight).all())
    True
    """
    arrays = _read(path)
    if HEADER in arrays and not _is_weights(arrays):
        state = _weights_of(_decode(_header(arrays, path)["state"], arrays), path)
    else:
        extra = _header(arrays, path)["extra"] if HEADER in arrays else {}
        state = {name: wrap(array) for name, array in arrays.items() if not name.startswith(HEADER)}
        state |= _decode(extra, arrays)
    try:
        return model.load_state_dict(state, strict=strict)
    except RuntimeError as error:
        error.add_note(f"while loading the weights in {os.fspath(path)!r}")
        raise


def check_writable(path: Path) -> None:
    """Raise the `OSError` that writing a file at `path` would raise; leaves nothing behind.

    Long work asks this first, so that it does not end in an error.

    >>> from tapeless.training._checkpoint import check_writable
    >>> check_writable("weights.npz")
    """
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(f"expected a file name, got the folder {os.fspath(path)!r}")
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"the folder {folder!r} does not exist; make it first")
    temporary = _temporary_name(target)
    try:
        open(temporary, "xb").close()
        os.unlink(temporary)
    except OSError as error:
        raise type(error)(f"cannot write into the folder {folder!r}: {error.strerror}") from error


def _weights_of(state: Any, path: Path) -> Any:
    """The best weights in a checkpoint of `fit`, or those that a checkpoint of the user keeps as "model"."""
    best = state.get("best") if isinstance(state, dict) else None
    if isinstance(best, dict) and best.get("weights") is not None:
        return best["weights"]
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        return state["model"]
    raise ValueError(
        f"expected weights in {os.fspath(path)!r}: a file of save_weights, or a checkpoint with a state dict "
        'under "model"; read it with load_checkpoint(path) and see what it has'
    )


# --- nested state <-> arrays and JSON --------------------------------------------------------------------------


def _encode(value: Any, place: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return `value` as JSON can have it; its arrays move to `arrays`, under names that tell their place."""
    if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, Tensor | np.ndarray | np.generic):
        kind = "$tensor" if isinstance(value, Tensor) else "$array" if isinstance(value, np.ndarray) else "$scalar"
        return {kind: _store(np.asarray(unwrap(value)), place, arrays)}
    if isinstance(value, np.dtype):
        return {"$dtype": value.str}
    if isinstance(value, Mapping):
        items = [[key, _encode(item, f"{place}/{key}" if place else str(key), arrays)] for key, item in value.items()]
        metadata = getattr(value, "_metadata", None)
        if metadata is not None:
            return {"$state_dict": items, "metadata": _encode(dict(metadata), place, arrays)}
        if all(isinstance(key, str) and not key.startswith("$") for key, _ in items):
            return dict(items)
        if all(isinstance(key, str | int | float | bool | None) for key, _ in items):
            return {"$dict": items}
        raise TypeError(f"cannot save {_where(place)}: expected keys that are strings or numbers, got {list(value)}")
    if isinstance(value, list | tuple):
        parts = [_encode(item, f"{place}/{index}" if place else str(index), arrays) for index, item in enumerate(value)]
        return {"$tuple": parts} if isinstance(value, tuple) else parts
    raise TypeError(
        f"cannot save {_where(place)}: expected tensors, arrays, numbers, strings, None, and dicts, lists and "
        f"tuples of them, got {type(value).__name__}"
        + ("; save what its state_dict() returns" if hasattr(value, "state_dict") else "")
    )


def _where(place: str) -> str:
    return f"the value at {place!r}" if place else "the state"


def _store(array: np.ndarray, place: str, arrays: dict[str, np.ndarray]) -> str:
    if array.dtype.hasobject:
        raise TypeError(f"cannot save {_where(place)}: arrays of Python objects need pickle, which is not used here")
    name = place or "value"
    while name in arrays or name == HEADER:
        name += "'"
    arrays[name] = array
    return name


def _decode(tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The inverse of `_encode`."""
    if isinstance(tree, list):
        return [_decode(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kind = next(iter(tree), "")
    if not kind.startswith("$"):
        return {key: _decode(item, arrays) for key, item in tree.items()}
    content = tree[kind]
    if kind == "$state_dict":
        state = OrderedDict((key, _decode(item, arrays)) for key, item in content)
        state._metadata = OrderedDict(_decode(tree["metadata"], arrays))  # type: ignore[attr-defined]
        return state
    read: dict[str, Callable[[], Any]] = {
        "$tensor": lambda: wrap(arrays[content]),
        "$array": lambda: arrays[content],
        "$scalar": lambda: arrays[content][()],
        "$dtype": lambda: np.dtype(content),
        "$dict": lambda: {key: _decode(item, arrays) for key, item in content},
        "$tuple": lambda: tuple(_decode(item, arrays) for item in content),
    }
    return read[kind]()


# --- the file --------------------------------------------------------------------------------------------------


def _read(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz file by name."""
    with open(path, "rb") as file:
        try:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no .npz archive, or its end is missing")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise ValueError(f"cannot read {os.fspath(path)!r}: {error}") from error


def _is_weights(arrays: Mapping[str, np.ndarray]) -> bool:
    """Is this a file of `save_weights`, with a header for extra state?"""
    return HEADER in arrays and '"extra"' in str(arrays[HEADER])[:30]


def _header(arrays: Mapping[str, np.ndarray], path: Path) -> dict[str, Any]:
    try:
        header = json.loads(str(arrays[HEADER]))
        number = header["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"cannot read {os.fspath(path)!r}: its table of contents is damaged ({error})") from error
    if number > FORMAT:
        raise ValueError(
            f"cannot read {os.fspath(path)!r}: it has format {number}, this version of Tapeless knows formats up "
            f"to {FORMAT}; update Tapeless"
        )
    return header  # type: ignore[no-any-return]


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz file whose bytes depend on the arrays alone."""
    write_atomically(path, lambda file: _write_archive(file, arrays.items()))


def _write_archive(file: BinaryIO, items: Iterable[tuple[str, np.ndarray]]) -> None:
    # Not np.savez: it takes names as keywords, among which "file" is its own, and stamps the time.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in items:
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Let `write` fill a new file in the folder of `path`, then put it in the place of `path` in one step.

    The data are on the disk before the old file goes. Raises `OSError` where that fails; then, as for any other
    error, the old file is untouched and nothing is left behind.
    """
    target = os.path.realpath(path)
    temporary = _temporary_name(target)
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _temporary_name(target: str) -> str:
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
