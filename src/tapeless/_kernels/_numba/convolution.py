"""Convolutions with windows of 3x3 by Winograd's algorithm: 16 multiplications where the definition has 36.

A result of 2x2 numbers depends on a tile of 4x4 numbers of the input. Additions make 16 other numbers of the tile, each
of them is multiplied by one that was made of the weight beforehand, and additions make the result of the 16 products.
Over all channels and tiles, that is 16 matrix products. Lavin and Gray, "Fast Algorithms for Convolutional Neural
Networks" (2016), F(2x2, 3x3). All factors are 1 or 1/2, and errors come out as those of the definition, or smaller.

What pays is that the additions are compiled: in NumPy they are two dozen short calls for an image, which take as long
as the products that are saved. Each thread works on images of its own, 256 tiles at a time. Matrix products have one
thread meanwhile: 2 x 90 GFLOPS so, 110 with BLAS's own two threads. A convolution of 32 images of 32x32 with 64
channels takes 14 ms in place of 18, its gradients 25 in place of 40.

Tiles overlap by two. So the even and odd rows and columns of an image become four planes, where the numbers of all
tiles lie side by side. Rows of planes have one number more than there are tiles, and additions run over all of a plane
as one long row; what they make of that last number is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..flat_images import FlatImages
from ..threads import in_own_threads
from ._compile import compiled, fits

_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_OF_WINDOW = np.kron(_G, _G)  # makes 16 numbers of the 9 of a window
_FEWEST = 32  # channels from which on products are what a convolution spends its time on
_TILES = 256  # how many are transformed at once: 16 numbers for each of them and 64 channels are 1 MB of float32
_SMALL = 1000000  # multiplications up to which OpenBLAS computes a product where it lies: 110 in place of 85 GFLOPS


def flat_conv(x: Any, w: Any, bias: Any, layout: FlatImages, groups: int, sizes: Any) -> Any:
    """Return the convolution of `x` with `w`."""
    outputs = w.shape[0]
    bias = np.zeros(outputs, x.dtype) if bias is None else bias.reshape(-1)
    if not _suits(x, outputs, layout, groups) or not x.dtype is w.dtype is bias.dtype:
        return NotImplemented
    matrices, out, checks = _of_weight(w), np.empty((x.shape[0], outputs, *sizes), x.dtype), []

    def work(span: tuple[int, int]) -> None:
        blocks = _Blocks(x.shape[1], outputs, sizes, layout, x.dtype)
        for images, row in blocks.of(span):
            blocks.transform(x[images], row)
            blocks.multiply(matrices)
            checks.append(blocks.transform_back(bias, row, out[images]))

    in_own_threads(work, x.shape[0])
    return out if np.isfinite(checks).all() else NotImplemented  # of inf, which has its place, there is nan everywhere


def flat_conv_input_grad(g: Any, w: Any, layout: FlatImages, groups: int) -> Any:
    """Return the gradient for the input: the convolution of `g` with the weight turned round."""
    if not _suits(g, w.shape[1], layout, groups):
        return NotImplemented
    back = FlatImages(g.shape[2:], layout.window, [2 - p for p in layout.padding], layout.dilation)
    return flat_conv(g, w.swapaxes(0, 1)[..., ::-1, ::-1], None, back, groups, layout.sizes)


def flat_conv_weight_grad(x: Any, g: Any, shape: Any, layout: FlatImages, groups: int) -> Any:
    """Return the gradient for the weight: the sum over all tiles is taken before it is transformed back."""
    if not _suits(x, g.shape[1], layout, groups) or x.dtype is not g.dtype or not g.flags.c_contiguous:
        return NotImplemented

    def work(span: tuple[int, int]) -> Any:
        blocks = _Blocks(x.shape[1], g.shape[1], g.shape[2:], layout, x.dtype)
        for images, row in blocks.of(span):
            blocks.transform(x[images], row)
            blocks.add_products(g[images], row)
        return blocks.total

    total = sum(in_own_threads(work, x.shape[0]))
    return _to_weight(total, shape)


def flat_conv_grads(x: Any, g: Any, turned: Any, layout: FlatImages, groups: int) -> Any:
    """Return the gradients for input and weight, from the same transformed tiles of `g`."""
    if not _suits(g, x.shape[1], layout, groups) or not x.dtype is g.dtype is turned.dtype or not x.flags.c_contiguous:
        return NotImplemented
    matrices, out, bias = _of_weight(turned), np.empty_like(x), np.zeros(x.shape[1], x.dtype)
    checks = []

    def work(span: tuple[int, int]) -> Any:
        blocks = _Blocks(g.shape[1], x.shape[1], x.shape[2:], layout, x.dtype)
        for images, row in blocks.of(span):
            blocks.transform(g[images], row)
            blocks.multiply(matrices)
            checks.append(blocks.transform_back(bias, row, out[images]))
            blocks.add_products(x[images], row)
        return blocks.total

    total = sum(in_own_threads(work, x.shape[0]))
    to_weight = _to_weight(total, turned.shape)
    return NotImplemented if to_weight is NotImplemented or not np.isfinite(checks).all() else (out, to_weight)


def _suits(x: Any, outputs: int, layout: FlatImages, groups: int) -> bool:
    if not fits(x) or layout.window != (3, 3) or layout.dilation != (1, 1) or groups != 1:
        return False
    return bool(min(x.shape[1], outputs) >= _FEWEST)


def _of_weight(w: Any) -> Any:
    """Return the 16 matrices, (outputs, inputs), with which transformed tiles are multiplied."""
    return (_OF_WINDOW.astype(w.dtype) @ w.reshape(-1, 9).T).reshape(16, *w.shape[:2])


def _to_weight(total: Any, shape: Any) -> Any:
    """Return the gradient of a weight from that of its 16 matrices, which are (inputs, outputs) here."""
    if not np.isfinite(total).all():
        return NotImplemented
    by_place = (_OF_WINDOW.T.astype(total.dtype) @ total.reshape(16, -1)).reshape(9, shape[1], shape[0])
    return np.ascontiguousarray(by_place.T).reshape(shape)


class _Blocks:
    """What a thread works in, block by block: several images, or some rows of tiles where an image has many."""

    def __init__(self, channels: int, others: int, sizes: Any, layout: FlatImages, dtype: Any) -> None:
        down, self.across = -(-sizes[0] // 2), -(-sizes[1] // 2)
        self.padding, pitch = layout.padding, self.across + 1
        self.rows = -(-down // max(1, round(down * pitch / _TILES)))
        self.images = max(1, _TILES // (self.rows * pitch))
        self.starts = range(0, down, self.rows)
        self.used = 0  # tiles that are in this block
        self.step = max(64, _SMALL // (channels * others))
        count, plane = self.images * self.rows * pitch, (self.rows + 1) * pitch
        self.planes, self.lines = np.zeros((2, 2, plane + 1), dtype), np.zeros((2, 4, plane), dtype)
        self.wide = np.zeros((2, 6, pitch * others), dtype)
        self.tiles, self.others = np.zeros((4, 4, channels, count), dtype), np.zeros((4, 4, others, count), dtype)
        self.total = np.zeros((16, channels, others), dtype)

    def of(self, span: tuple[int, int]) -> Iterator[tuple[slice, int]]:
        """Yield slices of images, and the row of tiles from which on this block is."""
        for start in range(*span, self.images):
            for row in self.starts:
                yield slice(start, min(start + self.images, span[1])), row

    def transform(self, x: Any, row: int) -> None:
        """Fill the tiles from the input."""
        self.used = len(x) * self.rows * (self.across + 1)
        top, left = self.padding
        _transform(x, 2 * row - top, -left, self.rows, self.across, self.planes, self.lines, self.tiles)

    def multiply(self, matrices: Any) -> None:
        """Make the other tiles the products with 16 matrices."""
        tiles, others = self.tiles.reshape(16, matrices.shape[2], -1), self.others.reshape(16, matrices.shape[1], -1)
        for part in self._parts():
            np.matmul(matrices, tiles[..., part], out=others[..., part])

    def transform_back(self, bias: Any, row: int, out: Any) -> Any:
        """Fill the result from the other tiles; return the sum of it."""
        return _transform_back(self.others, bias, row, self.rows, self.across, self.planes, self.lines, out)

    def add_products(self, g: Any, row: int) -> None:
        """Add the products of the tiles with those that the gradient `g` of a result becomes."""
        channels, others = self.total.shape[1:]
        _spread(g, 2 * row, self.rows, self.across, self.wide, self.others.reshape(4, 4, -1))
        # With channels last, the product is of a kind that OpenBLAS computes in place.
        tiles, spread = self.tiles.reshape(16, channels, -1), self.others.reshape(16, -1, others)
        for part in self._parts():
            self.total += tiles[..., part] @ spread[:, part]

    def _parts(self) -> list[slice]:
        return [slice(start, min(start + self.step, self.used)) for start in range(0, self.used, self.step)]


# -- The input's tiles -------------------------------------------------------------------------------------------------
#
# Loops are over slices, and write one array each: LLVM makes vectors of those. For more it would have to compare the
# ends of too many arrays, and leaves it (114 us became 209 for an image).


@compiled
def _transform(x, top, left, rows, across, planes, lines, out):  # type: ignore[no-untyped-def]
    pitch = across + 1
    size = rows * pitch
    planes[:] = 0
    for c in range(x.shape[1]):
        for n in range(x.shape[0]):
            for a in range(2):
                even, odd, to = planes[a, 0], planes[a, 1], lines[a]
                _every_other(x[n, c], top + a, left, rows + 1, pitch, even)
                _every_other(x[n, c], top + a, left + 1, rows + 1, pitch, odd)
                _differences(even, odd, even[1:], odd[1:], to[0], to[1], to[2], to[3], size + pitch)
            start, end = n * size, (n + 1) * size
            for b in range(4):
                even, odd = lines[0, b], lines[1, b]
                r0, r1, r2, r3 = out[0, b, c], out[1, b, c], out[2, b, c], out[3, b, c]
                r0, r1, r2, r3 = r0[start:end], r1[start:end], r2[start:end], r3[start:end]
                _differences(even, odd, even[pitch:], odd[pitch:], r0, r1, r2, r3, size)


@compiled
def _every_other(image, row, column, rows, pitch, plane):  # type: ignore[no-untyped-def]
    """Fill a plane with each second number of each second row, from a place on that may be outside, where zeros are."""
    skip = max(0, (1 - column) // 2)
    first = column + 2 * skip
    count = min(pitch - skip, (image.shape[1] - first + 1) // 2)
    for k in range(rows if count > 0 else 0):
        i, start = row + 2 * k, k * pitch + skip
        to = plane[start : start + count]
        if 0 <= i < image.shape[0]:
            line = image[i, first:]
            for j in range(count):
                to[j] = line[2 * j]
        else:
            to[:] = 0


@compiled
def _differences(even, odd, next_even, next_odd, r0, r1, r2, r3, size):  # type: ignore[no-untyped-def]
    for i in range(size):
        r0[i] = even[i] - next_even[i]
    for i in range(size):
        r1[i] = odd[i] + next_even[i]
    for i in range(size):
        r2[i] = next_even[i] - odd[i]
    for i in range(size):
        r3[i] = odd[i] - next_odd[i]


# -- The result's ------------------------------------------------------------------------------------------------------


@compiled
def _transform_back(tiles, bias, row, rows, across, planes, lines, out):  # type: ignore[no-untyped-def]
    pitch = across + 1
    size = rows * pitch
    total = out.dtype.type(0)
    for c in range(out.shape[1]):
        for n in range(out.shape[0]):
            start, end = n * size, (n + 1) * size
            for b in range(4):
                m0, m1, m2, m3 = tiles[0, b, c], tiles[1, b, c], tiles[2, b, c], tiles[3, b, c]
                m0, m1, m2, m3 = m0[start:end], m1[start:end], m2[start:end], m3[start:end]
                _sums(m0, m1, m2, m3, lines[0, b], lines[1, b], size)
            for a in range(2):
                line, even, odd = lines[a], planes[a, 0], planes[a, 1]
                _sums(line[0], line[1], line[2], line[3], even, odd, size)
                for k in range(min(rows, (out.shape[2] - a + 1) // 2 - row)):
                    total += _interleave(even[k * pitch :], odd[k * pitch :], bias[c], out[n, c, 2 * (row + k) + a])
    return total


@compiled
def _sums(m0, m1, m2, m3, s0, s1, size):  # type: ignore[no-untyped-def]
    for i in range(size):
        s0[i] = m0[i] + m1[i] + m2[i]
    for i in range(size):
        s1[i] = m1[i] - m2[i] - m3[i]


@compiled
def _interleave(even, odd, bias, out):  # type: ignore[no-untyped-def]
    half, total = out.size // 2, out.dtype.type(0)
    for j in range(half):
        a, b = even[j] + bias, odd[j] + bias
        out[2 * j], out[2 * j + 1] = a, b
        total += a + b
    if out.size % 2:
        out[2 * half] = even[half] + bias
        total += out[2 * half]
    return total


# -- Gradients of the result -------------------------------------------------------------------------------------------


@compiled
def _spread(g, first, rows, across, wide, out):  # type: ignore[no-untyped-def]
    """The transpose of `_transform_back`, with channels last: ``(4, 4, tiles * channels)``."""
    channels = g.shape[1]
    size = (across + 1) * channels
    for n in range(g.shape[0]):
        for k in range(rows):
            for a in range(2):
                line = wide[a]
                _by_channels(g[n], first + 2 * k + a, line[4], line[5])
                _four(line[4], line[5], line[0], line[1], line[2], line[3], size)
            start, end = (n * rows + k) * size, (n * rows + k + 1) * size
            for b in range(4):
                r0, r1, r2, r3 = out[0, b], out[1, b], out[2, b], out[3, b]
                _four(wide[0, b], wide[1, b], r0[start:end], r1[start:end], r2[start:end], r3[start:end], size)


@compiled
def _by_channels(image, row, even, odd):  # type: ignore[no-untyped-def]
    channels, width = image.shape[0], image.shape[2]
    if row >= image.shape[1]:
        even[:] = 0
        odd[:] = 0
        return
    for c in range(channels):
        line, to_even, to_odd = image[c, row], even[c:], odd[c:]
        for j in range(width // 2):
            to_even[j * channels], to_odd[j * channels] = line[2 * j], line[2 * j + 1]
        if width % 2:
            to_even[width // 2 * channels] = line[width - 1]


@compiled
def _four(even, odd, r0, r1, r2, r3, size):  # type: ignore[no-untyped-def]
    for i in range(size):
        r0[i] = even[i]
    for i in range(size):
        r1[i] = even[i] + odd[i]
    for i in range(size):
        r2[i] = even[i] - odd[i]
    for i in range(size):
        r3[i] = -odd[i]
