"""The row `cold`: a new process that imports a library, trains mlp-toy for 500 steps and ends.

Run as a script, this file is that process: ``python benchmarks/_peers/cold.py tapeless 500 WEIGHTS.npz``.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

LEARNING_RATE = 1e-3


class Process:
    """Starts the process and waits for its end."""

    def __init__(self, lib: Any, work: Any) -> None:
        self.name, self.work = lib.__name__, work

    def restart(self, start: dict[str, Any]) -> None:
        """Write the file that the process reads."""
        self.folder = tempfile.TemporaryDirectory()
        self.file = str(Path(self.folder.name) / "start.npz")
        np.savez(self.file, *start.values())

    def step(self) -> Any:
        """Return the loss that the process prints at its end."""
        sizes = self.work.sizes
        command = [sys.executable, __file__, self.name, str(sizes["steps"]), str(sizes["batch"]), self.file]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


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
