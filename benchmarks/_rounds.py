"""What benchmarks share: peers in processes of their own, alternating rounds, medians, the machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("_serve.py")


class Failure(Exception):
    """A peer's process ended before it was told to."""


class Peer:
    """One process that works when told to: `server` is the script that it runs."""

    def __init__(self, name: str, server: Path = SERVER) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, str(server), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @cached_property
    def missing(self) -> str | None:
        """Why it cannot run here; waits until it has started."""
        return self._read().get("missing")

    def ask(self, do: str, **arguments: Any) -> Any:
        """Send a command and wait for the answer. Raises Failure when the process ended instead."""
        stream = self.process.stdin
        assert stream is not None
        try:
            stream.write(json.dumps({"do": do, **arguments}) + "\n")
            stream.flush()
        except BrokenPipeError:
            pass  # `_read` says why
        return self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"the process of {self.name!r} ended with status {self.process.wait()}; see its error above")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(BrokenPipeError):  # it ended before
                if stream is not None:
                    stream.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def start(names: Sequence[str], server: Path = SERVER) -> Iterator[tuple[list[Peer], dict[str, str]]]:
    """Start the peers; give those that run, and why the others do not."""
    with ExitStack() as stack:
        peers = [Peer(name, server) for name in names]  # all at once: most of the time goes into their imports
        for peer in peers:
            stack.callback(peer.close)
        left_out = {peer.name: peer.missing for peer in peers if peer.missing}
        yield [peer for peer in peers if not peer.missing], left_out


def disagreement(values: dict[str, list[Any]], rtol: float, atol: float) -> str:
    """Say which peers' values differ by more than ``atol + rtol * |value|``, and where; "" when none do.

    Values that are texts have to be equal.
    """
    (first, expected), *others = values.items()
    for name, found in others:
        if len(expected) != len(found):
            return f"{first} gives {len(expected)} values and {name} {len(found)}"
        for i, (a, b) in enumerate(zip(expected, found)):
            same = a == b if isinstance(a, str) else abs(a - b) <= atol + rtol * abs(b)
            if not same:  # NaN included
                show = (lambda v: v[:12]) if isinstance(a, str) else "{:.7g}".format
                return f"{first} and {name} differ at value {i}: {show(a)} and {show(b)}"
    return ""


def alternate(peers: list[Peer], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Time `rounds` rounds of about `seconds` for each peer in turn; return microseconds per step.

    Round by round, so that a drift of the machine's speed meets all alike; who begins changes each round.
    """
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for i in range(rounds):
        k = i % len(peers)
        for peer in peers[k:] + peers[:k]:
            times[peer.name].append(peer.ask("round", seconds=seconds) * 1e6)
    return times


def spread(values: list[float]) -> dict[str, float]:
    """Return the median and the quartiles."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def ratios(times: dict[str, list[float]], ours: str) -> dict[str, dict[str, float]]:
    """Return the spread of each other peer's time over ours in the same round: above 1, we are faster."""
    return {
        name: spread([theirs / mine for theirs, mine in zip(values, times[ours], strict=True)])
        for name, values in times.items()
        if name != ours
    }


def machine() -> dict[str, Any]:
    """Describe what a result depends on besides the code."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": cpu_name(),
        "cores": cores,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "thread settings": {k: v for k, v in os.environ.items() if k.endswith("_NUM_THREADS")},
    }


def cpu_name() -> str:
    """Return the CPU's name, as well as the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
