"""Tapeless, PyTorch and pyborch: each row written once, in PyTorch's API, as a user writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from _workloads import LEARNING_RATE, Workload, make_batch, make_chain, make_rows, make_vector

from . import cold
from .models import make_model


class Training:
    """A training step. `compile_` makes the model quick; `optimizer` holds more options of it."""

    def __init__(self, lib: Any, work: Workload, compile_: Callable[..., Any] | None = None, **optimizer: Any) -> None:
        self.lib, self.work, self.options = lib, work, optimizer
        x, y = make_batch(work)
        self.x = lib.from_numpy(x)
        self.y = lib.from_numpy(y if work.sizes.get("tanh") else y.reshape(-1))
        self.loss = lib.nn.MSELoss() if work.sizes.get("tanh") else lib.nn.CrossEntropyLoss()
        self.model = make_model(lib, work)
        self.call = compile_(self.model) if compile_ else self.model

    def restart(self, start: dict[str, Any]) -> None:
        """Begin the training anew."""
        optim, parameters = self.lib.optim, self.model.parameters
        load(self.lib, self.model, start)
        if self.work.task == "resnet":
            self.optimizer = optim.SGD(parameters(), lr=LEARNING_RATE, momentum=0.9, **self.options)
        elif self.work.task == "gpt":
            self.optimizer = optim.AdamW(parameters(), lr=LEARNING_RATE, **self.options)
        else:
            self.optimizer = optim.Adam(parameters(), lr=LEARNING_RATE, **self.options)

    def step(self) -> Any:
        """Train for one step; return the loss before it."""
        self.optimizer.zero_grad()
        loss = self.loss(self.call(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss


def load(lib: Any, model: Any, start: dict[str, Any]) -> None:
    """Give a model the parameters and buffers of a file."""
    model.load_state_dict({name: lib.from_numpy(value.copy()) for name, value in start.items()})


class Chain:
    """Many small elementwise operations in a row, and their gradient."""

    def __init__(self, lib: Any, work: Workload, compile_: Callable[..., Any] | None = None) -> None:
        x, *constants = [lib.from_numpy(a) for a in make_chain(work)]
        self.x, self.constants = x.requires_grad_(), constants
        self.lib, self.cycles = lib, work.sizes["cycles"]
        self.call = compile_(self.forward) if compile_ else self.forward

    def forward(self) -> Any:
        """Ten operations, again and again."""
        lib, x, (a, b, c) = self.lib, self.x, self.constants
        for _ in range(self.cycles):
            x = x + a
            x = lib.tanh(x)
            x = x * b
            x = lib.sin(x)
            x = x - a
            x = lib.exp(x)
            x = x / c
            x = lib.log(x)
            x = -x
            x = x + x
        return x

    def restart(self, start: dict[str, Any]) -> None:
        """Nothing is trained."""

    def step(self) -> Any:
        """Return the gradient."""
        self.x.grad = None
        self.call().sum().backward()
        return self.x.grad


class Product:
    """A Hessian-vector product: the gradient of the gradient's product with the vector."""

    def __init__(self, lib: Any, work: Workload) -> None:
        self.lib = lib
        self.x, self.y = map(lib.from_numpy, make_batch(work))
        self.loss, self.model = lib.nn.CrossEntropyLoss(), make_model(lib, work)

    def restart(self, start: dict[str, Any]) -> None:
        """Begin from these parameters."""
        load(self.lib, self.model, start)
        self.parameters = list(self.model.parameters())
        self.vector = [self.lib.from_numpy(v) for v in make_vector(list(start.values()))]

    def step(self) -> Any:
        """Return the product, an array per parameter."""
        grad = self.lib.autograd.grad
        loss = self.loss(self.model(self.x), self.y)
        gradients = grad(loss, self.parameters, create_graph=True)
        along = sum((g * v).sum() for g, v in zip(gradients, self.vector))
        return grad(along, self.parameters)


class Loader:
    """A shuffled DataLoader over a TensorDataset; a step is an epoch, nothing is done with the batches."""

    def __init__(self, lib: Any, work: Workload) -> None:
        data, self.lib = lib.utils.data, lib
        x, y = make_rows(work)
        rows = data.TensorDataset(lib.from_numpy(x), lib.from_numpy(y))
        self.loader = data.DataLoader(rows, batch_size=work.sizes["batch"], shuffle=True)

    def restart(self, start: dict[str, Any]) -> None:
        """Begin from seed 0."""
        self.lib.manual_seed(0)

    def values(self, steps: int) -> list[str]:
        """Return a digest of all batches of each epoch."""
        digests = []
        for _ in range(steps):
            digest = hashlib.sha256()
            for x, y in self.loader:
                digest.update(x.numpy())
                digest.update(y.numpy())
            digests.append(digest.hexdigest())
        return digests

    def step(self) -> None:
        """Go through one epoch."""
        for _x, _y in self.loader:
            pass


TASKS: dict[str, Callable[..., Any]] = {"chain": Chain, "hvp": Product, "loader": Loader, "cold": cold.Process}


def make_job(lib: Any, work: Workload, **options: Any) -> Any:
    """Return the job of a row."""
    return TASKS.get(work.task, Training)(lib, work, **options)


def starting_values(lib: Any, work: Workload) -> dict[str, Any]:
    """Return the parameters and buffers that a row's training starts from: those that seed 0 gives."""
    if work.task in ("chain", "loader"):
        return {}
    lib.manual_seed(0)
    state = make_model(lib, work).state_dict()
    return {name: np.array(value.detach().numpy()) for name, value in state.items()}
