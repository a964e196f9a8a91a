"""Patches of images as columns, and back: ``nn.functional.unfold`` and ``fold``."""

from __future__ import annotations

import math
from typing import Any

from .._core.function import Function
from .._core.registry import composite
from .._kernels.convolution import col2im, im2col, out_sizes
from .convolution import spatial


class Im2col(Function):
    """All windows of an image as columns; public through `unfold`."""

    numpy = staticmethod(im2col)

    def forward(self, input: Any, window: Any, geometry: Any) -> Any:
        self.spatial, self.window, self.geometry = input.shape[2:], window, geometry
        return im2col(input, window, geometry)

    def grad_input(self, g):
        return col2im(g, self.spatial, self.window, self.geometry)


class Col2im(Function):
    """Columns added up to an image; public through `fold`."""

    numpy = staticmethod(col2im)

    def forward(self, columns: Any, shape: Any, window: Any, geometry: Any) -> Any:
        self.window, self.geometry = window, geometry
        return col2im(columns, shape, window, geometry)

    def grad_columns(self, g):
        return im2col(g, self.window, self.geometry)


def _geometry(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[Any, Any]:
    window = spatial(kernel_size, 2, "kernel_size")
    strides, pads, dilations = (
        spatial(stride, 2, "stride"),
        spatial(padding, 2, "padding"),
        spatial(dilation, 2, "dilation"),
    )
    for name, values, least in (("kernel size", window, 1), ("dilation", dilations, 1), ("stride", strides, 1)):
        if min(values) < least:
            raise RuntimeError(f"{name} should be greater than zero, but got {list(values)}")
    if min(pads) < 0:
        raise RuntimeError(f"padding should be non-negative, but got {list(pads)}")
    return window, (strides, pads, dilations, 1)


@composite("nn.functional.unfold", methods="")
def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Return all windows of ``(N, C, H, W)`` as columns, ``(N, C * prod(kernel_size), windows)``.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html

    >>> import tapeless as tl
    >>> tl.nn.functional.unfold(tl.ones(1, 2, 3, 3), 2).shape
    torch.Size([1, 8, 4])
    """
    window, geometry = _geometry(kernel_size, dilation, padding, stride)
    if input.ndim not in (3, 4) or 0 in tuple(input.shape)[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {list(input.shape)}"
        )
    batched = input.ndim == 4
    image = input if batched else input.unsqueeze(0)
    if min(out_sizes(image.shape[2:], window, geometry)) < 1:
        raise RuntimeError(
            f"Given input with spatial size {list(image.shape[2:])}, kernel_size={list(window)}, calculated shape of "
            "the "
            "array of sliding blocks as "
            f"{list(out_sizes(image.shape[2:], window, geometry))}, but its components must be at least one."
        )
    out = Im2col.apply(image, window, geometry)
    return out if batched else out.squeeze(0)


@composite("nn.functional.fold", methods="")
def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Return an image of `output_size` with columns added where `unfold` would take them from.

    Shape: (N, C * kh * kw, L) to (N, C, H, W), (H, W) being ``output_size``.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.fold.html

    >>> import tapeless as tl
    >>> tl.nn.functional.fold(tl.ones(1, 4, 4), (3, 3), 2)[0, 0, 1]
    tensor([2., 4., 2.])
    """
    window, geometry = _geometry(kernel_size, dilation, padding, stride)
    shape = spatial(output_size, 2, "output_size")
    if input.ndim not in (2, 3):
        raise RuntimeError(f"Expected 2D or 3D (batch mode) tensor for input, but got: {list(input.shape)}")
    batched = input.ndim == 3
    columns = input if batched else input.unsqueeze(0)
    if columns.shape[1] % math.prod(window):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={columns.shape[1]} and kernel_size={list(window)}."
        )
    blocks = math.prod(out_sizes(shape, window, geometry))
    if columns.shape[2] != blocks:
        raise RuntimeError(
            f"Given output_size={list(shape)}, kernel_size={list(window)}, expected size of input's dimension 2 to "
            "match "
            f"the calculated number of sliding blocks {blocks}, but got input.size(2)={columns.shape[2]}."
        )
    out = Col2im.apply(columns, shape, window, geometry)
    return out if batched else out.squeeze(0)
