"""Whole batches of a ``TensorDataset`` by one NumPy index, in place of one Python call per sample.

Used by the loader when the result cannot differ from collating the samples one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._tensor import Tensor
from ._collate import collate_tensors, default_collate, default_collate_fn_map
from ._dataset import Subset, TensorDataset
from ._sampler import as_index_array

BatchReader = Callable[[Any], "list[Tensor] | None"]


def batch_reader(dataset: Any, collate_fn: Callable[..., Any]) -> BatchReader | None:
    """Return a function from the indices of a batch to its columns, or None when samples must go one by one.

    The function itself returns None for indices that it leaves to the slow path (such as wrong ones, so that
    the error is the one that indexing the dataset gives).
    """
    if collate_fn is not default_collate or default_collate_fn_map.get(Tensor) is not collate_tensors:
        return None
    rows: np.ndarray | None = None
    while _keeps(dataset, Subset, "__getitem__", "__getitems__"):
        inner = as_index_array(dataset.indices)
        rows = inner if rows is None or inner is None else _take(inner, rows)
        if rows is None:
            return None
        dataset = dataset.dataset
    if not _keeps(dataset, TensorDataset, "__getitem__") or hasattr(dataset, "__getitems__"):
        return None
    if any(type(tensor) is not Tensor or tensor.requires_grad for tensor in dataset.tensors):
        return None  # indexing such tensors has a history, or a meaning of its own

    def read(indices: Any) -> list[Tensor] | None:
        wanted = indices if type(indices) is range and indices.step == 1 else as_index_array(indices)
        if wanted is not None and rows is not None:
            wanted = _take(rows, wanted)
        if wanted is None or not len(wanted):
            return None
        columns = []
        for tensor in dataset.tensors:
            column = _take(tensor._array, wanted)
            if column is None:
                return None
            columns.append(Tensor._wrap(column))
        return columns

    return read


def _keeps(value: Any, base: type, *methods: str) -> bool:
    """Tell whether ``value`` is a ``base`` whose class left these methods as they are."""
    own = type(value)
    return isinstance(value, base) and all(getattr(own, name) is getattr(base, name) for name in methods)


def _take(array: np.ndarray, wanted: np.ndarray | range) -> np.ndarray | None:
    """Return a fresh C-contiguous copy of the wanted rows, or None when one of them does not exist."""
    if isinstance(wanted, range):
        in_range = wanted.start >= 0 and wanted.stop <= len(array)
        return array[wanted.start : wanted.stop].copy(order="C") if in_range else None
    try:
        if array.flags.c_contiguous:
            return array.take(wanted, axis=0)
        # `take` would first copy the whole of an array that is not contiguous, once per batch.
        return np.ascontiguousarray(array[wanted])
    except IndexError:
        return None
