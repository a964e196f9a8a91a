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


def lstm_gates_back(
    gate: Any, raw: Any, dc: Any, before: Any, tanh: Any, total: Any, buffer: Any, to_cell: Any, into: Any, more: Any
) -> Any:
    """Fill `total` with the gradients of the gates' sums, and make `dc` that of the former cell."""
    if gate.dtype != np.float32 or not fits(gate, total) or not fits(raw, dc, before, tanh):
        return NotImplemented
    _lstm_gates_back(gate, raw, dc, before, tanh, total)
    return None


@compiled
def _lstm_gates_back(gate, raw, dc, before, tanhs, total):  # type: ignore[no-untyped-def]
    size = dc.shape[1]
    one = gate.dtype.type(1)
    for row in range(gate.shape[0]):
        gates, sums = gate[row], total[row]
        i, f, g, o = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size], gates[3 * size :]
        to_i, to_f, to_g, to_o = sums[:size], sums[size : 2 * size], sums[2 * size : 3 * size], sums[3 * size :]
        for j in range(size):
            t, arrived = tanhs[row, j], raw[row, j]
            d = dc[row, j] + arrived * o[j] * (one - t * t)
            to_i[j] = i[j] * (one - i[j]) * g[j] * d
            to_f[j] = f[j] * (one - f[j]) * before[row, j] * d
            to_g[j] = (one - g[j] * g[j]) * i[j] * d
            to_o[j] = o[j] * (one - o[j]) * t * arrived
            dc[row, j] = d * f[j]
