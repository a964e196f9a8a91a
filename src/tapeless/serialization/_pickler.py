"""Pickles that PyTorch reads with ``weights_only=True``: the same instructions that it writes, by hand.

Source: https://docs.python.org/3/library/pickletools.html (protocol 2)
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tapeless._device import Device
from tapeless._dtypes import BFLOAT16
from tapeless._tensor import Size, Tensor
from tapeless.nn import Parameter

from ._kinds import KINDS
from ._rebuild import STORAGES
from ._state import DEEP, Place, is_dict, numeric, refusal, where
from ._storages import Layout

_STORAGE_OF = {kind.name: name for name, kind in STORAGES.items()}
_HEAD, _STOP = b"\x80\x02", b"."


class Pickler:
    """Makes one pickle of a state; tensors refer to the storages of `layout`. Raises `TypeError`, naming the place."""

    def __init__(self, layout: Layout, legacy: bool = False) -> None:
        self._layout, self._legacy = layout, legacy
        self._out: list[bytes] = []
        self._memo: dict[Any, int] = {}
        self._keep: list[Any] = []  # ids in the memo stay valid as long as their objects live

    def dump(self, state: Any) -> bytes:
        """Return the pickle."""
        try:
            self._value(state, None)
        except RecursionError:
            raise ValueError(f"cannot save the state: {DEEP}") from None
        return _HEAD + b"".join(self._out) + _STOP

    def _emit(self, *parts: bytes) -> None:
        self._out.extend(parts)

    # --- the memo: what comes twice is the same object after loading -----------------------------------------

    def _remembered(self, key: Any) -> bool:
        number = self._memo.get(key)
        if number is None:
            return False
        self._emit(b"h" + bytes([number]) if number < 256 else b"j" + struct.pack("<I", number))
        return True

    def _remember(self, key: Any, value: Any = None) -> None:
        number = self._memo[key] = len(self._memo)
        self._keep.append(value)
        self._emit(b"q" + bytes([number]) if number < 256 else b"r" + struct.pack("<I", number))

    def _global(self, module: str, name: str) -> None:
        if not self._remembered((module, name)):
            self._emit(f"c{module}\n{name}\n".encode())
            self._remember((module, name))

    # --- values ----------------------------------------------------------------------------------------------

    def _value(self, value: Any, place: Place) -> None:
        write = _WRITERS.get(type(value))
        if write is not None:
            write(self, value)
        elif is_dict(value) or type(value) is list or isinstance(value, Tensor):
            if not self._remembered(id(value)):
                self._object(value, place)
        elif type(value) is tuple:
            self._tuple([partial(self._value, item, (place, index)) for index, item in enumerate(value)])
        elif type(value) in (set, frozenset):
            self._call("__builtin__", type(value).__name__, lambda: self._list(list(value), place))
        elif (isinstance(value, np.generic) or type(value) in (np.ndarray, np.memmap)) and numeric(value):
            self._numpy(value)
        elif value is BFLOAT16 or (isinstance(value, np.dtype) and value.name in KINDS):
            self._global("torch", value.name)
        elif isinstance(value, np.generic | np.ndarray):
            raise TypeError(f"cannot save {where(place)}: arrays of Python objects, and of text, cannot be saved")
        else:
            raise refusal(value, place)

    def _object(self, value: Any, place: Place) -> None:
        """Write what is written once and referred to afterwards."""
        if isinstance(value, Tensor):
            self._tensor(value)
            self._remember(id(value), value)
        elif type(value) is list:
            self._emit(b"]")
            self._remember(id(value), value)
            self._items(value, place)
        elif type(value) is Counter:
            self._call("collections", "Counter", lambda: self._object(dict(value), place))
            self._remember(id(value), value)
        else:
            if type(value) is dict:
                self._emit(b"}")
            else:
                self._call("collections", "OrderedDict")
            self._remember(id(value), value)
            self._pairs(value, place)
            if metadata := getattr(value, "_metadata", None):
                self._value({"_metadata": metadata}, place)
                self._emit(b"b")

    def _list(self, items: list[Any], place: Place) -> None:
        self._emit(b"]")
        self._items(items, place)

    def _items(self, items: list[Any], place: Place) -> None:
        for start in range(0, len(items), 1000):
            self._emit(b"(")
            for index, item in enumerate(items[start : start + 1000], start):
                self._value(item, (place, index))
            self._emit(b"e")

    def _pairs(self, mapping: Any, place: Place) -> None:
        pairs = list(mapping.items())
        for start in range(0, len(pairs), 1000):
            self._emit(b"(")
            for key, item in pairs[start : start + 1000]:
                self._value(key, place)
                self._value(item, (place, key))
            self._emit(b"u")

    def _tuple(self, parts: list[Callable[[], None]]) -> None:
        if len(parts) > 3:
            self._emit(b"(")
        for part in parts:
            part()
        self._emit((b")", b"\x85", b"\x86", b"\x87", b"t")[min(len(parts), 4)])

    def _call(self, module: str, name: str, *arguments: Callable[[], None]) -> None:
        self._global(module, name)
        self._tuple(list(arguments))
        self._emit(b"R")

    def _values(self, *values: Any) -> list[Callable[[], None]]:
        return [partial(self._value, value, None) for value in values]

    # --- scalars ---------------------------------------------------------------------------------------------

    def _none(self, value: None) -> None:
        self._emit(b"N")

    def _bool(self, value: bool) -> None:
        self._emit(b"\x88" if value else b"\x89")

    def _int(self, value: int) -> None:
        if 0 <= value < 256:
            self._emit(b"K" + bytes([value]))
        elif -(2**31) <= value < 2**31:
            self._emit(b"J" + struct.pack("<i", value))
        else:
            raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            if len(raw) > 255:
                raise ValueError(f"cannot save a whole number of {value.bit_length()} bits, 2039 are the most")
            self._emit(b"\x8a" + bytes([len(raw)]) + raw)

    def _float(self, value: float) -> None:
        self._emit(b"G" + struct.pack(">d", value))

    def _str(self, value: str) -> None:
        raw = value.encode("utf-8", "surrogatepass")
        self._emit(b"X" + struct.pack("<I", len(raw)) + raw)

    def _bytes(self, value: bytes) -> None:
        # Protocol 2 is of the time before bytes.
        self._call("_codecs", "encode", *self._values(value.decode("latin1"), "latin1"))

    def _bytearray(self, value: bytearray) -> None:
        self._call("__builtin__", "bytearray", lambda: self._bytes(bytes(value)))

    def _complex(self, value: complex) -> None:
        self._call("__builtin__", "complex", *self._values(value.real, value.imag))

    def _size(self, value: Any) -> None:
        self._call("torch", "Size", *self._values(tuple(value)))

    def _device(self, value: Any) -> None:
        self._call("torch", "device", *self._values(value.type, *[n for n in (value.index,) if n is not None]))

    def _numpy(self, value: Any) -> None:
        """Write a NumPy number or array as NumPy itself does."""
        core = "numpy._core.multiarray"
        dtype = value.dtype.newbyteorder("<")
        array = np.asarray(value).astype(dtype, order="C")
        if isinstance(value, np.generic):
            self._call(core, "scalar", lambda: self._numpy_dtype(dtype), lambda: self._bytes(array.tobytes()))
            return
        self._call(core, "_reconstruct", lambda: self._global("numpy", "ndarray"), *self._values((0,), b"b"))
        self._tuple(
            [*self._values(1, value.shape), lambda: self._numpy_dtype(dtype), *self._values(False, array.tobytes())]
        )
        self._emit(b"b")

    def _numpy_dtype(self, dtype: Any) -> None:
        self._call("numpy", "dtype", *self._values(dtype.str[1:], False, True))
        self._tuple(self._values(3, "|" if dtype.itemsize == 1 else "<", None, None, None, -1, -1, 0))
        self._emit(b"b")

    # --- tensors ---------------------------------------------------------------------------------------------

    def _tensor(self, tensor: Any) -> None:
        hooks = lambda: self._call("collections", "OrderedDict")
        if isinstance(tensor, Parameter):
            write = lambda: self._plain(tensor, False, hooks)
            grad = lambda: self._bool(tensor.requires_grad)
            self._call("torch._utils", "_rebuild_parameter", write, grad, hooks)
        else:
            self._plain(tensor, tensor.requires_grad, hooks)

    def _plain(self, tensor: Any, grad: bool, hooks: Callable[[], None]) -> None:
        placed = self._layout.places[id(tensor._array)]
        dtype = tensor.dtype.name
        typed = dtype in _STORAGE_OF  # there are none of unsigned numbers but bytes
        if self._legacy and not typed:
            raise ValueError(
                f"the form from before PyTorch 1.6 has no {dtype}: leave out _use_new_zipfile_serialization"
            )
        common = [
            lambda: self._storage(placed.storage, dtype),
            *self._values(placed.offset, placed.size, placed.stride, grad),
            hooks,
        ]
        if typed:
            self._call("torch._utils", "_rebuild_tensor_v2", *common)
        else:
            self._call("torch._utils", "_rebuild_tensor_v3", *common, lambda: self._global("torch", dtype))

    def _storage(self, number: int, dtype: str) -> None:
        storage = self._layout.storages[number]
        typed = dtype in _STORAGE_OF
        kind = ("torch", _STORAGE_OF[dtype]) if typed else ("torch.storage", "UntypedStorage")
        parts = [
            *self._values("storage"),
            lambda: self._global(*kind),
            *self._values(str(number), "cpu", len(storage) if typed else storage.nbytes),
        ]
        self._tuple([*parts, *self._values(None)] if self._legacy else parts)
        self._emit(b"Q")


_WRITERS: dict[type, Callable[[Pickler, Any], None]] = {
    type(None): Pickler._none, bool: Pickler._bool, int: Pickler._int, float: Pickler._float, str: Pickler._str,
    bytes: Pickler._bytes, bytearray: Pickler._bytearray, complex: Pickler._complex, Size: Pickler._size,
    Device: Pickler._device,
}  # fmt: skip
