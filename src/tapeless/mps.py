"""``torch.mps``: the GPU of a Mac, which is not there. Questions have answers, the rest raises RuntimeError."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False


def device_count() -> int:
    """Return 0.

    >>> import tapeless as tl
    >>> tl.mps.device_count()
    0
    """
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no device to seed.

    >>> import tapeless as tl
    >>> tl.mps.manual_seed(0)
    """


def seed() -> None:
    """Do nothing.

    >>> import tapeless as tl
    >>> tl.mps.seed()
    """


def _refused(name: str, inner: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"Cannot execute {inner}() without MPS backend.\nTapeless runs on the CPU only.")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"""Raise RuntimeError, as PyTorch on other machines than Macs does.

    >>> import tapeless as tl
    >>> tl.mps.{name}()
    Traceback (most recent call last):
        ...
    RuntimeError: Cannot execute {inner}() without MPS backend...
    """
    return refuse


empty_cache = _refused("empty_cache", "emptyCache")
synchronize = _refused("synchronize", "deviceSynchronize")
current_allocated_memory = _refused("current_allocated_memory", "getCurrentAllocatedMemory")
driver_allocated_memory = _refused("driver_allocated_memory", "getDriverAllocatedMemory")
