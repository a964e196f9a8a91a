"""Devices: there is one, the CPU; every argument that names another is refused in a clear sentence."""

from __future__ import annotations

from typing import Any

from ._errors import device_error


class Device:
    """What ``tensor.device`` returns; ``Device("cpu")`` is the only one.

    See https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.device

    >>> Device("cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        kind, _, number = str(type).partition(":")
        if kind != "cpu":
            raise RuntimeError(device_error(type))
        self.type = kind
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return "device(type='cpu')" if self.index is None else f"device(type='cpu', index={self.index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = Device("cpu")


def check_device(device: Any) -> None:
    """Raise RuntimeError unless `device` is None or names the CPU."""
    if device is not None and not isinstance(device, Device):
        Device(device)
