"""What a worker process of the DataLoader does: it makes the batches that it is told to, and sends them back.

Three threads, so that neither side ever waits for the other while that waits for it: one takes orders off the
pipe as they come, one writes results to the pipe as the parent reads them, and the main one computes.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import random
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from ..._kernels.threads import set_num_threads
from ..._random import default_generator
from . import _worker_info
from ._dataset import IterableDataset
from ._fetch import Fetch, Recipe
from ._transport import Parts, Tag, pack, receive, send, unpack
from ._worker_info import WorkerInfo

Todo = queue.SimpleQueue[Any]  # pairs of a tag and the indices of a batch or NewEpoch; None at the end
Done = queue.SimpleQueue[Any]  # pairs of a tag and the parts of a result

# Said before the pipe is closed, whose end shows late where another process that was forked meanwhile holds it.
GOODBYE: Tag = (-1, -1)

INTERRUPTS = (signal.SIGINT,)  # what Ctrl-C sends to every process of a terminal

_CHECK_SECONDS = 5.0  # how often a worker looks whether its parent is still there


class Job(NamedTuple):
    """What a worker is started with."""

    recipe: Recipe
    base_seed: int
    init_fn: Callable[[int], Any] | None
    worker_id: int
    num_workers: int


class NewEpoch(NamedTuple):
    """To start the dataset again (persistent workers)."""


class Ended(NamedTuple):
    """Sent in place of a batch where the worker's stream has ended."""


class KeyErrorMessage(str):
    """A message that KeyError, which shows the repr of its argument, shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Failure(NamedTuple):
    """An error on its way to the parent, which cannot get the frames of the traceback, only its text."""

    kind: bytes  # the class, pickled by itself: the parent may not know it
    name: str
    where: str
    text: str

    @classmethod
    def of(cls, error: BaseException, where: str) -> Failure:
        """Describe ``error``, which was caught ``where``."""
        try:
            kind = pickle.dumps(type(error))
        except Exception:  # a class inside a function
            kind = pickle.dumps(RuntimeError)
        return cls(kind, type(error).__name__, where, "".join(traceback.format_exception(error)))

    def as_exception(self) -> BaseException:
        """Return an exception of the same kind with the traceback as message; RuntimeError where it can't be."""
        message = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        try:
            kind = pickle.loads(self.kind)
            if kind is KeyError:
                return KeyError(KeyErrorMessage(message))
            return kind(message=message) if getattr(kind, "message", None) else kind(message)
        except Exception:  # it takes other arguments, or is not known here
            return RuntimeError(message)


def run(job: Job, orders: Connection, results: Connection, inherited: Iterable[Connection]) -> None:
    """Work until the parent closes the pipe of orders, or is gone."""
    # The parent's ends, which a fork copies. Held open here, they would hide that the parent closed its own.
    for connection in inherited:
        connection.close()
    todo: Todo = queue.SimpleQueue()
    done: Done = queue.SimpleQueue()
    closing = threading.Event()
    # Only this thread is to be interrupted: the others begin with the mask that the process began with.
    threading.Thread(target=_read, args=(orders, todo, closing), daemon=True).start()
    threading.Thread(target=_write, args=(results, done), daemon=True).start()
    with suppress(KeyboardInterrupt), _interruptible():  # the parent gets it as well, and says so
        set_num_threads(1)  # there are several workers
        _seed(job)
        _work(job, todo, done, closing)
    # Nobody wants what is not written yet, and the writer may be stuck with it: the process ends without it.


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the work; before and after that it would end in a traceback that tells nothing."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)


def _read(orders: Connection, todo: Todo, closing: threading.Event) -> None:
    """Take orders off the pipe until it ends; then let the main thread end."""
    parent = multiprocessing.parent_process()
    started_by = os.getppid()
    with suppress(EOFError, OSError):
        while True:
            while not orders.poll(_CHECK_SECONDS):
                # A process that was forked meanwhile may hold the pipe open although the parent is gone.
                if os.getppid() != started_by or (parent is not None and not parent.is_alive()):
                    raise EOFError
            tag, parts = receive(orders)
            if tag == GOODBYE:
                break
            todo.put((tag, unpack(parts)))
    closing.set()
    todo.put(None)


def _write(results: Connection, done: Done) -> None:
    """Write results to the pipe, for as long as the parent wants them."""
    with suppress(OSError):
        while True:
            tag, parts = done.get()
            send(results, parts, tag)
            del parts  # or it would live until the next result


def _work(job: Job, todo: Todo, done: Done, closing: threading.Event) -> None:
    """Make the batches of one epoch after the other."""
    where = f"in DataLoader worker process {job.worker_id}"
    streams = isinstance(job.recipe.dataset, IterableDataset)
    fetch, failure = _start(job, where, job.init_fn)
    stream_ended = False
    while (order := todo.get()) is not None and not closing.is_set():
        tag, indices = order
        if isinstance(indices, NewEpoch):
            fetch, failure = _start(job, where, None)
            stream_ended = False
            continue
        if stream_ended:
            continue
        if failure is not None:
            result, failure = failure, None
        else:
            result = _make(fetch, indices, streams, where)
            stream_ended = isinstance(result, Ended)
        done.put((tag, _packed(result, where)))
        del result  # or it would live until the next order


def _start(job: Job, where: str, init_fn: Callable[[int], Any] | None) -> tuple[Fetch | None, Failure | None]:
    """Return the function that makes batches, or the error that its preparation raised."""
    try:
        if init_fn is not None:
            init_fn(job.worker_id)
        return job.recipe.start(), None
    except Exception as error:
        return None, Failure.of(error, where)


def _make(fetch: Fetch | None, indices: Any, streams: bool, where: str) -> Any:
    try:
        if fetch is None:
            raise RuntimeError("the worker could not be prepared; its first batch said why")
        return fetch(indices)
    except Exception as error:
        if streams and isinstance(error, StopIteration):
            return Ended()
        return Failure.of(error, where)


def _packed(result: Any, where: str) -> Parts:
    """Pickle a result; where that fails, the error."""
    try:
        return pack(result)
    except Exception as error:
        return pack(Failure.of(error, where))


def _seed(job: Job) -> None:
    """Seed the generators as PyTorch does, so that the same samples come of the same base seed."""
    seed = job.base_seed + job.worker_id
    random.seed(seed)
    default_generator.manual_seed(seed)
    words = [job.worker_id, job.base_seed & 0xFFFFFFFF, job.base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(words).generate_state(4))
    _worker_info.current = WorkerInfo(job.worker_id, job.num_workers, seed, job.recipe.dataset)
