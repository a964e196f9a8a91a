"""``torch.backends.nnpack``: Tapeless itself uses no NNPACK; what NumPy was built with is NumPy's business."""

from __future__ import annotations


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False
