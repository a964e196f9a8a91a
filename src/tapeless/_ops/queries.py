"""Questions about tensors whose answer is a Python bool."""

from __future__ import annotations

from typing import Any

from .._core.registry import composite


@composite("is_nonzero")
def is_nonzero(input: Any) -> bool:
    """Return whether the one element is not zero. Raises RuntimeError unless there is exactly one.

    >>> import tapeless as tl
    >>> tl.is_nonzero(tl.tensor([0.0]))
    False
    """
    return bool(input)


@composite("is_same_size")
def is_same_size(input: Any, other: Any) -> bool:
    """Return whether two tensors have the same shape.

    >>> import tapeless as tl
    >>> tl.is_same_size(tl.ones(2), tl.ones(2, 1))
    False
    """
    return tuple(input.shape) == tuple(other.shape)


@composite("is_signed")
def is_signed(input: Any) -> bool:
    """Return whether the dtype has negative numbers.

    >>> import tapeless as tl
    >>> tl.is_signed(tl.ones(1, dtype=tl.uint8))
    False
    """
    return input.dtype.kind in "ifc"


@composite("is_conj")
def is_conj(input: Any) -> bool:
    """Return False: a conjugate is computed at once here, not noted for later.

    >>> import tapeless as tl
    >>> tl.is_conj(tl.ones(1))
    False
    """
    return False


@composite("is_neg")
def is_neg(input: Any) -> bool:
    """Return False: a negation is computed at once here, not noted for later.

    >>> import tapeless as tl
    >>> tl.is_neg(tl.ones(1))
    False
    """
    return False
