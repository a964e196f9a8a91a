"""One pass over a loader, and the plain kind: each batch is made when it is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from ._fetch import Recipe, start_indices
from ._sampler import draw_seed


class Epoch(Iterator[Any]):
    """What all passes share: what they are made from, and the warnings.

    They hold no reference to the loader, which may hold one to them (persistent workers): dropping the loader
    has to end the workers at once.
    """

    def __init__(self, loader: Any) -> None:
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, "
                "then device pinned memory won't be used.",
                stacklevel=4,
            )
        self._recipe: Recipe = loader._recipe()
        self._sampler = loader.batch_sampler if self._recipe.batched else loader.sampler
        self._advice = ""
        self._expect(loader)

    def _expect(self, loader: Any) -> None:
        """Note how long the stream was said to be: as it is now, since `list` asks after starting an epoch."""
        self._promised: int | None = loader._promised
        self._yielded = 0

    def _count(self) -> None:
        """Count a batch of a stream that told its length."""
        self._yielded += 1
        if self._promised is not None and self._yielded > self._promised:
            warnings.warn(
                f"Length of IterableDataset {self._recipe.dataset} was reported to be {self._promised}"
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched. {self._advice}",
                stacklevel=3,
            )

    def __len__(self) -> int:
        return len(self._sampler)


class LocalEpoch(Epoch):
    """A pass whose batches are made here and now."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        if loader.timeout != 0:
            raise AssertionError(
                "_SingleProcessDataLoaderIter requires timeout == 0\n"
                "A timeout only means something for worker processes; leave it out with num_workers=0."
            )
        self._indices = start_indices(self._recipe, self._sampler)
        # PyTorch draws the workers' base seed here, between making and first using the sampler's iterator,
        # even without workers. Nothing uses it, but every later draw would be another one without it.
        draw_seed(loader.generator)
        self._fetch = self._recipe.start()

    def __next__(self) -> Any:
        batch = self._fetch(next(self._indices))
        if self._promised is not None:
            self._count()
        return batch
