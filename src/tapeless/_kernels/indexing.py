"""Writing gradients back to where they were read from: the counterparts of indexing and gathering."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import kernel


def is_basic(index: Any) -> bool:
    """Return whether NumPy answers this index with a view: ints, slices, None and Ellipsis only."""
    items = index if isinstance(index, tuple) else (index,)
    return all(
        item is None or item is Ellipsis or isinstance(item, slice)
        or (isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_)))
        for item in items
    )  # fmt: skip


@kernel
def place(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros of `shape` with `values` added at ``[index]``; places named twice get the sum.

    >>> place(np.array([1.0, 2.0]), np.array([0, 0]), (3,))
    array([3., 0., 0.])
    """
    out = np.zeros(shape, values.dtype)
    if is_basic(index) or (isinstance(index, np.ndarray) and index.dtype == bool):
        out[index] = values
    else:
        np.add.at(out, index, values)
    return out


@kernel
def scatter_add(values: Any, index: Any, axis: int, shape: tuple[int, ...]) -> Any:
    """Return zeros of `shape` with ``values[i, ...]`` added at position ``index[i, ...]`` of `axis`.

    `index` and `values` have the same shape, which may be smaller than `shape` on any axis.
    """
    out = np.zeros(shape, values.dtype)
    np.add.at(out, along(index, axis), values)
    return out


def along(index: Any, axis: int) -> tuple[Any, ...]:
    """Return the full index that reads position ``index[i, j, ...]`` of `axis` and ``i, j, ...`` of the others."""
    grid = list(np.indices(index.shape, sparse=True))
    grid[axis] = index
    return tuple(grid)
