"""Settings that are one number for every spatial dim, or a number for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def repeat(value: Any, count: int) -> tuple[Any, ...]:
    """Return a single value ``count`` times; anything iterable as a tuple, whatever its length.

    >>> repeat(3, 2), repeat([1, 2], 2)
    ((3, 3), (1, 2))
    """
    return tuple(value) if isinstance(value, Iterable) else (value,) * count
