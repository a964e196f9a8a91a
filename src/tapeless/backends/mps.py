"""``torch.backends.mps``: the GPU of a Mac, which is not there."""

from __future__ import annotations


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False


def is_built() -> bool:
    """Return False.

    >>> import tapeless as tl
    >>> tl.backends.mps.is_built()
    False
    """
    return False
