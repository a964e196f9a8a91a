"""Single tensors of safetensors files, by the names that the `safetensors` package has."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np

from tapeless._core.tensor_base import wrap
from tapeless._device import check_device
from tapeless._tensor import Tensor

from ._atomic import write_atomically
from ._error import FileError
from ._safetensors import Container, write_arrays
from ._source import FileSource, MappedSource


class safe_open:
    """A safetensors file whose tensors are read when they are asked for; use it in a ``with`` statement.

    The file is mapped into memory: opening reads the header alone, and a tensor shares the pages of the file until
    someone writes to it (the file stays as it is). Raises `FileError` for a file that is not to the letter of the
    format. `framework` and `device` are there for the sake of the package `safetensors`.

    >>> import tapeless as tl
    >>> save_file({"a": tl.arange(6.0).reshape(2, 3)}, "a.safetensors")
    >>> with safe_open("a.safetensors") as file:
    ...     file.keys(), file.get_slice("a")[:, 1], file.get_slice("a").get_shape()
    (['a'], tensor([1., 4.]), [2, 3])
    """

    def __init__(self, filename: str | os.PathLike[str], framework: str = "tapeless", device: Any = "cpu") -> None:
        check_device(device)
        self._name = os.fspath(filename)
        with open(filename, "rb") as file:
            try:
                self._container: Container | None = Container(MappedSource(file))
            except FileError as error:
                raise FileError(f"cannot read {self._name!r}: {error}") from None

    def __enter__(self) -> safe_open:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container = None  # tensors that are in use keep the file mapped

    def _open(self, name: str | None = None) -> Container:
        container = self._container
        if container is None:
            raise FileError(f"the file {self._name!r} is closed: ask for tensors inside the with statement")
        if name is not None and name not in container.infos:
            raise FileError(f"the file {self._name!r} has no tensor {name!r}; keys() lists those that it has")
        return container

    def keys(self) -> list[str]:
        """Return the names of the tensors, sorted."""
        return sorted(self._open().infos)

    def offset_keys(self) -> list[str]:
        """Return the names in the order in which the tensors stand in the file."""
        infos = self._open().infos
        return sorted(infos, key=lambda name: (infos[name].begin, infos[name].end))

    def metadata(self) -> dict[str, str] | None:
        """Return the strings of ``__metadata__``, None if there are none."""
        return dict(self._open().metadata) or None

    def get_tensor(self, name: str) -> Tensor:
        """Return a tensor; one of bfloat16 or 8-bit floats as float32."""
        return wrap(self._open(name).array(name, verify=False))  # type: ignore[no-any-return]

    def get_slice(self, name: str) -> TensorSlice:
        """Return a tensor to be indexed: only what the index takes is read."""
        return TensorSlice(self._open(name), name)


class TensorSlice:
    """What `safe_open.get_slice` returns: ``slice[2:5, 0]`` is a tensor of its own."""

    def __init__(self, container: Container, name: str) -> None:
        self._info, self._data = container.raw(name, verify=False)

    def get_shape(self) -> list[int]:
        """Return the sizes of the whole tensor."""
        return list(self._info.shape)

    def get_dtype(self) -> str:
        """Return the dtype by safetensors' name, ``"BF16"``."""
        return self._info.dtype

    def __getitem__(self, index: Any) -> Tensor:
        kind = self._info.kind
        items = self._data.view(f"V{kind.size}" if kind.size > 1 else np.uint8).reshape(self._info.shape)
        chosen = np.ascontiguousarray(items[index])
        shape = np.shape(items[index])
        return wrap(kind.read(chosen.reshape(-1).view(np.uint8)).reshape(shape))  # type: ignore[no-any-return]


def save_file(
    tensors: Mapping[str, Tensor], filename: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a plain safetensors file: nothing but these tensors, and strings as metadata.

    Raises `ValueError` for tensors that share memory, which the format has no words for (`save` has), and for dtypes
    that it has not; `TypeError` for anything but tensors.

    >>> import tapeless as tl
    >>> save_file({"weight": tl.ones(2)}, "weight.safetensors", {"from": "here"})
    """
    arrays: dict[str, Any] = {}
    spans: list[tuple[int, int, str]] = []
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or not isinstance(name, str):
            raise TypeError(f"expected names and tensors, got {name!r}: {type(tensor).__name__}; save() takes more")
        arrays[name] = tensor._array
        if tensor._array.size:
            spans.append((*np.lib.array_utils.byte_bounds(tensor._array), name))
    spans.sort()
    for before, after in itertools.pairwise(spans):
        if after[0] < before[1]:
            raise ValueError(f"{before[2]!r} and {after[2]!r} share memory: leave one out, or use save()")
    strings = dict(metadata or {})
    if not all(isinstance(text, str) for pair in strings.items() for text in pair):
        raise TypeError(f"expected metadata of strings, got {strings!r}")
    write_atomically(filename, lambda file: write_arrays(file, arrays, strings))


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """Read all tensors of a safetensors file into memory, by name.

    Raises `FileError` for a file that is not to the letter of the format.

    >>> import tapeless as tl
    >>> save_file({"weight": tl.ones(2)}, "weight.safetensors")
    >>> load_file("weight.safetensors")
    {'weight': tensor([1., 1.])}
    """
    check_device(device)
    with open(filename, "rb") as file:
        try:
            container = Container(FileSource(file))
            return {name: wrap(container.array(name)) for name in container.infos}
        except FileError as error:
            raise FileError(f"cannot read {os.fspath(filename)!r}: {error}") from None
