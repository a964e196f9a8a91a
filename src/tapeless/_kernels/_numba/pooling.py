"""Maximum pooling in two dims: each window is read once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compile import compiled, fits, in_threads


def window_argmax(x: Any, window: Any, stride: Any, padding: Any, dilation: Any, sizes: Any) -> Any:
    """Return the largest element of each window and its place in the flat unpadded dims; NaN wins, the last of them."""
    if len(window) != 2 or x.ndim < 2 or not fits(x):
        return NotImplemented
    images = x.reshape(-1, *x.shape[-2:])
    best = np.empty((len(images), *sizes), x.dtype)
    index = np.empty(best.shape, np.int64)
    geometry = *map(int, window), *map(int, stride), *map(int, padding), *map(int, dilation)
    in_threads(_window_argmax, len(images), x.size, images, geometry, best, index)
    shape = (*x.shape[:-2], *sizes)
    return best.reshape(shape), index.reshape(shape)


@compiled
def _window_argmax(start, stop, images, geometry, best, index):  # type: ignore[no-untyped-def]
    high, wide, down, right, above, left, rows_apart, columns_apart = geometry
    height, width = images.shape[1], images.shape[2]
    lowest = images.dtype.type(-np.inf)
    for n in range(start, stop):
        for i in range(best.shape[1]):
            for j in range(best.shape[2]):
                top = lowest  # of a window that has no element: the place of its first cell
                place, found = (i * down - above) * width + j * right - left, False
                for k in range(high):
                    row = i * down - above + k * rows_apart
                    if row < 0 or row >= height:
                        continue
                    for m in range(wide):
                        column = j * right - left + m * columns_apart
                        if column < 0 or column >= width:
                            continue
                        value = images[n, row, column]
                        if not found or value > top or value != value:  # nothing is greater than NaN
                            top, place, found = value, row * width + column, True
                best[n, i, j], index[n, i, j] = top, place
