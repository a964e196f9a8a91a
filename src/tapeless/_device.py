"""Devices: all of PyTorch's can be named, and one can be used, the CPU; the others are refused in a clear sentence."""

from __future__ import annotations

from typing import Any

from ._errors import NO_ACCELERATOR, device_error

TYPES = """
cpu cuda ipu xpu mkldnn opengl opencl ideep hip ve fpga maia xla lazy vulkan mps meta hpu mtia privateuseone
""".split()


class Device:
    """What ``tensor.device`` returns, and what names a place for tensors: ``"cpu"``, ``"cuda:0"``, ...

    As in a PyTorch without CUDA, other devices than the CPU have names, which a program may compare, but hold no
    tensors. Raises RuntimeError for what is no device.
    See https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.device

    >>> Device("cpu")
    device(type='cpu')
    >>> Device("cuda:1").index
    1
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, int):
            raise RuntimeError(NO_ACCELERATOR)
        if isinstance(type, Device):
            self.type, self.index = type.type, type.index if index is None else index
            return
        if not isinstance(type, str):
            raise TypeError(f"device(): expected a name such as 'cpu', got {type!r}")
        kind, colon, number = type.partition(":")
        if not type:
            raise RuntimeError("Device string must not be empty")
        if kind not in TYPES:
            raise RuntimeError(
                f"Expected one of {', '.join(TYPES)} device type at start of device string: {kind}\n"
                f"{device_error(type)}"
            )
        if colon and index is not None:
            raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: {type}")
        if colon and not (number.isascii() and number.isdigit()):
            raise RuntimeError(f"Invalid device string: '{type}'")
        self.type = kind
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'{'' if self.index is None else f', index={self.index}'})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> Device:
        """Make tensors on this device in the block: on the CPU, where they are made anyway."""
        check_device(self)
        return self

    def __exit__(self, *error: Any) -> None:
        return None


class DeviceError(AssertionError, RuntimeError):
    """A device that does not exist here was to be used: PyTorch raises AssertionError for CUDA."""


CPU = Device("cpu")


def check_device(device: Any) -> None:
    """Raise unless `device` is None or names the CPU: `DeviceError` for CUDA and XPU, RuntimeError for all else."""
    if device is None or device is CPU:
        return
    kind = device.type if isinstance(device, Device) else Device(device).type
    if kind == "cpu":
        return
    text = device_error(device)
    if kind in ("cuda", "xpu"):
        raise DeviceError(f"Torch not compiled with {kind.upper()} enabled\n{text}")
    raise RuntimeError(f"PyTorch is not linked with support for {kind} devices\n{text}")
