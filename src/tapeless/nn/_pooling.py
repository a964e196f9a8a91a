"""Pooling over windows of a fixed size: maxima, means, p-norms; and the inverse of max pooling.

Wherever a layer takes sizes, these are a number, or one for each spatial dim. A window along a dim of size L gives

    L' = (L + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1

results, rounded up instead of down with ``ceil_mode``; ``stride`` is ``kernel_size`` unless given. The leading batch
dim N of the inputs may be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tapeless._tensor import Tensor

from . import functional as F
from ._convolution import Sizes
from ._module import Module
from ._sizes import repeat


class _MaxPoolNd(Module):
    _function: ClassVar[str]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Return the maxima, and where they were with ``return_indices``."""
        return getattr(F, self._function)(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self) -> str:
        """Return the settings of the windows."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The maximum of each window along one dim: (N, C, L) to (N, C, L'). Settings are those of `MaxPool2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html

    >>> import tapeless as tl
    >>> tl.nn.MaxPool1d(2)(tl.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[3., 2.]])
    """

    _function = "max_pool1d"


class MaxPool2d(_MaxPoolNd):
    """The maximum of each window of an image: (N, C, H, W) or (C, H, W) to (N, C, H', W') or without N.

    Sizes are a number, or a pair; ``stride`` is ``kernel_size`` unless given:

        H' = (H + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1

    rounded up instead of down with ``ceil_mode``. Pads with ``padding`` places of minus infinity, at most half a
    window; ``dilation`` is the distance between the places of a window. With ``return_indices`` the result is a pair:
    the maxima, and their places in the flattened image, which `MaxUnpool2d` takes. When called, raises
    ``RuntimeError`` for settings that leave no room for a window.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html

    >>> import tapeless as tl
    >>> tl.nn.MaxPool2d(3, stride=2)(tl.ones(20, 16, 50, 32)).shape
    torch.Size([20, 16, 24, 15])
    """

    _function = "max_pool2d"


class MaxPool3d(_MaxPoolNd):
    """The maximum of each window of a volume: (N, C, D, H, W) to (N, C, D', H', W'). Settings as for `MaxPool2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html

    >>> import tapeless as tl
    >>> tl.nn.MaxPool3d(2)(tl.ones(1, 2, 4, 4, 6)).shape
    torch.Size([1, 2, 2, 2, 3])
    """

    _function = "max_pool3d"


class _MaxUnpoolNd(Module):
    _dims: ClassVar[int]

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        self.kernel_size = repeat(kernel_size, self._dims)
        self.stride = repeat(kernel_size if stride is None else stride, self._dims)
        self.padding = repeat(padding, self._dims)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Any:
        """Put the values of ``input`` at ``indices`` of a tensor of zeros."""
        function = getattr(F, f"max_unpool{self._dims}d")
        return function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """Return the settings of the windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """The inverse of `MaxPool1d`: (N, C, L) to (N, C, (L - 1) * stride - 2 * padding + kernel_size).

    See `MaxUnpool2d`. Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxUnpool1d.html

    >>> import tapeless as tl
    >>> maxima, places = tl.nn.MaxPool1d(2, return_indices=True)(tl.tensor([[1.0, 3.0, 2.0, 0.0]]))
    >>> tl.nn.MaxUnpool1d(2)(maxima, places)
    tensor([[0., 3., 2., 0.]])
    """

    _dims = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """The inverse of `MaxPool2d`, as far as there is one: maxima go back to their places, all else is 0.

    (N, C, H, W) to (N, C, H', W'), H' = (H - 1) * stride - 2 * padding + kernel_size. Several sizes pool to one;
    ``output_size`` in the call chooses. Raises ``ValueError`` for an ``output_size`` out of reach, ``RuntimeError``
    for indices outside of the output.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html

    >>> import tapeless as tl
    >>> maxima, places = tl.nn.MaxPool2d(2, return_indices=True)(tl.ones(1, 5, 5))
    >>> tl.nn.MaxUnpool2d(2)(maxima, places, output_size=(5, 5)).sum()
    tensor(4.)
    """

    _dims = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """The inverse of `MaxPool3d`: (N, C, D, H, W) to (N, C, D', H', W'). See `MaxUnpool2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxUnpool3d.html

    >>> import tapeless as tl
    >>> maxima, places = tl.nn.MaxPool3d(2, return_indices=True)(tl.ones(1, 4, 4, 4))
    >>> tl.nn.MaxUnpool3d(2)(maxima, places).shape
    torch.Size([1, 4, 4, 4])
    """

    _dims = 3


class _AvgPoolNd(Module):
    kernel_size: Any
    stride: Any
    padding: Any

    def extra_repr(self) -> str:
        """Return the settings of the windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """The mean of each window along one dim: (N, C, L) to (N, C, L'). Settings are those of `AvgPool2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html

    >>> import tapeless as tl
    >>> tl.nn.AvgPool1d(2)(tl.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[2., 1.]])
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = repeat(kernel_size, 1)
        self.stride = repeat(kernel_size if stride is None else stride, 1)
        self.padding = repeat(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Any:
        """Return the means."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class _AvgPool2dOr3d(_AvgPoolNd):
    _function: ClassVar[str]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Any:
        """Return the means."""
        return getattr(F, self._function)(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPool2dOr3d):
    """The mean of each window of an image: (N, C, H, W) or (C, H, W) to (N, C, H', W') or without N.

    The sizes are those of `MaxPool2d`, without dilation. Pads with ``padding`` zeros, at most half a window; they count
    in the mean unless ``count_include_pad`` is False. ``divisor_override`` is divided by in place of the number of
    places. When called, raises ``RuntimeError`` for settings that leave no room for a window.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html

    >>> import tapeless as tl
    >>> tl.nn.AvgPool2d((3, 2), stride=(2, 1))(tl.ones(20, 16, 50, 32)).shape
    torch.Size([20, 16, 24, 31])
    """

    _function = "avg_pool2d"


class AvgPool3d(_AvgPool2dOr3d):
    """The mean of each window of a volume: (N, C, D, H, W) to (N, C, D', H', W'). Settings as for `AvgPool2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html

    >>> import tapeless as tl
    >>> tl.nn.AvgPool3d(2)(tl.ones(1, 2, 4, 4, 6)).shape
    torch.Size([1, 2, 2, 2, 3])
    """

    _function = "avg_pool3d"


class _LPPoolNd(Module):
    _function: ClassVar[str]

    def __init__(
        self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Return the norms."""
        function = getattr(F, self._function)
        return function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The ``norm_type``-norm, sum(x ** p) ** (1 / p), of each window: (N, C, L) to (N, C, L').

    For p = 1 that is the sum, for p = infinity the maximum. The gradient is 0 where the sum of powers is.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LPPool1d.html

    >>> import tapeless as tl
    >>> tl.nn.LPPool1d(2, 2)(tl.tensor([[3.0, 4.0, 0.0, 1.0]]))
    tensor([[5., 1.]])
    """

    _function = "lp_pool1d"


class LPPool2d(_LPPoolNd):
    """The ``norm_type``-norm of each window of an image: (N, C, H, W) to (N, C, H', W'). See `LPPool1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html

    >>> import tapeless as tl
    >>> tl.nn.LPPool2d(1, 2)(tl.ones(1, 4, 4))
    tensor([[[4., 4.],
             [4., 4.]]])
    """

    _function = "lp_pool2d"


class LPPool3d(_LPPoolNd):
    """The ``norm_type``-norm of each window of a volume: (N, C, D, H, W) to (N, C, D', H', W'). See `LPPool1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LPPool3d.html

    >>> import tapeless as tl
    >>> tl.nn.LPPool3d(1, 2)(tl.ones(1, 2, 2, 2))
    tensor([[[[8.]]]])
    """

    _function = "lp_pool3d"
