"""Images laid out so that every window of a convolution of stride 1 is a shift of one long row.

The images of a block stand one behind the other, channel by channel, rows one behind the other, and between two rows
(and two images) are as many zeros as the padding has: the right side of one row is the left side of the next. So the
place (i, j) of all windows together is the flat image from ``i * pitch + j`` on, a run of thousands of numbers where
the dense form of im2col copies runs as long as one row of the result. Copying 64 channels of 32x32 pixels to columns
for a 3x3 window takes 58 us in place of 141. The price is numbers in the result that belong to no window (those whose
window reaches from one row into the next): 6 % here, and nobody looks at them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .accelerated import accelerated

BLOCK = 1 << 19
"""How many numbers a block of columns has at most: 2 MB of float32, about the second-level cache of two cores."""
_LARGE = 524288  # elements from which on compiled convolutions pay


class FlatImages:
    """How images of `sizes` lie in a row, for windows of stride 1."""

    def __init__(self, sizes: Any, window: Any, padding: Any, dilation: Any) -> None:
        self.sizes, self.window, self.padding, self.dilation = map(tuple, (sizes, window, padding, dilation))
        pitches = [n + p for n, p in zip(sizes, padding, strict=True)]
        steps = [math.prod(pitches[i + 1 :]) for i in range(len(pitches))]
        self.steps = steps  # from one element to the next along each dim
        self.plane = math.prod(pitches)  # from one image to the next
        self.head = sum([p * step for p, step in zip(padding, steps, strict=True)])  # zeros ahead of the first image
        self.shifts = [d * step for d, step in zip(dilation, steps, strict=True)]  # from place to place in a window
        self.reach = sum([(k - 1) * s for k, s in zip(window, self.shifts, strict=True)])

    def per_block(self, rows: int, batch: int) -> int:
        """Return how many images to take at once where columns have so many rows."""
        return max(1, min(batch, BLOCK // (rows * self.plane)))

    def zeros(self, channels: int, count: int, dtype: Any) -> Any:
        """Return room for `count` images, all zeros: what lies between the images stays so."""
        return np.zeros((channels, _row_size(self.reach + count * self.plane)), dtype)

    def room(self, rows: int, count: int, dtype: Any) -> Any:
        """Return room for rows of one number for each window, ``(rows, at least count * plane)``."""
        return np.empty((rows, _row_size(count * self.plane)), dtype)

    def length(self, count: int, sizes: Any) -> int:
        """Return where the last window ends that belongs to `count` results of `sizes`."""
        return (count - 1) * self.plane + sum([(n - 1) * s for n, s in zip(sizes, self.steps, strict=True)]) + 1

    def images(self, flat: Any, count: int, sizes: Any, head: int = 0) -> Any:
        """Return a view of the images that begin at `head`: ``(count, channels, *sizes)``."""
        item = flat.itemsize
        strides = (self.plane * item, flat.strides[0], *[step * item for step in self.steps])
        return np.ndarray((count, flat.shape[0], *sizes), flat.dtype, flat, head * item, strides)

    def inputs(self, flat: Any, count: int) -> Any:
        """Return a view of the images with zeros around them, where the first window begins in the zeros."""
        return self.images(flat, count, self.sizes, self.head)

    def windows(self, flat: Any, length: int) -> Any:
        """Return a view of all windows: ``(channels, *window, length)``."""
        item = flat.itemsize
        strides = (flat.strides[0], *[shift * item for shift in self.shifts], item)
        return np.ndarray((flat.shape[0], *self.window, length), flat.dtype, flat, 0, strides)


def _row_size(size: int) -> int:
    """Round up to cache lines, but not to a multiple of a page's half.

    Rows that lie whole pages apart fall on the same few places of the cache: a product of 64x576 with 576x1024 numbers
    takes 484 us, with 576x1056 numbers 404 us.
    """
    size = -(-size // 16) * 16
    return size if size % 512 else size + 16


@accelerated("convolution.flat_conv", size=_LARGE)
def flat_conv(x: Any, w: Any, bias: Any, layout: FlatImages, groups: int, sizes: Any) -> Any:
    """Return the convolution of `x` with `w`, block by block, in the same few buffers."""
    batch, channels, outputs = x.shape[0], x.shape[1], w.shape[0]
    rows = channels * math.prod(layout.window)
    count = layout.per_block(rows, batch)
    flat, columns = layout.zeros(channels, count, x.dtype), layout.room(rows, count, x.dtype)
    result = layout.room(outputs, count, x.dtype)
    matrix = w.reshape(groups, outputs // groups, -1)
    by_group = result.reshape(groups, outputs // groups, -1)
    out = np.empty((batch, outputs, *sizes), x.dtype)
    for start in range(0, batch, count):
        part = x[start : start + count]
        n = part.shape[0]
        length = layout.length(n, sizes)
        layout.inputs(flat, n)[...] = part
        fill_columns(columns, layout.windows(flat, length))
        np.matmul(matrix, columns.reshape(groups, rows // groups, -1)[..., :length], out=by_group[..., :length])
        found = layout.images(result, n, sizes)
        if bias is None:
            out[start : start + count] = found
        else:
            np.add(found, bias, out=out[start : start + count])
    return out


def fill_columns(columns: Any, windows: Any) -> None:
    """Copy windows to columns, the rows of which may be longer."""
    columns.reshape(*windows.shape[:-1], -1)[..., : windows.shape[-1]] = windows


@accelerated("convolution.flat_conv_weight_grad", size=_LARGE)
def flat_conv_weight_grad(x: Any, g: Any, shape: Any, layout: FlatImages, groups: int) -> Any:
    """Return the gradient of `flat_conv` for a weight of the given shape."""
    batch, channels, outputs = x.shape[0], x.shape[1], g.shape[1]
    rows = channels * math.prod(layout.window)
    count = layout.per_block(rows, batch)
    flat, columns = layout.zeros(channels, count, x.dtype), layout.room(rows, count, x.dtype)
    result = layout.room(outputs, count, x.dtype)
    result.fill(0)  # what lies between the gradients must count for nothing
    # Columns first: a product of 576xL with Lx64 is a fifth faster than of 64xL with Lx576.
    total = np.zeros((groups, rows // groups, outputs // groups), x.dtype)
    for start in range(0, batch, count):
        part = x[start : start + count]
        n = part.shape[0]
        length = layout.length(n, g.shape[2:])
        layout.inputs(flat, n)[...] = part
        layout.images(result, n, g.shape[2:])[...] = g[start : start + count]
        fill_columns(columns, layout.windows(flat, length))
        by_group = result.reshape(groups, outputs // groups, -1)[..., :length]
        total += columns.reshape(groups, rows // groups, -1)[..., :length] @ by_group.swapaxes(1, 2)
    return total.swapaxes(1, 2).reshape(shape)


@accelerated("convolution.flat_conv_input_grad", size=_LARGE)
def flat_conv_input_grad(g: Any, w: Any, layout: FlatImages, groups: int) -> Any:
    """Return the gradient of `flat_conv` for its input: each row of columns is added to its shift of the flat input."""
    batch, outputs, sizes = g.shape[0], w.shape[0], g.shape[2:]
    channels, window = w.shape[1], math.prod(layout.window)
    rows = groups * channels * window
    count = layout.per_block(rows, batch)
    flat, columns = layout.room(outputs, count, g.dtype), layout.room(rows, count, g.dtype)
    flat.fill(0)
    result = layout.zeros(groups * channels, count, g.dtype)
    matrix = w.reshape(groups, outputs // groups, -1).swapaxes(1, 2)
    out = np.empty((batch, groups * channels, *layout.sizes), g.dtype)
    for start in range(0, batch, count):
        part = g[start : start + count]
        n = part.shape[0]
        length = layout.length(n, sizes)
        layout.images(flat, n, sizes)[...] = part
        by_group = columns.reshape(groups, rows // groups, -1)[..., :length]
        np.matmul(matrix, flat.reshape(groups, outputs // groups, -1)[..., :length], out=by_group)
        result.fill(0)
        shifted = layout.windows(result, length)
        for place in np.ndindex(*layout.window):
            target = shifted[(slice(None), *place)]
            target += columns.reshape(*shifted.shape[:-1], -1)[(slice(None), *place)][:, :length]
        out[start : start + count] = layout.inputs(result, n)
    return out


@accelerated("convolution.flat_conv_grads", size=_LARGE)
def flat_conv_grads(x: Any, g: Any, turned: Any, layout: FlatImages, groups: int) -> tuple[Any, Any]:
    """Return both gradients of a convolution, from one set of columns of `g`: about 3 of 38 ms are saved so.

    `turned` is the weight by which the gradient for `x` is a convolution of `g`, and `layout` the layout for that. The
    weight's gradient is of its shape, too: each place in the window is a sum over all places of the input.
    """
    batch, channels, outputs = x.shape[0], x.shape[1], g.shape[1]
    rows = outputs * math.prod(layout.window)
    count = layout.per_block(rows, batch)
    flat, columns = layout.zeros(outputs, count, g.dtype), layout.room(rows, count, g.dtype)
    inputs, result = layout.room(channels, count, x.dtype), layout.room(channels, count, g.dtype)
    inputs.fill(0)
    out = np.empty_like(x, order="C")
    total = np.zeros((groups, rows // groups, channels // groups), g.dtype)
    for start in range(0, batch, count):
        part = g[start : start + count]
        n = part.shape[0]
        length = layout.length(n, x.shape[2:])
        layout.inputs(flat, n)[...] = part
        layout.images(inputs, n, x.shape[2:])[...] = x[start : start + count]
        fill_columns(columns, layout.windows(flat, length))
        by_group, of_inputs, of_result = [
            rows_of.reshape(groups, rows_of.shape[0] // groups, -1)[..., :length]
            for rows_of in (columns, inputs, result)
        ]
        np.matmul(turned.reshape(groups, channels // groups, -1), by_group, out=of_result)
        total += by_group @ of_inputs.swapaxes(1, 2)
        out[start : start + count] = layout.images(result, n, x.shape[2:])
    return out, total.swapaxes(1, 2).reshape(turned.shape)
