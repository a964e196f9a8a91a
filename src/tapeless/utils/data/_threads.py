"""Batches made ahead by threads of this process: the light alternative to worker processes."""

from __future__ import annotations

import queue
import threading
import weakref
from typing import Any

from ._dataset import IterableDataset
from ._epoch import Epoch
from ._fetch import Fetch, start_indices
from ._sampler import draw_seed

Orders = queue.SimpleQueue[Any]  # the indices of one batch each
Results = queue.SimpleQueue[Any]  # pairs of a batch and an error, one of which is None


class ThreadEpoch(Epoch):
    """A pass whose batches are made by threads, in turn, and handed out in order; errors keep their traceback."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._indices = start_indices(self._recipe, self._sampler)
        draw_seed(loader.generator)  # as without threads
        # A stream is at one place at a time: more threads would get its samples in any order.
        count = 1 if isinstance(self._recipe.dataset, IterableDataset) else loader.num_threads
        self._threads: list[tuple[Orders, Results]] = [(queue.SimpleQueue(), queue.SimpleQueue()) for _ in range(count)]
        closing = threading.Event()
        # The threads end when the pass does or is dropped; they do not hold it.
        self._close = weakref.finalize(self, _end, closing, [orders for orders, _ in self._threads])
        fetch = self._recipe.start()
        for orders, results in self._threads:
            arguments = (fetch, orders, results, closing)
            threading.Thread(target=_work, args=arguments, name="DataLoader", daemon=True).start()
        self._ordered = self._taken = 0
        for _ in range(loader.num_threads * loader.prefetch_factor):
            self._order_next()

    def _order_next(self) -> None:
        """Let the next thread make a batch. The indices are drawn here, so always in the same order."""
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        orders, _ = self._threads[self._ordered % len(self._threads)]
        orders.put(indices)
        self._ordered += 1

    def __next__(self) -> Any:
        if not self._close.alive or self._taken == self._ordered:
            self._close()
            raise StopIteration
        _, results = self._threads[self._taken % len(self._threads)]
        batch, error = results.get()
        self._taken += 1
        if error is not None:
            if isinstance(error, StopIteration):  # the stream has ended
                self._close()
            self._order_next()
            try:
                raise error
            finally:
                del error  # it holds this frame
        self._order_next()
        if self._promised is not None:
            self._count()
        return batch


def _work(fetch: Fetch, orders: Orders, results: Results, closing: threading.Event) -> None:
    """Make batches until the pass is over."""
    while True:
        indices = orders.get()
        if closing.is_set():
            return
        try:
            results.put((fetch(indices), None))
        except BaseException as error:
            results.put((None, error))


def _end(closing: threading.Event, orders: list[Orders]) -> None:
    closing.set()
    for queue_ in orders:
        queue_.put(None)  # wakes a thread that waits
