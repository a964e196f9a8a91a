"""One peer in a process of its own.

The parent (`_rounds.Peer`) writes one JSON command a line and reads one JSON answer a line. Run by hand:
``echo '{"do": "versions"}' | python benchmarks/_serve.py torch``.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np
from _peers import LIBRARIES, PEERS, Missing
from _workloads import BY_ID, JAX

RESTART_AFTER = 2_000  # steps: a model that knows its batch by heart has gradients of 0 and subnormal moments
WARM_UP = 0.005  # seconds before the clock starts
LONG = 0.25  # seconds: a step this long needs no other before it


class Server:
    """Does what the parent asks for: each public method is a command."""

    def __init__(self, name: str) -> None:
        self.name, self.make = name, PEERS[name]()

    def setup(self, row: str, weights: str) -> None:
        """Build the job of a row, and let it begin from the values of a file."""
        with np.load(weights) as file:
            self.start = {key: file[key] for key in file.files}
        self.job = self.make(BY_ID[row])
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self.job.restart(self.start)
        self.taken, self.each = 0, 0.0

    def save(self, row: str, weights: str) -> None:
        """Write the values that all peers begin from."""
        framework = importlib.import_module("_peers.framework")
        lib = importlib.import_module("tapeless")
        np.savez(weights, **framework.starting_values(lib, BY_ID[row]))

    def seed(self, row: str, weights: str) -> bool:
        """Say whether PyTorch's seed 0 gives the values of the file; normal ones may differ by 1e-6."""
        framework = importlib.import_module("_peers.framework")
        mine = framework.starting_values(importlib.import_module("torch"), BY_ID[row])
        with np.load(weights) as file:
            return list(mine) == file.files and all(np.allclose(mine[key], file[key], 0, 1e-6) for key in mine)

    def values(self, steps: int) -> list[Any]:
        """Return what each of the first steps results in."""
        if hasattr(self.job, "values"):
            return self.job.values(steps)
        return [number for _ in range(steps) for number in numbers(self.job.step())]

    def round(self, seconds: float) -> float:
        """Take steps for about that time, at least one; return the seconds per step."""
        if self.taken > RESTART_AFTER:
            self.restart()
        if self.each < LONG:
            self.warm_up()
        steps, step = range(max(1, round(seconds / self.each))), self.job.step
        start = perf_counter()
        for _ in steps:
            step()
        self.each = (perf_counter() - start) / len(steps)
        self.taken += len(steps)
        settle()
        return self.each

    def warm_up(self) -> None:
        """Take steps, at least one, for the other peers have run meanwhile; learn how long a step is."""
        start, count = perf_counter(), 0
        while count == 0 or perf_counter() - start < WARM_UP:
            self.job.step()
            count += 1
        self.each = (perf_counter() - start) / count
        self.taken += count

    def memory(self) -> float | None:
        """Return the most megabytes that this process and those it started have had; None on Windows."""
        try:
            import resource
        except ImportError:
            return None
        unit = 1 if platform.system() == "Darwin" else 1024
        # A process that started others stands for them: the row `cold`.
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if hasattr(self.job, "folder") else 0
        return (children or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit / 1e6

    def versions(self) -> dict[str, Any]:
        """Return what the results depend on."""
        found: dict[str, Any] = {name: version(name) for name in LIBRARIES.get(self.name, ("numpy",))}
        if "torch" in found:
            return found | {"threads": sys.modules["torch"].get_num_threads()}
        if self.name == JAX:
            return found | {"threads": None}  # XLA's own pool: it does not say
        return found | {"threads": blas_threads()}


def version(name: str) -> str:
    """Return a library's version; ours may run from a checkout that is not installed."""
    module = sys.modules.get(name)
    return module.__version__ if hasattr(module, "__version__") else importlib.metadata.version(name)


def settle(patience: float = 1.0) -> None:
    """Wait until this process's threads have stopped spinning.

    OpenBLAS's keep a core busy for 0.1 s after the last product: whoever came next was measured 1.5 to 30 times
    slower than it is.
    """
    end = perf_counter() + patience
    while perf_counter() < end:
        used = process_time()
        sleep(0.005)
        if process_time() - used < 0.001:
            return


def numbers(value: Any) -> list[float]:
    """Return the numbers in a result: a scalar, an array, or several arrays."""
    if isinstance(value, list | tuple):
        return [number for part in value for number in numbers(part)]
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return np.asarray(value, np.float64).reshape(-1).tolist()


def blas_threads() -> int | None:
    """Return how many threads NumPy's matrix products use; None where threadpoolctl is not there to ask."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    return max((pool["num_threads"] for pool in threadpool_info()), default=None)


def serve(name: str) -> None:
    """Answer commands until the input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not get among the answers

    def say(answer: Any) -> None:
        print(json.dumps(answer), file=replies, flush=True)

    try:
        server = Server(name)
    except Missing as reason:
        return say({"missing": str(reason)})
    except ModuleNotFoundError as error:
        return say({"missing": f"{error.name} is not installed"})
    say({})
    for line in sys.stdin:
        command = json.loads(line)
        say(getattr(server, command.pop("do"))(**command))


if __name__ == "__main__":
    serve(sys.argv[1])
