"""Sums over the windows of an array, and their transpose; windows lie on the last dims."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

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
def window_argmax(x: Any, window: Any, stride: Any, padding: Any, dilation: Any, sizes: Any) -> tuple[Any, Any]:
    """Return the largest element of each window, and its place in the flat unpadded dims; NaN wins, the last of them.

    `x` is padded on both sides (and beyond, for windows that begin inside) with the lowest value.
    """
    ndim = len(window)
    inner = x.shape[x.ndim - ndim :]
    reach = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(sizes, stride, window, dilation, strict=True)]
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = np.full(
        (*x.shape[: x.ndim - ndim], *(max(r, n + p) for r, n, p in zip(reach, inner, padding, strict=True))),
        low,
        x.dtype,
    )
    inside: Any = (..., *(slice(p, p + n) for n, p in zip(inner, padding, strict=True)))
    padded[inside] = x
    places = np.full(padded.shape[x.ndim - ndim :], -1, np.int64)
    places[tuple(slice(p, p + n) for n, p in zip(inner, padding, strict=True))] = np.arange(
        np.prod(inner, dtype=int)
    ).reshape(inner)
    best: Any = None
    index: Any = None
    for _, where in offsets(window, stride, dilation, sizes):
        part, place = padded[(..., *where)], places[where]
        if best is None:
            best, index = part.copy(), np.broadcast_to(place, part.shape).copy()
            continue
        better = (part > best) | (index < 0)
        if x.dtype.kind == "f":
            better |= np.isnan(part)
        better &= place >= 0
        np.copyto(best, part, where=better)
        np.copyto(index, np.broadcast_to(place, part.shape), where=better)
    return best, index


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
