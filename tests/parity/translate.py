"""PyTorch's samples as ours: tensors, dtypes, and functions whose globals name `torch`."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import torch

import tapeless

DTYPES = {
    getattr(torch, name): getattr(tapeless, name)
    for name in (
        "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()
    )
    if hasattr(tapeless, name)
}


class Untranslatable(Exception):
    """A sample that holds something that NumPy has no counterpart of."""


def array_of(tensor: Any) -> np.ndarray:
    """Return a copy of a PyTorch tensor's elements, in memory of its own that is laid out alike."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if (
        tensor.layout is not torch.strided
        or tensor.dtype not in DTYPES
        or tensor.ndim > 64
        or tensor.device.type != "cpu"
    ):
        raise Untranslatable(f"{tensor.layout} {tensor.dtype}")
    if tensor._is_zerotensor():  # zeros without memory, which only PyTorch's own derivatives make
        tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)
    if tensor.numel() < tensor.untyped_storage().nbytes() // tensor.itemsize or 0 in tensor.stride():
        # A part of some memory (or memory seen several times): operations by strides look at all of it.
        memory = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage()).numpy().copy()
        start = tensor.storage_offset()
        if tensor.is_contiguous():
            return memory[start : start + tensor.numel()].reshape(tuple(tensor.shape))
        strides = [step * tensor.itemsize for step in tensor.stride()]
        return np.lib.stride_tricks.as_strided(memory[start:], tuple(tensor.shape), strides)
    return np.array(tensor.numpy(), order="K")


class ToOurs:
    """Translates arguments; each PyTorch tensor becomes one of ours, the same one each time."""

    def __init__(self) -> None:
        self.pairs: dict[int, tuple[Any, Any]] = {}
        self.memory: dict[int, np.ndarray] = {}  # of contiguous tensors, by the address of PyTorch's

    def array(self, tensor: Any) -> np.ndarray:
        """Return a copy of the elements; tensors that share memory share it here too."""
        at = tensor.untyped_storage().data_ptr() if tensor.layout is torch.strided else 0
        if at and at in self.memory and self.memory[at].itemsize == tensor.itemsize:
            strides = [step * tensor.itemsize for step in tensor.stride()]
            rest = self.memory[at][tensor.storage_offset() :]
            return np.lib.stride_tricks.as_strided(rest, tuple(tensor.shape), strides)
        array = array_of(tensor)
        if at and array.flags.c_contiguous and array.nbytes == tensor.untyped_storage().nbytes():
            self.memory[at] = array.reshape(-1)
        elif at and isinstance(array.base, np.ndarray):
            self.memory[at] = array.base
        return array

    def __call__(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self.pairs:
                ours = tapeless.from_numpy(self.array(value))
                self.pairs[id(value)] = (value, ours.requires_grad_(value.requires_grad))
            return self.pairs[id(value)][1]
        if isinstance(value, torch.dtype):
            if value not in DTYPES:
                raise Untranslatable(str(value))
            return DTYPES[value]
        if isinstance(value, torch.device):
            return tapeless.device(value.type)
        if isinstance(value, (torch.layout, torch.memory_format)):
            name = str(value).removeprefix("torch.")
            return getattr(tapeless, name, name)
        if isinstance(value, slice):
            return slice(self(value.start), self(value.stop), self(value.step))
        if isinstance(value, tuple):
            items = [self(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, types.FunctionType):
            return function(value)
        if isinstance(value, torch.nn.Module):
            return module(value)
        return value

    def differentiable(self) -> list[tuple[Any, Any]]:
        """Return the pairs of tensors, PyTorch's and ours, whose gradients are wanted."""
        return [pair for pair in self.pairs.values() if pair[0].requires_grad]


def module(theirs: Any) -> Any:
    """Return our module of the same class, for the few that samples contain."""
    cls = getattr(tapeless.nn, type(theirs).__name__)
    options = {k: v for k, v in vars(theirs).items() if k in type(theirs).__constants__ and not k.startswith("_")}
    options = {{"norm": "p"}.get(k, k): v for k, v in options.items()}
    return cls(**options)


def with_seed(op: Any, *args: Any, **kwargs: Any) -> Any:
    """Stand in for PyTorch's `wrapper_set_seed`."""
    tapeless.manual_seed(42)
    return op(*args, **kwargs)


def function(theirs: types.FunctionType) -> Any:
    """Return the function with every `torch` in it meaning Tapeless."""
    if (theirs.__module__ or "").startswith("torch.") and not theirs.__module__.startswith("torch.testing"):
        found = lookup(f"{theirs.__module__.removeprefix('torch.')}.{theirs.__name__}")
        if found is not None:
            return found
    scope = dict(theirs.__globals__)
    scope.update(torch=_Torch(), F=tapeless.nn.functional, np=np, wrapper_set_seed=with_seed)
    cells = theirs.__closure__
    if cells is not None:
        cells = tuple(types.CellType(_cell(cell.cell_contents)) for cell in cells)
    copy = types.FunctionType(theirs.__code__, scope, theirs.__name__, theirs.__defaults__, cells)
    copy.__kwdefaults__ = theirs.__kwdefaults__
    return copy


def _cell(value: Any) -> Any:
    if isinstance(value, types.FunctionType):
        return function(value)
    if isinstance(value, types.BuiltinFunctionType):
        return lookup(value.__name__) or value
    return ToOurs()(value)


class _Torch:
    """What `torch` means inside PyTorch's helpers: Tapeless."""

    def __getattr__(self, name: str) -> Any:
        return tapeless.TensorBase if name == "TensorBase" else getattr(tapeless, name)


def lookup(path: str) -> Any:
    """Return ``tapeless.<path>``, or None."""
    found: Any = tapeless
    try:
        for part in path.split("."):
            found = getattr(found, part)
    except (AttributeError, ImportError):
        return None
    return found
