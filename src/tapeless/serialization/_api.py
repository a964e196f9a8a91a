"""`save` and `load`: formats by name when writing, by content when reading."""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

from tapeless._core.tensor_base import wrap
from tapeless._device import CPU, Device, check_device
from tapeless.nn import Module

from . import _npz, _safetensors
from ._archive import is_archive, read_archive, read_legacy, write_archive, write_legacy
from ._atomic import write_atomically
from ._error import FileError, damaged
from ._source import FileSource, MappedSource, MemorySource, Source
from ._zip import Archive

File = Any  # a path, or a binary file object

_PYTORCH = (".pt", ".pth", ".bin", ".ckpt", ".tar", ".pkl")  # "checkpoint.pth.tar" is a habit of many scripts
_WRITERS: dict[str, Callable[[BinaryIO, Any], None]] = {
    "safetensors": _safetensors.write_state,
    "npz": _npz.write_state,
    "pt": write_archive,
    "legacy": write_legacy,
}
_FORMATS = {".safetensors": "safetensors", ".npz": "npz"} | dict.fromkeys(_PYTORCH, "pt")


def save(
    obj: Any,
    f: File,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
    *,
    format: str | None = None,
) -> None:
    """Save a state: tensors, numbers, strings and nested containers of them, in one file, without running pickle.

    Args:
        obj: what ``state_dict()`` of models, optimizers and schedulers returns, dicts of several of them, ...
        f: a path, written atomically (a crash leaves the old file or the new one, whole), or a binary file object.
        format: "safetensors", "npz", or "pt" for an archive that ``torch.load`` opens. By default the extension says:
            .safetensors, .npz, or .pt .pth .bin .ckpt .tar .pkl; safetensors for any other, and for file objects.
        pickle_module, pickle_protocol: there for PyTorch's sake; archives are written by protocol 2, by no module.

    Tensors that share memory do so after loading. Raises `TypeError`, naming the place, for anything that is no
    state (a whole module: save its ``state_dict()``), and `OSError` where writing fails.
    See https://docs.pytorch.org/docs/stable/generated/torch.save.html

    >>> import tapeless as tl
    >>> model = tl.nn.Linear(2, 3)
    >>> tl.save({"model": model.state_dict(), "epoch": 7}, "run.pt")
    >>> tl.load("run.pt")["epoch"]
    7
    """
    if pickle_module not in (None, pickle):
        raise ValueError(f"expected no pickle_module, got {pickle_module!r}: files are written without pickle")
    if isinstance(obj, Module):
        raise TypeError(
            f"cannot save the whole module {type(obj).__name__}, which would take pickle to load, and that runs code; "
            "save(model.state_dict(), f), and later model.load_state_dict(load(f))"
        )
    name = _path(f)
    kind = format or (format_of(name) if name else None) or "safetensors"
    if kind not in ("safetensors", "npz", "pt"):
        raise ValueError(f"expected the format 'safetensors', 'npz' or 'pt', got {format!r}")
    if kind == "pt" and not _use_new_zipfile_serialization:
        kind = "legacy"
    write = functools.partial(_write, _WRITERS[kind], obj)
    if name is not None:
        write_atomically(name, write)
    elif hasattr(f, "write"):
        write(f)
    else:
        raise TypeError(f"expected a path, or a file object to write to, got {type(f).__name__}")


def format_of(path: Any) -> str | None:
    """Return the format that the extension of a path stands for, None if it is none that `save` knows.

    >>> format_of("model.pth"), format_of("model.h5")
    ('pt', None)
    """
    return _FORMATS.get(os.path.splitext(os.fsdecode(path))[1].lower())


def _write(writer: Callable[[BinaryIO, Any], None], obj: Any, file: BinaryIO) -> None:
    writer(file, obj)


def load(
    f: File,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Load what `save` or PyTorch saved. Nothing in the file is ever run, whoever made it.

    Reads safetensors, NumPy's ``.npz``, and PyTorch's ``.pt`` files of all versions since 0.4; which of them, the
    content says and not the name. Elements that NumPy has not (bfloat16, floats of 8 bits) become float32.

    Args:
        f: a path, or a binary file object, which is read from where it stands to its end.
        map_location: "cpu", or a function that returns its argument, for tensors that were on another device.
        weights_only: without effect; files with anything but a state are always refused.
        mmap: map the file into memory: what nobody looks at is not read, and damage in tensors is not noticed.
            The file must not be changed in place while its tensors are used.

    Raises `FileError` (a `RuntimeError`, `pickle.UnpicklingError` and `ValueError`), saying what is wrong.
    See https://docs.pytorch.org/docs/stable/generated/torch.load.html

    >>> import tapeless as tl
    >>> tl.save([tl.ones(2), {"name": "a"}], "state.safetensors")
    >>> tl.load("state.safetensors")
    [tensor([1., 1.]), {'name': 'a'}]
    """
    if pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified: leave it out")
    for argument in pickle_load_args:
        if argument != "encoding":
            raise TypeError(f"load() got an unexpected keyword argument {argument!r}")
    restore = functools.partial(_restore, _locate(map_location))
    name = _path(f)
    if name is None:
        return _load_object(f, restore, bool(mmap))
    with open(name, "rb") as file:
        source = MappedSource(file) if mmap else FileSource(file)
        try:
            return _read(source, restore, not mmap, os.path.splitext(name)[1].lower())
        except FileError as error:
            raise _named(repr(name), error) from error.__cause__


def _load_object(f: Any, restore: Any, mmap: bool) -> Any:
    if not hasattr(f, "read"):
        raise TypeError(f"expected a path, or a file object to read from, got {type(f).__name__}")
    if mmap:
        raise ValueError("f must be a string filename in order to use mmap argument")
    data = f.read()
    if not isinstance(data, bytes):
        raise TypeError(f"expected a file object of bytes (mode 'rb'), got one that reads {type(data).__name__}")
    try:
        if not data:
            damaged("it is empty, or at its end: seek(0) comes first after writing")
        return _read(MemorySource(data), restore, True, "")
    except FileError as error:
        raise _named("the file object", error) from error.__cause__


def _named(file: str, error: FileError) -> FileError:
    """Return the error with the file's name, and without all that a damaged name may contain."""
    text = str(error)
    return FileError(f"cannot read {file}: {text if len(text) < 1000 else text[:1000] + ' ...'}")


def _path(f: Any) -> str | None:
    return os.fsdecode(f) if isinstance(f, str | bytes | os.PathLike) else None


def _read(source: Source, restore: Any, verify: bool, extension: str) -> Any:
    """Find out what the file is, and read it."""
    start = source.read(0, min(source.size, 512))
    if start[:2] == b"PK" or extension == ".npz":
        archive = Archive(source, compression=True)
        if is_archive(archive):
            return read_archive(archive, restore, verify)
        return _npz.read_state(_npz.Arrays(archive))
    if start[8:9] == b"{" or extension == ".safetensors":
        return _safetensors.read_state(_safetensors.Container(source), verify)
    if start[:1] == b"\x80":
        if not verify:
            raise RuntimeError(
                "mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True)`, and "
                "this one has the form from before PyTorch 1.6"
            )
        return read_legacy(source, restore)
    return damaged(_guess(start))


def _guess(start: bytes) -> str:
    """Say what a file is that is none of those which are read."""
    known = "it is neither safetensors, .npz, nor a .pt file of PyTorch"
    if not start:
        return "it is empty"
    if start.startswith(b"version https://git-lfs"):
        return known + ", but a pointer of Git LFS: run `git lfs pull` to get the file itself"
    if start.lstrip()[:1] == b"<":
        return known + ", but a web page: the download went wrong"
    if start.startswith(b"\x93NUMPY"):
        return known + ", but a single NumPy array: use from_numpy(numpy.load(path))"
    if start[257:262] == b"ustar" or start[:8] == b"sys_info":
        return known + ", but a tar archive, PyTorch's form from before 0.4; load and save it with PyTorch"
    if start.startswith(b"\x89HDF"):
        return known + ", but HDF5"
    return known + f"; it begins with {start[:8]!r}"


# --- devices ---------------------------------------------------------------------------------------------------


def _locate(map_location: Any) -> Callable[[Any, str], str | None]:
    """Return a function of storage and location that returns the new location; raises for other devices."""
    if map_location is None:
        return lambda storage, location: location
    if isinstance(map_location, str | Device):
        check_device(map_location)
        device = CPU.type
        return lambda storage, location: device
    if isinstance(map_location, dict):
        return lambda storage, location: str(map_location.get(location, location))
    if callable(map_location):
        return lambda storage, location: _called(map_location, storage, location)
    raise TypeError(f"expected map_location to be a device, a dict or a function, got {type(map_location).__name__}")


def _called(function: Any, storage: Any, location: str) -> str:
    result = function(wrap(storage), location)
    return location if result is None else CPU.type


def _restore(locate: Callable[[Any, str], str | None], storage: Any, location: str) -> None:
    """Raise RuntimeError if a storage would have to go to another device than the CPU."""
    new = locate(storage, location)
    if new is not None and new.partition(":")[0] == "cuda":
        raise FileError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are "
            "running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your "
            "storages to the CPU."
        )
    if new is not None and new.partition(":")[0] != "cpu":
        raise FileError(f"it has tensors of the device {new!r}; load(f, map_location='cpu') brings them to the CPU")
