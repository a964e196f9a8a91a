"""Threads: how many a program wants, a pool of them for large arrays, and peace with those of NumPy's BLAS.

NumPy lets go of the interpreter's lock while it computes, so two threads that work on different parts of a large
array use two cores. Only matrix products have threads of their own, those of the BLAS that NumPy is linked to.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

_SET_THREADS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
    "MKL_Set_Num_Threads",
)
_GET_THREADS = (*[name.replace("_set_", "_get_") for name in _SET_THREADS[:-1]], "MKL_Get_Max_Threads")
# Processor cycles, as a power of two, for which a thread of OpenBLAS waits for the next matrix product before it
# sleeps: 0.2 ms. Measured: with OpenBLAS's own 2**26 the second core is taken for 100 ms after each product, and an
# update of 8.3 million parameters by Adam takes 14 ms on two threads as on one; with less it takes 8. A product that
# finds the thread asleep takes 25 us longer: with 2**17 that makes the step of a 784-128-10 network 13 % slower.
_BLAS_WAIT = "19"


def _default() -> int:
    """Return how many threads a program gets that asks for none: the cores it may use, or OMP_NUM_THREADS if less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(int(wanted), cores) if wanted.isdigit() and int(wanted) else cores


class Pool:
    """Threads that wait for work. They are started when first needed, and are gone after a fork, as all threads."""

    def __init__(self) -> None:
        self.size = _default()
        self.orders: SimpleQueue[Any] = SimpleQueue()
        self.started = 0

    def run(self, work: Callable[[Any], None], parts: Sequence[Any]) -> None:
        """Call `work` on every part, the first one here and the others in threads; raises what the first of them did.

        The threads see this thread's context, `numpy.errstate` for example.
        """
        while self.started < len(parts) - 1:
            self.started += 1
            threading.Thread(target=_serve, args=(self.orders,), name="tapeless", daemon=True).start()
        done: SimpleQueue[Any] = SimpleQueue()
        for part in parts[1:]:
            self.orders.put((contextvars.copy_context(), work, part, done))
        try:
            work(parts[0])
        finally:
            errors = [done.get() for _ in parts[1:]]  # nobody goes on while a thread still writes
        for error in errors:
            if error is not None:
                raise error


def _serve(orders: SimpleQueue[Any]) -> None:
    while True:
        context, work, part, done = orders.get()
        try:
            context.run(work, part)
        except BaseException as error:  # whoever waits for it has to know
            done.put(error)
        else:
            done.put(None)
        del context, work, part, done  # while this thread waits, it holds nobody's arrays


pool = Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: pool.__dict__.update(orders=SimpleQueue(), started=0))


_alone = threading.Lock()
_inside = 0  # how many threads have BLAS compute with one thread
_before = 1  # what it had before


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have each matrix product use one thread: when several threads of ours each have products to compute."""
    global _inside, _before
    with _alone:
        if not _inside:
            _before = get_blas_threads()
            set_blas_threads(1)
        _inside += 1
    try:
        yield
    finally:
        with _alone:
            _inside -= 1
            if not _inside:
                set_blas_threads(_before)


def in_own_threads(work: Callable[[tuple[int, int]], Any], count: int) -> list[Any]:
    """Return ``work((start, stop))`` of parts of ``range(count)``, each in a thread that does its own matrix products.

    For work of some milliseconds: a thread has to find its core free, where for 0.2 ms after a product BLAS's own
    thread waits for the next one. There is one part where there is one thread, or a BLAS whose threads cannot be told
    to stay away.
    """
    parts = min(pool.size, count)
    if parts <= 1 or not get_blas_threads():
        return [work((0, count))]
    results: list[Any] = [None] * parts  # in order: sums of them must not depend on who was first

    def run(k: int) -> None:
        results[k] = work((count * k // parts, count * (k + 1) // parts))

    with one_blas_thread():
        pool.run(run, range(parts))
    return results


def get_num_threads() -> int:
    """Return how many threads work on large arrays: OMP_NUM_THREADS, else the cores that this process may use.

    See https://docs.pytorch.org/docs/stable/generated/torch.get_num_threads.html

    >>> import tapeless as tl
    >>> tl.get_num_threads() >= 1
    True
    """
    return pool.size


def set_num_threads(count: int, /) -> None:
    """Set how many threads work on large arrays, and on matrix products if NumPy's BLAS is OpenBLAS or MKL.

    Raises RuntimeError for anything but a positive integer.
    See https://docs.pytorch.org/docs/stable/generated/torch.set_num_threads.html

    >>> import tapeless as tl
    >>> before = tl.get_num_threads()
    >>> tl.set_num_threads(1)
    >>> tl.get_num_threads()
    1
    >>> tl.set_num_threads(before)
    """
    global _before
    pool.size = _positive("set_num_threads", count)
    with _alone:
        _before = count
        if not _inside:
            set_blas_threads(count)


_interop = _default()


def get_num_interop_threads() -> int:
    """Return what `set_num_interop_threads` set. It changes nothing here: operations run one after the other.

    >>> import tapeless as tl
    >>> tl.get_num_interop_threads() >= 1
    True
    """
    return _interop


def set_num_interop_threads(count: int, /) -> None:
    """Accept a number of threads for independent operations, of which there are none here.

    Raises RuntimeError for anything but a positive integer; unlike PyTorch's it may be called again, at any time.

    >>> import tapeless as tl
    >>> tl.set_num_interop_threads(tl.get_num_interop_threads())
    """
    global _interop
    _interop = _positive("set_num_interop_threads", count)


def _positive(name: str, count: Any) -> int:
    if isinstance(count, bool) or not isinstance(count, int):
        raise RuntimeError(f"{name} expects an int, but got {type(count).__name__}")
    if count < 1:
        raise RuntimeError(f"{name} expects a positive integer\nIt got {count}.")
    return count


@functools.cache
def _blas() -> Any:
    """Return the library NumPy computes matrix products with, or None: extensions are searched with what they load."""
    extension = sys.modules.get("numpy._core._multiarray_umath")
    try:
        return ctypes.CDLL(extension.__file__)  # type: ignore[union-attr, arg-type]
    except (AttributeError, OSError):
        return None


def set_blas_threads(count: int) -> None:
    """Have matrix products use so many threads, if NumPy's BLAS is one that can be told: NumPy has no call for it."""
    library = _blas()
    for name in _SET_THREADS:
        set_threads = getattr(library, name, None)
        if set_threads is not None:
            set_threads(count)
            return


def get_blas_threads() -> int:
    """Return how many threads a matrix product uses; 0 for a BLAS that doesn't say."""
    library = _blas()
    for name in _GET_THREADS:
        get_threads = getattr(library, name, None)
        if get_threads is not None:
            return int(get_threads())
    return 0


def shorten_blas_wait() -> bool:
    """Have OpenBLAS's threads sleep soon after a matrix product; False where that can't be done.

    OpenBLAS reads the variable when it starts its threads. So they are ended, as OpenBLAS itself does before a fork,
    and start anew with the next matrix product. That must not happen while another thread is at one: hence at import,
    and not when there are other threads. A value that the user has set stays.
    """
    name = "OPENBLAS_THREAD_TIMEOUT"
    if name in os.environ or threading.active_count() > 1:
        return False
    library = _blas()
    end, read = getattr(library, "blas_thread_shutdown_", None), getattr(library, "openblas_read_env", None)
    if end is None or read is None:
        return False
    os.environ[name] = _BLAS_WAIT
    read()
    del os.environ[name]  # child processes have their own say
    end()
    return True
