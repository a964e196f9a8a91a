"""Sums over the windows of an array, and their transpose; windows lie on the last dims."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .accelerated import accelerated
from .dispatch import kernel


def offsets(window: Any, stride: Any, dilation: Any, sizes: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place in a window, and the slices that it has in all windows: sizes[i] of them along axis i."""
    for offset in itertools.product(*map(range, window)):
        yield (
            offset,
            tuple(
                slice(o * d, o * d + (n - 1) * s + 1, s)
                for o, d, n, s in zip(offset, dilation, sizes, stride, strict=True)
            ),
        )


@kernel
def window_sums(x: Any, window: Any, stride: Any, sizes: Any) -> Any:
    """Return the sum of each window."""
    out = None
    for _, where in offsets(window, stride, (1,) * len(window), sizes):
        part = x[(..., *where)]
        if out is None:
            out = part.copy()
        else:
            out += part
    return out


@kernel
def spread_windows(g: Any, window: Any, stride: Any, shape: Any) -> Any:
    """Add each element of `g` to all places of its window: the transpose of `window_sums`."""
    sizes = g.shape[len(g.shape) - len(window) :]
    out = np.zeros((*g.shape[: len(g.shape) - len(window)], *shape), g.dtype)
    for _, where in offsets(window, stride, (1,) * len(window), sizes):
        out[(..., *where)] += g
    return out


@kernel
@accelerated("pooling.window_argmax", size=16384)
def window_argmax(x: Any, window: Any, stride: Any, padding: Any, dilation: Any, sizes: Any) -> tuple[Any, Any]:
    """Return the largest element of each window, and its place in the flat unpadded dims; NaN wins, the last of them.

    `x` is padded on both sides (and beyond, for windows that begin inside) with the lowest value.
    """
    inner = x.shape[x.ndim - len(window) :]
    padded, inside = _padded(x, inner, window, stride, padding, dilation, sizes)
    cells = list(offsets(window, stride, dilation, sizes))
    parts = [padded[(..., *where)] for _, where in cells]
    parts = [np.ascontiguousarray(part) for part in parts]  # all below is three times as fast on rows without gaps
    best, which = parts[0].copy(), np.zeros(parts[0].shape, np.min_scalar_type(len(cells)))
    for k, part in enumerate(parts[1:], 1):
        better = part > best  # the first of equals stays
        np.maximum(best, part, out=best)
        np.maximum(which, better * which.dtype.type(k), out=which)  # masked writes would take most of the time
    if inside is not None and (best == _lowest(x.dtype)).any():  # a window may have chosen padding
        for k in range(len(cells) - 1, -1, -1):
            np.copyto(which, k, where=(parts[k] == best) & inside[cells[k][1]])
    if x.dtype.kind == "f" and np.isnan(best).any():
        for k, part in enumerate(parts):
            np.copyto(which, k, where=np.isnan(part))
    steps = [int(np.prod(inner[axis + 1 :], dtype=int)) for axis in range(len(inner))]
    shift = [sum(o * d * step for o, d, step in zip(cell, dilation, steps, strict=True)) for cell, _ in cells]
    index = np.array(shift, np.int64).take(which)
    for axis, (n, s, p, step) in enumerate(zip(sizes, stride, padding, steps, strict=True)):
        index += ((np.arange(n) * s - p) * step).reshape([-1 if i == axis else 1 for i in range(len(inner))])
    return best, index


def _padded(
    x: Any, inner: Any, window: Any, stride: Any, padding: Any, dilation: Any, sizes: Any
) -> tuple[Any, Any | None]:
    """Return `x` filled up for all windows with the lowest value, and where it is `x` itself: None for everywhere."""
    reach = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(sizes, stride, window, dilation, strict=True)]
    if not any(padding) and all(r <= n for r, n in zip(reach, inner, strict=True)):
        return x, None
    full = tuple([max(r, n + p) for r, n, p in zip(reach, inner, padding, strict=True)])
    places: Any = tuple([slice(p, p + n) for n, p in zip(inner, padding, strict=True)])
    padded = np.full((*x.shape[: x.ndim - len(inner)], *full), _lowest(x.dtype), x.dtype)
    padded[(..., *places)] = x
    inside = np.zeros(full, bool)
    inside[places] = True
    return padded, inside


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


@kernel
def place_chosen(values: Any, index: Any, count: int) -> Any:
    """Return rows of `count` zeros with ``values[..., i]`` at ``index[..., i]``, which are different places.

    A seventh of the time of `scatter_add`, which has to expect a place twice.
    """
    lead = index.shape[:-1]
    rows = math.prod(lead)
    out = np.zeros(rows * count, values.dtype)
    places = index.reshape(rows, -1) + np.arange(0, rows * count, count)[:, None] if rows * count else index
    out[places.reshape(-1)] = values.reshape(-1)
    return out.reshape(*lead, count)


@kernel
def part_argmax(x: Any, bounds: Any) -> tuple[Any, Any]:
    """Return the largest element of each part of the last axes, and its place in them, flat.

    `bounds` has, for each axis, the (start, stop) of its parts.
    """
    ndim = len(bounds)
    lead, inner = x.shape[: x.ndim - ndim], x.shape[x.ndim - ndim :]
    sizes = tuple(map(len, bounds))
    places = np.arange(np.prod(inner, dtype=int)).reshape(inner)
    values: Any = np.empty((*lead, *sizes), x.dtype)
    index: Any = np.empty((*lead, *sizes), np.int64)
    for cell in itertools.product(*map(range, sizes)):
        where = tuple(slice(*bounds[axis][i]) for axis, i in enumerate(cell))
        part = x[(..., *where)].reshape(*lead, -1)
        best = part.argmax(-1)
        values[(..., *cell)] = np.take_along_axis(part, best[..., None], -1)[..., 0]
        index[(..., *cell)] = places[where].reshape(-1)[best]
    return values, index
