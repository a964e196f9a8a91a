"""Adam as a user writes it for a library that has none: plain NumPy, a few lines per parameter."""

from __future__ import annotations

from typing import Any

import numpy as np
from _workloads import LEARNING_RATE


class Adam:
    """Updates arrays in place."""

    def __init__(self, parameters: list[Any]) -> None:
        self.parameters, self.steps = parameters, 0
        self.moments = [np.zeros_like(p) for p in parameters]
        self.squares = [np.zeros_like(p) for p in parameters]

    def step(self, gradients: Any) -> None:
        """Take one step."""
        self.steps += 1
        rate = LEARNING_RATE / (1 - 0.9**self.steps)
        root = (1 - 0.999**self.steps) ** 0.5
        for p, g, m, v in zip(self.parameters, gradients, self.moments, self.squares):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= rate * m / (np.sqrt(v) / root + 1e-8)
