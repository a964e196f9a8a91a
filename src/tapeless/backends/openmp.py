"""``torch.backends.openmp``: Tapeless itself uses no OpenMP; what NumPy was built with is NumPy's business."""

from __future__ import annotations


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False
