"""Batches made ahead by threads: same order, errors in the consumer, no thread left."""

from __future__ import annotations

import gc
import threading
import time
import traceback

import numpy as np
import pytest

import tapeless as tl
from tapeless.utils.data import DataLoader, IterableDataset, TensorDataset, get_worker_info


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("DataLoader")]


@pytest.fixture(autouse=True)
def no_thread_left():
    yield
    gc.collect()
    deadline = time.monotonic() + 5
    while threads():
        assert time.monotonic() < deadline, "a thread is left"
        time.sleep(0.01)


class Slow:
    """Samples that take the longer, the earlier they are in their batch of four."""

    def __init__(self, n, wrong=None):
        self.n, self.wrong, self.seen = n, wrong, set()

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        self.seen.add(threading.current_thread().name)
        time.sleep(0.004 * (3 - index % 4))
        if index == self.wrong:
            raise KeyError(f"sample {index}")
        return index


class Stream(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        for i in range(self.n):
            time.sleep(0.001)
            yield i

    def __len__(self):
        return 3


@pytest.mark.parametrize("n", [1, 3])
def test_the_order_is_kept(n):
    data = Slow(20)
    assert [int(batch) for batch in DataLoader(data, num_threads=n)] == list(range(20))
    assert 1 <= len(data.seen) <= n
    assert threading.current_thread().name not in data.seen


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [3, 1, 1]}, {"batch_size": None, "shuffle": True}])
def test_the_same_batches_as_without_threads(options):
    data = TensorDataset(tl.arange(40).reshape(20, 2), tl.arange(20))
    seen = []
    for n in (0, 2):
        tl.manual_seed(2)
        loader = DataLoader(data, **{"batch_size": 6, **options}, num_threads=n)
        seen.append([[x.tolist() for x in batch] for _ in range(2) for batch in loader] + [tl.rand(1).tolist()])
    assert seen[0] == seen[1]


def test_streams_are_read_in_their_order_and_counted():
    assert list(DataLoader(Stream(30), None, num_threads=3)) == list(range(30))
    loader = DataLoader(Stream(7), 2, num_threads=3)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4, 5], [6]]
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="reported to be 3.* but 4 samples"):
        list(loader)


def test_an_error_is_raised_here_with_the_threads_traceback_and_the_pass_goes_on():
    batches = iter(DataLoader(Slow(8, wrong=2), num_threads=2))
    assert [int(next(batches)) for _ in range(2)] == [0, 1]
    with pytest.raises(KeyError, match="sample 2") as caught:
        next(batches)
    assert "__getitem__" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert [int(batch) for batch in batches] == [3, 4, 5, 6, 7]
    del caught


def test_leaving_early_makes_no_more_batches_than_were_ahead():
    data, made = Slow(100), []
    loader = DataLoader(data, collate_fn=made.append, num_threads=2, prefetch_factor=3)
    for step, _ in enumerate(loader):
        if step == 4:
            break
    gc.collect()
    time.sleep(0.1)
    assert 5 <= len(made) <= 5 + 2 * 3


def test_batches_are_made_while_the_consumer_is_busy():
    made = []
    batches = iter(DataLoader(np.arange(10), collate_fn=made.append, num_threads=1, prefetch_factor=4))
    deadline = time.monotonic() + 5
    while len(made) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(0.05)
    assert len(made) == 4  # and no more than that
    del batches


def test_threads_are_no_workers():
    assert list(DataLoader([0], None, collate_fn=lambda _: get_worker_info(), num_threads=1)) == [None]


@pytest.mark.parametrize(
    "options",
    [{"num_threads": -1}, {"num_threads": 1, "num_workers": 1}, {"num_threads": 1, "timeout": 1}],
)
def test_arguments(options):
    with pytest.raises(ValueError, match="num_threads option should be non-negative, and excludes num_workers"):
        DataLoader([1], **options)


def test_prefetch_factor_of_threads():
    assert DataLoader([1], num_threads=1).prefetch_factor == 2
    with pytest.raises(ValueError, match="prefetch_factor option should be non-negative\nGot 0; a thread needs"):
        DataLoader([1], num_threads=1, prefetch_factor=0)
