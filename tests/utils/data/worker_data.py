"""Datasets and functions for the tests of workers, at the top of a light module: spawned workers import it."""

from __future__ import annotations

import ctypes
import importlib
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from typing import Any

import numpy as np


class Draws:
    """Samples of every generator that a worker seeds."""

    def __init__(self, library: str, n: int = 10) -> None:
        self.library, self.n = library, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        library = importlib.import_module(self.library)
        return index, random.random(), np.random.rand(), library.rand(2)


class Told:
    """Integers; what the worker knows about itself beside each; `act(index)` happens on the way."""

    def __init__(self, library: str, n: int = 8, act: Any = None) -> None:
        self.library, self.n, self.act = library, n, act

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        if self.act is not None:
            self.act(index)
        info = importlib.import_module(f"{self.library}.utils.data").get_worker_info()
        return [index, info.id, info.num_workers, info.seed % 2**31, info.dataset is self]


class Blocks:
    """Large arrays: sample i is filled with i."""

    def __init__(self, n: int, shape: tuple[int, ...]) -> None:
        self.n, self.shape = n, shape

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        return np.full(self.shape, index, np.float32)


class NeedsTwo(Exception):
    """An exception that can't be made from a message alone."""

    def __init__(self, first: Any, second: Any) -> None:
        super().__init__(first, second)


class HasMessage(Exception):
    """An exception that takes its message by name."""

    message = "default"

    def __init__(self, *, message: str) -> None:
        super().__init__(message)


def raise_value(index: int) -> None:
    if index == 3:
        raise ValueError(f"bad sample {index}")


def raise_key(index: int) -> None:
    {}["missing\nkey"]


def raise_two(index: int) -> None:
    raise NeedsTwo(1, 2)


def raise_message(index: int) -> None:
    raise HasMessage(message="by name")


def raise_local(index: int) -> None:
    class Local(Exception):
        pass

    raise Local("inside a function")


def kill(index: int) -> None:
    if index == 3:
        os.kill(os.getpid(), signal.SIGKILL)


def leave(index: int) -> None:
    if index == 3:
        os._exit(7)


def nap(index: int) -> None:
    time.sleep(0.05)


def first_is_slow(index: int) -> None:
    time.sleep(0.5 if index == 0 else 0)


def hang(index: int) -> None:
    time.sleep(60)


def keep(batch: list[Any]) -> list[Any]:
    return batch


def unpicklable(batch: list[Any]) -> Any:
    return threading.Lock()


def big_lists(n: int) -> list[list[int]]:
    """Batches whose indices are more than a pipe holds, so that orders and results meet."""
    return [[i] * 60_000 for i in range(n)]


class FailsInInit:
    """A `worker_init_fn` that fails in one worker."""

    def __call__(self, worker_id: int) -> None:
        if worker_id == 1:
            raise ValueError("no such shard")


def told_in_init(worker_id: int) -> None:
    importlib.import_module(__name__).init_said = worker_id * 10


init_said = -1


class InitSaid:
    """What `told_in_init` left behind in this process."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        return importlib.import_module(__name__).init_said


class Reused:
    """A sampled array that is filled anew for each sample."""

    def __init__(self, n: int) -> None:
        self.array, self.n = np.empty(50_000, np.float32), n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        self.array[:] = index
        return self.array


def blas_threads() -> int | None:
    """How many threads NumPy's matrix products use; None where its OpenBLAS can't be asked."""
    try:
        library = ctypes.CDLL(sys.modules["numpy._core._multiarray_umath"].__file__)
        return library.scipy_openblas_get_num_threads64_()
    except (KeyError, OSError, AttributeError):
        return None


class BlasThreads:
    """What `blas_threads` says in the worker."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return blas_threads()


def parent_that_dies(pids: Any) -> None:
    """Start a loader in this process, report its workers, and die without a goodbye."""
    loader = importlib.import_module("tapeless.utils.data").DataLoader(
        Told("tapeless", 100), num_workers=2, multiprocessing_context="fork"
    )
    batches = iter(loader)
    next(batches)
    pids.send([child.pid for child in multiprocessing.active_children()])
    os.kill(os.getpid(), signal.SIGKILL)
