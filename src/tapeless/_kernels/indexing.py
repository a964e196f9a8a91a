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
    elif _names_rows(index, values, shape):
        _add_rows(out, index[0].reshape(-1) % shape[0], values.reshape((-1, shape[1])))
    else:
        np.add.at(out, index, values)
    return out


def _names_rows(index: Any, values: Any, shape: tuple[int, ...]) -> bool:
    """Whether this is one array of row numbers of a float table, as for an embedding's gradient."""
    return (
        isinstance(index, tuple)
        and len(index) == 1
        and isinstance(index[0], np.ndarray)
        and len(shape) == 2
        and values.dtype in (np.float32, np.float64)
        and values.size >= _MANY
    )


# Measured: 768 rows of 128 floats, into a table of 65 rows, take 840 us with np.add.at and 126 sorted first; 4,096 rows
# of 64 into 5,000, 4.1 and 2.7 ms; 32 rows of 32 the same 19 us either way. (A product with a matrix of zeros and ones
# is no faster for 768 rows into 128, and twenty times slower into 5,000.)
_MANY = 2048


def _add_rows(out: Any, rows: Any, values: Any) -> None:
    """Add each of `values` to its row of the table `out`, which holds zeros: sorted by row, then summed in runs."""
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    out[rows[starts]] = np.add.reduceat(values[order], starts, axis=0)


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
