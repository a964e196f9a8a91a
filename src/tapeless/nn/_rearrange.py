"""Layers that move values around: pixels to channels and back, channels among groups, windows to columns and back."""

from __future__ import annotations

from typing import Any

from tapeless._tensor import Tensor

from . import functional as F
from ._module import Module


class PixelShuffle(Module):
    """Channels to pixels: (..., C * r * r, H, W) to (..., C, H * r, W * r), r = ``upscale_factor``.

    When called, raises ``RuntimeError`` unless r * r divides the number of channels.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html; Shi et al., "Real-time single
    image and video super-resolution" (2016), https://arxiv.org/abs/1609.05158.

    >>> import tapeless as tl
    >>> tl.nn.PixelShuffle(3)(tl.ones(1, 9, 4, 4)).shape
    torch.Size([1, 1, 12, 12])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Any:
        """Return ``input`` with channels spread over pixels."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels to channels: (..., C, H * r, W * r) to (..., C * r * r, H, W), r = ``downscale_factor``.

    The inverse of `PixelShuffle`. When called, raises ``RuntimeError`` unless r divides height and width.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html

    >>> import tapeless as tl
    >>> tl.nn.PixelUnshuffle(3)(tl.ones(1, 1, 12, 12)).shape
    torch.Size([1, 9, 4, 4])
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Any:
        """Return ``input`` with pixels gathered in channels."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channel i of each of ``groups`` groups together: (N, C, ...) to the same shape.

    When called, raises ``RuntimeError`` unless ``groups`` divides C.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html; Zhang et al., "ShuffleNet"
    (2017), https://arxiv.org/abs/1707.01083.

    >>> import tapeless as tl
    >>> tl.nn.ChannelShuffle(2)(tl.arange(4).reshape(1, 4, 1)).flatten()
    tensor([0, 2, 1, 3])
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Any:
        """Return ``input`` with its channels in the new order."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """Return the number of groups."""
        return f"groups={self.groups}"


class Unfold(Module):
    """Every window of an image as a column: (N, C, H, W) to (N, C * elements of a window, windows), N may be missing.

    The sizes are a number, or a pair; the windows are those of `Conv2d` with the same settings. When called, raises
    ``RuntimeError`` for settings that leave no room for a window.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Unfold.html

    >>> import tapeless as tl
    >>> tl.nn.Unfold((2, 3))(tl.ones(2, 5, 3, 4)).shape
    torch.Size([2, 30, 4])
    """

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Any:
        """Return the windows of ``input``."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the settings of the windows."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """Windows given as columns added up to an image: (N, C * elements of a window, windows) to (N, C, *output_size).

    Where windows overlap their values add, so this is the gradient of `Unfold`, and its inverse only without overlap.
    The sizes are a number, or a pair. When called, raises ``RuntimeError`` unless the columns are as long and as many
    as windows of that size in an image of ``output_size`` are.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Fold.html

    >>> import tapeless as tl
    >>> tl.nn.Fold(output_size=(4, 5), kernel_size=(2, 2))(tl.ones(1, 3 * 2 * 2, 12)).shape
    torch.Size([1, 3, 4, 5])
    """

    def __init__(
        self,
        output_size: Any,
        kernel_size: Any,
        dilation: Any = 1,
        padding: Any = 0,
        stride: Any = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Any:
        """Return the image."""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the settings of the image and the windows."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
