"""Samplers: the orders that PyTorch 2.13 gave from the same seed, recorded, and argument errors."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    random_split,
)
from tapeless.utils.data._sampler import as_index_array, index_batches

TEN = list(range(10))


def test_recorded_orders_of_a_shuffled_loader_over_two_epochs():
    tl.manual_seed(0)
    loader = DataLoader(TEN, batch_size=4, shuffle=True)
    assert [batch.tolist() for batch in loader] == [[6, 7, 1, 4], [2, 0, 9, 8], [3, 5]]
    assert [batch.tolist() for batch in loader] == [[2, 4, 7, 0], [8, 9, 5, 3], [6, 1]]
    assert tl.randperm(5).tolist() == [2, 4, 1, 3, 0]


def test_recorded_orders_with_a_generator_of_its_own():
    generator = tl.Generator().manual_seed(7)
    loader = DataLoader(TEN, batch_size=5, shuffle=True, generator=generator)
    assert [batch.tolist() for batch in loader] == [[1, 3, 5, 7, 9], [4, 6, 2, 8, 0]]
    assert [batch.tolist() for batch in loader] == [[5, 1, 6, 0, 9], [7, 8, 4, 3, 2]]
    assert tl.randperm(5, generator=generator).tolist() == [4, 2, 1, 3, 0]


@pytest.mark.parametrize(
    ("seed", "make", "expected"),
    [
        (2, lambda: RandomSampler(TEN, True, 12), [8, 9, 4, 9, 4, 4, 4, 9, 0, 9, 9, 4]),
        (2, lambda: RandomSampler(TEN, num_samples=12), [8, 9, 6, 0, 3, 1, 4, 7, 2, 5, 9, 2]),
        (3, lambda: SubsetRandomSampler([2, 4, 6, 8]), [6, 8, 4, 2]),
        (4, lambda: WeightedRandomSampler([1, 2, 3, 4], 8), [2, 3, 0, 3, 3, 2, 2, 3]),
        (4, lambda: WeightedRandomSampler([1, 2, 3, 4], 3, replacement=False), [2, 0, 1]),
    ],
)
def test_recorded_orders_of_samplers(seed, make, expected):
    sampler = make()
    tl.manual_seed(seed)
    assert list(sampler) == expected
    assert len(sampler) == len(expected)
    tl.manual_seed(seed)
    batches = list(index_batches(BatchSampler(sampler, 3, False)))
    assert all(isinstance(batch, np.ndarray) for batch in batches)
    assert np.concatenate(batches).tolist() == expected


def test_recorded_random_split():
    tl.manual_seed(1)
    parts = random_split(TEN, [0.5, 0.3, 0.2])
    assert [part.indices for part in parts] == [[5, 6, 1, 2, 0], [8, 9, 3], [7, 4]]


def test_the_bare_sampler_and_the_sequential_one():
    with pytest.raises(NotImplementedError, match="implement __iter__"):
        iter(Sampler())
    assert not hasattr(Sampler(), "__len__")
    assert list(SequentialSampler("abc")) == [0, 1, 2]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 3, 4, 10, 11])
@pytest.mark.parametrize("make", [SequentialSampler, RandomSampler])
def test_batch_sampler_lists_equal_index_batches(make, size, drop_last):
    batch_sampler = BatchSampler(make(TEN), size, drop_last)
    tl.manual_seed(5)
    lists = list(batch_sampler)
    tl.manual_seed(5)
    assert [list(batch) for batch in index_batches(batch_sampler)] == lists
    assert len(lists) == len(batch_sampler)
    assert all(type(index) is int for batch in lists for index in batch)


def test_batches_reach_across_chunks_of_indices():
    sampler = RandomSampler(TEN, replacement=True, num_samples=75, generator=tl.Generator().manual_seed(1))
    batches = list(index_batches(BatchSampler(sampler, 20, False)))
    assert [len(batch) for batch in batches] == [20, 20, 20, 15]
    sampler.generator.manual_seed(1)
    assert np.concatenate(batches).tolist() == list(sampler)


def test_a_subclass_keeps_its_own_iteration():
    class Backwards(SequentialSampler):
        def __iter__(self):
            return reversed(range(len(self.data_source)))

    assert list(index_batches(BatchSampler(Backwards("abc"), 2, False))) == [[2, 1], [0]]


def test_subset_random_sampler_keeps_odd_indices():
    sampler = SubsetRandomSampler(["a", "b"])
    assert sorted(sampler) == ["a", "b"]
    assert sorted(index_batches(BatchSampler(sampler, 1, False))) == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: RandomSampler(TEN, replacement=1),
            TypeError,
            "replacement should be a boolean value, but got",
        ),
        (
            lambda: RandomSampler(TEN, num_samples=0),
            ValueError,
            "positive integer value, but got num_samples=0$",
        ),
        (lambda: RandomSampler([]), ValueError, r"num_samples=0\nThe dataset is empty"),
        (
            lambda: WeightedRandomSampler([1.0], True),
            ValueError,
            "positive integer value, but got num_samples=T",
        ),
        (lambda: WeightedRandomSampler([1.0], 1, 1), ValueError, "replacement should be a boolean value"),
        (
            lambda: WeightedRandomSampler([[1.0]], 1),
            ValueError,
            r"1d sequence but given weights have shape \(1, 1",
        ),
        (lambda: BatchSampler(TEN, 0, False), ValueError, "positive integer value, but got batch_size=0"),
        (lambda: BatchSampler(TEN, 2.0, False), ValueError, "positive integer value, but got batch_size=2.0"),
        (
            lambda: BatchSampler(TEN, 2, 1),
            ValueError,
            "drop_last should be a boolean value, but got drop_last=1",
        ),
    ],
)
def test_argument_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("weights", "count", "replacement", "message"),
    [
        ([0.0, 0.0], 1, True, r"invalid multinomial distribution \(sum of probabilities <= 0\)"),
        ([-1.0, 2.0], 1, True, "contains either `inf`, `nan` or element < 0"),
        ([float("nan"), 2.0], 2, True, "contains either `inf`, `nan` or element < 0"),
        ([1.0, 2.0], 3, False, r"cannot sample n_sample > prob_dist.size\(-1\) .*\n3 samples were asked for"),
    ],
)
def test_weights_that_are_no_distribution(weights, count, replacement, message):
    with pytest.raises(RuntimeError, match=message):
        list(WeightedRandomSampler(weights, count, replacement))


def test_as_index_array_takes_integers_only():
    assert as_index_array([3, 1]).dtype == np.int64
    assert as_index_array(tl.tensor([3, 1])).tolist() == [3, 1]
    for odd in ([], [1.0], [True], ["a"], [[1]], [[1], [1, 2]], [slice(2)]):
        assert as_index_array(odd) is None


def test_a_distributed_sampler_has_no_group_to_ask():
    for given in ({}, {"num_replicas": 2}, {"rank": 0}):
        with pytest.raises(RuntimeError, match="Requires distributed package to be available\nThere is none here"):
            DistributedSampler([1, 2], **given)


@pytest.mark.parametrize("drop_last", [True, False])
def test_a_distributed_sampler_notices_another_length(drop_last):
    data = list(range(8))
    sampler = DistributedSampler(data, 2, 1, drop_last=drop_last)
    data[:] = range(3 if drop_last else 9)
    with pytest.raises(AssertionError, match=r"Number of indices \([39]\) does not match total_size \(8\)\nThe data"):
        list(sampler)
