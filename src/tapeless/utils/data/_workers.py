"""Worker processes, seen from the parent: who makes which batch, in which order they are handed out, and the end.

Each worker has a pipe for orders and one for results, and no lock is shared: a worker that is killed can't leave
one held. That a worker is gone shows as the end of its pipe. Closing the pipes is what ends the workers.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import time
import warnings
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from pickle import PicklingError
from typing import Any

from ._epoch import Epoch
from ._fetch import start_indices
from ._sampler import draw_seed
from ._transport import Parts, Tag, pack, receive, send, unpack, widen
from ._worker_loop import GOODBYE, INTERRUPTS, Ended, Failure, Job, NewEpoch, run

_PATIENCE = 5.0  # seconds that workers get to finish what they are at before they are terminated
_DIED = (
    "DataLoader worker (pid(s) {}) exited unexpectedly\n"
    "{}\n"
    "Workers are often killed for want of memory: try fewer workers or a smaller batch. With num_workers=0 an error "
    "in the dataset shows its own traceback."
)
_PICKLE = (
    "Got pickle error when attempting to start a worker Process.\n"
    "The start method {!r} sends dataset, collate_fn and worker_init_fn to the worker: define them at the top of a "
    "module (no lambda, no local class), or pass multiprocessing_context='fork' where the system has it."
)

# The parent's ends of all pipes: a forked worker has to close its copies.
_parent_ends: weakref.WeakSet[Connection] = weakref.WeakSet()


def check_context(context: Any) -> BaseContext:
    """Return the multiprocessing context that the user means; ValueError or TypeError for anything else."""
    if isinstance(context, str):
        valid = multiprocessing.get_all_start_methods()
        if context not in valid:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {valid!r}, but got "
                f"multiprocessing_context={context!r}"
            )
        return multiprocessing.get_context(context)
    if not isinstance(context, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the start "
            f"method, but got multiprocessing_context={context}"
        )
    return context


class Pool:
    """The worker processes of a loader, started together and ended together."""

    def __init__(self, context: BaseContext, jobs: Iterable[Job]) -> None:
        self.processes: list[Any] = []
        self.orders: list[Connection] = []
        self.results: list[Connection] = []
        # Also runs when the interpreter exits; it must not hold the pool itself.
        self.close = weakref.finalize(self, _end, os.getpid(), self.processes, self.orders, self.results)
        try:
            for job in jobs:
                self._start(context, job)
        except BaseException:
            self.close()
            raise

    def _start(self, context: BaseContext, job: Job) -> None:
        to_read, orders = context.Pipe(duplex=False)
        results, to_write = context.Pipe(duplex=False)
        self.orders.append(orders)
        self.results.append(results)
        _parent_ends.update((orders, results))
        widen(results)
        method = context.get_start_method()
        inherited = list(_parent_ends) if method == "fork" else []
        process = context.Process(target=run, args=(job, to_read, to_write, inherited), daemon=True)  # type: ignore[attr-defined]
        try:
            with _interrupts_held(method):
                process.start()
        except (TypeError, AttributeError, PicklingError):
            warnings.warn(_PICKLE.format(method), stacklevel=6)
            raise
        finally:
            # Only the worker may hold these: their end is how each side sees that the other is gone.
            to_read.close()
            to_write.close()
        self.processes.append(process)

    def order(self, worker: int, tag: Tag, indices: Any) -> None:
        """Tell a worker what to do."""
        with suppress(OSError):  # it is gone, which `collect` tells with its reason
            send(self.orders[worker], pack(indices), tag)

    def collect(self, timeout: float | None) -> list[tuple[Tag, Parts]]:
        """Wait for results; return one of each worker that has some, or none at all when time is up.

        Raises RuntimeError, and ends all workers, when one of them is gone.
        """
        # A worker's sentinel as well: a process that it forked may hold its pipe open.
        watched = [*self.results, *[process.sentinel for process in self.processes]]
        arrived: list[tuple[Tag, Parts]] = []
        gone = []
        try:
            ready = set(wait(watched, timeout))
            for process, results in zip(self.processes, self.results, strict=True):
                if results not in ready and process.sentinel not in ready:
                    continue
                try:
                    if results in ready or results.poll():
                        arrived.append(receive(results))
                    else:
                        gone.append(process)
                except (EOFError, OSError):
                    gone.append(process)
        except BaseException:  # an interrupt may have left a message half read
            self.close()
            raise
        if gone:
            self._raise_gone(gone)
        return arrived

    def _raise_gone(self, gone: list[Any]) -> None:
        reasons = []
        for process in gone:
            process.join(_PATIENCE)
            reasons.append(_reason(process.pid, process.exitcode))
        for process in self.processes:
            process.terminate()  # what the others are at is of no use any more
        pids = ", ".join(str(process.pid) for process in gone)
        self.close()
        raise RuntimeError(_DIED.format(pids, "\n".join(reasons))) from RuntimeError(reasons[0])


@contextmanager
def _interrupts_held(method: str) -> Iterator[None]:
    """Start a process that is told of no interrupt until `run` asks for them.

    Ctrl-C reaches every process of a terminal. One that was still importing would print a traceback of its own;
    a process begins with the mask of the thread that starts it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    if method != "fork":
        resource_tracker.ensure_running()  # which lifts the mask; a start that finds it running does not
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reason(pid: int, exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.strsignal(-exitcode) if hasattr(signal, "strsignal") else f"{-exitcode}"
        return f"DataLoader worker (pid {pid}) is killed by signal: {name}. "
    return f"DataLoader worker (pid {pid}) exited unexpectedly with exit code {exitcode}."


def _end(owner: int, processes: list[Any], orders: list[Connection], results: list[Connection]) -> None:
    """End the workers: by closing the pipes, and those that do not heed that, by signals."""
    if os.getpid() != owner:  # a forked copy of the pool
        return
    for connection in orders:
        with suppress(OSError, ValueError):  # it is gone, or was never started
            if os.name == "posix":
                os.set_blocking(connection.fileno(), False)
            send(connection, [], GOODBYE)
    for connection in (*orders, *results):
        connection.close()
    try:
        deadline = time.monotonic() + _PATIENCE
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
    finally:
        for stop in ("terminate", "kill"):
            for process in processes:
                if process.is_alive():
                    getattr(process, stop)()
                    process.join(_PATIENCE)
        for process in processes:
            with suppress(ValueError):  # cannot even be killed: stuck in the system
                process.close()


class WorkerEpochs(Epoch):
    """One pass over a loader whose batches are made by workers; persistent workers make further passes."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        if loader.prefetch_factor <= 0:
            raise AssertionError(
                "prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter\n"
                f"Each worker needs a batch to work on; got prefetch_factor={loader.prefetch_factor}."
            )
        self._advice = (
            "For multiprocessing data-loading, this could be caused by not properly configuring the "
            "IterableDataset replica at each worker. Please see "
            "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
        )
        self._persistent, self._in_order, self._timeout = loader.persistent_workers, loader.in_order, loader.timeout
        self._num_workers, self._ahead = loader.num_workers, loader.prefetch_factor * loader.num_workers
        self._epoch = 0
        # PyTorch starts the sampler before the seed is drawn, and once more for the first epoch.
        start_indices(self._recipe, self._sampler)
        seed = draw_seed(loader.generator)
        context = loader.multiprocessing_context or multiprocessing.get_context()
        jobs = [Job(self._recipe, seed, loader.worker_init_fn, i, self._num_workers) for i in range(self._num_workers)]
        self._pool = Pool(context, jobs)
        self._begin()

    @property
    def closed(self) -> bool:
        """Whether the workers have ended."""
        return not self._pool.close.alive

    def restart(self, loader: Any) -> None:
        """Begin the next epoch with the same workers; what is left of the one before is dropped."""
        self._expect(loader)
        self._epoch += 1
        for worker in range(self._num_workers):
            self._pool.order(worker, (self._epoch, -1), NewEpoch())
        self._begin()

    def _begin(self) -> None:
        self._indices = start_indices(self._recipe, self._sampler)
        self._turns = itertools.cycle(range(self._num_workers))
        self._streaming = [True] * self._num_workers  # whether a worker may still have samples
        self._load = [0] * self._num_workers  # batches ordered of each worker and not yet handed out
        self._ordered = 0  # the number of the next batch to order
        self._next = 0  # the number of the next batch to hand out
        self._pending: dict[int, int] = {}  # ordered, not yet arrived: which worker makes it
        self._arrived: dict[int, tuple[int, Any]] = {}  # came before their turn
        for _ in range(self._ahead):
            self._order_next()

    def _order_next(self) -> None:
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        for _ in range(self._num_workers):
            worker = next(self._turns)
            share = self._ahead // max(1, sum(self._streaming))
            if self._streaming[worker] and (self._in_order or self._load[worker] < share):
                break
        else:
            return
        self._pool.order(worker, (self._epoch, self._ordered), indices)
        self._pending[self._ordered] = worker
        self._load[worker] += 1
        self._ordered += 1

    def __next__(self) -> Any:
        while True:
            if self._in_order:
                self._skip_missing()
                number = self._next if self._next in self._arrived else None
            else:
                number = next(iter(self._arrived), None)
            if number is not None:
                return self._hand_out(number)
            if self.closed or not self._owed():
                if not self._persistent:
                    self._pool.close()
                raise StopIteration
            self._wait()

    def _owed(self) -> bool:
        return any(self._streaming[worker] for worker in self._pending.values())

    def _skip_missing(self) -> None:
        """Go past batches that will never come, since their worker's stream has ended."""
        while self._next < self._ordered and self._next not in self._arrived:
            worker = self._pending.get(self._next)
            if worker is not None and self._streaming[worker]:
                return
            self._pending.pop(self._next, None)
            self._next += 1

    def _wait(self) -> None:
        """Take in what workers have sent."""
        results = self._pool.collect(self._timeout or None)
        if not results:
            raise RuntimeError(
                f"DataLoader timed out after {self._timeout} seconds\n"
                "No worker finished a batch in that time; pass a longer timeout, or 0 to wait as long as it takes."
            )
        for (epoch, number), parts in results:
            if epoch != self._epoch:
                continue
            worker = self._pending.pop(number)
            try:
                result = unpack(parts)
            except Exception as error:
                result = Failure.of(error, f"while receiving a batch of DataLoader worker process {worker}")
            if isinstance(result, Ended):
                self._streaming[worker] = False
                self._order_next()
            else:
                self._arrived[number] = worker, result

    def _hand_out(self, number: int) -> Any:
        worker, result = self._arrived.pop(number)
        self._next += self._in_order
        self._load[worker] -= 1
        self._order_next()
        if isinstance(result, Failure):
            raise result.as_exception()
        if self._promised is not None:
            self._count()
        return result
