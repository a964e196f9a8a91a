"""The DataLoader: dataset, sampler and collation put together, with PyTorch's arguments and random draws."""

from __future__ import annotations

import importlib
import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ..._random import Generator
from ._collate import default_collate, default_convert
from ._dataset import Dataset, IterableDataset
from ._epoch import LocalEpoch
from ._fetch import Recipe
from ._sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

T_co = TypeVar("T_co", covariant=True)

_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})


class _Endless(Sampler[None]):
    """What stands in for a sampler where the dataset is a stream and takes no index."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[T_co]):
    """Iterate over the batches of a dataset, one epoch per ``iter``, in PyTorch's order from the same seed.

    Arguments are PyTorch's, with its checks and messages. ``batch_size=None`` hands out what the dataset
    returns for each entry of ``sampler``, unbatched. A ``TensorDataset``, or a ``Subset`` of one, with the
    default collation takes one NumPy index per batch.

    ``num_workers`` processes make the batches where samples are slow to make in Python; the same seed gives the
    samples that PyTorch's workers give. ``prefetch_factor`` (default 2) batches of each are made ahead. An error in
    a worker is raised here with its traceback as message; a worker that dies raises RuntimeError. Where processes
    are spawned (``multiprocessing_context``), dataset and functions have to be picklable.

    ``num_threads`` is not in PyTorch: so many threads of this process make ``prefetch_factor`` batches each ahead,
    in the same order, with nothing to start or to send. It pays where making a batch leaves Python's lock alone
    (large NumPy indexing, reading files). The dataset must bear several threads, and those that draw random
    numbers share the default generator, in no fixed order. A stream is read by one thread, whatever the number.

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
        num_threads: int = 0,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, num_threads)
        self.num_workers = num_workers
        self.multiprocessing_context = multiprocessing_context
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

        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.prefetch_factor = 2 if prefetch_factor is None and (num_workers or num_threads) else prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self.num_threads = num_threads
        self._promised: int | None = None  # the length that a stream was last said to have
        self._iterator: Any = None  # the workers' passes, where they are kept for the next one
        self._initialized = True
        _warn_of_many(num_workers)

    @property
    def multiprocessing_context(self) -> Any:
        """How workers are started: a context of `multiprocessing`, or None for that module's default."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with "
                    f"multi-process loading (num_workers > 0), but got num_workers={self.num_workers}"
                )
            context = _load("_workers").check_context(context)
        self._context = context

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
        if self.num_workers == 0:
            return _load("_threads").ThreadEpoch(self) if self.num_threads else LocalEpoch(self)
        _warn_of_many(self.num_workers)
        if self._iterator is not None and not self._iterator.closed:
            self._iterator.restart(self)
            return self._iterator
        passes = _load("_workers").WorkerEpochs(self)
        if self.persistent_workers:
            self._iterator = passes
        return passes

    def _recipe(self) -> Recipe:
        return Recipe(self.dataset, self.batch_sampler is not None, self.collate_fn, self.drop_last)

    def __len__(self) -> int:
        """Return the number of batches; TypeError when neither sampler nor stream has a length."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)
        self._promised = samples = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return samples
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)


def _default_sampler(dataset: Any, shuffle: bool | None, generator: Generator | None) -> Sampler[Any]:
    if isinstance(dataset, IterableDataset):
        return _Endless()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


def _load(name: str) -> Any:
    """Return a module of this package when it is first needed: processes and threads take 20 ms to import."""
    return importlib.import_module(f".{name}", __package__)


def _warn_of_many(num_workers: int) -> None:
    """Warn about more workers than this process may use cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores is not None and num_workers > cores:
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes in total. Our suggested max number of "
            f"worker in current system is {cores}, which is smaller than what this DataLoader is going to create. "
            "More workers than cores mostly slow each other down; lower num_workers if loading gets slow.",
            stacklevel=3,
        )


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool, num_threads: int
) -> None:
    """Check the arguments that concern workers and threads, with PyTorch's messages."""
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_threads < 0 or (num_threads and (num_workers or timeout)):
        raise ValueError(
            "num_threads option should be non-negative, and excludes num_workers and timeout; "
            f"got {num_threads=}, {num_workers=}, {timeout=}"
        )
    if num_workers == 0 and num_threads == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < (num_threads > 0):
        raise ValueError(
            f"prefetch_factor option should be non-negative\nGot {prefetch_factor}; a thread needs at least 1."
        )
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


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
