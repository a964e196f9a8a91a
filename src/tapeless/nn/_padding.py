"""Padding: constants, mirror images, edge values, or the other end.

``padding`` is a number of places, the same at all sides, or one number for each side, the last dim first: (left, right)
in one dim, (left, right, top, bottom) in two, (left, right, top, bottom, front, back) in three. Negative numbers crop.
A dim of size L becomes L + before + after; leading dims stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tapeless._tensor import Tensor

from . import functional as F
from ._module import Module
from ._sizes import repeat

Padding = int | Sequence[int]


class _PadNd(Module):
    _dims: ClassVar[int]
    _mode: ClassVar[str]

    def __init__(self, padding: Padding) -> None:
        super().__init__()
        self.padding = repeat(padding, 2 * self._dims)

    def forward(self, input: Tensor) -> Any:
        """Return ``input`` with its last dims padded."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """Return the padding."""
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    _mode = "constant"

    def __init__(self, padding: Padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Any:
        """Return ``input`` with its last dims padded."""
        return F.pad(input, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        """Return the padding and the value."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pad the last dim of (N, C, L) or (C, L) with ``value``; ``padding`` is (left, right) or one number for both.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConstantPad1d.html

    >>> import tapeless as tl
    >>> tl.nn.ConstantPad1d((1, 2), 3.5)(tl.zeros(1, 1, 2))
    tensor([[[3.5000, 0.0000, 0.0000, 3.5000, 3.5000]]])
    """

    _dims = 1


class ConstantPad2d(_ConstantPadNd):
    """Pad the last two dims of (N, C, H, W) or (C, H, W) with ``value``.

    ``padding`` is (left, right, top, bottom) or one number for all; negative numbers crop.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html

    >>> import tapeless as tl
    >>> tl.nn.ConstantPad2d((3, 0, 2, 1), 3.5)(tl.zeros(1, 2, 2)).shape
    torch.Size([1, 5, 5])
    """

    _dims = 2


class ConstantPad3d(_ConstantPadNd):
    """Pad the last three dims of (N, C, D, H, W) or (C, D, H, W) with ``value``.

    ``padding`` is (left, right, top, bottom, front, back) or one number for all; negative numbers crop.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConstantPad3d.html

    >>> import tapeless as tl
    >>> tl.nn.ConstantPad3d(1, 3.5)(tl.zeros(1, 2, 3, 4)).shape
    torch.Size([1, 4, 5, 6])
    """

    _dims = 3


class ZeroPad1d(ConstantPad1d):
    """Pad the last dim of (N, C, L) or (C, L) with zeros; ``padding`` is (left, right) or one number for both.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad1d.html

    >>> import tapeless as tl
    >>> tl.nn.ZeroPad1d((3, 1))(tl.ones(1, 2))
    tensor([[0., 0., 0., 1., 1., 0.]])
    """

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """Return the padding."""
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Pad the last two dims of (N, C, H, W) or (C, H, W) with zeros; ``padding`` as for `ConstantPad2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html

    >>> import tapeless as tl
    >>> tl.nn.ZeroPad2d((1, 1, 0, -1))(tl.ones(1, 3, 3)).shape
    torch.Size([1, 2, 5])
    """

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """Return the padding."""
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Pad the last three dims of (N, C, D, H, W) or (C, D, H, W) with zeros; ``padding`` as for `ConstantPad3d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad3d.html

    >>> import tapeless as tl
    >>> tl.nn.ZeroPad3d(1)(tl.ones(1, 2, 3, 4)).shape
    torch.Size([1, 4, 5, 6])
    """

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """Return the padding."""
        return f"{self.padding}"


class ReflectionPad1d(_PadNd):
    """Pad the last dim of (N, C, L) or (C, L) with its mirror image, the edge itself not repeated.

    ``padding`` is (left, right) or one number for both, each below L; when called, raises ``RuntimeError`` for more.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad1d.html

    >>> import tapeless as tl
    >>> tl.nn.ReflectionPad1d((2, 1))(tl.tensor([[0.0, 1.0, 2.0]]))
    tensor([[2., 1., 0., 1., 2., 1.]])
    """

    _dims, _mode = 1, "reflect"


class ReflectionPad2d(_PadNd):
    """Pad the last two dims of (N, C, H, W) or (C, H, W) with their mirror image; see `ReflectionPad1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html

    >>> import tapeless as tl
    >>> tl.nn.ReflectionPad2d((1, 1, 2, 0))(tl.ones(1, 3, 3)).shape
    torch.Size([1, 5, 5])
    """

    _dims, _mode = 2, "reflect"


class ReflectionPad3d(_PadNd):
    """Pad the last three dims of (N, C, D, H, W) or (C, D, H, W) with their mirror image; see `ReflectionPad1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad3d.html

    >>> import tapeless as tl
    >>> tl.nn.ReflectionPad3d(1)(tl.ones(1, 1, 2, 2, 2)).shape
    torch.Size([1, 1, 4, 4, 4])
    """

    _dims, _mode = 3, "reflect"


class ReplicationPad1d(_PadNd):
    """Pad the last dim of (N, C, L) or (C, L) with the values at its ends; ``padding`` as for `ConstantPad1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReplicationPad1d.html

    >>> import tapeless as tl
    >>> tl.nn.ReplicationPad1d((2, 1))(tl.tensor([[0.0, 1.0, 2.0]]))
    tensor([[0., 0., 0., 1., 2., 2.]])
    """

    _dims, _mode = 1, "replicate"


class ReplicationPad2d(_PadNd):
    """Pad the last two dims of (N, C, H, W) or (C, H, W) with the values at their edges.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html

    >>> import tapeless as tl
    >>> tl.nn.ReplicationPad2d(2)(tl.ones(1, 3, 3)).shape
    torch.Size([1, 7, 7])
    """

    _dims, _mode = 2, "replicate"


class ReplicationPad3d(_PadNd):
    """Pad the last three dims of (N, C, D, H, W) or (C, D, H, W) with the values at their faces.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReplicationPad3d.html

    >>> import tapeless as tl
    >>> tl.nn.ReplicationPad3d(1)(tl.ones(1, 1, 2, 2, 2)).shape
    torch.Size([1, 1, 4, 4, 4])
    """

    _dims, _mode = 3, "replicate"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Any:
        """Return ``input`` with its last dims padded."""
        self._check_input_dim(input)
        return super().forward(input)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (self._dims + 1, self._dims + 2):
            raise ValueError(f"expected {self._dims + 1}D or {self._dims + 2}D input (got {input.ndim}D input)")


class CircularPad1d(_CircularPadNd):
    """Pad the last dim of (N, C, L) or (C, L) with what stands at its other end.

    ``padding`` is (left, right) or one number for both, each at most L. When called, raises ``ValueError`` for inputs
    of another number of dims, ``RuntimeError`` for too much padding.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CircularPad1d.html

    >>> import tapeless as tl
    >>> tl.nn.CircularPad1d((2, 1))(tl.tensor([[0.0, 1.0, 2.0]]))
    tensor([[1., 2., 0., 1., 2., 0.]])
    """

    _dims = 1


class CircularPad2d(_CircularPadNd):
    """Pad the last two dims of (N, C, H, W) or (C, H, W) with what stands at their other ends; see `CircularPad1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CircularPad2d.html

    >>> import tapeless as tl
    >>> tl.nn.CircularPad2d((1, 1, 2, 0))(tl.ones(1, 3, 3)).shape
    torch.Size([1, 5, 5])
    """

    _dims = 2


class CircularPad3d(_CircularPadNd):
    """Pad the last three dims of (N, C, D, H, W) or (C, D, H, W) with their other ends; see `CircularPad1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CircularPad3d.html

    >>> import tapeless as tl
    >>> tl.nn.CircularPad3d(1)(tl.ones(1, 1, 2, 2, 2)).shape
    torch.Size([1, 1, 4, 4, 4])
    """

    _dims = 3
