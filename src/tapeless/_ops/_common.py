"""What the declarations share: dims, the axes that gradients are spread over, the two elementwise families."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.function import Function
from .._dtypes import promote, promote_to_float


def as_int(value: Any) -> int:
    """Return an int from anything that stands for one (NumPy ints, 0-d integer tensors)."""
    return operator.index(value)


def normal_dim(dim: Any, ndim: int) -> int:
    """Return `dim` counted from the front. Raises IndexError, in PyTorch's words, when there is no such dim."""
    dim = as_int(dim)
    bound = max(ndim, 1)
    if not -bound <= dim < bound:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got {dim})"
        )
    return dim % bound


def normal_dims(dim: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that `dim` (None, an int, or several) means; none given means all."""
    if dim is None or (isinstance(dim, (tuple, list)) and len(dim) == 0):
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        dim = (dim,)
    axes = tuple(normal_dim(d, ndim) for d in dim)
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"dim {axes[-1]} appears multiple times in the list of dims {list(dim)}")
    return axes if ndim else ()


@functools.cache
def zero(dtype: Any) -> Any:
    """Return a 0-d zero of a dtype: NumPy takes half a microsecond longer to convert a Python number."""
    return np.zeros((), dtype)


def spread(g: Any, axes: tuple[int, ...], shape: tuple[int, ...], keepdim: bool) -> Any:
    """Repeat a reduction's gradient over the axes that the reduction removed."""
    if not keepdim and axes and g.shape != ():
        g = np.expand_dims(g, axes)
    return np.broadcast_to(g, shape)


class Unary(Function):
    """One tensor in, one of the same shape out, by the NumPy function `numpy`."""

    def forward(self, input: Any) -> Any:
        """Run the NumPy function."""
        return self.numpy(input)


class FloatUnary(Unary):
    """The same, where integers become floats first."""

    promote = promote_to_float


class Binary(Function):
    """Two operands that broadcast and are brought to one dtype, by the NumPy function `numpy`."""

    promote = promote

    def forward(self, input: Any, other: Any) -> Any:
        """Run the NumPy function."""
        return self.numpy(input, other)


class FloatBinary(Binary):
    """The same, where integers become floats first."""

    promote = promote_to_float


Rule = Callable[..., Any]
