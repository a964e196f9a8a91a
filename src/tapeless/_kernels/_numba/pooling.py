"""Max pooling with windows of 2x2 side by side: one pass over the input, where NumPy copies and compares its cells.

Other windows stay with NumPy: a loop over the places of a window of any size takes twice as long as NumPy's rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compile import compiled_exactly, fits, in_threads


def window_argmax(x: Any, window: Any, stride: Any, padding: Any, dilation: Any, sizes: Any) -> Any:
    """Return the largest element of each window and its place in the flat last two dims."""
    if not fits(x) or not (tuple(window) == tuple(stride) == (2, 2) and not any(padding) and tuple(dilation) == (1, 1)):
        return NotImplemented
    height, width = x.shape[-2:]
    if 2 * sizes[0] > height or 2 * sizes[1] > width:  # `ceil_mode`: windows that reach beyond
        return NotImplemented
    best = np.empty((*x.shape[:-2], *sizes), x.dtype)
    index = np.empty(best.shape, np.int64)
    planes = x.reshape(-1, height, width)
    in_threads(_window_argmax, len(planes), 2 * x.size, planes, best.reshape(-1, *sizes), index.reshape(-1, *sizes))
    return best, index


@compiled_exactly
def _window_argmax(start, stop, x, best, index):  # type: ignore[no-untyped-def]
    width = x.shape[2]
    for n in range(start, stop):
        for i in range(best.shape[1]):
            upper, lower, to, places = x[n, 2 * i], x[n, 2 * i + 1], best[n, i], index[n, i]
            for j in range(best.shape[2]):
                value, place = upper[2 * j], 0
                value, place = _larger(value, place, upper[2 * j + 1], 1)
                value, place = _larger(value, place, lower[2 * j], width)
                value, place = _larger(value, place, lower[2 * j + 1], width + 1)
                to[j], places[j] = value, 2 * i * width + 2 * j + place


@compiled_exactly
def _larger(value, place, other, its_place):  # type: ignore[no-untyped-def]
    """The first of equals stays, the last NaN wins."""
    larger = (other > value) | (other != other)  # no `or`: a branch that is taken half of the time costs most
    return (other, its_place) if larger else (value, place)
