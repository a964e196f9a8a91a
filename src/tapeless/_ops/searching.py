"""Searching sorted values, membership, counting, and positions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.registry import composite, store
from .._core.tensor_base import is_tensor, unwrap, wrap
from .._dtypes import int32, int64, scalar_name


def _give(array: Any, out: Any, name: str) -> Any:
    result = wrap(array)
    return result if out is None else store(result, out, name, True)


@composite("searchsorted", methods="")
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
    out: Any = None,
) -> Any:
    """Return where each value would go in the sorted last dim: before equal ones, or with ``side="right"`` after.

    `sorted_sequence` is one row, or has the leading dims of `input`. Raises RuntimeError, IndexError.
    See https://docs.pytorch.org/docs/stable/generated/torch.searchsorted.html

    >>> import tapeless as tl
    >>> tl.searchsorted(tl.tensor([1, 3, 5]), tl.tensor([3, 6]))
    tensor([1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    from_right = right or side == "right"
    rows, values = unwrap(sorted_sequence), np.asarray(unwrap(input))
    _check_rows(rows, values, is_tensor(input), sorter, input)
    if sorter is not None:
        rows = np.take_along_axis(rows, unwrap(sorter), -1)
    dtype = int32 if out_int32 else int64
    if rows.ndim == 1:
        found = np.searchsorted(rows, values, "right" if from_right else "left")
    else:
        count = math.prod(values.shape[:-1])
        flat, wanted = (x.reshape(count, x.shape[-1]) for x in (rows, values))
        found = np.empty(wanted.shape, dtype)
        for i in range(len(wanted)):
            found[i] = np.searchsorted(flat[i], wanted[i], "right" if from_right else "left")
        found = found.reshape(values.shape)
    return _give(np.asarray(found).astype(dtype), out, "searchsorted")


def _check_rows(rows: Any, values: Any, is_tensor: bool, sorter: Any, input: Any) -> None:
    if not is_tensor and rows.ndim != 1:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we got "
            f"boundaries tensor dim({rows.ndim}) and input value's dim(0) numel(1)"
        )
    if is_tensor and rows.dtype != values.dtype:
        raise RuntimeError(
            "torch.searchsorted(): boundary tensor and input value tensor should have same dtype, but got boundary "
            f"tensor type {scalar_name(rows.dtype)} and input value tensor type {scalar_name(values.dtype)}"
        )
    if rows.ndim != 1 and rows.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(rows.shape)} and input "
            "value "
            f"tensor {list(values.shape)}"
        )
    if sorter is None:
        return
    order = unwrap(sorter)
    if order.shape != rows.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
            f"{list(rows.shape)}and got sorter tensor {list(order.shape)}"
        )
    if order.dtype != int64:
        raise RuntimeError(
            f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {scalar_name(order.dtype)}"
        )
    if order.size and (order.min() < 0 or order.max() >= rows.shape[-1]):
        raise IndexError("torch.searchsorted(): sorter index out of range")


@composite("bucketize", methods="")
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False, out: Any = None) -> Any:
    """Return the number of the bucket between `boundaries` (1-D, sorted) that each value falls into.

    >>> import tapeless as tl
    >>> tl.bucketize(tl.tensor([0.5, 2.0]), tl.tensor([1.0, 2.0]))
    tensor([0, 1])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)


@composite("isin", methods="")
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False, out: Any = None
) -> Any:
    """Return which of `elements` are among `test_elements`.

    >>> import tapeless as tl
    >>> tl.isin(tl.tensor([1, 2, 3]), tl.tensor([2]))
    tensor([False,  True, False])
    """
    if not is_tensor(elements) and not is_tensor(test_elements):
        raise TypeError("isin() received an invalid combination of arguments: one of them must be a Tensor")
    found = np.isin(unwrap(elements), unwrap(test_elements), invert=invert)
    return _give(np.asarray(found), out, "isin")


@composite("argwhere", numpy=np.argwhere)
def argwhere(input: Any) -> Any:
    """Return the positions of nonzero elements, one a row.

    >>> import tapeless as tl
    >>> tl.argwhere(tl.tensor([0, 3]))
    tensor([[1]])
    """
    return input.nonzero()


@composite("nonzero_static")
def nonzero_static(input: Any, *, size: int, fill_value: int = -1, out: Any = None) -> Any:
    """Return `size` positions of nonzero elements, cut or filled up with rows of `fill_value`.

    >>> import tapeless as tl
    >>> tl.nonzero_static(tl.tensor([0, 3]), size=2)
    tensor([[ 1],
            [-1]])
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer\nIt is {size}.")
    found = unwrap(input.nonzero())[:size]
    filled = np.full((size, input.ndim), fill_value, int64)
    filled[: len(found)] = found
    return _give(filled, out, "nonzero_static")


@composite("unravel_index", methods="", numpy=np.unravel_index)
def unravel_index(indices: Any, shape: Any) -> Any:
    """Return flat positions as one index tensor for each dim of `shape`. Raises ValueError, TypeError.

    >>> import tapeless as tl
    >>> tl.unravel_index(tl.tensor([3]), (2, 2))
    (tensor([1]), tensor([1]))
    """
    if not is_tensor(indices) or indices.dtype.kind not in "iu":
        raise ValueError(f"expected 'indices' to be integer dtype, but got {getattr(indices, 'dtype', type(indices))}")
    sizes = tuple(shape.tolist()) if is_tensor(shape) else shape
    sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    flat, found = unwrap(indices).astype(int64), []
    for n in reversed(sizes):
        found.append(wrap(np.asarray(flat % n if n else flat)))
        flat = flat // n if n else flat
    return tuple(reversed(found))


# -- Counting --------------------------------------------------------------------------------------------


@composite("bincount")
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Return how often each non-negative integer occurs, or the sums of its `weights`.

    >>> import tapeless as tl
    >>> tl.bincount(tl.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    array = unwrap(input)
    if array.dtype.kind not in "iu":
        raise RuntimeError(f"\"bincount_cpu\" not implemented for '{scalar_name(array.dtype)}'")
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs.\n"
            f"The shape is {list(array.shape)}, the smallest element {array.min() if array.size else None}."
        )
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is not None and tuple(weights.shape) != array.shape:
        raise RuntimeError(
            f"weights should be 1-d and have the same length as input\nThey have shapes {list(weights.shape)} and "
            f"{list(array.shape)}."
        )
    if weights is None:
        return wrap(np.bincount(array.astype(int64), minlength=minlength).astype(int64))
    counts = np.bincount(array.astype(int64), unwrap(weights), minlength)
    return wrap(counts.astype(np.float32 if weights.dtype == np.float32 else np.float64))


def range_of(array: Any, low: float, high: float, name: str) -> tuple[float, float]:
    """Return the range of a histogram: that of the data where both limits are equal."""
    if low == high and array.size:
        low, high = float(array.min()), float(array.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    return low, high


@composite("histc")
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0, *, out: Any = None) -> Any:
    """Return the counts of a histogram with equal bins from `min` to `max` (both 0: the range of the data).

    >>> import tapeless as tl
    >>> tl.histc(tl.tensor([1.0, 2.0, 1.0]), bins=2, min=0, max=3)
    tensor([2., 1.])
    """
    array = unwrap(input)
    if bins <= 0:
        raise RuntimeError(f"bins must be > 0, but got {bins}")
    low, high = range_of(array, float(min), float(max), "torch.histc")
    inside = array[(array >= low) & (array <= high)]
    places = ((inside.astype(np.float64) - low) * (bins / (high - low))).astype(int64)
    places = np.minimum(places, bins - 1)
    return _give(np.bincount(places.reshape(-1), minlength=bins).astype(array.dtype), out, "histc")
