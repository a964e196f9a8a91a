"""The peers of `mlp_step`: each trains the same network on the same batch, in a process of its own.

The parent (`_rounds.Peer`) writes one JSON command a line and reads one JSON answer a line. Run by hand:
``echo '{"do": "versions"}' | python benchmarks/_peers.py torch``.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import platform
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

LEARNING_RATE = 1e-3


def make_batch(sizes: list[int], batch: int) -> tuple[Any, Any]:
    """Return the inputs (float32) and class numbers (int64) that all peers train on."""
    random = np.random.default_rng(0)
    x = random.standard_normal((batch, sizes[0])).astype(np.float32)
    return x, random.integers(0, sizes[-1], batch)


class Framework:
    """Tapeless or PyTorch: the same lines for both, as a user writes them."""

    def __init__(self, module: str, **adam: Any) -> None:
        self.lib, self.adam = importlib.import_module(module), adam

    def setup(self, sizes: list[int], batch: int, weights: str) -> None:
        """Make model, loss and optimizer anew from seed 0; `weights` is for those that have no such seed."""
        lib, nn = self.lib, self.lib.nn
        lib.manual_seed(0)
        layers: list[Any] = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        self.model = nn.Sequential(*layers[:-1])
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = lib.optim.Adam(self.model.parameters(), lr=LEARNING_RATE, **self.adam)
        self.x, self.y = map(lib.from_numpy, make_batch(sizes, batch))

    def save(self, weights: str) -> None:
        """Write the parameters to a file."""
        np.savez(weights, *[p.detach().numpy() for p in self.model.parameters()])

    def step(self) -> Any:
        """Train for one step; return the loss before it."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss

    def versions(self) -> dict[str, Any]:
        """Return what the results depend on."""
        name = self.lib.__name__
        threads = self.lib.get_num_threads() if name == "torch" else blas_threads()
        return {name: self.lib.__version__, "numpy": np.__version__, "threads": threads}


class HandNumpy:
    """The limit: the step written out for this network, every array made beforehand, ``out=`` everywhere."""

    CHUNK = 16384  # elements of the parameters that Adam updates at a time, so that they stay in the L2 cache

    def setup(self, sizes: list[int], batch: int, weights: str) -> None:
        """Make all memory; the weights are those of the first peer."""
        with np.load(weights) as file:
            start = [file[name] for name in file.files]
        self.x, y = make_batch(sizes, batch)
        count = sum(w.size for w in start)
        self.flat = [np.zeros(count, np.float32) for _ in range(5)]  # values, gradients, two moments, scratch
        self.params, self.grads = self._shaped(self.flat[0], start), self._shaped(self.flat[1], start)
        for param, value in zip(self.params, start, strict=True):
            param[...] = value
        self.pieces = [tuple(a[i : i + self.CHUNK] for a in self.flat) for i in range(0, count, self.CHUNK)]
        self.pre = [np.empty((batch, n), np.float32) for n in sizes[1:]]  # before the ReLU
        self.post = [self.x, *[np.empty_like(a) for a in self.pre[:-1]]]
        self.back = [np.empty_like(a) for a in self.pre]  # gradients of `pre`
        self.mask = [np.empty(a.shape, bool) for a in self.pre]
        self.peak, self.total = np.empty((batch, 1), np.float32), np.empty((batch, 1), np.float32)
        self.picked = np.arange(batch) * sizes[-1] + y  # where in the flat logits the right classes stand
        self.scalars = [np.zeros((), np.float32) for _ in range(4)]
        self.steps = 0

    @staticmethod
    def _shaped(flat: Any, like: list[Any]) -> list[Any]:
        ends = np.cumsum([w.size for w in like])
        return [flat[end - w.size : end].reshape(w.shape) for end, w in zip(ends, like, strict=True)]

    def step(self) -> Any:
        """Train for one step; return the loss before it."""
        loss = self.forward()
        self.backward()
        self.adam()
        return loss

    def forward(self) -> Any:
        """Compute the loss, and the gradient of the logits on the way."""
        last = len(self.pre) - 1
        for i, (source, out) in enumerate(zip(self.post, self.pre, strict=True)):
            np.matmul(source, self.params[2 * i].T, out=out)
            np.add(out, self.params[2 * i + 1], out=out)
            if i < last:
                np.maximum(out, 0, out=self.post[i + 1])
        logits, g = self.pre[last], self.back[last]
        np.max(logits, axis=1, keepdims=True, out=self.peak)
        np.subtract(logits, self.peak, out=logits)
        np.exp(logits, out=g)
        np.sum(g, axis=1, keepdims=True, out=self.total)
        loss = np.log(self.total).mean() - logits.reshape(-1)[self.picked].mean()
        np.multiply(self.total, len(g), out=self.total)
        np.divide(g, self.total, out=g)
        g.reshape(-1)[self.picked] -= np.float32(1 / len(g))
        return loss

    def backward(self) -> None:
        """Fill `grads`."""
        for i in reversed(range(len(self.pre))):
            g = self.back[i]
            np.matmul(g.T, self.post[i], out=self.grads[2 * i])
            np.sum(g, axis=0, out=self.grads[2 * i + 1])
            if i:
                np.matmul(g, self.params[2 * i], out=self.back[i - 1])
                np.greater(self.pre[i - 1], 0, out=self.mask[i - 1])
                np.multiply(self.back[i - 1], self.mask[i - 1], out=self.back[i - 1])

    def adam(self) -> None:
        """Update the parameters; the moments lack their factors (1 - beta): `eps` and `rate` make up for it."""
        self.steps += 1
        root = ((1 - 0.999) / (1 - 0.999**self.steps)) ** 0.5
        beta1, beta2, eps, rate = self.scalars
        beta1[()], beta2[()], eps[()] = 0.9, 0.999, 1e-8 / root
        rate[()] = -LEARNING_RATE * (1 - 0.9) / ((1 - 0.9**self.steps) * root)
        for p, g, m, v, t in self.pieces:
            np.multiply(m, beta1, out=m)
            np.add(m, g, out=m)
            np.multiply(v, beta2, out=v)
            np.multiply(g, g, out=t)
            np.add(v, t, out=v)
            np.sqrt(v, out=t)
            np.add(t, eps, out=t)
            np.divide(m, t, out=t)
            np.multiply(t, rate, out=t)
            np.add(p, t, out=p)

    def versions(self) -> dict[str, Any]:
        """Return what the results depend on."""
        return {"numpy": np.__version__, "threads": blas_threads()}


def blas_threads() -> int | None:
    """Return how many threads NumPy's matrix products use; None where threadpoolctl is not there to ask."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    return max((pool["num_threads"] for pool in threadpool_info()), default=None)


PEERS: dict[str, Callable[[], Any]] = {
    "tapeless": lambda: Framework("tapeless"),
    "torch": lambda: Framework("torch"),
    "torch (fused Adam)": lambda: Framework("torch", fused=True),
    "hand-written NumPy": HandNumpy,
}


def peak_megabytes() -> float | None:
    """Return the most memory this process has had; None where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def answer(peer: Any, command: dict[str, Any]) -> Any:
    """Do what the parent asks for."""
    what = command.pop("do")
    if what == "round":
        steps, step = range(command["steps"]), peer.step
        for _ in range(3):  # the other peers have run meanwhile: caches, and their threads, which spin a little
            step()
        start = perf_counter()
        for _ in steps:
            step()
        return perf_counter() - start
    if what == "losses":
        return [peer.step().item() for _ in range(command["steps"])]
    if what == "memory":
        return peak_megabytes()
    return getattr(peer, what)(**command)


def serve(name: str, peers: dict[str, Callable[[], Any]] = PEERS) -> None:
    """Answer commands until the input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not get among the answers
    try:
        peer = peers[name]()
    except ImportError as error:
        print(json.dumps({"missing": error.name or str(error)}), file=replies, flush=True)
        return
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(peer, json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
