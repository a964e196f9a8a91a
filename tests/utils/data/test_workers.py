"""Worker processes: the order and the numbers of PyTorch's, errors, and that nothing is left behind."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import tapeless as tl
from tapeless.utils.data import DataLoader, TensorDataset, get_worker_info
from tests.utils.data import worker_data as given, worker_streams

FORKS = "fork" in multiprocessing.get_all_start_methods()
pytestmark = pytest.mark.skipif(not FORKS, reason="most of these tests fork")

METHODS = ["fork", "spawn"]


@pytest.fixture(autouse=True)
def nothing_left():
    """No process and no open file stays behind."""
    folder = Path("/proc/self/fd")
    before = len(list(folder.iterdir())) if folder.is_dir() else None
    yield
    for collect in (bool, gc.collect):  # most tests leave nothing to be collected, and collecting takes long
        collect()
        children = multiprocessing.active_children()
        # Spawning leaves the pipe to its tracker open.
        opened = 0 if before is None else len(list(folder.iterdir())) - before
        if not children and opened <= 2:
            return
    pytest.fail(f"left behind: {children}, {opened} open files")


def plain(batch):
    if isinstance(batch, (list, tuple)):
        return [plain(entry) for entry in batch]
    return batch.tolist() if hasattr(batch, "tolist") else batch


def fork(dataset, **options):
    return DataLoader(dataset, **{"num_workers": 2, "multiprocessing_context": "fork", **options})


def both(program):
    """Run a program against either library, from the same seed; the results must be equal."""
    pytest.importorskip("torch")
    results = []
    for name in ("tapeless", "torch"):
        library = importlib.import_module(name)
        library.manual_seed(0)
        results.append(program(library, importlib.import_module(f"{name}.utils.data"), name))
    assert results[0] == results[1]
    return results[0]


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 3, "shuffle": True},
        {"batch_size": 3, "shuffle": True, "drop_last": True, "prefetch_factor": 1},
        {"batch_size": None, "num_workers": 1},
        {"batch_size": 4, "sampler": [9, 0, 3, 3, 5], "prefetch_factor": 5},
        {"batch_sampler": [[1], [2, 3], [0, 0, 4]]},
    ],
    ids=str,
)
def test_order_and_random_numbers_are_pytorchs(options, persistent):
    def program(library, data, name):
        settings = {"num_workers": 2, "multiprocessing_context": "fork", "persistent_workers": persistent, **options}
        loader = data.DataLoader(given.Draws(name), **settings)
        seen = []
        for epoch in range(3):
            for step, batch in enumerate(loader):
                seen += [plain(batch), library.rand(1).tolist()]
                if epoch == 1 and step == 1:
                    break  # with persistent workers what is under way is still computed, and draws
        return seen

    assert both(program)


def test_a_generator_and_an_eager_sampler_draw_as_in_pytorch():
    def program(library, data, name):
        class Eager(data.Sampler):
            def __iter__(self):
                return iter(library.randperm(6).tolist())

            def __len__(self):
                return 6

        generator = library.Generator().manual_seed(5)
        loaders = [
            data.DataLoader(given.Draws(name), 4, shuffle=True, num_workers=1, generator=generator),
            data.DataLoader(given.Draws(name, 6), 4, sampler=Eager(), num_workers=1),
        ]
        return [[plain(batch) for batch in loader] + [library.rand(1).tolist()] for loader in loaders * 2]

    both(program)


def test_spawned_workers_give_the_same_as_forked_ones():
    results = []
    for method in METHODS:
        tl.manual_seed(3)
        loader = DataLoader(given.Draws("tapeless"), 4, True, num_workers=2, multiprocessing_context=method)
        results.append([plain(batch) for _ in range(2) for batch in loader])
    assert results[0] == results[1]


def test_spawned_workers_equal_pytorchs():
    torch = pytest.importorskip("torch")
    tl.manual_seed(3)
    torch.manual_seed(3)
    ours = DataLoader(given.Draws("tapeless"), 4, True, num_workers=2, multiprocessing_context="spawn")
    theirs = torch.utils.data.DataLoader(given.Draws("torch"), 4, True, num_workers=2, multiprocessing_context="fork")
    assert [plain(batch) for batch in ours] == [plain(batch) for batch in theirs]


def test_what_a_worker_knows():
    def program(library, data, name):
        loader = data.DataLoader(given.Told(name), 3, num_workers=2, multiprocessing_context="fork")
        return [plain(batch) for batch in loader]

    seen = both(program)
    assert [batch[1] for batch in seen] == [[0, 0, 0], [1, 1, 1], [0, 0]]
    assert seen[0][4] == [True, True, True]
    assert get_worker_info() is None


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(
    ("n", "sizes", "options"),
    [
        (11, None, {"batch_size": 2}),
        (11, None, {"batch_size": 2, "drop_last": True}),
        (5, None, {"batch_size": None}),
        (30, [1, 9], {"batch_size": 2}),
        (30, [0, 3], {"batch_size": 1, "prefetch_factor": 3}),
        (30, [7, 0], {"batch_size": None}),
        (0, None, {"batch_size": 2}),
    ],
)
def test_streams_in_shards(n, sizes, options, persistent):
    def program(library, data, name):
        stream = getattr(worker_streams, name)(n, sizes)
        loader = data.DataLoader(
            stream, num_workers=2, multiprocessing_context="fork", persistent_workers=persistent, **options
        )
        return [[plain(batch) for batch in loader] for _ in range(3)]

    both(program)


def test_a_stream_sharded_badly_is_warned_about():
    loader = fork(worker_streams.tapeless(2, [2, 1]), batch_size=None)
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="reported to be 2.*3 samples have been fetched. For multiprocessing"):
        list(loader)


def test_a_spawned_stream():
    loader = DataLoader(worker_streams.tapeless(7), 2, num_workers=2, multiprocessing_context="spawn")
    assert [plain(batch) for batch in loader] == [[0, 2], [1, 3], [4, 6], [5]]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (given.raise_value, ValueError),
        (given.raise_key, KeyError),
        (given.raise_two, RuntimeError),
        (given.raise_message, given.HasMessage),
    ],
)
def test_errors_come_with_the_workers_traceback_as_in_pytorch(act, kind):
    def program(library, data, name):
        loader = data.DataLoader(given.Told(name, act=act), 2, num_workers=2, multiprocessing_context="fork")
        batches = iter(loader)
        with pytest.raises(Exception) as caught:
            list(batches)
        # PyTorch's error holds the pass in a circle, and collecting that takes its workers ten seconds.
        getattr(batches, "_shutdown_workers", bool)()
        lines = str(caught.value).split("\n")
        return type(caught.value), lines[:2], lines[-2:]

    found, first, last = both(program)
    assert found is kind
    assert first[0].startswith("Caught ") and first[0].endswith(
        f" in DataLoader worker process {1 if act is given.raise_value else 0}."
    )
    assert first[1] == "Original Traceback (most recent call last):"
    assert last[1] == ""


def test_an_error_names_the_line_of_the_dataset_and_the_pass_goes_on():
    batches = iter(fork(given.Told("tapeless", act=given.raise_value), batch_size=1))
    seen = []
    for _ in range(8):
        try:
            seen.append(int(next(batches)[0]))
        except ValueError as error:
            assert "raise_value" in str(error) and "bad sample 3" in str(error)
    assert seen == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("dataset", "options", "kind", "message"),
    [
        (given.Told("tapeless", act=given.raise_local), {}, RuntimeError, "Caught Local in .* process 0"),
        (given.Told("tapeless"), {"collate_fn": given.unpicklable}, TypeError, "(?s)Caught TypeError .*pickle"),
        (given.Told("tapeless"), {"worker_init_fn": given.FailsInInit()}, ValueError, "(?s)process 1.*no such shard"),
        ([tl.ones(1, requires_grad=True) * 2], {"num_workers": 1}, RuntimeError, "part of a graph"),
    ],
    ids=["local class", "batch", "init", "graph"],
)
def test_errors_at_other_places(dataset, options, kind, message):
    with pytest.raises(kind, match=message):
        list(fork(dataset, **options))


def test_what_cannot_be_sent_to_a_spawned_worker_is_said():
    loader = DataLoader([1], num_workers=1, multiprocessing_context="spawn", collate_fn=lambda batch: batch)
    with pytest.warns(UserWarning, match="Got pickle error when attempting to start a worker Process.\nThe start"):
        with pytest.raises(Exception, match="pickle"):
            iter(loader)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize(
    ("act", "reason"),
    [(given.kill, "is killed by signal: Killed"), (given.leave, "exited unexpectedly with exit code 7")],
)
def test_a_worker_that_dies_is_an_error_within_seconds(act, reason, in_order, method):
    loader = DataLoader(
        given.Told("tapeless", act=act), num_workers=2, multiprocessing_context=method, in_order=in_order
    )
    batches = iter(loader)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly\n") as caught:
        list(batches)
    assert time.monotonic() - start < 4
    assert reason in str(caught.value)
    assert str(caught.value.__cause__).startswith("DataLoader worker (pid ")
    assert list(batches) == []  # and not a hang


def test_a_worker_killed_from_outside_while_it_works():
    loader = fork(given.Told("tapeless", act=given.hang), persistent_workers=True)
    batches = iter(loader)
    victim = multiprocessing.active_children()[0]
    os.kill(victim.pid, signal.SIGKILL)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=f"DataLoader worker \\(pid {victim.pid}\\) is killed by signal"):
        # The other worker sleeps for a minute, unless it is ended.
        next(batches)
    assert time.monotonic() - start < 4
    loader.dataset.act = None
    assert len(list(loader)) == 8  # new workers
    del loader, batches


@pytest.mark.parametrize("persistent", [False, True])
def test_leaving_early_ends_the_workers(persistent):
    loader = fork(given.Told("tapeless", 100), persistent_workers=persistent)
    for _ in loader:
        break
    assert len(multiprocessing.active_children()) == (2 if persistent else 0)
    batches = iter(loader)
    next(batches)
    start = time.monotonic()
    del batches, loader
    assert multiprocessing.active_children() == []
    assert time.monotonic() - start < 2


def test_persistent_workers_are_kept_and_others_not():
    for persistent in (True, False):
        loader = fork(given.Told("tapeless"), persistent_workers=persistent)
        pids = []
        for _ in range(2):
            batches = iter(loader)
            pids.append({child.pid for child in multiprocessing.active_children()})
            list(batches)
            assert bool(multiprocessing.active_children()) is persistent
        assert (pids[0] == pids[1]) is persistent


def test_workers_of_a_parent_that_died_end():
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    parent = context.Process(target=given.parent_that_dies, args=(there,))
    parent.start()
    pids = here.recv()
    parent.join(10)
    assert parent.exitcode == -signal.SIGKILL
    deadline = time.monotonic() + 8
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.05)
    for end in (here, there):
        end.close()
    parent.close()


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"  # where nobody collects orphans they stay as zombies


def test_a_timeout():
    batches = iter(fork(given.Told("tapeless", act=given.first_is_slow), timeout=0.1))
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.1 seconds\nNo worker"):
        for _ in range(8):
            next(batches)
    time.sleep(0.6)
    assert len(list(batches)) > 0  # the pass is still sound


def test_out_of_order():
    seen = [int(batch[0]) for batch in fork(given.Told("tapeless", act=given.first_is_slow), in_order=False)]
    assert sorted(seen) == list(range(8))
    assert seen[0] != 0
    in_order = fork(given.Told("tapeless", act=given.first_is_slow))
    assert [int(batch[0]) for batch in in_order] == list(range(8))


@pytest.mark.parametrize("method", METHODS)
def test_large_batches_arrive_whole_and_writable(method):
    loader = DataLoader(given.Blocks(6, (300, 1000)), 2, num_workers=2, multiprocessing_context=method)
    batches = list(loader)
    for step, batch in enumerate(batches):
        assert batch.shape == (2, 300, 1000)
        np.testing.assert_array_equal(batch.numpy()[:, 0, 0], [2 * step, 2 * step + 1])
        batch.mul_(0)
        assert not batch.numpy().any()


def test_an_array_that_the_dataset_fills_again_is_sent_as_it_was():
    loader = fork(given.Reused(12), batch_size=None, num_workers=1, prefetch_factor=6)
    batches = iter(loader)
    time.sleep(0.3)  # the worker is ahead, its pipe full
    assert [float(batch.sum()) / 50_000 for batch in batches] == list(range(12))


def test_orders_larger_than_a_pipe_do_not_block():
    loader = fork(range(8), batch_sampler=given.big_lists(8), collate_fn=given.keep, prefetch_factor=4)
    assert [len(batch) for batch in loader] == [60_000] * 8


def test_a_tensor_dataset_is_read_by_one_index_in_workers_too():
    x = tl.arange(40).reshape(20, 2)
    results = []
    for workers in (0, 2):
        tl.manual_seed(1)
        context = "fork" if workers else None
        loader = DataLoader(TensorDataset(x), 6, True, num_workers=workers, multiprocessing_context=context)
        results.append([plain(batch) for batch in loader])
    assert results[0] == results[1]


def test_worker_init_fn_runs_in_the_worker_after_seeding():
    loader = fork(given.InitSaid(), worker_init_fn=given.told_in_init)
    assert [int(batch) for batch in loader] == [0, 10, 0, 10]
    assert given.init_said == -1


@pytest.mark.skipif(given.blas_threads() is None, reason="NumPy's BLAS does not tell")
def test_workers_use_one_blas_thread():
    for method in METHODS:
        loader = DataLoader(given.BlasThreads(), None, num_workers=1, multiprocessing_context=method)
        assert list(loader) == [1]


def test_another_process_that_holds_the_pipes_does_not_delay_the_end():
    loader = fork(given.Blocks(50, (500, 1000)))
    batches = iter(loader)
    next(batches)
    other = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    other.start()
    try:
        start = time.monotonic()
        del batches
        assert time.monotonic() - start < 2
    finally:
        other.kill()
        other.join()
        other.close()


def test_the_context():
    context = multiprocessing.get_context("fork")
    assert DataLoader([1], num_workers=1, multiprocessing_context=context).multiprocessing_context is context
    assert DataLoader([1], num_workers=1, multiprocessing_context="spawn").multiprocessing_context._name == "spawn"
    with pytest.raises(ValueError, match="should specify a valid start method in .* but got .*='thread'"):
        DataLoader([1], num_workers=1, multiprocessing_context="thread")
    with pytest.raises(TypeError, match="should be a valid context object or a string .*=3"):
        DataLoader([1], num_workers=1, multiprocessing_context=3)


def test_defaults_and_arguments():
    assert DataLoader([1], num_workers=1).prefetch_factor == 2
    assert DataLoader([1]).prefetch_factor is None
    with pytest.raises(AssertionError, match="prefetch_factor must be greater than 0 for MultiProcessing"):
        iter(DataLoader([1], num_workers=1, prefetch_factor=0))
    with pytest.warns(UserWarning, match="This DataLoader will create 999 worker processes in total. Our sugg"):
        DataLoader([1], num_workers=999)


PROGRAM = """
import os, signal, sys, time
from tapeless.utils.data import DataLoader
from tests.utils.data import worker_data as given

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin without it
    kept = DataLoader(given.Told("tapeless", 50), num_workers=2, persistent_workers=True)
    next(iter(kept))
    batches = iter(DataLoader(given.Told("tapeless", 50, given.nap), num_workers=2, multiprocessing_context="spawn"))
    next(batches)
    try:
        print("ready", flush=True)
        if "interrupt" in sys.argv:
            list(batches)
            time.sleep(30)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", ["exit", "interrupt"])
def test_a_program_ends_cleanly(how, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    root = Path(__file__).parents[3]
    path = os.pathsep.join([str(root), str(root / "src")])
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-X", "dev", str(tmp_path / "program.py"), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    if how == "interrupt":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it as well
    out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "interrupted\n" if how == "interrupt" else "", "")


def test_nothing_is_warned_about_when_a_loader_is_dropped():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(fork(given.Told("tapeless")))
        gc.collect()
