"""Running extremes and running log-sums along a dim."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._dtypes import int64
from .._kernels.indexing import scatter_add
from .._kernels.running import logcumsumexp as kernel
from ._common import FloatUnary, normal_dim
from .reduction import ValuesIndices


class _RunningExtreme(Function):
    """The largest or smallest so far, and where it was: at the last of equals."""

    ufunc: Any

    def forward(self, input: Any, dim: int) -> Any:
        self.dim, self.shape_in = dim, input.shape
        if input.ndim == 0:
            self.index = np.zeros((), int64)
            return input.copy(), self.index
        values = self.ufunc.accumulate(input, axis=dim)
        found = input == values
        if input.dtype.kind == "f":
            found |= np.isnan(input)
        places = np.arange(input.shape[dim]).reshape([-1 if i == dim else 1 for i in range(input.ndim)])
        self.index = np.maximum.accumulate(np.where(found, places, 0), axis=dim)
        return values, self.index

    def grad_input(self, g):
        return g[0] if self.shape_in == () else scatter_add(g[0], self.index, self.dim, self.shape_in)


class RunningMax(_RunningExtreme):
    """Public through `cummax`."""

    ufunc = np.maximum


class RunningMin(_RunningExtreme):
    """Public through `cummin`."""

    ufunc = np.minimum


def _running(cls: Any, input: Any, dim: int, out: Any, name: str) -> Any:
    result = ValuesIndices(*cls.apply(input, normal_dim(dim, input.ndim)))
    return result if out is None else ValuesIndices(*store(tuple(result), tuple(out), name))


@composite("cummax")
def cummax(input: Any, dim: int, *, out: Any = None) -> Any:
    """Return (values, indices) of the largest element so far along `dim`; NaN stays.

    >>> import tapeless as tl
    >>> tl.cummax(tl.tensor([1.0, 3.0, 2.0]), 0).values
    tensor([1., 3., 3.])
    """
    return _running(RunningMax, input, dim, out, "cummax")


@composite("cummin")
def cummin(input: Any, dim: int, *, out: Any = None) -> Any:
    """Return (values, indices) of the smallest element so far along `dim`; NaN stays.

    >>> import tapeless as tl
    >>> tl.cummin(tl.tensor([3.0, 1.0, 2.0]), 0).indices
    tensor([0, 1, 1])
    """
    return _running(RunningMin, input, dim, out, "cummin")


class Logcumsumexp(FloatUnary):
    """``log(cumsum(exp(input)))`` along `dim`, without overflow.

    >>> import tapeless as tl
    >>> tl.logcumsumexp(tl.zeros(2), 0)
    tensor([0.0000, 0.6931])
    """

    names = "logcumsumexp"
    numpy = staticmethod(kernel)

    def forward(self, input: Any, dim: int) -> Any:  # type: ignore[override]
        self.dim = normal_dim(dim, input.ndim)
        result = kernel(input, self.dim) if input.ndim else input.copy()
        size = result.real
        finite = size[np.isfinite(size)]
        self.wide = finite.size > 0 and np.ptp(finite) > np.log(np.finfo(size.dtype).max) / 2
        return result

    def grad_input(self, g, input, result):
        if len(g.shape) == 0 or 0 in g.shape:
            return g
        # The sum over k >= i of g[k] exp(input[i] - result[k]).
        if not self.wide:  # as a product of two factors that share a shift
            size = np.real(input)
            shift = np.where(np.isfinite(size), size, 0).max(axis=self.dim, keepdims=True)
            later = np.flip(np.cumsum(np.flip(g * np.exp(shift - result), self.dim), self.dim), self.dim)
            return np.exp(input - shift) * later
        if result.dtype.kind == "c":
            return self.by_logarithms(g, input, result)
        # One factor would overflow.
        above = self.by_logarithms(np.where(g > 0, g, 0), input, result)
        return above - self.by_logarithms(np.where(g < 0, -g, 0), input, result)

    def by_logarithms(self, g: Any, input: Any, result: Any) -> Any:
        """Return the gradient by way of the logarithm of `g`, which is not negative: it overflows nowhere."""
        none = g == 0
        logs = np.where(none, np.finfo(g.dtype).min, np.log(np.where(none, 1, g)))
        return np.exp(np.flip(kernel(np.flip(logs - result, self.dim), self.dim), self.dim) + input)

    @classmethod
    def public_function(cls):
        return None


MinMax = namedtuple("MinMax", "min max")


@composite("aminmax")
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> Any:
    """Return the smallest and the largest element, over all or along `dim`.

    >>> import tapeless as tl
    >>> tl.aminmax(tl.tensor([1.0, 3.0]))
    MinMax(min=tensor(1.), max=tensor(3.))
    """
    dims: Any = None if dim is None else (dim,)
    if input.numel() == 0 and dim is None:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    if dims is None and keepdim:
        dims = tuple(range(input.ndim))
    result = MinMax(input.amin(dims, keepdim), input.amax(dims, keepdim))
    return result if out is None else MinMax(*store(tuple(result), tuple(out), "aminmax", exact=True))
