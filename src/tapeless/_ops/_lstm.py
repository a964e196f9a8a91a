"""Long short-term memory, a whole layer in one operation.

Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997); forget gates: Gers et al. (2000); projections: Sak et al.,
"Long Short-Term Memory Based Recurrent Neural Network Architectures" (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.registry import FUNCTIONS
from .._kernels.accelerated import accelerated
from ._recurrence import Recurrence

# PyTorch stacks the gates as input, forget, cell, output. Here those with a sigmoid stand together: i, f, o, g.
_ORDER = [0, 1, 3, 2]


def _arranged(stacked: Any, size: int) -> Any:
    """Return a weight or bias with the gates in `_ORDER`, those with a sigmoid halved (see `_activate`)."""
    gates = np.take(stacked.reshape((4, size, *stacked.shape[1:])), _ORDER, 0)
    gates[:3] *= 0.5
    return gates.reshape(stacked.shape)


def _activate(gates: Any, sigmoids: Any) -> None:
    """Replace halved gates by sigmoids and the others by tanh: ``sigmoid(x) = tanh(x / 2) / 2 + 1 / 2``.

    One call for all gates, and no exponential that could overflow.
    """
    np.tanh(gates, out=gates)
    np.multiply(sigmoids, 0.5, out=sigmoids)
    np.add(sigmoids, 0.5, out=sigmoids)


@accelerated("recurrent.lstm_gates", size=2048)
def _step(gate: Any, projected: Any, c: Any, cell: Any, tanhs: Any, through: Any) -> None:
    """Finish the gates of a step, and fill the new states of the cell, their tanh and what the output gate lets out."""
    size = c.shape[1]
    gate += projected
    _activate(gate, gate[:, : 3 * size])
    np.multiply(gate[:, size : 2 * size], c, out=cell)
    cell += np.multiply(gate[:, :size], gate[:, 3 * size :], out=through)
    c[...] = cell
    np.tanh(cell, out=tanhs)
    np.multiply(gate[:, 2 * size : 3 * size], tanhs, out=through)


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
        gates = self.start(input, sizes, reverse) @ _arranged(weight_ih, size).T
        if bias_ih is not None:
            gates += _arranged(bias_ih + bias_hh, size)
        rows = gates.shape[0]
        out = np.empty_like(gates, shape=(rows, hx.shape[1]))
        h, c = hx.copy(), cx.copy()
        cells = np.empty_like(gates, shape=(rows, size))
        tanhs = np.empty_like(cells)
        recurrent = _arranged(weight_hh, size).T.copy()
        self._run(gates, cells, tanhs, out, h, c, recurrent, weight_hr)
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
        """Go back through the steps; `slopes`, of each gate by its sum, become the gradients of these sums."""
        gates, cells, tanhs = self.saved
        size = cells.shape[1]
        i, f, o, n = (gates[:, k * size : (k + 1) * size] for k in range(4))
        slopes = np.empty((len(gates), 4, size), gates.dtype)  # in PyTorch's order, as the weights
        np.multiply(i * (1 - i), n, out=slopes[:, 0])
        np.multiply(f * (1 - f), self.steps.before(cx, cells), out=slopes[:, 1])
        np.multiply(1 - n * n, i, out=slopes[:, 2])
        np.multiply(o * (1 - o), tanhs, out=slopes[:, 3])
        to_cell = (1 - tanhs * tanhs) * o
        arrived = np.empty((len(gates), hx.shape[1]), gates.dtype) if self.wants("weight_hr") else None
        dh, dc = self.arriving(g, 1, hx), self.arriving(g, 2, cx)
        self._run_back(g[0], slopes, to_cell, f, dh, dc, weight_hh, weight_hr, arrived)
        raw = o * tanhs
        out = raw if weight_hr is None else raw @ weight_hr.T  # anew: the user may have written to what was returned
        sums = slopes.reshape(gates.shape)
        parameters = self.parameter_gradients(sums, sums, input, self.steps.before(hx, out))
        dx = self.input_gradient(sums, weight_ih, input)
        return dx, *parameters, None if arrived is None else arrived.T @ raw, dh, dc

    def _run_back(
        self,
        g: Any,
        slopes: Any,
        to_cell: Any,
        forget: Any,
        dh: Any,
        dc: Any,
        weight_hh: Any,
        weight_hr: Any,
        arrived: Any,
    ) -> None:
        """Turn `slopes` into gradients, and those of the last states, `dh` and `dc`, into those of the initial ones."""
        g = None if g is None else g.reshape((len(slopes), dh.shape[1]))
        weight_hh, buffer = np.ascontiguousarray(weight_hh), np.empty_like(dc)
        for start, stop in reversed(self.steps.spans):
            n = stop - start
            dh_now, dc_now, slope = dh[:n], dc[:n], slopes[start:stop]
            if g is not None:
                dh_now += g[start:stop]
            raw = dh_now
            if weight_hr is not None:
                raw = dh_now @ weight_hr
                if arrived is not None:
                    arrived[start:stop] = dh_now
            dc_now += np.multiply(raw, to_cell[start:stop], out=buffer[:n])
            slope[:, :3] *= dc_now[:, None]
            slope[:, 3] *= raw
            np.matmul(slope.reshape((n, len(weight_hh))), weight_hh, out=dh_now)
            dc_now *= forget[start:stop]

    def composite(self, input, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, hx, cx):
        """Return the results in other operations."""

        def cell(x: Any, h: Any, c: Any) -> Any:
            return lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)

        return self.unrolled(cell, input, hx, cx)
