"""One step of an LSTM's gates and cell, forward and back: one pass where NumPy makes a dozen on small arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compile import compiled, fits
from ._math import tanh

_HALF = np.float32(0.5)


def lstm_gates(gate: Any, before: Any, cell: Any, tanhs: Any, h: Any) -> Any:
    """Make sums gates, in place, and fill the cell's new state, its tanh and what the output gate lets through."""
    if gate.dtype != np.float32 or not fits(gate) or not fits(before, cell, tanhs, h):
        return NotImplemented
    flat = [array.reshape(-1) for array in (before, cell, tanhs, h)]
    _lstm_gates(gate.reshape(-1), *gate.reshape((4, -1)), *flat)
    return None


@compiled
def _lstm_gates(gates, i, f, g, o, before, cell, tanhs, h):  # type: ignore[no-untyped-def]
    for j in range(gates.size):
        gates[j] = tanh(gates[j])
    for j in range(g.size):
        i[j], f[j], o[j] = i[j] * _HALF + _HALF, f[j] * _HALF + _HALF, o[j] * _HALF + _HALF
    for j in range(g.size):
        cell[j] = f[j] * before[j] + i[j] * g[j]
    for j in range(g.size):
        t = tanh(cell[j])
        tanhs[j] = t
        h[j] = o[j] * t


def lstm_gates_back(gate: Any, raw: Any, dc: Any, before: Any, tanh: Any, total: Any, buffer: Any, slope: Any) -> Any:
    """Fill `total` with the gradients of the gates' sums, and make `dc` that of the former cell."""
    if gate.dtype != np.float32 or not fits(gate, total) or not fits(raw, dc, before, tanh):
        return NotImplemented
    flat = [array.reshape(-1) for array in (raw, dc, before, tanh)]
    _lstm_gates_back(gate.reshape((4, -1)), *flat, total.reshape((4, -1)))
    return None


@compiled
def _lstm_gates_back(gate, raw, dc, before, tanhs, total):  # type: ignore[no-untyped-def]
    one = gate.dtype.type(1)
    i, f, g, o = gate[0], gate[1], gate[2], gate[3]
    to_i, to_f, to_g, to_o = total[0], total[1], total[2], total[3]
    for j in range(dc.size):
        t, arrived = tanhs[j], raw[j]
        d = dc[j] + arrived * o[j] * (one - t * t)
        to_i[j] = i[j] * (one - i[j]) * g[j] * d
        to_f[j] = f[j] * (one - f[j]) * before[j] * d
        to_g[j] = (one - g[j] * g[j]) * i[j] * d
        to_o[j] = o[j] * (one - o[j]) * t * arrived
        dc[j] = d * f[j]
