"""What a dataset can learn about the worker process that it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """The worker process that asks: its number, how many there are, its seed and its copy of the dataset.

    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.get_worker_info

    >>> from tapeless.utils.data._worker_info import WorkerInfo
    >>> WorkerInfo(0, num_workers=2, seed=5, dataset="abc").id
    0
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


current: WorkerInfo | None = None
"""Set in a worker process when it starts."""


def get_worker_info() -> WorkerInfo | None:
    """Return what is known about this worker process, or None in the main process (and in its threads).

    A stream uses it to give each worker samples of its own.

    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.get_worker_info

    >>> from tapeless.utils.data import get_worker_info
    >>> get_worker_info() is None
    True
    """
    return current
