"""Convolutions over any number of dims: each is a matrix product with the windows of the input as columns.

A geometry is a tuple (stride, padding, dilation, groups), the first three one number for each spatial dim; padding
is zeros on both sides. Inputs are (batch, channels, *spatial), weights (out, channels / groups, *kernel).
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .dispatch import kernel
from .flat_images import FlatImages, flat_conv, flat_conv_grads, flat_conv_input_grad, flat_conv_weight_grad

Geometry = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]


def out_sizes(sizes: Any, window: Any, geometry: Geometry) -> tuple[int, ...]:
    """Return the spatial sizes of a convolution's result."""
    stride, padding, dilation, _ = geometry
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(sizes, window, stride, padding, dilation, strict=True)
    )


def pad(x: Any, padding: tuple[int, ...]) -> Any:
    """Return `x` with zeros on both sides of its last dims."""
    if not any(padding):
        return x
    ndim = len(padding)
    shape = (*x.shape[:-ndim], *(n + 2 * p for n, p in zip(x.shape[-ndim:], padding, strict=True)))
    out = np.zeros(shape, x.dtype)
    inside: Any = (..., *(slice(p, p + n) for n, p in zip(x.shape[-ndim:], padding, strict=True)))
    out[inside] = x
    return out


@kernel
def im2col(x: Any, window: tuple[int, ...], geometry: Geometry, sizes: Any = None) -> Any:
    """Return the windows of ``(N, C, *spatial)`` as columns: ``(N, C * prod(window), prod(sizes))``.

    `sizes` says how many windows there are along each dim, where fewer are wanted than there is room for.
    """
    stride, padding, dilation, _ = geometry
    sizes = out_sizes(x.shape[2:], window, geometry) if sizes is None else sizes
    x = pad(x, padding)
    steps = x.strides[2:]
    view = np.lib.stride_tricks.as_strided(
        x,
        (*x.shape[:2], *window, *sizes),
        (
            *x.strides[:2],
            *(s * d for s, d in zip(steps, dilation, strict=True)),
            *(s * t for s, t in zip(steps, stride, strict=True)),
        ),
        writeable=False,
    )
    return view.reshape(x.shape[0], x.shape[1] * math.prod(window), math.prod(sizes))  # this copies


@kernel
def col2im(columns: Any, shape: tuple[int, ...], window: tuple[int, ...], geometry: Geometry, sizes: Any = None) -> Any:
    """Add columns back to where `im2col` took them from: the transpose of it, for inputs of spatial sizes `shape`."""
    stride, padding, dilation, _ = geometry
    sizes = out_sizes(shape, window, geometry) if sizes is None else sizes
    batch = columns.shape[0]
    channels = columns.shape[1] // math.prod(window)
    parts = columns.reshape(batch, channels, *window, *sizes)
    out: Any = np.zeros((batch, channels, *(n + 2 * p for n, p in zip(shape, padding, strict=True))), columns.dtype)
    for offset in itertools.product(*map(range, window)):  # one strided addition for each place in the window
        where: Any = tuple(
            slice(o * d, o * d + (n - 1) * s + 1, s) for o, d, n, s in zip(offset, dilation, sizes, stride, strict=True)
        )
        out[(..., *where)] += parts[(slice(None), slice(None), *offset)]
    inside: Any = (..., *(slice(p, p + n) for n, p in zip(shape, padding, strict=True)))
    return out[inside]


def _is_plain(window: Any, geometry: Geometry) -> bool:
    """Whether the windows are single elements, all of them: then columns are the input itself."""
    stride, padding, _, _ = geometry
    return all(k == 1 for k in window) and all(s == 1 for s in stride) and not any(padding)


def _columns(x: Any, window: tuple[int, ...], geometry: Geometry, sizes: Any) -> Any:
    """Return columns by groups: ``(N, groups, C / groups * prod(window), prod(out))``."""
    groups = geometry[3]
    columns = x.reshape(*x.shape[:2], -1) if _is_plain(window, geometry) else im2col(x, window, geometry, sizes)
    return columns.reshape(x.shape[0], groups, columns.shape[1] // groups, columns.shape[2])


def _flat(sizes: Any, shape: Any, geometry: Geometry, out: Any) -> FlatImages | None:
    """Return the layout in which windows are shifts, where that is possible and pays, for a weight of `shape`."""
    (stride, padding, dilation, groups), window = geometry, shape[2:]
    if any(s != 1 for s in stride) or any(p > d * (k - 1) for p, d, k in zip(padding, dilation, window, strict=True)):
        return None
    # Of few columns the copies are cheap, and products then go straight to the result: LeNet's first layer (25 rows)
    # takes 0.7 ms so and 1.1 flat, its second one (150 rows) 2.8 ms forward and backward flat and 4.1 so. For groups
    # the flat layout takes one product for a group and block in place of one for a group and image.
    if math.prod(shape[1:]) < 64 and groups == 1:
        return None
    layout = FlatImages(sizes, window, padding, dilation)
    # A window as large as the image has a result of one number, and the layout would work out all others as well.
    return layout if 0 < layout.plane <= 2.5 * math.prod(out) else None


@kernel
def conv(x: Any, w: Any, geometry: Geometry, bias: Any = None) -> Any:
    """Return the convolution (cross-correlation) of `x` with `w`, plus a `bias` for each channel of the result."""
    groups, window, sizes = geometry[3], w.shape[2:], out_sizes(x.shape[2:], w.shape[2:], geometry)
    bias = None if bias is None else bias.reshape((-1,) + (1,) * len(sizes))
    if not _is_plain(window, geometry) and (layout := _flat(x.shape[2:], w.shape, geometry, sizes)):
        return flat_conv(x, w, bias, layout, groups, sizes)
    columns = _columns(x, window, geometry, sizes)
    matrix = w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:]))
    out = (matrix @ columns).reshape(x.shape[0], w.shape[0], *sizes)
    if bias is not None:
        out += bias
    return out


@kernel
def conv_input_grad(g: Any, w: Any, shape: tuple[int, ...], geometry: Geometry) -> Any:
    """Return the gradient of `conv` for an input of the given spatial sizes: the transposed convolution of `g`."""
    groups, batch, window = geometry[3], g.shape[0], w.shape[2:]
    plain = _is_plain(window, geometry)
    if not plain and (layout := _flat(shape, w.shape, geometry, g.shape[2:])):
        if _turns(g, w, shape, geometry):
            return conv(g, turn(w, groups), _turned_geometry(window, geometry))
        return flat_conv_input_grad(g, w, layout, groups)
    matrix = w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:]))
    flat = g.reshape(batch, groups, w.shape[0] // groups, math.prod(g.shape[2:]))
    columns = matrix.swapaxes(1, 2) @ flat
    columns = columns.reshape(batch, groups * matrix.shape[2], flat.shape[3])
    if plain:
        return columns.reshape(batch, columns.shape[1], *shape)
    return col2im(columns, shape, window, geometry, g.shape[2:])


def _turns(g: Any, w: Any, shape: tuple[int, ...], geometry: Geometry) -> bool:
    """Return whether a gradient for the input is best found as a convolution, of `g` with the weight turned round.

    Columns of `g` are as many as those of the input or fewer: 18 against 25 ms for 64 channels and as many outputs,
    but 1.8 against 0.9 ms for 6 channels and 16 outputs.
    """
    return w.shape[0] <= w.shape[1] * geometry[3] and g.shape[2:] == out_sizes(shape, w.shape[2:], geometry)


def turn(w: Any, groups: int) -> Any:
    """Return the weight with which a convolution of stride 1 goes back: turned round, inputs and outputs swapped."""
    by_group = w.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    turned = by_group[(..., *[slice(None, None, -1)] * (w.ndim - 2))]
    return turned.reshape(groups * w.shape[1], w.shape[0] // groups, *w.shape[2:])


def _turned_geometry(window: Any, geometry: Geometry) -> Geometry:
    stride, padding, dilation, groups = geometry
    return stride, tuple([d * (k - 1) - p for d, k, p in zip(dilation, window, padding, strict=True)]), dilation, groups


@kernel
def conv_weight_grad(x: Any, g: Any, shape: tuple[int, ...], geometry: Geometry) -> Any:
    """Return the gradient of `conv` for a weight of the given shape."""
    groups, window = geometry[3], shape[2:]
    if not _is_plain(window, geometry) and (layout := _flat(x.shape[2:], shape, geometry, g.shape[2:])):
        return flat_conv_weight_grad(x, g, shape, layout, groups)
    columns = _columns(x, window, geometry, g.shape[2:])
    flat = g.reshape(g.shape[0], groups, shape[0] // groups, math.prod(g.shape[2:]))
    return (flat @ columns.swapaxes(2, 3)).sum(axis=0).reshape(shape)


def conv_grads(x: Any, g: Any, w: Any, geometry: Geometry) -> tuple[Any, Any]:
    """Return the gradients of `conv` for its input and its weight."""
    shape, window, groups = x.shape[2:], w.shape[2:], geometry[3]
    if (
        not _is_plain(window, geometry)
        and _flat(shape, w.shape, geometry, g.shape[2:])
        and _turns(g, w, shape, geometry)
    ):
        _, padding, dilation, _ = _turned_geometry(window, geometry)
        layout = FlatImages(g.shape[2:], window, padding, dilation)
        grad_x, grad_w = flat_conv_grads(x, g, turn(w, groups), layout, groups)
        return grad_x, turn(grad_w, groups)
    return conv_input_grad(g, w, shape, geometry), conv_weight_grad(x, g, w.shape, geometry)
