"""``torch.backends.opt_einsum``: the order of products in `einsum` is left to NumPy."""

from __future__ import annotations

enabled = False
strategy: str | None = None


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False
