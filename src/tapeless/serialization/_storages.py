"""What of memory is written: tensors that share elements share a storage in the file, and none else.

PyTorch writes the whole storage of a view, so a row of a large matrix becomes a large file. Here the memory that the
saved tensors reach is grouped by overlap. That keeps what is tied tied, and leaves out what nobody saves, such as
the other parameters in an optimizer's block of memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

MIXED = (
    "Cannot save multiple tensors or storages that view the same data as different types ({first} and {second}).\n"
    "Save one of them and make the other from it after loading, or save x.clone()."
)


class Placed(NamedTuple):
    """Where a tensor lies in its storage, in elements."""

    storage: int
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Layout:
    """The storages of some arrays, and each array's place, by `id`."""

    def __init__(self, arrays: Iterable[Any]) -> None:
        self.storages: list[Any] = []  # 1-dim arrays, each the whole of a storage
        self.places: dict[int, Placed] = {}
        kept = {id(array): array for array in arrays}
        plain = {key: _plain(array) for key, array in kept.items()}
        self._keep = (kept, plain)  # ids stay valid as long as the arrays live
        groups = _overlapping(plain)
        for key in plain:  # storages are numbered as their tensors come
            if key not in self.places:
                self._add(groups[key], plain)

    def _add(self, group: list[int], plain: dict[int, Any]) -> None:
        members = [plain[key] for key in group]
        first = members[0]
        for other in members:
            if other.dtype != first.dtype:
                raise RuntimeError(MIXED.format(first=first.dtype, second=other.dtype))
        low, high = _bounds(first)[0], max(_bounds(member)[1] for member in members)
        size = first.itemsize
        if len(group) == 1 and first.size * size < high - low:
            first = plain[group[0]] = np.ascontiguousarray(first).reshape(first.shape)
            members, low, high = [first], *_bounds(first)
        for key, member in zip(group, members):
            offset, rest = divmod(_bounds(member)[0] - low, size) if member.size else (0, 0)
            if rest:
                raise RuntimeError(MIXED.format(first=first.dtype, second="a shifted view of it"))
            self.places[key] = Placed(len(self.storages), offset, member.shape, _element_strides(member))
        self.storages.append(_memory(first, (high - low) // size))


def _plain(array: Any) -> Any:
    """Return `array`, or a copy where files have no words for its layout: negative or odd strides, byte order."""
    array = np.asarray(array)
    if not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    odd = any(n > 1 and (step < 0 or step % array.itemsize) for n, step in zip(array.shape, array.strides))
    return array.copy() if odd else array


def _bounds(array: Any) -> tuple[int, int]:
    """Return the addresses of the first byte of `array` and of the one after its last."""
    low = array.ctypes.data
    if not array.size:
        return low, low
    return low, low + sum([(n - 1) * step for n, step in zip(array.shape, array.strides)]) + array.itemsize


def _overlapping(arrays: dict[int, Any]) -> dict[int, list[int]]:
    """Return, for each key, the keys of all arrays that share memory with it, by way of others too."""
    spans = sorted([(*_bounds(array), key) for key, array in arrays.items() if array.size])
    groups: dict[int, list[int]] = {key: [key] for key, array in arrays.items() if not array.size}
    group: list[int] = []
    end = 0
    for low, high, key in spans:
        if not group or low >= end:
            group, end = [], high
        group.append(key)
        groups[key] = group
        end = max(end, high)
    return groups


def _element_strides(array: Any) -> tuple[int, ...]:
    """Return strides in elements; where they do not matter, those of a packed array."""
    if not array.size:
        packed = np.cumprod([1, *[max(n, 1) for n in array.shape[:0:-1]]])
        return tuple(packed[::-1].tolist()) if array.ndim else ()
    strides, packed_step = [], 1
    for n, step in zip(array.shape[::-1], array.strides[::-1]):
        strides.append(step // array.itemsize if n > 1 else packed_step)
        packed_step *= n
    return tuple(strides[::-1])


def _memory(array: Any, count: int) -> Any:
    """Return the `count` elements of memory from the first element of `array` on."""
    return np.lib.stride_tricks.as_strided(array, (count,), (array.itemsize,), writeable=False)


def as_bytes(array: Any) -> Any:
    """View a contiguous array as bytes."""
    return array.reshape(-1).view(np.uint8)
