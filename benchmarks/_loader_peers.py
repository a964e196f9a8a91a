"""The peers of `loader`: each goes through the batches of the same data, in a process of its own."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from _peers import blas_threads, serve


class Loader:
    """A shuffled DataLoader over a TensorDataset, of Tapeless or PyTorch: the same lines for both."""

    def __init__(self, module: str, **options: Any) -> None:
        self.lib, self.options = importlib.import_module(module), options
        self.data = importlib.import_module(f"{module}.utils.data")

    def setup(self, samples: int, features: int, batch: int) -> None:
        """Make the data and the loader anew."""
        random = np.random.default_rng(0)
        x = random.random((samples, features), dtype=np.float32)
        y = random.integers(0, 10, samples)
        data = self.data.TensorDataset(self.lib.from_numpy(x), self.lib.from_numpy(y))
        self.loader = self.data.DataLoader(data, batch_size=batch, shuffle=True, **self.options)

    def order(self, epochs: int) -> list[str]:
        """Return a digest of all batches of each epoch from seed 0."""
        self.lib.manual_seed(0)
        digests = []
        for _ in range(epochs):
            digest = hashlib.sha256()
            for x, y in self.loader:
                digest.update(x.numpy())
                digest.update(y.numpy())
            digests.append(digest.hexdigest())
        return digests

    def step(self) -> None:
        """Go through one epoch, doing nothing with the batches."""
        for _x, _y in self.loader:
            pass

    def versions(self) -> dict[str, Any]:
        """Return what the results depend on."""
        name = self.lib.__name__
        threads = self.lib.get_num_threads() if name == "torch" else blas_threads()
        return {name: self.lib.__version__, "numpy": np.__version__, "threads": threads}


PEERS: dict[str, Callable[[], Any]] = {
    "tapeless": lambda: Loader("tapeless"),
    "torch": lambda: Loader("torch"),
    "tapeless (num_threads=2)": lambda: Loader("tapeless", num_threads=2),
}

if __name__ == "__main__":
    serve(sys.argv[1], PEERS)
