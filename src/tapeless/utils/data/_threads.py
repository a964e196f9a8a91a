"""Batches made ahead by threads of this process: the light alternative to worker processes."""

from __future__ import annotations

import weakref
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ._dataset import IterableDataset
from ._epoch import Epoch
from ._fetch import Fetch, start_indices
from ._sampler import draw_seed


class ThreadEpoch(Epoch):
    """A pass whose batches are made by threads; handed out in order, errors with the thread's own traceback."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._indices = start_indices(self._recipe, self._sampler)
        draw_seed(loader.generator)  # as without threads
        self._fetch: Fetch = self._recipe.start()
        # A stream is at one place at a time: more threads would get its samples in any order.
        count = 1 if isinstance(self._recipe.dataset, IterableDataset) else loader.num_threads
        executor = ThreadPoolExecutor(count, thread_name_prefix="DataLoader")
        self._submit = executor.submit
        # The threads end when the pass does, is dropped, or fails: what they still have to do is cancelled.
        self._close = weakref.finalize(self, executor.shutdown, wait=False, cancel_futures=True)
        self._ahead: deque[Future[Any]] = deque()
        for _ in range(loader.num_threads * loader.prefetch_factor):
            self._order_next()

    def _order_next(self) -> None:
        """Let a thread make one more batch. The indices are drawn here, so always in the same order."""
        if not self._close.alive:
            return
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        self._ahead.append(self._submit(self._fetch, indices))

    def __next__(self) -> Any:
        if not self._ahead:
            self._close()
            raise StopIteration
        future = self._ahead.popleft()
        try:
            batch = future.result()
        except StopIteration:  # the stream has ended
            self._ahead.clear()
            self._close()
            raise
        finally:
            self._order_next()
        if self._promised is not None:
            self._count()
        return batch
