"""Collation: turning a list of samples into one batch, with PyTorch's rules for every kind of sample.

``default_collate_fn_map`` maps a type (or a tuple of types) to the function that joins such samples; programs
may add their own types to it. Containers are handled by ``collate`` itself, recursively.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ..._creation import as_tensor, tensor
from ..._ops.joining import Stack
from ..._tensor import Tensor

CollateMap = dict[Any, Callable[..., Any]]

_NO_NUMBERS = frozenset("SaUO")  # array kinds that no tensor can hold: bytes, text, objects
_UNKNOWN = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}\n"
    "Return one of these from the dataset, or pass DataLoader(..., collate_fn=...) that joins such samples."
)


def default_collate(batch: Sequence[Any]) -> Any:
    """Join samples along a new first dimension: tensors, arrays and numbers become one tensor of the batch.

    Strings and bytes stay a list; mappings, named tuples and sequences are joined entry by entry (a tuple of
    columns comes back as a list). Raises TypeError for other samples, RuntimeError for unequal sizes.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.default_collate

    >>> from tapeless.utils.data import default_collate
    >>> default_collate([(0, "a"), (1, "b")])
    [tensor([0, 1]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Join samples as ``default_collate`` does, by the functions that ``collate_fn_map`` has for types."""
    sample = batch[0]
    join = _find_join(type(sample), collate_fn_map or {})
    if join is not None:
        return join(batch, collate_fn_map=collate_fn_map)

    def joined(samples: Sequence[Any]) -> Any:
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(sample, Mapping):
        return _mapping_like(sample, {key: joined([one[key] for one in batch]) for key in sample})
    if _is_namedtuple(sample):
        return type(sample)(*(joined(column) for column in zip(*batch, strict=False)))
    if isinstance(sample, Sequence):
        lengths = [len(one) for one in batch]
        if any(length != lengths[0] for length in lengths):
            raise RuntimeError(
                "each element in list of batch should be of equal size\n"
                f"The samples have {sorted(set(lengths))} entries; pad them, or pass a collate_fn."
            )
        return _sequence_like(sample, [joined(column) for column in zip(*batch, strict=True)])
    raise TypeError(_UNKNOWN.format(type(sample)))


def _find_join(kind: type, collate_fn_map: CollateMap) -> Callable[..., Any] | None:
    """Return the function for exactly this type, else for the first listed type that it is a kind of."""
    if kind in collate_fn_map:
        return collate_fn_map[kind]
    for listed, join in collate_fn_map.items():
        if issubclass(kind, listed):
            return join
    return None


def default_convert(data: Any) -> Any:
    """Turn the NumPy arrays and scalars inside one sample into tensors and leave everything else as it is.

    Used where a loader does not batch (``batch_size=None``). Arrays of text or objects stay arrays.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.default_convert

    >>> import numpy as np
    >>> from tapeless.utils.data import default_convert
    >>> default_convert({"x": np.array([1, 2]), "name": "a"})
    {'x': tensor([1, 2]), 'name': 'a'}
    """
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in _NO_NUMBERS else as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(data[key]) for key in data})
    if _is_namedtuple(data):
        return type(data)(*(default_convert(entry) for entry in data))
    if isinstance(data, Sequence):
        return _sequence_like(data, [default_convert(entry) for entry in data])
    return data


def _is_namedtuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _mapping_like(like: Mapping[Any, Any], entries: dict[Any, Any]) -> Any:
    """Return ``entries`` in a mapping of the type of ``like``, or a dict where that can't be made."""
    try:
        if isinstance(like, MutableMapping):
            # A copy keeps what the type carries besides its entries, such as a default factory.
            clone = copy.copy(like)
            clone.update(entries)
            return clone
        return type(like)(entries)  # type: ignore[call-arg]
    except TypeError:
        return entries


def _sequence_like(like: Sequence[Any], entries: list[Any]) -> Any:
    """Return ``entries`` in a sequence of the type of ``like``; a list for tuples, as PyTorch, and ranges."""
    if isinstance(like, tuple):
        return entries
    try:
        if isinstance(like, MutableSequence):
            clone = copy.copy(like)
            for position, entry in enumerate(entries):
                clone[position] = entry
            return clone
        return type(like)(entries)  # type: ignore[call-arg]
    except TypeError:
        return entries


def collate_tensors(batch: Sequence[Tensor], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Stack tensors of one shape; RuntimeError names the first that differs."""
    shape = batch[0].shape
    for position, one in enumerate(batch):
        if one.shape != shape:
            raise RuntimeError(
                "stack expects each tensor to be equal size, but got "
                f"{list(shape)} at entry 0 and {list(one.shape)} at entry {position}\n"
                "Pad or crop the samples to one size in the dataset, or pass a collate_fn."
            )
    dtype = batch[0].dtype
    if any(one.requires_grad or one.dtype != dtype for one in batch):
        return Stack.apply(*batch)
    return Tensor._wrap(np.stack([one._array for one in batch]))


def _collate_arrays(batch: Sequence[np.ndarray], *, collate_fn_map: CollateMap | None = None) -> Any:
    if batch[0].dtype.kind in _NO_NUMBERS:
        raise TypeError(_UNKNOWN.format(batch[0].dtype))
    return collate([as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def _collate_scalars(batch: Sequence[np.generic], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return as_tensor(np.asarray(batch))


def _collate_floats(batch: Sequence[float], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return tensor(batch, dtype=np.dtype(np.float64))


def _collate_ints(batch: Sequence[int], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return tensor(batch)


def _keep(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Sequence[Any]:
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: collate_tensors,
    np.ndarray: _collate_arrays,
    (np.bool_, np.number): _collate_scalars,
    float: _collate_floats,
    int: _collate_ints,
    str: _keep,
    bytes: _keep,
}
