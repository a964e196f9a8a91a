"""Long short-term memory, a whole layer in one operation.

Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997); forget gates: Gers et al. (2000); projections: Sak et al.,
"Long Short-Term Memory Based Recurrent Neural Network Architectures" (2014).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.registry import FUNCTIONS
from .._kernels.accelerated import accelerated
from ._recurrence import Recurrence

# The gates in PyTorch's order: input, forget, cell, output. All but the cell's are sigmoids, and these are had from the
# same call as its tanh, with no exponential that could overflow: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
_FACTORS = (0.5, 0.5, 1.0, 0.5)


def _halved(stacked: Any) -> Any:
    """Return a stacked weight or bias with what goes to sigmoids halved."""
    size = stacked.shape[0] // 4
    return stacked * np.repeat(_FACTORS, size).astype(stacked.dtype).reshape((-1,) + (1,) * (stacked.ndim - 1))


def _constants(rows: int, size: int, dtype: Any) -> list[Any]:
    """Return what tanh of the gates is multiplied by, what is added then, and 1 for tanh, as (rows, 4 * size)."""
    return [array[:rows] for array in _filled(1 << (rows - 1).bit_length(), size, dtype)]


@functools.lru_cache(maxsize=16)
def _filled(rows: int, size: int, dtype: Any) -> tuple[Any, ...]:
    factor = np.tile(np.repeat(_FACTORS, size).astype(dtype), (rows, 1))
    constants = factor, 1 - factor, 2 * factor - 1
    for array in constants:
        array.flags.writeable = False
    return constants


@accelerated("recurrent.lstm_gates", size=2048)
def _step(gate: Any, projected: Any, c: Any, cell: Any, tanhs: Any, through: Any) -> None:
    """Finish the gates of a step, and fill the new states of the cell, their tanh and what the output gate lets out.

    The constants are as large as the gates: an operation on contiguous arrays takes a third of the time of one on those
    parts of the rows that are sigmoids (32 x 512: 2.6 us against 7).
    """
    size = c.shape[1]
    factor, shift, _ = _constants(gate.shape[0], size, gate.dtype)
    gate += projected
    np.tanh(gate, out=gate)
    gate *= factor
    gate += shift
    np.multiply(gate[:, size : 2 * size], c, out=cell)
    cell += np.multiply(gate[:, :size], gate[:, 2 * size : 3 * size], out=through)
    c[...] = cell
    np.tanh(cell, out=tanhs)
    np.multiply(gate[:, 3 * size :], tanhs, out=through)


@accelerated("recurrent.lstm_gates_back", size=2048)
def _step_back(
    gate: Any, raw: Any, dc: Any, before: Any, tanh: Any, total: Any, buffer: Any, to_cell: Any, into: Any, more: Any
) -> None:
    """Fill `total` with the gradients of a step's sums; `dc`, that of its new cell, becomes that of the former one.

    `raw` is the gradient of what the output gate let out, `before` the former cell; from `buffer` on, memory to use.
    """
    size = dc.shape[1]
    # The cell's: raw * o * (1 - tanh**2).
    inner = np.multiply(raw, gate[:, 3 * size :], out=to_cell)
    dc += inner
    inner *= np.multiply(tanh, tanh, out=buffer)
    dc -= inner
    # The gates': g * dc, c * dc, i * dc, tanh(c) * dh.
    np.multiply(gate[:, 2 * size : 3 * size], dc, out=into[:, :size])
    np.multiply(before, dc, out=into[:, size : 2 * size])
    np.multiply(gate[:, :size], dc, out=into[:, 2 * size : 3 * size])
    np.multiply(tanh, raw, out=into[:, 3 * size :])
    # Times their slopes, s * (1 - s) of sigmoids, (s + 1) * (1 - s) of tanh.
    np.subtract(1, gate, out=total)
    total *= np.add(gate, _constants(gate.shape[0], size, gate.dtype)[2], out=more)
    total *= into
    dc *= gate[:, size : 2 * size]


def lstm_step(
    x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, weight_hr: Any
) -> Any:
    """Return the next (h, c) in recorded operations: what `LstmLayer` is held to."""
    linear = FUNCTIONS["linear"]
    i, f, g, o = (linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return (h if weight_hr is None else linear(h, weight_hr)), c


class LstmLayer(Recurrence):
    """A layer of an LSTM in one direction; see `Recurrence`. `weight_hr`, if any, projects the state h."""

    differentiable = ("input", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "hx", "cx")

    def forward(
        self,
        input: Any,
        weight_ih: Any,
        weight_hh: Any,
        bias_ih: Any,
        bias_hh: Any,
        weight_hr: Any,
        hx: Any,
        cx: Any,
        *,
        sizes: Sequence[int] | None = None,
        reverse: bool = False,
    ) -> Any:
        size = cx.shape[1]
        gates = self.start(input, sizes, reverse) @ _halved(weight_ih).T
        if bias_ih is not None:
            gates += _halved(bias_ih + bias_hh)
        rows = gates.shape[0]
        out = np.empty_like(gates, shape=(rows, hx.shape[1]))
        h, c = hx.copy(), cx.copy()
        cells = np.empty_like(gates, shape=(rows, size))
        tanhs = np.empty_like(cells)
        self._run(gates, cells, tanhs, out, h, c, _halved(weight_hh).T.copy(), weight_hr)
        self.saved = gates, cells, tanhs
        return self.shaped(out, input), h, c

    def _run(
        self, gates: Any, cells: Any, tanhs: Any, out: Any, h: Any, c: Any, recurrent: Any, weight_hr: Any
    ) -> None:
        """Fill the arrays step by step; `h` and `c` are the states, first the initial ones, then the last."""
        size = c.shape[1]
        projected, raw = np.empty_like(c, shape=(c.shape[0], 4 * size)), np.empty_like(c)
        for start, stop in self.steps.spans:
            n = stop - start
            gate, cell, h_now = gates[start:stop], cells[start:stop], h[:n]
            np.matmul(h_now, recurrent, out=projected[:n])
            through = h_now if weight_hr is None else raw[:n]
            _step(gate, projected[:n], c[:n], cell, tanhs[start:stop], through)
            if weight_hr is not None:
                np.matmul(through, weight_hr.T, out=h_now)
            out[start:stop] = h_now

    def backward(self, g, input, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, hx, cx):
        """Go back through the steps: what comes of it are the gradients of the gates' sums."""
        gates, cells, tanhs = self.saved
        arrived = np.empty((len(gates), hx.shape[1]), gates.dtype) if self.wants("weight_hr") else None
        dh, dc = self.arriving(g, 1, hx), self.arriving(g, 2, cx)
        sums = self._run_back(g[0], dh, dc, self.steps.before(cx, cells), weight_hh, weight_hr, arrived)
        raw = gates[:, 3 * cells.shape[1] :] * tanhs
        out = raw if weight_hr is None else raw @ weight_hr.T  # anew: the user may have written to what was returned
        parameters = self.parameter_gradients(sums, sums, input, self.steps.before(hx, out))
        dx = self.input_gradient(sums, weight_ih, input)
        return dx, *parameters, None if arrived is None else arrived.T @ raw, dh, dc

    def _run_back(self, g: Any, dh: Any, dc: Any, before: Any, weight_hh: Any, weight_hr: Any, arrived: Any) -> Any:
        """Return the gradients of the gates' sums; those of the last states, `dh` and `dc`, become the initial ones'.

        `before` are the cells that the steps began with. All is done step by step, while it is in the cache.
        """
        gates, _, tanhs = self.saved
        batch, size = dc.shape
        g = None if g is None else g.reshape((len(gates), dh.shape[1]))
        sums, weight_hh = np.empty_like(gates), np.ascontiguousarray(weight_hh)
        memory = [np.empty((batch, k * size), gates.dtype) for k in (1, 1, 4, 4)]
        for start, stop in reversed(self.steps.spans):
            n = stop - start
            dh_now, dc_now, gate, tanh, total = dh[:n], dc[:n], gates[start:stop], tanhs[start:stop], sums[start:stop]
            if g is not None:
                dh_now += g[start:stop]
            raw = dh_now
            if weight_hr is not None:
                raw = dh_now @ weight_hr
                if arrived is not None:
                    arrived[start:stop] = dh_now
            _step_back(gate, raw, dc_now, before[start:stop], tanh, total, *[array[:n] for array in memory])
            np.matmul(total, weight_hh, out=dh_now)
        return sums

    def composite(self, input, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, hx, cx):
        """Return the results in other operations."""

        def cell(x: Any, h: Any, c: Any) -> Any:
            return lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)

        return self.unrolled(cell, input, hx, cx)
