"""Samplers: the order in which a loader visits a dataset, equal to PyTorch's from the same seed.

Each sampler here can be read in two ways: one index at a time (``iter``), or as a few long index arrays
(``index_chunks``), which is what makes a shuffled ``TensorDataset`` fast. Both take the same random draws at
the same moments, so the two ways can be mixed with other draws and still follow PyTorch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from ..._creation import as_tensor
from ..._kernels.random_stream import RandomStream
from ..._random import Generator, default_generator
from ..._tensor import Tensor

T_co = TypeVar("T_co", covariant=True)
Indices = np.ndarray | range

_REPLACEMENT_BLOCK = 32  # PyTorch draws indices with replacement in blocks of this many


def _stream(generator: Generator | None) -> RandomStream:
    return (default_generator if generator is None else generator).stream


def draw_seed(generator: Generator | None) -> int:
    """Draw one int64 as ``torch.empty((), dtype=torch.int64).random_()`` does."""
    return int(_stream(generator).random((), np.int64))


def draw_permutation(generator: Generator | None, n: int) -> np.ndarray:
    """Draw a permutation of ``n`` as ``torch.randperm`` does (int64)."""
    return _stream(generator).permutation(n)


def as_index_array(indices: Any) -> np.ndarray | None:
    """Return ``indices`` as a 1-d int64 array, or None when they are anything but plain integers."""
    if type(indices) is np.ndarray and indices.dtype == np.int64 and indices.ndim == 1:
        return indices  # what our own samplers give, once per batch
    if isinstance(indices, Tensor):
        indices = indices._array
    try:
        array = np.asarray(indices)
    except (TypeError, ValueError):
        return None
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.dtype == np.uint64:
        return None
    return array.astype(np.int64, copy=False)


class Sampler(Generic[T_co]):
    """Base class: subclasses define ``__iter__`` over indices (or lists of them), and usually ``__len__``.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.Sampler

    >>> from tapeless.utils.data import DataLoader, Sampler
    >>> class EvenFirst(Sampler):
    ...     def __iter__(self):
    ...         return iter([0, 2, 1, 3])
    >>> list(DataLoader([10, 11, 12, 13], batch_size=2, sampler=EvenFirst()))
    [tensor([10, 12]), tensor([11, 13])]
    """

    def __iter__(self) -> Iterator[T_co]:
        """Iterate over the indices of one epoch."""
        raise NotImplementedError("Subclasses of Sampler should implement __iter__.")


class SequentialSampler(Sampler[int]):
    """The indices ``0 .. len(data_source) - 1`` in order.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.SequentialSampler

    >>> from tapeless.utils.data import SequentialSampler
    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        """Iterate over ``range(len(data_source))``."""
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        """Return the length of the data source."""
        return len(self.data_source)

    def _chunks(self) -> Iterator[Indices]:
        yield range(len(self.data_source))


class RandomSampler(Sampler[int]):
    """The indices of ``data_source`` in random order, or ``num_samples`` independent draws of them.

    Without a ``generator`` every epoch takes one seed from the default generator and shuffles with its own
    stream. Raises TypeError or ValueError for a wrong ``replacement`` or ``num_samples``.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.RandomSampler

    >>> import tapeless as tl
    >>> sampler = tl.utils.data.RandomSampler("abcde", generator=tl.Generator().manual_seed(0))
    >>> sorted(sampler)
    [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(
                f"num_samples should be a positive integer value, but got num_samples={self.num_samples}"
                + _empty_hint(data_source, num_samples)
            )

    @property
    def num_samples(self) -> int:
        """How many indices one epoch has; follows a data source that grows or shrinks."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        """Iterate over the indices of one epoch."""
        for chunk in self._chunks():
            yield from chunk.tolist()

    def __len__(self) -> int:
        """Return ``num_samples``."""
        return self.num_samples

    def _chunks(self) -> Iterator[np.ndarray]:
        n, wanted = len(self.data_source), self.num_samples
        generator = self.generator
        private = generator is None
        if generator is None:
            generator = Generator()
            generator.manual_seed(draw_seed(None))
        if self.replacement:
            # A private stream shows no one when it is drawn from, so one long draw equals many short ones.
            block = wanted if private else _REPLACEMENT_BLOCK
            for _ in range(wanted // block):
                yield _stream(generator).integers(0, n, (block,))
            yield _stream(generator).integers(0, n, (wanted % block,))
            return
        for _ in range(wanted // n):
            yield draw_permutation(generator, n)
        # PyTorch shuffles once more even when nothing of it is used; a shared generator must do so too.
        if wanted % n or not private:
            yield draw_permutation(generator, n)[: wanted % n]


def _empty_hint(data_source: Sized, num_samples: int | None) -> str:
    if num_samples is None and len(data_source) == 0:
        return "\nThe dataset is empty; shuffling needs at least one sample."
    return ""


class SubsetRandomSampler(Sampler[int]):
    """The given ``indices`` in random order, without replacement.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.SubsetRandomSampler

    >>> from tapeless.utils.data import SubsetRandomSampler
    >>> sorted(SubsetRandomSampler([7, 3, 5]))
    [3, 5, 7]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        """Iterate over the indices in a fresh random order."""
        for position in draw_permutation(self.generator, len(self.indices)).tolist():
            yield self.indices[position]

    def __len__(self) -> int:
        """Return the number of indices."""
        return len(self.indices)

    def _chunks(self) -> Iterator[np.ndarray]:
        order = draw_permutation(self.generator, len(self.indices))
        yield as_index_array(self.indices)[order]  # type: ignore[index]  # index_batches checked it


class WeightedRandomSampler(Sampler[int]):
    """``num_samples`` indices below ``len(weights)``, drawn in proportion to ``weights`` (any positive sum).

    Raises ValueError for wrong arguments, and RuntimeError, once used, for weights that are no distribution.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.WeightedRandomSampler

    >>> from tapeless.utils.data import WeightedRandomSampler
    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 4))
    [1, 1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float] | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        _check_positive_int("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = as_tensor(weights, dtype=np.dtype(np.float64))
        if self.weights.ndim != 1:
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        """Iterate over one draw of ``num_samples`` indices."""
        for chunk in self._chunks():
            yield from chunk.tolist()

    def __len__(self) -> int:
        """Return ``num_samples``."""
        return self.num_samples

    def _chunks(self) -> Iterator[np.ndarray]:
        yield _multinomial(_stream(self.generator), self.weights._array, self.num_samples, self.replacement)


def _multinomial(stream: RandomStream, weights: np.ndarray, count: int, replacement: bool) -> np.ndarray:
    """Draw ``count`` indices by float64 ``weights`` with the draws of ``torch.multinomial`` on CPU."""
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not weights.sum() > 0:
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if not replacement and count > weights.size:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement\n"
            f"{count} samples were asked for, there are {weights.size} weights; use replacement=True."
        )
    if replacement and count > 1:
        cumulative = np.cumsum(weights)
        cumulative /= cumulative[-1]
        cumulative[-1] = 1.0
        return np.searchsorted(cumulative, stream.uniform((count,), np.float64), side="left")
    # The `count` largest weight / exponential ratios are a weighted sample without replacement
    # (Efraimidis and Spirakis 2006).
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = weights / stream.exponential((weights.size,), np.float64)
    return np.argsort(-ratios, kind="stable")[:count]


class BatchSampler(Sampler[list[int]]):
    """Lists of ``batch_size`` successive indices of another sampler; the last may be shorter, or dropped.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.BatchSampler

    >>> from tapeless.utils.data import BatchSampler
    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        _check_positive_int("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        """Iterate over the lists of indices."""
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        """Return the number of batches (TypeError when the sampler has no length)."""
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full + (rest > 0 and not self.drop_last)


def _check_positive_int(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


_ARRAY_SAMPLERS = (SequentialSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


def index_batches(batch_sampler: Any) -> Iterator[Any]:
    """Iterate over ``batch_sampler`` batch by batch, as arrays or ranges where its sampler offers them.

    A subclass, or any other sampler, is simply iterated: its own ``__iter__`` decides.
    """
    if type(batch_sampler) is not BatchSampler or type(batch_sampler.sampler) not in _ARRAY_SAMPLERS:
        return iter(batch_sampler)
    sampler: Any = batch_sampler.sampler
    if isinstance(sampler, SubsetRandomSampler) and as_index_array(sampler.indices) is None:
        return iter(batch_sampler)
    return _sliced(sampler._chunks(), batch_sampler.batch_size, batch_sampler.drop_last)


def _sliced(chunks: Iterator[Indices], size: int, drop_last: bool) -> Iterator[Indices]:
    """Cut index arrays into batches of ``size``; a chunk is drawn only when its indices are needed."""
    rest: Indices = range(0)
    for chunk in chunks:
        joined = np.concatenate((rest, chunk)) if len(rest) else chunk
        full = len(joined) - len(joined) % size
        for start in range(0, full, size):
            yield joined[start : start + size]
        rest = joined[full:]
    if len(rest) and not drop_last:
        yield rest
