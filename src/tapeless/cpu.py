"""``torch.cpu``: the one device that there is, under the names of devices.

Source: https://docs.pytorch.org/docs/stable/cpu.html
"""

from __future__ import annotations

from typing import Any

from . import amp as amp


def is_available() -> bool:
    """Return True.

    >>> is_available()
    True
    """
    return True


def is_initialized() -> bool:
    """Return True."""
    return True


def device_count() -> int:
    """Return 1."""
    return 1


def current_device() -> str:
    """Return "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Do nothing: there is one CPU."""


def synchronize(device: Any = None) -> None:
    """Do nothing: results are there when a call returns."""
