"""What users hand to `fit` as data, turned into something that yields batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tapeless._creation import from_numpy
from tapeless._random import Generator
from tapeless._tensor import Tensor
from tapeless.utils.data import DataLoader, IterableDataset, TensorDataset

EXPECTED = "expected a DataLoader, a Dataset, or tensors (X, y)"


def as_loader(data: Any, batch_size: int | None, shuffle: bool, name: str) -> Iterable[Any]:
    """Return an iterable of batches for a DataLoader, a Dataset, tensors (X, y), or an iterable of batches.

    `name` ("train", "validation") is for messages. Data that are not shuffled get a loader that leaves the
    default random stream alone: looking at validation data must not change how training goes on.
    Raises `TypeError` for anything else, `ValueError` for tensors of unequal length or no samples.
    """
    if isinstance(data, DataLoader):
        if batch_size is not None and name == "train":
            raise ValueError(
                f"expected no batch_size together with a DataLoader, which has its own ({data.batch_size}), "
                f"got batch_size={batch_size}"
            )
        return data
    size = 32 if batch_size is None else batch_size
    generator = None if shuffle else Generator()
    if isinstance(data, IterableDataset):
        return DataLoader(data, size, generator=generator)
    if isinstance(data, tuple | list) and data and all(isinstance(part, Tensor | np.ndarray) for part in data):
        data = _tensor_dataset(data, name)
    if isinstance(data, Tensor | np.ndarray | str | dict):
        raise TypeError(f"{name}: {EXPECTED}, got {type(data).__name__} alone; is the target missing?")
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, tuple | list):
        if len(data) == 0:
            raise ValueError(f"{name}: {EXPECTED} with at least one sample, got an empty {type(data).__name__}")
        return DataLoader(data, size, shuffle=shuffle, generator=generator)
    if not hasattr(data, "__iter__") or isinstance(data, Iterator):
        hint = "; an iterator is used up after one epoch, so pass what it iterates over"
        raise TypeError(f"{name}: {EXPECTED}, got {type(data).__name__}{hint * isinstance(data, Iterator)}")
    return data  # type: ignore[no-any-return]


def _tensor_dataset(parts: Any, name: str) -> TensorDataset:
    tensors = [from_numpy(np.ascontiguousarray(part)) if isinstance(part, np.ndarray) else part for part in parts]
    lengths = [len(tensor) if tensor.ndim else 0 for tensor in tensors]
    if len(tensors) < 2:
        raise TypeError(f"{name}: {EXPECTED}, got one tensor; is the target missing?")
    if len(set(lengths)) != 1:
        raise ValueError(f"{name}: expected X and y of equal length, got {' and '.join(map(str, lengths))}")
    return TensorDataset(*tensors)


def split_batch(batch: Any) -> tuple[tuple[Any, ...], Any]:
    """Split a batch into the model's inputs and the target, its last part."""
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        raise TypeError(
            "expected each batch to be (inputs, target) or (input, ..., target), got "
            f"{type(batch).__name__}{f' of length {len(batch)}' if isinstance(batch, tuple | list) else ''}"
        )
    return tuple(batch[:-1]), batch[-1]


def steps_in(loader: Any) -> int | None:
    """How many batches an epoch has, None where the loader does not say."""
    try:
        return len(loader)
    except TypeError:
        return None


def generators_of(loader: Any) -> list[Generator]:
    """Return the random generators that belong to a loader and its samplers, each once."""
    sampler, batches = getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)
    owners = (loader, sampler, batches, getattr(batches, "sampler", None))
    found = [getattr(owner, "generator", None) for owner in owners]
    return list({id(g): g for g in found if isinstance(g, Generator)}.values())
