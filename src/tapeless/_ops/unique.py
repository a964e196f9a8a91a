"""Unique elements, and elements repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.registry import composite
from .._core.tensor_base import TensorBase, unwrap, wrap
from .._dtypes import int64
from ._common import normal_dim


def _results(values: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    results = [wrap(values)]
    if return_inverse:
        results.append(wrap(np.asarray(inverse).astype(int64)))
    if return_counts:
        results.append(wrap(np.asarray(counts).astype(int64)))
    return results[0] if len(results) == 1 else tuple(results)


@composite("unique")
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the different elements (or slices along `dim`) in ascending order, with places and counts if asked for.

    See https://docs.pytorch.org/docs/stable/generated/torch.unique.html

    >>> import tapeless as tl
    >>> tl.unique(tl.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    array = unwrap(input)
    if dim is None:
        values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, equal_nan=False)
        return _results(values, inverse.reshape(array.shape), counts, return_inverse, return_counts)
    dim = normal_dim(dim, array.ndim)
    if array.shape[dim] == 0 or array.size == 0:
        return _unique_of_empty(array, dim, return_inverse, return_counts)
    rows = np.moveaxis(array, dim, 0)
    flat = np.ascontiguousarray(rows.reshape(rows.shape[0], -1))
    order = np.lexsort(flat.T[::-1]) if flat.shape[1] else np.arange(len(flat))
    ranked = flat[order]
    fresh = np.concatenate([[True], (ranked[1:] != ranked[:-1]).any(axis=1)])
    group = np.cumsum(fresh) - 1
    inverse = np.empty(len(flat), int64)
    inverse[order] = group
    values = np.moveaxis(rows[order[fresh]], 0, dim)
    return _results(np.ascontiguousarray(values), inverse, np.bincount(group), return_inverse, return_counts)


def _unique_of_empty(array: Any, dim: int, return_inverse: bool, return_counts: bool) -> Any:
    if any(n == 0 for i, n in enumerate(array.shape) if i != dim) and array.shape[dim]:
        raise RuntimeError(
            f"There are 0 sized dimensions, and they aren't selected, so unique cannot be applied\nThe shape is "
            f"{list(array.shape)}, dim is {dim}."
        )
    none = np.zeros(0, int64)
    return _results(array.copy(), none, none, return_inverse, return_counts)


@composite("unique_consecutive")
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the first of each run of equal elements (or slices along `dim`), with places and counts if asked for.

    >>> import tapeless as tl
    >>> tl.unique_consecutive(tl.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    array = unwrap(input)
    if dim is None:
        flat = array.reshape(-1, 1)
        values, inverse, counts = _runs(flat)
        return _results(values[:, 0], inverse.reshape(array.shape), counts, return_inverse, return_counts)
    dim = normal_dim(dim, array.ndim)
    if array.size == 0:
        return _unique_of_empty(array, dim, return_inverse, return_counts)
    rows = np.moveaxis(array, dim, 0)
    values, inverse, counts = _runs(rows.reshape(rows.shape[0], -1))
    values = np.moveaxis(values.reshape(-1, *rows.shape[1:]), 0, dim)
    return _results(np.ascontiguousarray(values), inverse, counts, return_inverse, return_counts)


def _runs(rows: Any) -> tuple[Any, Any, Any]:
    """Return the first row of each run of equal rows, the run that each row belongs to, and the runs' lengths."""
    if len(rows) == 0:
        return rows, np.zeros(0, int64), np.zeros(0, int64)
    fresh = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    inverse = np.cumsum(fresh) - 1
    return rows[fresh], inverse, np.bincount(inverse)


@composite("repeat_interleave", numpy=np.repeat)
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Return each element repeated, `repeats` times or as often as a tensor says, along `dim` or flattened.

    With one argument, a tensor of counts: the positions 0, 1, ... each repeated that often.
    See https://docs.pytorch.org/docs/stable/generated/torch.repeat_interleave.html

    >>> import tapeless as tl
    >>> tl.tensor([7, 8]).repeat_interleave(2)
    tensor([7, 7, 8, 8])
    """
    if repeats is None:
        counts = _counts(unwrap(input))
        return wrap(np.repeat(np.arange(len(counts)), counts).astype(input.dtype))
    if dim is None:
        input, dim = input.reshape(-1), 0
    dim = normal_dim(dim, input.ndim)
    if input.ndim == 0:
        input = input.reshape(1)
    length = input.shape[dim]
    counts = _counts(np.atleast_1d(unwrap(repeats))) if isinstance(repeats, TensorBase) else np.array([repeats])
    if counts.min(initial=0) < 0:
        raise RuntimeError("repeats can not be negative")
    if len(counts) not in (1, length):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{len(counts)} and input.size({dim}) = {length}"
        )
    places = np.repeat(np.arange(length), counts if len(counts) == length else int(counts[0]))
    if output_size is not None and output_size != len(places):
        raise RuntimeError(
            f"allocated size does not match required size: output_size is {output_size}, {len(places)} needed"
        )
    return input.index_select(dim, wrap(places.astype(int64)))


def _counts(array: Any) -> Any:
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 4:
        raise RuntimeError(f"repeats has to be Long or Int tensor, got {array.dtype}")
    if array.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if array.min(initial=0) < 0:
        raise RuntimeError("repeats can not be negative")
    return array
