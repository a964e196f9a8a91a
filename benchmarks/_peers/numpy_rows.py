"""The limits of the loader row: what moving its bytes costs at least."""

from __future__ import annotations

from typing import Any

import numpy as np
from _workloads import Workload, make_rows


class Take:
    """Gathers the rows of each batch in a random order, all else left out."""

    def __init__(self, work: Workload) -> None:
        self.x, self.y = make_rows(work)
        self.batch, self.random = work.sizes["batch"], np.random.default_rng(0)

    def restart(self, start: dict[str, Any]) -> None:
        """Nothing is trained."""

    def step(self) -> None:
        """Go through one epoch."""
        order = self.random.permutation(len(self.x))
        for i in range(0, len(order), self.batch):
            rows = order[i : i + self.batch]
            self.x.take(rows, axis=0)
            self.y.take(rows)


class Copy(Take):
    """Copies the batches in the order in which they lie in memory."""

    def step(self) -> None:
        """Go through one epoch."""
        for i in range(0, len(self.x), self.batch):
            self.x[i : i + self.batch].copy()
            self.y[i : i + self.batch].copy()
