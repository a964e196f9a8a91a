"""The pool of threads, how many there are, and how long those of OpenBLAS wait."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import tapeless as tl
from tapeless._kernels import threads
from tapeless._kernels.threads import Pool

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def output(code: str, **variables: str) -> str:
    """Return what a new process prints."""
    env = {k: v for k, v in os.environ.items() if not k.endswith(("_NUM_THREADS", "_TIMEOUT"))} | variables
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_every_part_is_worked_on_once_and_in_several_threads() -> None:
    pool, seen, barrier = Pool(), [], threading.Barrier(3, timeout=30)

    def work(part: int) -> None:
        barrier.wait()  # passes only if the three parts are worked on at the same time
        seen.append((part, threading.get_ident()))

    for _ in range(3):
        seen.clear()
        pool.run(work, [0, 1, 2])
        assert sorted(part for part, _ in seen) == [0, 1, 2]
        assert len({thread for _, thread in seen}) == 3
        assert dict(seen)[0] == threading.get_ident()
    assert pool.started == 2


def test_an_error_arrives_after_all_parts_are_done() -> None:
    pool, done = Pool(), []

    def work(part: int) -> None:
        if part == 1:
            raise ValueError("part 1")
        time.sleep(0.05)
        done.append(part)

    with pytest.raises(ValueError, match="part 1"):
        pool.run(work, [0, 1, 2])
    assert sorted(done) == [0, 2]
    pool.run(done.append, [3, 4])
    assert sorted(done) == [0, 2, 3, 4]


def test_an_error_here_waits_for_the_threads() -> None:
    pool, done = Pool(), []

    def work(part: int) -> None:
        if part == 0:
            raise ValueError("part 0")
        time.sleep(0.05)
        done.append(part)

    with pytest.raises(ValueError, match="part 0"):
        pool.run(work, [0, 1])
    assert done == [1]


def test_threads_see_the_callers_errstate() -> None:
    pool, states = Pool(), []
    with np.errstate(over="raise", under="ignore"):
        pool.run(lambda part: states.append(np.geterr()["over"]), [0, 1])
    assert states == ["raise", "raise"]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_a_forked_process_starts_threads_of_its_own() -> None:
    code = """
import os
import tapeless as tl
from tapeless._kernels.threads import pool
seen = []
pool.run(seen.append, [1, 2])
pid = os.fork()
if pid == 0:
    pool.run(seen.append, [3, 4])
    os._exit(sorted(seen) != [1, 2, 3, 4])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert output(code) == "0"


def test_the_default_is_the_cores_or_less() -> None:
    code = "import tapeless as tl; print(tl.get_num_threads())"
    assert output(code) == str(CORES)
    assert output(code, OMP_NUM_THREADS="1") == "1"
    assert output(code, OMP_NUM_THREADS="1000") == str(CORES)
    assert output(code, OMP_NUM_THREADS="1,2") == "1"
    assert output(code, OMP_NUM_THREADS="none") == str(CORES)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_the_default_respects_the_affinity() -> None:
    first = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{first}}}); import tapeless as tl; print(tl.get_num_threads())"
    assert output(code) == "1"


@pytest.mark.skipif(not threads.get_blas_threads(), reason="a BLAS that does not say how many threads it has")
def test_threads_that_compute_their_own_products_have_one_blas_thread_each() -> None:
    before, seen = threads.get_blas_threads(), []
    size = tl.get_num_threads()

    def work(span: tuple[int, int]) -> None:
        threads.in_own_threads(lambda inner: seen.append((span, inner, threads.get_blas_threads())), 1)

    try:
        tl.set_num_threads(3)
        threads.in_own_threads(work, 7)
        assert sorted(seen) == [((0, 2), (0, 1), 1), ((2, 4), (0, 1), 1), ((4, 7), (0, 1), 1)]
        assert threads.get_blas_threads() == 3
        seen.clear()
        assert threads.in_own_threads(lambda span: span, 4) == [(0, 1), (1, 2), (2, 4)]
        with pytest.raises(ZeroDivisionError):
            threads.in_own_threads(lambda span: 1 // 0, 2)  # type: ignore[arg-type, return-value]
        assert threads.get_blas_threads() == 3
        with threads.one_blas_thread(), threads.one_blas_thread():
            tl.set_num_threads(2)
            assert threads.get_blas_threads() == 1
        assert threads.get_blas_threads() == 2
    finally:
        tl.set_num_threads(size)
        threads.set_blas_threads(before)


def test_setting_the_number_tells_the_blas_as_well() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def blas() -> set[int]:
        return {info["num_threads"] for info in threadpoolctl.threadpool_info() if "numpy" in info["filepath"]}

    if not blas():
        pytest.skip("NumPy has a BLAS that threadpoolctl does not know")
    before, before_blas = tl.get_num_threads(), max(blas())
    try:
        tl.set_num_threads(1)
        assert tl.get_num_threads() == 1
        assert blas() == {1}
    finally:
        tl.set_num_threads(before)
        threads.set_blas_threads(before_blas)


@pytest.mark.parametrize("name", ["set_num_threads", "set_num_interop_threads"])
def test_only_positive_integers_are_numbers_of_threads(name: str) -> None:
    function = getattr(tl, name)
    for wrong in (0, -1):
        with pytest.raises(RuntimeError, match=f"{name} expects a positive integer\nIt got {wrong}"):
            function(wrong)
    for wrong in (1.5, "a", True):
        with pytest.raises(RuntimeError, match=f"{name} expects an int, but got {type(wrong).__name__}"):
            function(wrong)


def test_interop_threads_are_remembered() -> None:
    before = tl.get_num_interop_threads()
    tl.set_num_interop_threads(7)
    assert tl.get_num_interop_threads() == 7
    tl.set_num_interop_threads(before)


SPIN = """
import threading, time
import numpy as np
from tapeless._kernels.threads import shorten_blas_wait
threading.Thread(target=threading.Event().wait, daemon=True).start() if {other_thread} else None
shortened = shorten_blas_wait()
a = np.ones((600, 600), np.float32)
spent = []
for _ in range(5):
    a @ a
    start = time.process_time()
    time.sleep(0.1)
    spent.append(time.process_time() - start)
print(shortened, min(spent), max(spent))
assert np.allclose(a @ a, 600)
"""


@pytest.mark.skipif(CORES < 2, reason="OpenBLAS has one thread here")
def test_openblas_does_not_keep_a_core_busy() -> None:
    code = SPIN.format(other_thread=False)
    shortened, least, _ = output(code).split()
    if shortened != "True":
        pytest.skip("NumPy has another BLAS")
    assert float(least) < 0.005
    shortened, _, most = output(code, OPENBLAS_THREAD_TIMEOUT="28").split()  # what the user sets stays
    assert shortened == "False"
    assert float(most) > 0.005  # of 0.1; less than that where other programs want the core


def test_openblas_is_left_alone_when_another_thread_might_use_it() -> None:
    assert output(SPIN.format(other_thread=True)).split()[0] == "False"
