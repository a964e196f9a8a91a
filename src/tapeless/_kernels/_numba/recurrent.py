"""One step of an LSTM's gates and cell, forward and back: one pass where NumPy makes a dozen on small arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compile import compiled, fits
from ._math import tanh

_HALF = np.float32(0.5)


def lstm_gates(gate: Any, projected: Any, c: Any, cell: Any, tanhs: Any, h: Any) -> Any:
    """Finish the gates in place, and fill the cell's new state, its tanh and what the output gate lets through."""
    if gate.dtype != np.float32 or not fits(gate, projected) or not fits(c, cell, tanhs, h):
        return NotImplemented
    _lstm_gates(gate, projected, c, cell, tanhs, h)
    return None


@compiled
def _lstm_gates(gate, projected, c, cell, tanhs, h):  # type: ignore[no-untyped-def]
    size = c.shape[1]
    for i in range(gate.shape[0]):
        for j in range(3 * size):
            gate[i, j] = tanh(gate[i, j] + projected[i, j]) * _HALF + _HALF
        for j in range(3 * size, 4 * size):
            gate[i, j] = tanh(gate[i, j] + projected[i, j])
        for j in range(size):
            now = gate[i, size + j] * c[i, j] + gate[i, j] * gate[i, 3 * size + j]
            c[i, j] = now
            cell[i, j] = now
            t = tanh(now)
            tanhs[i, j] = t
            h[i, j] = gate[i, 2 * size + j] * t
