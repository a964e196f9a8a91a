"""``torch.accelerator``: GPUs and their like, of which there are none.

Source: https://docs.pytorch.org/docs/stable/accelerator.html
"""

from __future__ import annotations

from typing import Any

from ._errors import NO_ACCELERATOR


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False


def device_count() -> int:
    """Return 0.

    >>> import tapeless as tl
    >>> tl.accelerator.device_count()
    0
    """
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """Return None, the accelerator of a machine that has none.

    >>> import tapeless as tl
    >>> tl.accelerator.current_accelerator() is None
    True
    """
    return None


def _refused(name: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(NO_ACCELERATOR)

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"""Raise RuntimeError, as PyTorch without an accelerator does.

    >>> import tapeless as tl
    >>> tl.accelerator.{name}()
    Traceback (most recent call last):
        ...
    RuntimeError: {NO_ACCELERATOR.splitlines()[0][:40]}...
    """
    return refuse


_NEED_ONE = """
current_device_idx current_device_index current_stream empty_cache get_device_capability get_memory_info
max_memory_allocated max_memory_reserved memory_allocated memory_reserved memory_stats reset_accumulated_memory_stats
reset_peak_memory_stats set_device_idx set_device_index set_stream synchronize
""".split()
globals().update({name: _refused(name) for name in _NEED_ONE})
