"""Datasets: a map from index to sample, or a stream of samples, and the ways to combine and split them."""

from __future__ import annotations

import itertools
import math
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from ..._random import Generator, default_generator
from ..._tensor import Tensor
from ._sampler import draw_permutation

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """A map from keys (by default the integers below ``len``) to samples.

    Subclasses define ``__getitem__`` and usually ``__len__``. Where there is a ``__getitems__(indices)`` too,
    it is asked for a whole batch at a time and returns the list of samples.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.Dataset

    >>> from tapeless.utils.data import Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> Squares()[3]
    9
    """

    # No default __len__: list(), bool() and the samplers must see plainly that a subclass has none.

    def __getitem__(self, index: Any) -> T_co:
        """Return the sample at ``index``."""
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset[Any]:
        """Return both datasets end to end."""
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """A stream of samples: subclasses define ``__iter__``, and ``__len__`` where it is known.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset

    >>> from tapeless.utils.data import DataLoader, IterableDataset
    >>> class Countdown(IterableDataset):
    ...     def __iter__(self):
    ...         return iter([3, 2, 1])
    >>> list(DataLoader(Countdown(), batch_size=2))
    [tensor([3, 2]), tensor([1])]
    """

    def __iter__(self) -> Iterator[T_co]:
        """Return a fresh iterator over the samples."""
        raise NotImplementedError("Subclasses of IterableDataset should implement __iter__.")

    def __add__(self, other: Dataset[Any]) -> ChainDataset:  # type: ignore[override]
        """Return both streams one after the other."""
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Rows of one or more tensors: sample ``i`` is ``(tensors[0][i], tensors[1][i], ...)``.

    All tensors have the same size in dimension 0, else AssertionError.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.TensorDataset

    >>> import tapeless as tl
    >>> data = tl.utils.data.TensorDataset(tl.tensor([[1.0, 2.0], [3.0, 4.0]]), tl.tensor([0, 1]))
    >>> data[1]
    (tensor([3., 4.]), tensor(1))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        for position, tensor in enumerate(tensors):
            if isinstance(tensor, np.ndarray):
                raise TypeError(
                    f"TensorDataset expected tensors, but argument {position} is a numpy.ndarray; "
                    "wrap it with tapeless.from_numpy(...)"
                )
        if any(tensor.size(0) != tensors[0].size(0) for tensor in tensors):
            sizes = [tensor.size(0) for tensor in tensors]
            raise AssertionError(
                f"Size mismatch between tensors\nThe sizes in dimension 0 are {sizes}; they must all be equal."
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        """Return row ``index`` of every tensor."""
        return tuple(tensor[index] for tensor in self.tensors)  # type: ignore[index]

    def __len__(self) -> int:
        """Return the common size of dimension 0."""
        return self.tensors[0].size(0)


class StackDataset(Dataset[Any]):
    """Datasets side by side: a sample is the tuple, or for keyword arguments the dict, of their samples.

    Raises ValueError for no dataset, for both kinds of argument at once and for unequal lengths.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.StackDataset

    >>> from tapeless.utils.data import StackDataset
    >>> StackDataset(word=["a", "b"], number=[1, 2])[1]
    {'word': 'b', 'number': 2}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or"
                "``dict``- (via ``kwargs``) like input/output, but both types are given."
            )
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        lengths = [len(dataset) for dataset in (args or kwargs.values())]
        if any(length != lengths[0] for length in lengths):
            raise ValueError(f"Size mismatch between datasets\nThe lengths are {lengths}; they must all be equal.")
        self.datasets = args or kwargs
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        """Return sample ``index`` of every dataset, as a tuple or a dict."""
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        """Return the samples at ``indices``, asking each dataset for all of them at once where it can."""
        if isinstance(self.datasets, dict):
            columns = [_samples(dataset, indices) for dataset in self.datasets.values()]
            names = list(self.datasets)
            return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return list(zip(*(_samples(dataset, indices) for dataset in self.datasets), strict=True))

    def __len__(self) -> int:
        """Return the common length."""
        return self._length


def _samples(dataset: Any, indices: Sequence[Any]) -> list[Any]:
    """Return the samples of ``dataset`` at ``indices``, through its ``__getitems__`` where it has one."""
    get_many: Callable[[Sequence[Any]], list[Any]] | None = getattr(dataset, "__getitems__", None)
    if not callable(get_many):
        return [dataset[index] for index in indices]
    samples = get_many(indices)
    if len(samples) != len(indices):
        raise ValueError(
            f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(samples)}\n"
            f"{type(dataset).__name__}.__getitems__ must return one sample per index."
        )
    return samples


class ConcatDataset(Dataset[T_co]):
    """Map-style datasets end to end; AssertionError for none at all or for an ``IterableDataset``.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.ConcatDataset

    >>> from tapeless.utils.data import ConcatDataset
    >>> both = ConcatDataset([[10, 11, 12], [20, 21]])
    >>> len(both), both[3], both[-1]
    (5, 20, 21)
    """

    datasets: list[Dataset[T_co]]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset\nUse ChainDataset to join streams.")
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """Return the running total of the lengths."""
        return list(itertools.accumulate(len(item) for item in sequence))

    def __len__(self) -> int:
        """Return the sum of the lengths."""
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T_co:
        """Return sample ``idx`` of the concatenation; negative indices count from the end."""
        if idx < 0:
            if -idx > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            idx += len(self)
        which = bisect_right(self.cumulative_sizes, idx)
        start = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][idx - start]


class ChainDataset(IterableDataset[Any]):
    """Streams one after the other; AssertionError when one of them is not an ``IterableDataset``.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.ChainDataset

    >>> import tapeless as tl
    >>> class Count(tl.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(tl.utils.data.ChainDataset([Count(), Count()]))
    [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _checked(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError(
                    "ChainDataset only supports IterableDataset\n"
                    f"Got {type(dataset).__name__}; use ConcatDataset to join map-style datasets."
                )
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        """Iterate over each stream in turn."""
        return itertools.chain.from_iterable(self._checked())

    def __len__(self) -> int:
        """Return the sum of the lengths (TypeError when a stream has none)."""
        return sum(len(dataset) for dataset in self._checked())


class Subset(Dataset[T_co]):
    """The samples of ``dataset`` at ``indices``, in that order.

    A subclass that overrides ``__getitem__`` must override ``__getitems__`` too, else NotImplementedError.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.Subset

    >>> from tapeless.utils.data import Subset
    >>> list(Subset("abcdef", [4, 0, 2]))
    ['e', 'a', 'c']
    """

    dataset: Dataset[T_co]
    indices: Sequence[int]

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        own = type(self)
        if own.__getitem__ is not Subset.__getitem__ and own.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{own.__name__} overrides __getitem__ but not __getitems__.\n"
                "The DataLoader reads whole batches, so define both; the simplest way:\n\n"
                "def __getitems__(self, indices):\n"
                "    return [self.__getitem__(idx) for idx in indices]"
            )

    def __getitem__(self, idx: Any) -> Any:
        """Return the sample that entry ``idx`` of ``indices`` names; a list is passed on as a list."""
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: Sequence[int]) -> list[T_co]:
        """Return the samples at several entries, through the dataset's ``__getitems__`` where it has one."""
        chosen = [self.indices[idx] for idx in indices]
        get_many = getattr(self.dataset, "__getitems__", None)
        return get_many(chosen) if callable(get_many) else [self.dataset[idx] for idx in chosen]

    def __len__(self) -> int:
        """Return the number of indices."""
        return len(self.indices)


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = default_generator
) -> list[Subset[Any]]:
    """Split ``dataset`` at random into disjoint subsets of the given lengths, or fractions that sum to 1.

    A fraction takes ``floor(fraction * len(dataset))`` samples; what is left over goes one each to the first
    parts. The same seed gives the same split as PyTorch. Raises ValueError when the lengths do not add up.

    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.random_split

    >>> import tapeless as tl
    >>> parts = tl.utils.data.random_split(range(10), [0.7, 0.3], generator=tl.Generator().manual_seed(0))
    >>> [len(part) for part in parts]
    [7, 3]
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _lengths_of_fractions(lengths, total)
    if sum(lengths) != total:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset!\n"
            f"{list(lengths)} adds up to {sum(lengths)}; expected {total}, or fractions that add up to 1."
        )
    order = draw_permutation(generator, total).tolist()
    ends = list(itertools.accumulate(lengths))
    return [Subset(dataset, order[end - length : end]) for end, length in zip(ends, lengths, strict=True)]  # type: ignore[misc]


def _lengths_of_fractions(fractions: Sequence[float], total: int) -> list[int]:
    for position, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {position} is not between 0 and 1\nGot {fraction}.")
    lengths = [math.floor(total * fraction) for fraction in fractions]
    for extra in range(total - sum(lengths)):
        lengths[extra % len(lengths)] += 1
    for position, length in enumerate(lengths):
        if length == 0:
            warnings.warn(
                f"Length of split at index {position} is 0. This might result in an empty dataset.",
                stacklevel=3,
            )
    return lengths
