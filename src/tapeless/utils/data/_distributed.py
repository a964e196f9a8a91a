"""The sampler for several processes that each train on a share of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..._random import Generator
from ._sampler import Sampler, draw_permutation


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index from ``rank`` on, of an order that is the same in all processes.

    The order is shuffled from ``seed + epoch`` (call ``set_epoch`` before each). So that all shares are equally long,
    indices from the start are repeated, or with ``drop_last`` the last ones left out. There is no process group to
    ask, so ``num_replicas`` and ``rank`` have to be given: RuntimeError without. ValueError for a wrong rank.

    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler

    >>> from tapeless.utils.data import DistributedSampler
    >>> [list(DistributedSampler(range(5), num_replicas=2, rank=rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "Requires distributed package to be available\n"
                f"There is none here: pass both numbers yourself (got {num_replicas=}, {rank=})."
            )
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        length = len(dataset)
        if drop_last and length % num_replicas:
            # At least 0, also for fewer samples than replicas.
            self.num_samples = math.ceil((length - num_replicas) / num_replicas)
        else:
            self.num_samples = math.ceil(length / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        """Iterate over this process's share."""
        length = len(self.dataset)
        if self.shuffle:
            order = draw_permutation(Generator().manual_seed(self.seed + self.epoch), length).tolist()
        else:
            order = list(range(length))
        if self.drop_last:
            order = order[: self.total_size]
        elif self.total_size > length:
            order = (order * math.ceil(self.total_size / length))[: self.total_size]
        if len(order) != self.total_size:
            raise AssertionError(
                f"Number of indices ({len(order)}) does not match total_size ({self.total_size})\n"
                "The dataset has another length now than when the sampler was made; make a new one."
            )
        return iter(order[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        """Return the length of a share."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order: another one for each ``epoch``, the same in all processes."""
        self.epoch = epoch
