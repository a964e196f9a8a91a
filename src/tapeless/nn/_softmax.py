"""Activations along a dim: gates and softmaxes.

Definitions and formulas: https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-other
"""

from __future__ import annotations

from typing import Any

from tapeless._tensor import Tensor

from . import functional as F
from ._module import Module


class _DimActivation(Module):
    """An activation along one axis."""

    dim: int | None

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class GLU(_DimActivation):
    """a * sigmoid(b), where a and b are the halves of the input along ``dim`` (Dauphin et al., 2017).

    >>> import tapeless as tl
    >>> tl.nn.GLU()(tl.tensor([1.0, 2.0, 0.0, 100.0]))
    tensor([0.5000, 2.0000])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.glu(input, -1 if self.dim is None else self.dim)


class Softmax(_DimActivation):
    """exp(x) / sum(exp(x)) along ``dim``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Softmax(dim=0)(tl.zeros(2))
    tensor([0.5000, 0.5000])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.softmax(input, self.dim, _stacklevel=5)


class Softmin(_DimActivation):
    """Softmax of -x along ``dim``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Softmin(dim=0)(tl.tensor([0.0, 100.0]))
    tensor([1.0000e+00, 3.7835e-44])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(_DimActivation):
    """log(softmax(x)) along ``dim``, without overflow.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.LogSoftmax(dim=0)(tl.tensor([0.0, 0.0]))
    tensor([-0.6931, -0.6931])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels of each pixel of (N, C, H, W) or (C, H, W).

    When called, raises ``ValueError`` for another number of dims.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax2d.html

    >>> import tapeless as tl
    >>> tl.nn.Softmax2d()(tl.zeros(2, 1, 1)).flatten()
    tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Any:
        """Apply the activation."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3, _stacklevel=5)
