"""Streams for the tests of workers, for either library: `stream(library, ...)` makes one.

Their class is made when it is first asked for, so that a worker imports one library only.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Any


@functools.cache
def __getattr__(name: str) -> Any:
    """Return the class of the library called `name`."""
    if name not in ("tapeless", "torch"):
        raise AttributeError(name)
    data = importlib.import_module(f"{name}.utils.data")

    class Shards(data.IterableDataset):
        """The integers below `n`, shared out to the workers: unevenly, by `sizes`, or interleaved."""

        def __init__(self, n: int, sizes: list[int] | None = None) -> None:
            self.n, self.sizes = n, sizes

        def __iter__(self) -> Iterator[int]:
            info = data.get_worker_info()
            if info is None:
                return iter(range(self.n))
            if self.sizes is not None:
                return iter(range(100 * info.id, 100 * info.id + self.sizes[info.id]))
            return iter(range(info.id, self.n, info.num_workers))

        def __len__(self) -> int:
            return self.n

    Shards.__qualname__ = Shards.__name__ = name
    return Shards
