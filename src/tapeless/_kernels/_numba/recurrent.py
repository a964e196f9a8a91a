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
    for row in range(gate.shape[0]):
        gates, added = gate[row], projected[row]
        for j in range(gates.size):
            gates[j] = tanh(gates[j] + added[j])
        i, f, g, o = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size], gates[3 * size :]
        for j in range(size):
            i[j], f[j], o[j] = i[j] * _HALF + _HALF, f[j] * _HALF + _HALF, o[j] * _HALF + _HALF
        for j in range(size):
            now = f[j] * c[row, j] + i[j] * g[j]
            c[row, j] = now
            cell[row, j] = now
        for j in range(size):
            t = tanh(cell[row, j])
            tanhs[row, j] = t
            h[row, j] = o[j] * t
