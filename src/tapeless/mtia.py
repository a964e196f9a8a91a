"""``torch.mtia``: accelerators that are not there."""

from __future__ import annotations


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False


def device_count() -> int:
    """Return 0.

    >>> import tapeless as tl
    >>> tl.mtia.device_count()
    0
    """
    return 0
