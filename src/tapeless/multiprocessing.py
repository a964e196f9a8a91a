"""``torch.multiprocessing``: Python's `multiprocessing`, with PyTorch's two or three names more.

Tensors travel between processes as copies, by pickle: NumPy's memory is not shared.
Source: https://docs.pytorch.org/docs/stable/multiprocessing.html
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

_names = [name for name in dir(multiprocessing) if not name.startswith("_") and name not in ("context", "reducer")]
globals().update({name: getattr(multiprocessing, name) for name in _names})
_strategy = ["file_descriptor"]


def get_all_sharing_strategies() -> set[str]:
    """Return PyTorch's names of the ways to share memory; none is used.

    >>> import tapeless as tl
    >>> type(tl.multiprocessing.get_all_sharing_strategies()).__name__
    'set'
    """
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """Return what `set_sharing_strategy` remembers.

    >>> import tapeless as tl
    >>> tl.multiprocessing.get_sharing_strategy()
    'file_descriptor'
    """
    return _strategy[0]


def set_sharing_strategy(new_strategy: str) -> None:
    """Remember the name of a strategy; tensors are copied in any case.

    >>> import tapeless as tl
    >>> tl.multiprocessing.set_sharing_strategy("file_system")
    >>> tl.multiprocessing.get_sharing_strategy()
    'file_system'
    >>> tl.multiprocessing.set_sharing_strategy("file_descriptor")
    """
    if new_strategy not in get_all_sharing_strategies():
        raise AssertionError(f"expected one of {sorted(get_all_sharing_strategies())}, got {new_strategy!r}")
    _strategy[0] = new_strategy


class ProcessRaisedException(Exception):
    """A process that `spawn` started ended in an error.

    >>> import tapeless as tl
    >>> issubclass(tl.multiprocessing.ProcessRaisedException, Exception)
    True
    """


class SpawnContext:
    """The processes that `spawn` started with ``join=False``.

    >>> import time, tapeless as tl
    >>> context = tl.multiprocessing.spawn(time.sleep, join=False)  # time.sleep(0), in another process
    >>> context.join()
    True
    """

    def __init__(self, processes: list[Any]) -> None:
        self.processes = processes

    def pids(self) -> list[int]:
        """Return their numbers."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None) -> bool:
        """Wait for all; return whether all are done. Raises `ProcessRaisedException` when one failed."""
        for process in self.processes:
            process.join(timeout)
        for index, process in enumerate(self.processes):
            if process.exitcode:
                for other in self.processes:
                    other.terminate()
                raise ProcessRaisedException(f"process {index} terminated with exit code {process.exitcode}")
        return all(process.exitcode == 0 for process in self.processes)


def start_processes(
    fn: Callable[..., Any],
    args: Any = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> SpawnContext | None:
    """Start ``fn(index, *args)`` in `nprocs` processes, and wait for them unless ``join=False``.

    >>> import time, tapeless as tl
    >>> tl.multiprocessing.start_processes(time.sleep, nprocs=1)  # time.sleep(0), in another process
    """
    context: Any = multiprocessing.get_context(start_method)
    processes = [context.Process(target=fn, args=(index, *args), daemon=daemon) for index in range(nprocs)]
    for process in processes:
        process.start()
    started = SpawnContext(processes)
    if not join:
        return started
    started.join()
    return None


def spawn(
    fn: Callable[..., Any],
    args: Any = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> SpawnContext | None:
    """Start ``fn(index, *args)`` in `nprocs` processes, and wait for them unless ``join=False``.

    >>> import time, tapeless as tl
    >>> tl.multiprocessing.spawn(time.sleep, nprocs=1)  # time.sleep(0), in another process
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method)
