"""Fetching: from what a sampler gives to a finished batch, alike in this process, in threads and in workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ._dataset import IterableDataset
from ._fast import batch_reader
from ._sampler import index_batches

Fetch = Callable[[Any], Any]


class Recipe(NamedTuple):
    """What a loader says about making batches; a worker process gets a copy of it."""

    dataset: Any
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool

    def start(self) -> Fetch:
        """Return the function that makes a batch, for one epoch; it raises StopIteration where a stream ends."""
        if isinstance(self.dataset, IterableDataset):
            return _stream_fetcher(self)
        return _map_fetcher(self)

    def takes_arrays(self) -> bool:
        """Tell whether batches are read by one index each, so that indices may come as arrays."""
        return self.batched and batch_reader(self.dataset, self.collate_fn) is not None


def start_indices(recipe: Recipe, sampler: Any) -> Iterator[Any]:
    """Start one epoch of ``sampler``, a batch sampler where the recipe is for batches."""
    return index_batches(sampler) if recipe.takes_arrays() else iter(sampler)


def _map_fetcher(recipe: Recipe) -> Fetch:
    dataset, collate_fn = recipe.dataset, recipe.collate_fn
    if not recipe.batched:
        return lambda index: collate_fn(dataset[index])
    read = batch_reader(dataset, collate_fn)

    def fetch_samples(indices: Any) -> Any:
        get_many = getattr(dataset, "__getitems__", None)
        return collate_fn(get_many(indices) if get_many else [dataset[index] for index in indices])

    if read is None:
        return fetch_samples

    def fetch_rows(indices: Any) -> Any:
        batch = read(indices)
        if batch is None:
            batch = fetch_samples(indices.tolist() if hasattr(indices, "tolist") else list(indices))
        return batch

    return fetch_rows


def _stream_fetcher(recipe: Recipe) -> Fetch:
    samples, collate_fn, drop_last = iter(recipe.dataset), recipe.collate_fn, recipe.drop_last
    ended = False

    def fetch_batch(places: list[None]) -> Any:
        nonlocal ended
        # Once a stream has ended it is not asked again: some iterators would start giving samples anew.
        batch = [] if ended else list(itertools.islice(samples, len(places)))
        ended = len(batch) < len(places)
        if not batch or (ended and drop_last):
            raise StopIteration
        return collate_fn(batch)

    return fetch_batch if recipe.batched else lambda _: collate_fn(next(samples))
