"""The DataLoader: dataset, sampler and collation put together, with PyTorch's arguments and random draws."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ..._random import Generator
from ._collate import default_collate, default_convert
from ._dataset import Dataset, IterableDataset
from ._fast import batch_reader
from ._sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed, index_batches

T_co = TypeVar("T_co", covariant=True)

_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})
_NO_WORKERS = (
    "DataLoader worker processes are not available yet, but got num_workers={0}.\n"
    "Use num_workers=0: the batches are then made in this process, which is usually faster here, since a "
    "TensorDataset needs one NumPy call per batch and nothing has to be sent between processes."
)


def get_worker_info() -> None:
    """Return None: batches are made in the main process, where PyTorch returns None as well.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.get_worker_info

    >>> from tapeless.utils.data import get_worker_info
    >>> get_worker_info() is None
    True
    """
    return None


class _Endless(Sampler[None]):
    """What stands in for a sampler where the dataset is a stream and takes no index."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[T_co]):
    """Iterate over the batches of a dataset, one epoch per ``iter``, in PyTorch's order from the same seed.

    Arguments are PyTorch's, with its checks and messages. ``batch_size=None`` hands out what the dataset
    returns for each entry of ``sampler``, unbatched. A ``TensorDataset``, or a ``Subset`` of one, with the
    default collation takes one NumPy index per batch. ``worker_init_fn``, ``in_order`` and others
    concern worker processes; ``num_workers > 0`` raises NotImplementedError for now.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader

    >>> import tapeless as tl
    >>> from tapeless.utils.data import DataLoader, TensorDataset
    >>> data = TensorDataset(tl.arange(6).reshape(3, 2), tl.tensor([7, 8, 9]))
    >>> for x, y in DataLoader(data, batch_size=2):
    ...     print(x.tolist(), y.tolist())
    [[0, 1], [2, 3]] [7, 8]
    [[4, 5]] [9]
    """

    dataset: Dataset[T_co]
    batch_size: int | None
    sampler: Any
    batch_sampler: Any
    drop_last: bool
    _initialized = False

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        streams = isinstance(dataset, IterableDataset)
        if streams:
            _check_stream(shuffle, sampler, batch_sampler)
        _check_batching(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        if sampler is None:
            sampler = _default_sampler(dataset, shuffle, generator)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        if num_workers > 0:
            raise NotImplementedError(_NO_WORKERS.format(num_workers))

        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self._promised: int | None = None  # the length that a stream was last said to have
        self._initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse to change what the samplers were built from."""
        if self._initialized and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized\n"
                "Make a new DataLoader instead."
            )
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        """Start an epoch."""
        return _Epoch(self)

    def __len__(self) -> int:
        """Return the number of batches; TypeError when neither sampler nor stream has a length."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)
        self._promised = samples = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return samples
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)


class _Epoch(Iterator[Any]):
    """One pass over a loader."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, "
                "then device pinned memory won't be used.",
                stacklevel=3,
            )
        if loader.timeout != 0:
            raise AssertionError(
                "_SingleProcessDataLoaderIter requires timeout == 0\n"
                "A timeout only means something for worker processes; leave it out with num_workers=0."
            )
        self._loader = loader
        self._promised = loader._promised  # as it is now: `list` asks for the length after starting an epoch
        self._yielded = 0
        dataset, batched = loader.dataset, loader.batch_sampler is not None
        read = batch_reader(dataset, loader.collate_fn) if batched else None
        if read is not None:
            self._indices = index_batches(loader.batch_sampler)
        else:
            self._indices = iter(loader.batch_sampler if batched else loader.sampler)
        # PyTorch draws the workers' base seed here, between making and first using the sampler's iterator,
        # even without workers. Nothing uses it, but every later draw would be another one without it.
        draw_seed(loader.generator)
        streams = isinstance(dataset, IterableDataset)
        self._fetch = _stream_fetcher(loader) if streams else _map_fetcher(loader, read)

    def __next__(self) -> Any:
        batch = self._fetch(next(self._indices))
        self._yielded += 1
        if self._promised is not None and self._yielded > self._promised:
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {self._promised}"
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched. ",
                stacklevel=2,
            )
        return batch

    def __len__(self) -> int:
        return len(self._loader)


def _default_sampler(dataset: Any, shuffle: bool | None, generator: Generator | None) -> Sampler[Any]:
    if isinstance(dataset, IterableDataset):
        return _Endless()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


def _map_fetcher(loader: DataLoader[Any], read: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Return the function from what the sampler gives to a finished batch, for a dataset that is indexed."""
    dataset, collate_fn = loader.dataset, loader.collate_fn

    def fetch_samples(indices: Any) -> Any:
        get_many = getattr(dataset, "__getitems__", None)
        return collate_fn(get_many(indices) if get_many else [dataset[index] for index in indices])

    def fetch_rows(indices: Any) -> Any:
        batch = read(indices)  # type: ignore[misc]
        if batch is None:
            batch = fetch_samples(indices.tolist() if hasattr(indices, "tolist") else list(indices))
        return batch

    if loader.batch_sampler is None:
        return lambda index: collate_fn(dataset[index])
    return fetch_samples if read is None else fetch_rows


def _stream_fetcher(loader: DataLoader[Any]) -> Callable[[Any], Any]:
    """Return the function that takes the next samples of a stream; it raises StopIteration at the end."""
    samples, collate_fn = iter(loader.dataset), loader.collate_fn  # type: ignore[call-overload]
    ended = False

    def fetch_batch(places: list[None]) -> Any:
        nonlocal ended
        # Once a stream has ended it is not asked again: some iterators would start giving samples anew.
        batch = [] if ended else list(itertools.islice(samples, len(places)))
        ended = len(batch) < len(places)
        if not batch or (ended and loader.drop_last):
            raise StopIteration
        return collate_fn(batch)

    return (lambda _: collate_fn(next(samples))) if loader.batch_sampler is None else fetch_batch


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool, context: Any
) -> None:
    """Check the arguments that concern worker processes, with PyTorch's messages."""
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if context is not None and num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with "
            f"multi-process loading (num_workers > 0), but got num_workers={num_workers}"
        )


def _check_stream(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    """Check that nothing asks for an order where the dataset is a stream."""
    given = {"sampler": sampler, "batch_sampler": batch_sampler, "shuffle": shuffle or None}
    for name in ("shuffle", "sampler", "batch_sampler"):
        if given[name] is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, "
                f"but got {name}={given[name]}\n"
                "A stream has its own order; change it in the dataset's __iter__."
            )


def _check_batching(batch_size: Any, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
    """Check that the order and the size of batches are said in one way only."""
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
