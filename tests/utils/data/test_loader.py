"""The DataLoader: every kind of dataset, the one-index path beside the slow one, argument errors."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    _fast as fast,
    default_collate,
    get_worker_info,
)
from tapeless.utils.data._collate import default_collate_fn_map


class Stream(IterableDataset):
    def __init__(self, n, said=None):
        self.n, self.said = n, said

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n if self.said is None else self.said


def dataset(n=23):
    values = np.arange(n * 6, dtype=np.float32).reshape(n, 2, 3)
    transposed = tl.from_numpy(np.arange(4 * n).reshape(4, n).T)
    return TensorDataset(tl.from_numpy(values), tl.arange(n), transposed, tl.arange(n) > 3)


def assert_same(ours, others):
    ours, others = list(ours), list(others)
    assert len(ours) == len(others)
    for one, other in zip(ours, others, strict=True):
        assert type(one) is type(other) is list
        for a, b in zip(one, other, strict=True):
            assert type(a) is type(b) is tl.Tensor
            assert (a.dtype, a.shape, a.requires_grad) == (b.dtype, b.shape, b.requires_grad)
            assert a.numpy().flags.c_contiguous
            assert a.numpy().flags.writeable
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def one_by_one(batch):
    """The default collation under another name, which keeps the loader from its fast path."""
    return default_collate(batch)


def with_duplicates(data):
    return Subset(Subset(data, [5, 5, -1, 0, 7, 9, 2]), np.array([6, 0, -2, 3]))


@pytest.mark.parametrize(
    "data",
    [dataset(), dataset(1), Subset(dataset(), range(3, 20)), with_duplicates(dataset())],
    ids=["whole", "one row", "range", "nested"],
)
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 5},
        {"batch_size": 5, "drop_last": True},
        {"batch_size": 5, "shuffle": True},
        {"batch_size": 1, "shuffle": True},
        {"batch_size": 100, "shuffle": True, "drop_last": True},
        {"batch_size": 3, "sampler": [0, -1, 0, 0]},
        {"batch_sampler": [[0], [0, -1], (0, 0), range(0, -2, -1), np.array([0, -1], dtype=np.int8)]},
        {"batch_size": 2, "sampler": SubsetRandomSampler([0, 0, -1])},
        {"batch_size": 2, "sampler": WeightedRandomSampler([1.0], 5)},
        {"batch_size": 7, "sampler": RandomSampler([0], True, 70)},
    ],
    ids=str,
)
def test_one_index_per_batch_equals_one_by_one(data, options):
    quick = DataLoader(data, **options)
    slow = DataLoader(data, **options, collate_fn=one_by_one)
    assert fast.batch_reader(data, quick.collate_fn) is not None
    assert fast.batch_reader(data, slow.collate_fn) is None
    assert len(quick) == len(slow)
    for seed in (0, 1):
        tl.manual_seed(seed)
        expected, after = list(slow), tl.randperm(9).tolist()
        tl.manual_seed(seed)
        assert_same(quick, expected)
        assert tl.randperm(9).tolist() == after


@pytest.mark.parametrize("shuffle", [False, True])
def test_writing_into_a_batch_leaves_the_dataset_alone(shuffle):
    x = tl.arange(6)
    for (batch,) in DataLoader(TensorDataset(x), batch_size=3, shuffle=shuffle):
        batch.mul_(0)
    assert x.tolist() == [0, 1, 2, 3, 4, 5]


def test_no_sample_is_read_by_itself_on_the_fast_path(monkeypatch):
    loader = DataLoader(dataset(), batch_size=4, shuffle=True)

    def refuse(array, wanted, calls=[]):  # noqa: B006
        calls.append(len(wanted))
        return take(array, wanted)

    take, calls = fast._take, refuse.__defaults__[0]
    monkeypatch.setattr(fast, "_take", refuse)
    assert len(list(loader)) == 6
    assert calls == [4] * 4 * 5 + [3] * 4


def test_what_keeps_a_loader_from_the_fast_path(monkeypatch):
    class Doubling(TensorDataset):
        def __getitem__(self, index):
            return tuple(tensor * 2 for tensor in super().__getitem__(index))

    class InBatches(TensorDataset):
        def __getitems__(self, indices):
            return [1 for _ in indices]

    x = tl.arange(4)
    weight = tl.tensor([1.0, 2.0], requires_grad=True)
    for data in (Doubling(x), InBatches(x), TensorDataset(weight), [1, 2], Subset(TensorDataset(x), ["a"])):
        assert fast.batch_reader(data, default_collate) is None
    assert next(iter(DataLoader(Doubling(x), batch_size=4)))[0].tolist() == [0, 2, 4, 6]
    assert next(iter(DataLoader(InBatches(x), batch_size=4))).tolist() == [1, 1, 1, 1]
    next(iter(DataLoader(TensorDataset(weight), batch_size=2)))[0].sum().backward()
    assert weight.grad.tolist() == [1.0, 1.0]
    monkeypatch.setitem(default_collate_fn_map, tl.Tensor, lambda batch, collate_fn_map=None: len(batch))
    assert next(iter(DataLoader(TensorDataset(x), batch_size=3))) == [3]


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": [7]},
        {"batch_sampler": [[0, 7]]},
        {"sampler": SequentialSampler(range(7)), "batch_size": 7},
    ],
)
def test_an_index_out_of_range_is_an_error_with_and_without_fast_path(options):
    for collate_fn in (None, one_by_one):
        for data in (TensorDataset(tl.arange(4)), Subset(TensorDataset(tl.arange(9)), [0, 1, 2, 3])):
            with pytest.raises(IndexError):
                list(DataLoader(data, collate_fn=collate_fn, **options))


def test_in_place_changes_of_the_dataset_show_in_the_next_batch():
    x = tl.arange(4)
    batches = iter(DataLoader(TensorDataset(x), batch_size=2))
    next(batches)
    x[3] = 30
    assert next(batches)[0].tolist() == [2, 30]


def test_any_sequence_is_a_dataset():
    loader = DataLoader([(0, "a"), (1, "b"), (2, "c")], batch_size=2)
    assert [(x.tolist(), y) for x, y in loader] == [([0, 1], ("a", "b")), ([2], ("c",))]
    assert [x.tolist() for x in DataLoader([1, 2])] == [[1], [2]]


def test_getitems_is_asked_for_whole_batches():
    class Batches:
        def __len__(self):
            return 5

        def __getitems__(self, indices):
            return [index * 10 for index in indices]

    assert [b.tolist() for b in DataLoader(Batches(), batch_size=3)] == [[0, 10, 20], [30, 40]]


def test_without_batching():
    data = TensorDataset(tl.arange(4))
    assert [x.tolist() for (x,) in DataLoader(data, batch_size=None)] == [0, 1, 2, 3]
    whole = DataLoader(data, batch_size=None, sampler=BatchSampler(SequentialSampler(data), 3, False))
    assert [x.tolist() for (x,) in whole] == [[0, 1, 2], [3]]
    assert len(whole) == 2
    assert type(next(iter(DataLoader([np.arange(2)], batch_size=None)))) is tl.Tensor
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]


def test_streams():
    batches = [b.tolist() for b in DataLoader(Stream(5), batch_size=2)]
    assert batches == [[0, 1], [2, 3], [4]]
    loader = DataLoader(Stream(5), batch_size=2, drop_last=True)
    assert [b.tolist() for b in loader] == [[0, 1], [2, 3]]
    assert [len(loader), len(DataLoader(Stream(5), batch_size=2)), len(DataLoader(Stream(5), None))] == [
        2,
        3,
        5,
    ]
    assert list(DataLoader(Stream(0))) == []


def test_a_stream_longer_than_it_said_is_warned_about():
    loader = DataLoader(Stream(2, said=1))
    assert len(list(loader)) == 2
    assert len(loader) == 1
    with pytest.warns(UserWarning, match="was reported to be 1.* but 2 samples have been fetched"):
        list(loader)


def test_epochs_that_are_left_early_and_run_side_by_side():
    loader = DataLoader(TensorDataset(tl.arange(6)), batch_size=2, shuffle=True)
    first, second = iter(loader), iter(loader)
    assert len(first) == 3
    seen = [next(epoch)[0] for epoch in (first, second, first, second, second, first)]
    assert sorted(int(i) for batch in seen[0::2][:2] + seen[5:] for i in batch.tolist()) == list(range(6))
    with pytest.raises(StopIteration):
        next(first)


def test_attributes_are_kept_and_the_fixed_ones_guarded():
    init = print
    loader = DataLoader([1, 2], batch_size=2, worker_init_fn=init, pin_memory_device="x", in_order=False)
    assert (loader.batch_size, loader.num_workers, loader.drop_last, loader.timeout) == (2, 0, False, 0)
    assert (loader.worker_init_fn, loader.prefetch_factor, loader.in_order) == (init, None, False)
    assert isinstance(loader.sampler, SequentialSampler)
    assert isinstance(loader.batch_sampler, BatchSampler)
    loader.collate_fn = len
    assert list(loader) == [2]
    for name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is init"):
            setattr(loader, name, None)


def test_pinning_memory_is_said_to_do_nothing():
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
        list(DataLoader([1], pin_memory=True))


def test_no_worker_is_about():
    assert get_worker_info() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative; use num_workers=0 to disable"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        (
            {"prefetch_factor": 2},
            "prefetch_factor option could only be specified in multiprocessing.let num_",
        ),
        ({"prefetch_factor": -2, "num_workers": 1}, "prefetch_factor option should be non-negative"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        (
            {"multiprocessing_context": "fork"},
            r"can only be used with multi-process loading \(num_workers > 0\)",
        ),
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        (
            {"batch_sampler": [[0]], "batch_size": 2},
            "batch_sampler option is mutually exclusive with batch_size",
        ),
        ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "sampler": [0]}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        (
            {"batch_size": None, "drop_last": True},
            "batch_size=None option disables auto-batching and is mutually",
        ),
        ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"drop_last": 1}, "drop_last should be a boolean value, but got drop_last=1"),
    ],
)
def test_argument_errors(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader([1, 2], **options)


@pytest.mark.parametrize("name", ["shuffle", "sampler", "batch_sampler"])
def test_streams_take_no_order(name):
    with pytest.raises(ValueError, match=f"with IterableDataset: expected unspecified {name} option, but got {name}"):
        DataLoader(Stream(2), **{name: True})


def test_a_timeout_needs_workers():
    with pytest.raises(AssertionError, match="requires timeout == 0"):
        iter(DataLoader([1], timeout=1))
