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


@kernel
def fill_masked(x: Any, mask: Any, values: Any) -> Any:
    """Return a copy of `x`, broadcast to the mask, with `values` one after the other where the mask holds."""
    out = np.broadcast_to(x, mask.shape).copy()
    out[mask] = values.reshape(-1)[: np.count_nonzero(mask)]
    return out


@kernel
def sliding_windows(x: Any, axis: int, size: int, step: int) -> Any:
    """Return a view of all windows along `axis`, `step` apart, with a last axis for the places in a window.

    >>> sliding_windows(np.arange(4), 0, 2, 1).tolist()
    [[0, 1], [1, 2], [2, 3]]
    """
    count = (x.shape[axis] - size) // step + 1
    strides = [*x.strides, x.strides[axis]]
    strides[axis] *= step
    return np.lib.stride_tricks.as_strided(x, (*x.shape[:axis], count, *x.shape[axis + 1 :], size), tuple(strides))


def along(index: Any, axis: int) -> tuple[Any, ...]:
    """Return the full index that reads position ``index[i, j, ...]`` of `axis` and ``i, j, ...`` of the others."""
    grid = list(np.indices(index.shape, sparse=True))
    grid[axis] = index
    return tuple(grid)
