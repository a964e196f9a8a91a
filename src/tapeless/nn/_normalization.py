"""Normalization over features, groups of channels, and neighbouring channels: no running statistics."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from tapeless._creation import empty
from tapeless._tensor import Tensor

from . import functional as F, init
from ._module import Module
from ._parameter import Parameter


class _Affine(Module):
    """A learned scale and shift that start at 1 and 0; either may be missing."""

    weight: Tensor | None
    bias: Tensor | None

    def _add(self, name: str, wanted: bool, shape: Any, device: Any, dtype: Any) -> None:
        values = Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None
        self.register_parameter(name, values)

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the shift to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if getattr(self, "bias", None) is not None:
            init.zeros_(self.bias)  # type: ignore[arg-type]


def _shape_tuple(normalized_shape: Any) -> tuple[int, ...]:
    if isinstance(normalized_shape, numbers.Integral):
        return (int(normalized_shape),)
    return tuple(normalized_shape)


class LayerNorm(_Affine):
    """The last dims of (..., *normalized_shape) with mean 0 and variance 1, times ``weight``, plus ``bias``.

    ``normalized_shape`` is the size of the last dim, or the sizes of several. ``eps`` is added to the variance.
    ``elementwise_affine=False`` leaves out scale and shift, ``bias=False`` the shift; both have ``normalized_shape``.
    When called, raises ``RuntimeError`` for inputs of another shape.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html; Ba et al., "Layer normalization"
    (2016), https://arxiv.org/abs/1607.06450.

    >>> import tapeless as tl
    >>> layer = tl.nn.LayerNorm([5, 10])
    >>> layer(tl.ones(20, 5, 10)).shape, layer.weight.shape
    (torch.Size([20, 5, 10]), torch.Size([5, 10]))
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape_tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._add("weight", elementwise_affine, self.normalized_shape, device, dtype)
        self._add("bias", elementwise_affine and bias, self.normalized_shape, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Any:
        """Normalize the last dims of ``input``."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(_Affine):
    """Each group of channels of (N, num_channels, ...) with mean 0 and variance 1, times ``weight``, plus ``bias``.

    The channels fall into ``num_groups`` equal groups. ``eps`` is added to the variance. ``affine=False`` leaves out
    scale and shift, ``bias=False`` the shift; both have one value for each channel. Raises ``ValueError`` unless
    ``num_groups`` divides ``num_channels``; when called, ``RuntimeError`` for another number of channels.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html; Wu and He, "Group normalization"
    (2018), https://arxiv.org/abs/1803.08494.

    >>> import tapeless as tl
    >>> tl.nn.GroupNorm(3, 6)(tl.ones(20, 6, 10, 10)).shape
    torch.Size([20, 6, 10, 10])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._add("weight", affine, num_channels, device, dtype)
        self._add("bias", affine and bias, num_channels, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Any:
        """Normalize ``input``."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """The last dims of (..., *normalized_shape) divided by their root mean square, times ``weight``.

    ``eps`` is added to the mean square; None means the dtype's ``finfo.eps``. ``elementwise_affine=False`` leaves out
    the scale. When called, raises ``RuntimeError`` for inputs of another shape.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html; Zhang and Sennrich, "Root mean square
    layer normalization" (2019), https://arxiv.org/abs/1910.07467.

    >>> import tapeless as tl
    >>> tl.nn.RMSNorm(2, elementwise_affine=False)(tl.tensor([1.0, 7.0]))
    tensor([0.2000, 1.4000])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape_tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._add("weight", elementwise_affine, self.normalized_shape, device, dtype)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Any:
        """Normalize the last dims of ``x``."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class _ResponseNorm(Module):
    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class LocalResponseNorm(_ResponseNorm):
    """Each value of (N, C, ...) divided by ``(k + alpha * m) ** beta``.

    m is the mean square over the ``size`` channels around it; those beyond the first and last count as 0.
    When called, raises ``ValueError`` for fewer than 3 dims.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html; Krizhevsky et al.,
    "ImageNet classification with deep convolutional neural networks" (2012).

    >>> import tapeless as tl
    >>> tl.nn.LocalResponseNorm(2)(tl.ones(16, 5, 7, 7)).shape
    torch.Size([16, 5, 7, 7])
    """

    def forward(self, input: Tensor) -> Any:
        """Normalize ``input``."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)


class CrossMapLRN2d(_ResponseNorm):
    """`LocalResponseNorm` for (N, C, H, W) as Caffe has it: the window always has an odd number of channels.

    An even ``size`` takes ``size - 1`` channels, but still divides by ``size``. PyTorch differs in two ways that its
    own gradcheck finds fault with: there the first channel is part of all later windows, too, and the gradient is that
    of other windows. When called, raises ``ValueError`` unless the input has
    4 dims.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossMapLRN2d.html

    >>> import tapeless as tl
    >>> tl.nn.CrossMapLRN2d(3)(tl.ones(1, 5, 2, 2)).shape
    torch.Size([1, 5, 2, 2])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__(size, alpha, beta, k)

    def forward(self, input: Tensor) -> Any:
        """Normalize ``input``."""
        if input.ndim != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.ndim}D instead.")
        window = 2 * ((self.size - 1) // 2) + 1
        return F.local_response_norm(input, window, self.alpha * window / self.size, self.beta, self.k)
