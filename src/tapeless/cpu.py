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
    """Return True.

    >>> import tapeless as tl
    >>> tl.cpu.is_initialized()
    True
    """
    return True


def device_count() -> int:
    """Return 1.

    >>> import tapeless as tl
    >>> tl.cpu.device_count()
    1
    """
    return 1


def current_device() -> str:
    """Return "cpu".

    >>> import tapeless as tl
    >>> tl.cpu.current_device()
    'cpu'
    """
    return "cpu"


def set_device(device: Any) -> None:
    """Do nothing: there is one CPU.

    >>> import tapeless as tl
    >>> tl.cpu.set_device("cpu")
    """


def synchronize(device: Any = None) -> None:
    """Do nothing: results are there when a call returns.

    >>> import tapeless as tl
    >>> tl.cpu.synchronize()
    """
