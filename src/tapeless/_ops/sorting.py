"""Sorting along a dim; equal elements keep their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.registry import composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int64
from ._common import normal_dim
from .indexing import Gather
from .reduction import ValuesIndices


def _order(input: Any, dim: int, descending: bool, stable: bool = True) -> Any:
    """Return the indices that sort `input`; NaN counts as the largest."""
    if not descending:
        return np.argsort(input, axis=dim, kind="stable")
    backwards = np.argsort(np.flip(input, dim), axis=dim, kind="stable")
    return np.flip(input.shape[dim] - 1 - backwards, dim)


@composite("sort")
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Return a pair (values, indices) sorted along `dim`; equal elements keep their order.

    >>> import tapeless as tl
    >>> values, indices = tl.sort(tl.tensor([3.0, 1.0, 2.0]))
    >>> values, indices
    (tensor([1., 2., 3.]), tensor([1, 2, 0]))
    """
    if input.ndim == 0:
        normal_dim(dim, 0)
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    dim = normal_dim(dim, input.ndim)
    index = wrap(np.ascontiguousarray(_order(unwrap(input), dim, descending)))
    return ValuesIndices(Gather.apply(input, dim, index), index)


@composite("argsort")
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Return the indices that sort `input` along `dim`.

    >>> import tapeless as tl
    >>> tl.argsort(tl.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    return sort(input, dim, descending).indices


@composite("topk")
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """Return a pair (values, indices) of the `k` largest (or smallest) elements along `dim`.

    >>> import tapeless as tl
    >>> values, indices = tl.topk(tl.tensor([3.0, 1.0, 2.0]), 2)
    >>> values, indices
    (tensor([3., 2.]), tensor([0, 2]))
    """
    dim = normal_dim(dim, input.ndim)
    if not 0 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError("selected index k out of range")
    values, index = sort(input, dim, largest)
    if input.ndim == 0:
        return ValuesIndices(values, index)
    return ValuesIndices(values.narrow(dim, 0, k), index.narrow(dim, 0, k))
