"""Datasets and how they combine: content, order and the errors for what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Stream(IterableDataset):
    def __init__(self, *samples):
        self.samples = samples

    def __iter__(self):
        return iter(self.samples)

    def __len__(self):
        return len(self.samples)


class Many:
    """A dataset that is only read in batches."""

    def __init__(self, samples, answer=None):
        self.samples, self.answer = samples, answer

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        raise AssertionError("read one by one")

    def __getitems__(self, indices):
        return self.answer or [self.samples[i] for i in indices]


def test_a_bare_dataset_has_no_samples_and_no_length():
    with pytest.raises(NotImplementedError, match="Subclasses of Dataset should implement __getitem__"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match="implement __iter__"):
        iter(IterableDataset())
    assert not hasattr(Dataset(), "__len__")
    assert Dataset[int] is not None


def test_tensor_dataset_gives_rows_and_slices():
    x, y = tl.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tl.tensor([7, 8, 9])
    data = TensorDataset(x, y)
    assert len(data) == 3
    assert [column.tolist() for column in data[-1]] == [[5.0, 6.0], 9]
    assert [column.tolist() for column in data[:2]] == [[[1.0, 2.0], [3.0, 4.0]], [7, 8]]


def test_tensor_dataset_refuses_unequal_sizes_and_arrays():
    with pytest.raises(AssertionError, match=r"^Size mismatch between tensors\nThe sizes .* are \[3, 2\]"):
        TensorDataset(tl.tensor([1, 2, 3]), tl.tensor([1, 2]))
    with pytest.raises(TypeError, match=r"argument 1 is a numpy.ndarray; wrap it with tapeless.from_numpy"):
        TensorDataset(tl.tensor([1, 2]), np.zeros(2))


def test_stack_dataset_as_tuple_and_dict():
    assert StackDataset("ab", [1, 2])[1] == ("b", 2)
    assert StackDataset(word="ab", number=[1, 2])[0] == {"word": "a", "number": 1}
    assert len(StackDataset("ab", [1, 2])) == 2


def test_stack_dataset_reads_batches_through_getitems():
    assert StackDataset(Many("abc"), [1, 2, 3]).__getitems__([2, 0]) == [("c", 3), ("a", 1)]
    assert StackDataset(w=Many("abc"), n=[1, 2, 3]).__getitems__([1]) == [{"w": "b", "n": 2}]
    with pytest.raises(ValueError, match=r"^Nested dataset's output size mismatch. Expected 2, got 1"):
        StackDataset(Many("abc", answer=["x"])).__getitems__([0, 1])


def test_stack_dataset_errors():
    with pytest.raises(ValueError, match="both types are given"):
        StackDataset("ab", n="ab")
    with pytest.raises(ValueError, match="At least one dataset should be passed"):
        StackDataset()
    with pytest.raises(ValueError, match=r"Size mismatch between datasets\nThe lengths are \[2, 3\]"):
        StackDataset("ab", "abc")


def test_concat_dataset_and_addition():
    both = Subset("abc", [0, 1, 2]) + Subset("de", [0, 1])
    assert isinstance(both, ConcatDataset)
    assert both.cumulative_sizes == [3, 5]
    assert [both[i] for i in range(-5, 5)] == list("abcde") * 2
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length"):
        both[-6]
    with pytest.raises(IndexError):
        both[5]
    assert [ConcatDataset([[], [1], [], [2]])[i] for i in (0, 1)] == [1, 2]


def test_concat_dataset_errors():
    with pytest.raises(AssertionError, match="datasets should not be an empty iterable"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match=r"ConcatDataset does not support IterableDataset\nUse Chain"):
        ConcatDataset([Stream(1)])


def test_chain_dataset_and_addition():
    chained = Stream(1, 2) + Stream(3)
    assert isinstance(chained, ChainDataset)
    assert list(chained) == list(chained) == [1, 2, 3]
    assert len(chained) == 3
    for use in (list, len):
        with pytest.raises(AssertionError, match=r"ChainDataset only supports IterableDataset\nGot str"):
            use(ChainDataset(["ab"]))


def test_subset_reads_one_several_and_batches():
    part = Subset(np.arange(10) * 10, [4, 0, 2])
    assert part[1] == 0
    assert part[-1] == 20
    assert part[[2, 0]].tolist() == [20, 40]
    assert part.__getitems__([0, 1]) == [40, 0]
    assert Subset(Many("abc"), [2, 1]).__getitems__([0, 1]) == ["c", "b"]


def test_a_subclass_of_subset_must_override_both_ways_of_reading():
    class Half(Subset):
        def __getitem__(self, idx):
            return 0

    with pytest.raises(NotImplementedError, match="Half overrides __getitem__ but not __getitems__"):
        Half([1], [0])


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([7, 3], [7, 3]), ([0.5, 0.5], [5, 5]), ([0.34, 0.33, 0.33], [4, 3, 3]), ([1], None), ([10], [10])],
)
def test_random_split_lengths_and_cover(lengths, expected):
    data = list(range(10))
    parts = random_split(data, lengths)
    assert [len(part) for part in parts] == (expected or [10])
    assert sorted(sample for part in parts for sample in part) == data


def test_random_split_errors_and_warning():
    with pytest.raises(ValueError, match=r"^Sum of input lengths does not equal .*!\n\[3, 3\] adds up to 6;"):
        random_split(range(7), [3, 3])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1\nGot 1.5"):
        random_split(range(10), [1.5, -0.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(1), [0.5, 0.5])
