"""Changing the dtype of a whole module in place (the device is always the CPU)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tapeless._core.modes import no_grad
from tapeless._creation import empty_like
from tapeless._device import TYPES, Device, DeviceError, check_device
from tapeless._dtypes import as_dtype
from tapeless._tensor import Tensor

_CPU_ONLY = (
    "Torch not compiled with {name} enabled\n"
    "tapeless computes with NumPy, on the CPU only, so a module can't be moved to {where}. "
    "Leave `.{call}()` out, or write `.to('cpu')`."
)


def _is_inexact(tensor: Tensor) -> bool:
    return bool(np.issubdtype(tensor.dtype, np.inexact))


def _is_floating(tensor: Tensor) -> bool:
    return bool(np.issubdtype(tensor.dtype, np.floating))


def _looks_like_device(value: Any) -> bool:
    # Dtypes may be strings, too; a name that is neither is reported as a dtype.
    if isinstance(value, str):
        return value.split(":")[0] in TYPES
    return isinstance(value, Device) or (isinstance(value, int) and not isinstance(value, bool))


def _parse_to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Return ``(device, dtype)`` from the arguments of ``Module.to``, in any of PyTorch's three orders."""
    unknown = set(kwargs) - {"device", "dtype", "tensor", "other", "non_blocking", "copy", "memory_format"}
    if unknown:
        raise TypeError(f"to() got an unexpected keyword argument '{sorted(unknown)[0]}'")
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    like = kwargs.get("tensor", kwargs.get("other"))
    for position, value in enumerate(args):
        if isinstance(value, bool) and position > 0:
            continue  # non_blocking, which means nothing on the CPU
        if isinstance(value, Tensor):
            like = value
        elif value is None or _looks_like_device(value):
            device = value if device is None else device
        else:
            dtype = value
    if like is not None:
        dtype = like.dtype
    return device, None if dtype is None else as_dtype(dtype)


class ModuleConversion:
    """The part of `Module` that converts parameters and buffers."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]

    def children(self) -> Any:
        raise NotImplementedError  # ModuleWalk has it

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Replace the data of all parameters, gradients and buffers by ``fn`` of it, in place."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        with no_grad():
            for parameter in self._parameters.values():
                if parameter is None:
                    continue
                grad, converted = parameter.grad, fn(parameter)
                if converted is not parameter:
                    # A gradient has to have its parameter's dtype at all times, and so has the place that an
                    # optimizer set aside for it.
                    parameter.grad = parameter._home = None
                    parameter.data = converted
                    parameter.grad = None if grad is None else fn(grad).requires_grad_(grad.requires_grad)
            for name, buffer in self._buffers.items():
                if buffer is not None:
                    converted = fn(buffer)
                    if converted is not buffer:
                        self._buffers[name] = converted
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Convert floating-point and complex parameters and buffers in place; return the module.

        Called as ``to(device=None, dtype=None, non_blocking=False)``, ``to(dtype)`` or ``to(tensor)``.
        Integer buffers keep their dtype. Raises ``TypeError`` for an integer dtype, and refuses any device
        but the CPU.

        >>> import tapeless as tl
        >>> tl.nn.Linear(2, 2).to(tl.float64).weight.dtype
        dtype('float64')
        """
        device, dtype = _parse_to(args, kwargs)
        if dtype is not None and not np.issubdtype(dtype, np.inexact):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}. To convert one tensor, write `tensor.to(dtype)`"
            )
        check_device(device)

        def convert(tensor: Tensor) -> Tensor:
            return tensor if dtype is None or not _is_inexact(tensor) else tensor.to(dtype)

        return self._apply(convert)

    def _to_floating(self, dtype: str) -> Any:
        return self._apply(lambda tensor: tensor.to(np.dtype(dtype)) if _is_floating(tensor) else tensor)

    def type(self, dst_type: Any) -> Any:
        """Convert all parameters and buffers, integer ones included, to one dtype; return the module."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def float(self) -> Any:
        """Convert floating-point parameters and buffers to float32; return the module."""
        return self._to_floating("float32")

    def double(self) -> Any:
        """Convert floating-point parameters and buffers to float64; return the module."""
        return self._to_floating("float64")

    def half(self) -> Any:
        """Convert floating-point parameters and buffers to float16; return the module."""
        return self._to_floating("float16")

    def bfloat16(self) -> Any:
        """Raise ``NotImplementedError``: NumPy has no bfloat16."""
        raise NotImplementedError("NumPy has no bfloat16, so tapeless has none. Use .half() for 16 bits, or .float().")

    def cpu(self) -> Any:
        """Return the module: it is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Any:
        """Raise `DeviceError`, an ``AssertionError`` as PyTorch's: tapeless runs on the CPU only."""
        raise DeviceError(_CPU_ONLY.format(name="CUDA", where="CUDA", call="cuda"))

    def xpu(self, device: Any = None) -> Any:
        """Raise `DeviceError`, as `cuda` does."""
        raise DeviceError(_CPU_ONLY.format(name="XPU", where="an XPU", call="xpu"))

    def ipu(self, device: Any = None) -> Any:
        """Raise `DeviceError`, as `cuda` does."""
        raise DeviceError(_CPU_ONLY.format(name="IPU", where="an IPU", call="ipu"))

    def mtia(self, device: Any = None) -> Any:
        """Raise `DeviceError`, as `cuda` does."""
        raise DeviceError(_CPU_ONLY.format(name="MTIA", where="MTIA", call="mtia"))

    def share_memory(self) -> Any:
        """Raise ``NotImplementedError``: arrays of NumPy are not shared between processes."""
        raise NotImplementedError(
            "tapeless cannot move a module to memory that processes share. Send its state_dict() to the other process, "
            "or train in one: NumPy uses several cores for large arrays."
        )

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Replace parameters and buffers by uninitialised ones of the same shape; return the module."""
        return self._apply(lambda tensor: empty_like(tensor, device=device), recurse=recurse)
