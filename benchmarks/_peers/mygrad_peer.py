"""MyGrad: tensors with `backward`, its own losses and layers, and Adam by hand, as it has no optimizers."""

from __future__ import annotations

from typing import Any

import mygrad as mg
from _workloads import Workload, make_batch, make_chain
from mygrad.nnet.activations import relu
from mygrad.nnet.losses import softmax_crossentropy

from .adam import Adam


class Training:
    """A training step of an MLP."""

    def __init__(self, work: Workload) -> None:
        self.x, self.y = make_batch(work)
        self.tanh = work.sizes.get("tanh", False)

    def restart(self, start: dict[str, Any]) -> None:
        """Begin the training anew."""
        self.parameters = [mg.tensor(w) for w in start.values()]
        self.optimizer = Adam([p.data for p in self.parameters])

    def step(self) -> Any:
        """Train for one step; return the loss before it."""
        x, last = self.x, len(self.parameters) - 2
        for i in range(0, len(self.parameters), 2):
            x = mg.matmul(x, self.parameters[i].T) + self.parameters[i + 1]
            if i < last:
                x = mg.tanh(x) if self.tanh else relu(x)
        loss = mg.mean((x - self.y) ** 2) if self.tanh else softmax_crossentropy(x, self.y)
        loss.backward()
        self.optimizer.step([p.grad for p in self.parameters])
        return loss.data


class Chain:
    """Many small elementwise operations in a row, and their gradient."""

    def __init__(self, work: Workload) -> None:
        x, *self.constants = make_chain(work)
        self.x, self.cycles = mg.tensor(x), work.sizes["cycles"]

    def restart(self, start: dict[str, Any]) -> None:
        """Nothing is trained."""

    def step(self) -> Any:
        """Return the gradient."""
        x, (a, b, c) = self.x, self.constants
        for _ in range(self.cycles):
            x = mg.sin(mg.tanh(x + a) * b) - a
            x = -mg.log(mg.exp(x) / c)
            x = x + x
        x.sum().backward()
        return self.x.grad


def make_job(work: Workload) -> Any:
    """Return the job of a row."""
    return Chain(work) if work.task == "chain" else Training(work)
