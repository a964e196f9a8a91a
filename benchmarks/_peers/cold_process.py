"""The process of the row `cold`: ``python benchmarks/_peers/cold_process.py tapeless 500 100 WEIGHTS.npz``.

A file of its own, for what the suite imports is no part of it.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

LEARNING_RATE = 1e-3


def train_framework(name: str, start: list[Any], x: Any, y: Any, steps: int) -> float:
    """What a user of Tapeless or PyTorch writes."""
    lib = importlib.import_module(name)
    nn = lib.nn
    layers: list[Any] = []
    for weight in start[::2]:
        layers += [nn.Linear(weight.shape[1], weight.shape[0]), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    with lib.no_grad():
        for parameter, value in zip(model.parameters(), start):
            parameter.copy_(lib.from_numpy(value))
    x, y = lib.from_numpy(x), lib.from_numpy(y)
    criterion = nn.CrossEntropyLoss()
    optimizer = lib.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def train_jax(start: list[Any], x: Any, y: Any, steps: int) -> float:
    """What a user of JAX writes: the whole step under ``jit``."""
    from jax_mlp import Trainer  # beside this file

    trainer = Trainer(start, x, y)
    for _ in range(steps):
        loss = trainer.step()
    return float(loss)


def main() -> None:
    name, steps, batch, file = sys.argv[1:]
    with np.load(file) as saved:
        start = [saved[key] for key in saved.files]
    random = np.random.default_rng(0)
    x = random.standard_normal((int(batch), start[0].shape[1])).astype(np.float32)
    y = random.integers(0, start[-1].size, int(batch))
    if name == "jax":
        print(train_jax(start, x, y, int(steps)))
    else:
        print(train_framework(name, start, x, y, int(steps)))


if __name__ == "__main__":
    main()
