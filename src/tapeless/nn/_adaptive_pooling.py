"""Pooling to an output of a given size: adaptive windows, and windows of random size.

``output_size`` is a number, or one for each spatial dim; in adaptive pooling of two or three dims None keeps the size
of a dim. The leading batch dim N of the inputs may be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tapeless._tensor import Tensor

from . import functional as F
from ._convolution import Sizes
from ._module import Module
from ._sizes import repeat

OutputSizes = int | None | Sequence[int | None]


class _AdaptivePoolNd(Module):
    _function: ClassVar[str]
    output_size: OutputSizes

    def extra_repr(self) -> str:
        """Return the size of the output."""
        return f"output_size={self.output_size}"


class _AdaptiveAvgPoolNd(_AdaptivePoolNd):
    def __init__(self, output_size: OutputSizes) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        """Return the means."""
        return getattr(F, self._function)(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of ``output_size`` windows that cover one dim evenly: (N, C, L) to (N, C, output_size).

    Window i goes from floor(i * L / output_size) to ceil((i + 1) * L / output_size). When called, raises
    ``RuntimeError`` for inputs with too few dims or without elements.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html

    >>> import tapeless as tl
    >>> tl.nn.AdaptiveAvgPool1d(2)(tl.tensor([[1.0, 2.0, 3.0, 4.0]]))
    tensor([[1.5000, 3.5000]])
    """

    _function = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means of windows that cover an image evenly: (N, C, H, W) to (N, C, *output_size). See `AdaptiveAvgPool1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html

    >>> import tapeless as tl
    >>> tl.nn.AdaptiveAvgPool2d((None, 7))(tl.ones(1, 64, 10, 9)).shape
    torch.Size([1, 64, 10, 7])
    """

    _function = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of windows that cover a volume evenly: (N, C, D, H, W) to (N, C, *output_size). See `AdaptiveAvgPool1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html

    >>> import tapeless as tl
    >>> tl.nn.AdaptiveAvgPool3d(2)(tl.ones(1, 4, 8, 9, 10)).shape
    torch.Size([1, 4, 2, 2, 2])
    """

    _function = "adaptive_avg_pool3d"


class _AdaptiveMaxPoolNd(_AdaptivePoolNd):
    def __init__(self, output_size: OutputSizes, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Return the maxima, and where they were with ``return_indices``."""
        return getattr(F, self._function)(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima of ``output_size`` windows that cover one dim evenly: (N, C, L) to (N, C, output_size).

    The windows are those of `AdaptiveAvgPool1d`. With ``return_indices`` the result is a pair: the maxima, and their
    places in the flattened input, as `MaxUnpool1d` takes them. When called, raises ``RuntimeError`` for inputs with
    too few dims or without elements.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html

    >>> import tapeless as tl
    >>> tl.nn.AdaptiveMaxPool1d(2)(tl.tensor([[1.0, 2.0, 3.0, 4.0]]))
    tensor([[2., 4.]])
    """

    _function = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima of windows that cover an image evenly: (N, C, H, W) to (N, C, *output_size). See `AdaptiveMaxPool1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html

    >>> import tapeless as tl
    >>> tl.nn.AdaptiveMaxPool2d((5, None))(tl.ones(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 9])
    """

    _function = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima of windows that cover a volume evenly: (N, C, D, H, W) to (N, C, *output_size). See `AdaptiveMaxPool1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html

    >>> import tapeless as tl
    >>> tl.nn.AdaptiveMaxPool3d(2)(tl.ones(1, 4, 8, 9, 10)).shape
    torch.Size([1, 4, 2, 2, 2])
    """

    _function = "adaptive_max_pool3d"


class _FractionalMaxPoolNd(Module):
    _dims: ClassVar[int]
    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size: Sizes,
        output_size: Sizes | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = repeat(kernel_size, self._dims)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else repeat(output_size, self._dims)
        self.output_ratio = None if output_ratio is None else repeat(output_ratio, self._dims)
        if self.output_size is None and self.output_ratio is None:
            name = type(self).__name__
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if self.output_size is not None and self.output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        """Return the maxima, and where they were with ``return_indices``."""
        return getattr(F, f"fractional_max_pool{self._dims}d")(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maxima of windows at steps that are drawn at random: (N, C, H, W) to (N, C, *output_size).

    The size of the output is ``output_size``, or ``output_ratio`` (between 0 and 1) of the input's; one of the two
    has to be given. The windows have ``kernel_size``. With ``return_indices`` the result is a pair: the maxima, and
    their places as `MaxUnpool2d` takes them. ``_random_samples`` (N, C, 2) replaces the numbers that are drawn.

    Raises ``ValueError`` unless exactly one of the two is given, and for ratios out of range.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html; Graham, "Fractional
    max-pooling" (2014), https://arxiv.org/abs/1412.6071.

    >>> import tapeless as tl
    >>> tl.nn.FractionalMaxPool2d(3, output_size=(13, 12))(tl.ones(20, 16, 50, 32)).shape
    torch.Size([20, 16, 13, 12])
    """

    _dims = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Maxima of windows at steps that are drawn at random: (N, C, D, H, W) to (N, C, *output_size).

    Settings and errors are those of `FractionalMaxPool2d`; ``ValueError`` also for a ``kernel_size`` below 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html

    >>> import tapeless as tl
    >>> tl.nn.FractionalMaxPool3d(3, output_ratio=0.5)(tl.ones(2, 3, 10, 8, 12)).shape
    torch.Size([2, 3, 5, 4, 6])
    """

    _dims = 3

    def __init__(
        self,
        kernel_size: Sizes,
        output_size: Sizes | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        if any(size <= 0 for size in repeat(kernel_size, 3)):
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")
        super().__init__(kernel_size, output_size, output_ratio, return_indices, _random_samples)
