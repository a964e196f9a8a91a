"""The names that PyTorch's files may use, and what each of them makes: data, and nothing but data.

A name counts only as the exact pair of module and name; nothing is ever looked up in a module.
"""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from tapeless._core.tensor_base import wrap
from tapeless._device import Device
from tapeless._dtypes import BFLOAT16
from tapeless._tensor import Size, Tensor
from tapeless.nn import Parameter

from ._error import FileError, check, damaged
from ._kinds import KINDS, Kind, strided
from ._state import Keys, numeric, set_attributes
from ._unpickler import Global

_STORAGE_KINDS = {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64", "Int": "int32",
    "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool", "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
}  # fmt: skip
STORAGES = {f"{name}Storage": KINDS[kind] for name, kind in _STORAGE_KINDS.items()}
_DTYPES = {"half": "float16", "float": "float32", "double": "float64", "short": "int16", "int": "int32"} | {
    **{"long": "int64", "cfloat": "complex64", "cdouble": "complex128", "chalf": "complex32"},
    **{name: name for name in KINDS},
}
_REFUSED = {
    "_rebuild_sparse_tensor": "sparse tensors", "_rebuild_qtensor": "quantized tensors",
    "_rebuild_nested_tensor": "nested tensors", "_rebuild_wrapper_subclass": "subclasses that wrap tensors",
    "_rebuild_meta_tensor_no_storage": "meta tensors, which have no data",
    "_rebuild_device_tensor_from_numpy": "tensors of special devices",
    "_rebuild_device_tensor_from_cpu_tensor": "tensors of special devices",
    "_rebuild_xla_tensor": "tensors of special devices",
}  # fmt: skip


class StorageType(Global):
    """What a file names as the class of a storage; None as `kind` is one of bytes."""

    __slots__ = ("kind",)

    def __init__(self, name: str, kind: Kind | None) -> None:
        super().__init__(name)
        self.kind = kind


class DtypeName(Global):
    """What a file names as a dtype that NumPy has not; tensors of it are decoded."""

    __slots__ = ("kind",)

    def __init__(self, name: str, kind: Kind) -> None:
        super().__init__(name)
        self.kind = kind


class Storage:
    """One storage of the file: its bytes, seen as elements of a kind in one array that all its tensors share."""

    def __init__(self, data: Any, kind: Kind | None, swap: bool) -> None:
        self._data, self.kind, self._swap = data, kind, swap
        self._views: dict[str, Any] = {}
        self._slice = slice(None)

    def of_kind(self, kind: Kind | None) -> Storage:
        """Return the same memory, named as elements of another kind."""
        other = copy.copy(self)
        other.kind = kind
        return other

    def part(self, offset: int, size: int) -> Storage:
        """Return the same memory, narrowed to some of its elements."""
        other = copy.copy(self)
        other._slice = slice(offset, offset + size)
        return other

    def elements(self, kind: Kind, flag: str = "") -> Any:
        """Return the elements as a flat array, the same one each time; with the `flag` "conj" or "neg" theirs."""
        key = kind.name + flag
        if key not in self._views:
            if flag:
                elements = self._views[kind.name] = self._read(kind)
                self._views[key] = elements.conj() if flag == "conj" else -elements
            else:
                self._views[key] = self._read(kind)
        return self._views[key][self._slice]

    def _read(self, kind: Kind) -> Any:
        if kind.name in self._views:
            return self._views[kind.name]
        if self._views and self._swap:
            damaged("two tensors see one storage as different dtypes, and its bytes are in the other order")
        return kind.read(self._data[: len(self._data) // kind.size * kind.size], self._swap)


class Names:
    """Resolves names; `dry` makes empty tensors, for a first pass over files whose storages come last."""

    def __init__(self) -> None:
        self.dry = False
        self._known: dict[tuple[str, str], Any] = {}

    def resolve(self, module: str, name: str) -> Any:
        """Return what a pickle's name stands for; raises `FileError` for every name that is not in the table."""
        module = {"__builtin__": "builtins"}.get(module, module)
        key = (module, name)
        if key not in self._known:
            self._known[key] = self._find(module, name)
        return self._known[key]

    def _find(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in _CALLS:
            return Global(full, _CALLS[full])
        if full in _TENSOR_CALLS:
            method = getattr(self, _TENSOR_CALLS[full])
            return Global(full, method)
        if full in _CLASSES:
            return Global(full)
        if module == "torch" and name in _DTYPES:
            kind = KINDS[_DTYPES[name]]
            if kind.decode is None:
                return kind.stored
            return BFLOAT16 if kind.name == "bfloat16" else DtypeName(full, kind)
        if module in ("torch", "torch.cuda") and name in STORAGES:
            return StorageType(full, STORAGES[name])
        if full in ("torch.storage.UntypedStorage", "torch.UntypedStorage"):
            return StorageType(full, None)
        if module == "torch._utils" and name in _REFUSED:
            raise FileError(f"it has {_REFUSED[name]}, which Tapeless has not")
        raise FileError(unknown(full))

    # --- tensors ---------------------------------------------------------------------------------------------

    def tensor(self, storage: Any, offset: Any, size: Any, stride: Any, grad: Any = False, *rest: Any) -> Any:
        """`_rebuild_tensor` and `_rebuild_tensor_v2`: (..., requires_grad, backward_hooks, metadata)."""
        check(type(storage) is Storage and len(rest) <= 2, "a tensor has no storage")
        check(storage.kind is not None or self.dry, "a tensor of bytes has no dtype")
        return self._tensor(storage, storage.kind, offset, size, stride, grad, *rest[1:])

    def tensor_v3(
        self, storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, flags: Any = None
    ) -> Any:
        """`_rebuild_tensor_v3`: as v2, the dtype named by itself."""
        named = dtype is BFLOAT16 or isinstance(dtype, np.dtype)
        kind = dtype.kind if type(dtype) is DtypeName else KINDS.get(dtype.name) if named else None
        check(type(storage) is Storage and kind is not None, "a tensor has no storage, or no dtype")
        return self._tensor(storage, kind, offset, size, stride, grad, flags)

    def _tensor(
        self, storage: Any, kind: Any, offset: Any, size: Any, stride: Any, grad: Any, flags: Any = None
    ) -> Any:
        if self.dry:
            return wrap(np.empty(0, np.float32))
        check(type(size) in (tuple, Size) and type(stride) in (tuple, Size), "a tensor's size is no tuple")
        # Conjugates and negatives are views that PyTorch computes when it looks at them.
        check(flags is None or type(flags) is dict, "a tensor's properties are no dict")
        on = [flag for flag in flags or () if flags[flag]]
        check(on in ([], ["conj"], ["neg"]), f"a tensor has the properties {on}, which Tapeless does not know")
        tensor = wrap(strided(storage.elements(kind, *on), tuple(size), tuple(stride), offset))
        if grad:
            tensor.requires_grad_(True)
        return tensor

    def parameter(self, data: Any, grad: Any, hooks: Any, state: Any = None) -> Any:
        """`_rebuild_parameter`, and the one with attributes."""
        check(isinstance(data, Tensor), "a Parameter is made of something else than a tensor")
        parameter = Parameter(data.detach(), requires_grad=bool(grad) and not self.dry)
        if state:
            set_attributes(parameter, state)
        return parameter

    def of_type(self, function: Any, kind: Any, arguments: Any, state: Any) -> Any:
        """`_rebuild_from_type_v2`: a tensor with attributes."""
        check(type(function) is Global and function.name in _TENSOR_CALLS, "a tensor is made by something else")
        check(type(kind) is Global and kind.name in _CLASSES, f"it has a tensor of class {kind!r}")
        check(type(arguments) is tuple and function.call, "a tensor is made of no tuple")
        tensor = function.call(*arguments)
        if state:
            # Buffers are tensors with these two; a module that loads them has its own.
            set_attributes(tensor, {k: v for k, v in state.items() if k not in ("persistent", "_is_buffer")})
        return tensor


def unknown(full: str) -> str:
    """Return the sentence that refuses a name."""
    hint = "which Tapeless does not run: a state consists of tensors, numbers, strings and containers of them. "
    if full.startswith(("torch.nn.modules.", "__main__.")) or ".models." in full:
        hint += "It looks like a whole model; where its class is known, save model.state_dict() and load that"
    else:
        hint += "Nothing of the file was run"
    return f"it asks for {full[:200]}, {hint}"


# --- other values ----------------------------------------------------------------------------------------------


def _ordered_dict(pairs: Any = ()) -> Any:
    made: Any = OrderedDict()
    keys = Keys()
    for key, value in pairs.items() if type(pairs) is dict else pairs:
        made[keys.check(key, made)] = value
    return made


def _counter(counts: Any = None) -> Any:
    check(counts is None or type(counts) is dict, "a Counter is made of no dict")
    made: Any = Counter()
    dict.update(made, counts or {})
    return made


def _set(items: Any = ()) -> Any:
    check(type(items) in (list, tuple), "a set is made of no list")
    made: set[Any] = set()
    keys = Keys()
    for item in items:
        made.add(keys.check(item, made))
    return made


def _complex(real: Any, imag: Any) -> Any:
    check(type(real) in (int, float) and type(imag) in (int, float), "a complex number is made of no numbers")
    return complex(real, imag)


def _encode(text: Any, codec: Any) -> Any:
    check(type(text) is str and codec == "latin1", f"it calls _codecs.encode with {codec!r}, not 'latin1'")
    return text.encode("latin1")


def _bytearray(raw: Any = b"") -> Any:
    check(type(raw) is bytes, "a bytearray is made of no bytes")
    return bytearray(raw)


def _size(parts: Any) -> Any:
    check(type(parts) in (tuple, list) and all(type(part) is int for part in parts), "a Size is made of no numbers")
    return Size(parts)


def _device(kind: Any, index: Any = None) -> Any:
    check(type(kind) is str, "a device has no name")
    return Device(kind, index)


def _layout(name: Any) -> Any:
    check(name == "torch.strided", f"the layout {name!r} is not one that Tapeless has")
    return "strided"


def _numpy_dtype(code: Any, align: Any = False, copy: Any = True) -> Any:
    check(type(code) is str and len(code) <= 3 and code[:1] in ("b", "i", "u", "f", "c"), f"the dtype {code!r}")
    # A fresh one, whose byte order the file may set.
    return np.dtype(code, False, True)  # type: ignore[call-overload]


def _numpy_scalar(dtype: Any, raw: Any) -> Any:
    check(
        isinstance(dtype, np.dtype) and type(raw) is bytes and len(raw) == dtype.itemsize, "a NumPy number is damaged"
    )
    return np.frombuffer(raw, dtype)[0].astype(dtype.newbyteorder("="))


def _numpy_array(kind: Any, shape: Any, code: Any) -> Any:
    check(type(kind) is Global and kind.name == "numpy.ndarray" and shape == (0,), "a NumPy array is damaged")
    return np.empty(0, np.uint8)  # its BUILD brings the rest


def build(owner: Any, state: Any) -> None:
    """What BUILD does: attributes of tensors and OrderedDicts, contents of NumPy's arrays and dtypes."""
    if type(owner) in (OrderedDict, Tensor, Parameter):
        set_attributes(owner, state)
    elif type(owner) is np.ndarray and type(state) is tuple and len(state) == 5:
        version, shape, dtype, fortran, raw = state
        check(version == 1 and isinstance(dtype, np.dtype) and numeric(np.empty(0, dtype)), "a NumPy array is damaged")
        check(type(shape) is tuple and type(raw) is bytes and type(fortran) is bool, "a NumPy array is damaged")
        strided(np.frombuffer(raw, dtype), shape, (0,) * len(shape), 0)  # for its checks
        check(int(np.prod(shape, dtype=object)) * dtype.itemsize == len(raw), "a NumPy array is damaged")
        owner.__setstate__((1, shape, dtype, fortran, raw))
    elif isinstance(owner, np.dtype) and state in [_dtype_state(order) for order in "<>|"]:
        owner.__setstate__(state)  # type: ignore[attr-defined]
    else:
        damaged(f"it puts a state on a {type(owner).__name__}")


def _dtype_state(order: str) -> tuple[Any, ...]:
    return (3, order, None, None, None, -1, -1, 0)


_CALLS: dict[str, Callable[..., Any]] = {
    **{"collections.OrderedDict": _ordered_dict, "collections.Counter": _counter},
    **{"builtins.set": _set, "builtins.frozenset": lambda items=(): frozenset(_set(items))},
    **{"builtins.complex": _complex, "builtins.bytearray": _bytearray, "builtins.bytes": lambda: b""},
    **{"_codecs.encode": _encode, "torch.Size": _size, "torch.device": _device},
    **{"torch.serialization._get_layout": _layout, "numpy.dtype": _numpy_dtype},
    **{f"numpy.{core}.multiarray.scalar": _numpy_scalar for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray._reconstruct": _numpy_array for core in ("core", "_core")},
}
_TENSOR_CALLS = {
    "torch._utils._rebuild_tensor": "tensor", "torch._utils._rebuild_tensor_v2": "tensor",
    "torch._utils._rebuild_tensor_v3": "tensor_v3", "torch._utils._rebuild_parameter": "parameter",
    "torch._utils._rebuild_parameter_with_state": "parameter", "torch._tensor._rebuild_from_type_v2": "of_type",
}  # fmt: skip
_CLASSES = {"torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer", "numpy.ndarray"}
