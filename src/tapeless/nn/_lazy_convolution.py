"""Convolutions that take the number of input channels from their first input."""

from __future__ import annotations

from typing import Any

from tapeless._tensor import Tensor

from ._convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Sizes,
    _Conv,
    _ConvNd,
    _ConvTransposeNd,
)
from ._lazy import LazyModuleMixin
from ._uninitialized import UninitializedParameter


class _LazyConvNd(LazyModuleMixin, _ConvNd):
    """What all six have in common. They stand before the convolution that they become among the base classes."""

    def _await_channels(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw new weights and biases; do nothing while there are none."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take ``in_channels`` from ``input``, and draw weights and biases."""
        if self.in_channels == 0:  # where a state dict gave the weight its shape, PyTorch leaves it at 0
            self.in_channels = self._get_in_channels(input)
            self._check_settings()
        if not isinstance(self.weight, UninitializedParameter):
            return
        self.weight.materialize(self._weight_shape())
        if isinstance(self.bias, UninitializedParameter):
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def _get_in_channels(self, input: Tensor) -> int:
        unbatched, batched = self._dims + 1, self._dims + 2
        if input.ndim not in (unbatched, batched):
            raise RuntimeError(
                f"Expected {unbatched}D (unbatched) or {batched}D (batched) input to {type(self).__name__}, "
                f"but got input of size: {input.shape}"
            )
        return input.shape[1 if input.ndim == batched else 0]  # type: ignore[no-any-return]


class _LazyConv(_LazyConvNd, _Conv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        self._await_channels(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvNd, _ConvTransposeNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        )
        self._await_channels(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """A `Conv1d` that takes ``in_channels`` from its first input, (N, C, L) or (C, L); for the rest see `LazyConv2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConv1d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyConv1d(4, 3)(tl.ones(2, 5, 10)).shape
    torch.Size([2, 4, 8])
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A `Conv2d` that takes ``in_channels`` from its first input, (N, C, H, W) or (C, H, W).

    The first call draws weight and bias, `UninitializedParameter` until then, and makes the layer a `Conv2d`.
    Raises ``RuntimeError`` where that input has another number of dims, ``ValueError`` where ``groups`` does not
    divide its channels.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConv2d.html

    >>> import tapeless as tl
    >>> layer = tl.nn.LazyConv2d(4, 3)
    >>> layer(tl.ones(2, 5, 10, 10)).shape
    torch.Size([2, 4, 8, 8])
    >>> layer
    Conv2d(5, 4, kernel_size=(3, 3), stride=(1, 1))
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A `Conv3d` that takes ``in_channels`` from its first input, (N, C, D, H, W) or (C, D, H, W); see `LazyConv2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConv3d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyConv3d(4, 3)(tl.ones(2, 5, 6, 6, 6)).shape
    torch.Size([2, 4, 4, 4, 4])
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """A `ConvTranspose1d` that takes ``in_channels`` from its first input, (N, C, L) or (C, L); see `LazyConv2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose1d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyConvTranspose1d(4, 3)(tl.ones(2, 5, 10)).shape
    torch.Size([2, 4, 12])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """A `ConvTranspose2d` that takes ``in_channels`` from its first input, (N, C, H, W) or (C, H, W).

    For the rest see `LazyConv2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose2d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyConvTranspose2d(4, 3)(tl.ones(2, 5, 6, 6)).shape
    torch.Size([2, 4, 8, 8])
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """A `ConvTranspose3d` that takes ``in_channels`` from its first input, (N, C, D, H, W) or (C, D, H, W).

    For the rest see `LazyConv2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose3d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyConvTranspose3d(4, 3)(tl.ones(2, 5, 4, 4, 4)).shape
    torch.Size([2, 4, 6, 6, 6])
    """

    cls_to_become = ConvTranspose3d
