"""``torch.xpu``: Intel's GPUs, of which there are none. Questions have answers, the rest raises AssertionError."""

from __future__ import annotations

from typing import Any

from ._device import check_device


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False


def device_count() -> int:
    """Return 0.

    >>> import tapeless as tl
    >>> tl.xpu.device_count()
    0
    """
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no device to seed.

    >>> import tapeless as tl
    >>> tl.xpu.manual_seed(0)
    """


def manual_seed_all(seed: int) -> None:
    """Do nothing.

    >>> import tapeless as tl
    >>> tl.xpu.manual_seed_all(0)
    """


def empty_cache() -> None:
    """Do nothing: there is no cache.

    >>> import tapeless as tl
    >>> tl.xpu.empty_cache()
    """


def synchronize(device: Any = None) -> None:
    """Raise `DeviceError`, an ``AssertionError`` as PyTorch's.

    >>> import tapeless as tl
    >>> tl.xpu.is_available()
    False
    """
    check_device("xpu")
