"""``torch.distributed`` of a PyTorch that was built without it: the questions of programs that can also train alone.

Source: https://docs.pytorch.org/docs/stable/distributed.html
"""

from __future__ import annotations


def is_available() -> bool:
    """Return False: Tapeless trains in one process.

    >>> is_available()
    False
    """
    return False


def is_initialized() -> bool:
    """Return False.

    >>> import tapeless as tl
    >>> tl.distributed.is_initialized()
    False
    """
    return False


def is_torchelastic_launched() -> bool:
    """Return False.

    >>> import tapeless as tl
    >>> tl.distributed.is_torchelastic_launched()
    False
    """
    return False
