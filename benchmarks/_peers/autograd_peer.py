"""HIPS autograd: the loss as a function of a list of arrays, and its `value_and_grad`."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np
from _workloads import Workload, make_batch, make_chain
from autograd import grad, value_and_grad

from .adam import Adam


class Training:
    """A training step of an MLP."""

    def __init__(self, work: Workload) -> None:
        self.x, self.y = make_batch(work)
        self.tanh = work.sizes.get("tanh", False)
        self.rows = np.arange(len(self.x))
        self.value_and_grad = value_and_grad(self.loss)

    def restart(self, start: dict[str, Any]) -> None:
        """Begin the training anew."""
        self.parameters = [w.copy() for w in start.values()]
        self.optimizer = Adam(self.parameters)

    def loss(self, parameters: list[Any]) -> Any:
        """Return the loss of the batch."""
        x, last = self.x, len(parameters) - 2
        for i in range(0, len(parameters), 2):
            x = np.dot(x, parameters[i].T) + parameters[i + 1]
            if i < last:
                x = np.tanh(x) if self.tanh else np.maximum(x, 0)
        if self.tanh:
            return np.mean((x - self.y) ** 2)
        x = x - np.max(x, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(x), axis=1)) - x[self.rows, self.y])

    def step(self) -> Any:
        """Train for one step; return the loss before it."""
        loss, gradients = self.value_and_grad(self.parameters)
        self.optimizer.step(gradients)
        return loss


class Chain:
    """Many small elementwise operations in a row, and their gradient."""

    def __init__(self, work: Workload) -> None:
        self.x, *self.constants = make_chain(work)
        self.cycles, self.gradient = work.sizes["cycles"], grad(self.forward)

    def forward(self, x: Any) -> Any:
        """Ten operations, again and again."""
        a, b, c = self.constants
        for _ in range(self.cycles):
            x = np.sin(np.tanh(x + a) * b) - a
            x = -np.log(np.exp(x) / c)
            x = x + x
        return np.sum(x)

    def restart(self, start: dict[str, Any]) -> None:
        """Nothing is trained."""

    def step(self) -> Any:
        """Return the gradient."""
        return self.gradient(self.x)


def make_job(work: Workload) -> Any:
    """Return the job of a row."""
    return Chain(work) if work.task == "chain" else Training(work)
