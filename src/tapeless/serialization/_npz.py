"""NumPy's ``.npz`` archives: a plain one for a dict of tensors, with a table of contents for everything else.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping
from math import prod
from typing import Any, BinaryIO

import numpy as np

from tapeless._core.tensor_base import wrap
from tapeless._tensor import Tensor

from ._error import FileError, check, damaged, is_count
from ._source import as_dtype
from ._storages import Layout
from ._tree import Decoder, Encoder
from ._zip import Archive, Writer, is_entry_name

HEADER = "__tapeless__"


class Arrays:
    """The arrays of an ``.npz`` archive by name, each read when it is asked for."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.names = [name.removesuffix(".npy") for name in archive.entries]
        other = [name for name in archive.entries if not name.endswith(".npy")]
        check(not other, f"its entry {other[0]!r} is no .npy file" if other else "")

    def array(self, name: str) -> Any:
        """Return one array; raises `FileError` if it is damaged, or of Python objects."""
        check(f"{name}.npy" in self._archive.entries, f"it has no array {name!r}")
        return read_npy(self._archive.read(f"{name}.npy"), name)


def read_npy(data: Any, name: str) -> Any:
    """Return the array in the bytes of a ``.npy`` file, sharing their memory."""
    start = io.BytesIO(data[: 1 << 16].tobytes())
    try:
        version = np.lib.format.read_magic(start)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = read[version](start)
    except (ValueError, KeyError, TypeError, SyntaxError, RecursionError, MemoryError, EOFError) as error:
        raise FileError(f"the header of the array {name!r} is damaged ({error})") from None
    if dtype.hasobject:
        damaged(
            f"the array {name!r} is of Python objects, which take pickle: with allow_pickle=False they are not read"
        )
    check(dtype.kind in "biufcU", f"the array {name!r} is of {dtype}, and not of numbers")
    check(len(shape) <= 64 and all(map(is_count, shape)), f"the array {name!r} has the shape {shape}")
    data = data[start.tell() :]
    check(prod(max(n, 1) for n in shape) < 2**60, f"the array {name!r} has the shape {shape}")
    expected = prod(shape) * dtype.itemsize
    check(expected == len(data), f"the array {name!r} is of {expected} bytes, and has {len(data)}")
    if not dtype.itemsize:
        return np.zeros(shape, dtype)
    array = as_dtype(data, dtype)
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def read_state(arrays: Arrays) -> Any:
    """Return what `write_state` wrote; for files of other programs, and for plain ones, a dict of tensors."""
    if HEADER in arrays.names:
        text = arrays.array(HEADER)
        check(text.dtype.kind == "U" and text.ndim == 0, "its table of contents is no text")
        if not str(text).startswith('{"format": 1, "extra"'):
            return Decoder(arrays.array).decode(str(text))
        # What version 0.1 wrote for a model with extra state: plain tensors, the rest in the table.
        extra = Decoder(arrays.array).decode(str(text), "extra")
        names = [name for name in arrays.names if not name.startswith(HEADER)]
    else:
        extra, names = {}, arrays.names
    state: Any = OrderedDict()
    for name in names:
        array = arrays.array(name)
        check(array.dtype.kind != "U", f"the array {name!r} is of text, and not of numbers")
        state[name] = wrap(array)
    state.update(extra)
    return state


def write_state(file: BinaryIO, state: Any) -> None:
    """Write a state; a dict of tensors as an archive that any NumPy program understands."""
    if is_plain(state):
        write_arrays(file, {name: tensor._array for name, tensor in state.items()})
    else:
        encoder = Encoder(state, is_legal)
        write_arrays(file, {HEADER: np.array(encoder.text), **encoder.arrays})


def is_plain(state: Any) -> bool:
    """Is `state` a dict of tensors that comes back as it is without a table of contents?"""
    if not isinstance(state, Mapping) or not all(isinstance(name, str) and is_legal(name) for name in state):
        return False
    if not all(type(value) is Tensor and not value.requires_grad for value in state.values()):
        return False
    if getattr(state, "_metadata", None):
        return False
    return len(Layout([value._array for value in state.values()]).storages) == len(state)


def is_legal(name: str) -> bool:
    """Can an array in an archive have this name?"""
    return is_entry_name(f"{name}.npy") and name != HEADER


def write_arrays(file: BinaryIO, arrays: Mapping[str, Any]) -> None:
    """Write arrays by name; the same arrays are the same bytes."""
    # Not np.savez: it takes names as keywords, among which "file" is its own, and stamps the time.
    writer = Writer(file)
    for name, array in arrays.items():
        array = np.asarray(array)
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
        packed = array if array.flags.f_contiguous and not array.flags.c_contiguous else np.ascontiguousarray(array)
        writer.add(f"{name}.npy", header.getvalue(), packed.reshape(-1, order="A").view(np.uint8))
    writer.close()
