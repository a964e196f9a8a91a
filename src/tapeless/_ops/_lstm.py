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
from ._recurrence import Columns, Recurrence

# The gates in PyTorch's order: input, forget, cell, output. All but the cell's are sigmoids, and these are had from the
# same call as its tanh, with no exponential that could overflow: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
_FACTORS = (0.5, 0.5, 1.0, 0.5)


def _halved(stacked: Any) -> Any:
    """Return a stacked weight or bias with what goes to sigmoids halved."""
    size = stacked.shape[0] // 4
    return stacked * np.repeat(_FACTORS, size).astype(stacked.dtype).reshape((-1,) + (1,) * (stacked.ndim - 1))


@accelerated("recurrent.lstm_gates", size=2048)
def _step(gate: Any, before: Any, cell: Any, tanhs: Any, through: Any) -> None:
    """Make sums gates, and fill the new states of the cell, their tanh and what the output gate lets out."""
    size = before.shape[0]
    np.tanh(gate, out=gate)
    for sigmoids in (gate[: 2 * size], gate[3 * size :]):
        sigmoids *= 0.5
        sigmoids += 0.5
    np.multiply(gate[size : 2 * size], before, out=cell)
    cell += np.multiply(gate[:size], gate[2 * size : 3 * size], out=through)
    np.tanh(cell, out=tanhs)
    np.multiply(gate[3 * size :], tanhs, out=through)


@accelerated("recurrent.lstm_gates_back", size=2048)
def _step_back(gate: Any, raw: Any, dc: Any, before: Any, tanh: Any, total: Any, buffer: Any, slope: Any) -> None:
    """Fill `total` with the gradients of a step's sums; `dc`, that of its new cell, becomes that of the former one.

    `raw` is the gradient of what the output gate let out, `before` the former cell; `buffer` and `slope` are memory.
    """
    size = before.shape[0]
    # The cell's: raw * o * (1 - tanh**2).
    inner = np.multiply(raw, gate[3 * size :], out=buffer)
    dc += inner
    inner *= tanh
    inner *= tanh
    dc -= inner
    # The gates': g * dc, c * dc, i * dc, tanh(c) * dh.
    np.multiply(gate[2 * size : 3 * size], dc, out=total[:size])
    np.multiply(before, dc, out=total[size : 2 * size])
    np.multiply(gate[:size], dc, out=total[2 * size : 3 * size])
    np.multiply(tanh, raw, out=total[3 * size :])
    # Times their slopes, s - s**2 of sigmoids, 1 - s**2 of tanh.
    np.multiply(gate, gate, out=slope)
    np.subtract(gate[: 2 * size], slope[: 2 * size], out=slope[: 2 * size])
    np.subtract(1, slope[2 * size : 3 * size], out=slope[2 * size : 3 * size])
    np.subtract(gate[3 * size :], slope[3 * size :], out=slope[3 * size :])
    total *= slope
    dc *= gate[size : 2 * size]


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
    """A layer of an LSTM in one direction; see `Recurrence`. `weight_hr`, if any, projects the state h.

    Inside, sequences are columns. The gates of a step are (4 * size, batch): each is contiguous, so NumPy runs one loop
    over it (128 x 32: 0.7 us, as parts of rows 1.8 to 2.4), and products are faster (24 against 31 us). A step has one
    product, of all weights and the bias with (h, x, 1): the sum with the input's projection and the bias costs no pass
    over the gates. Its second factors, joined, give the gradients of weights and biases in one product.
    """

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
        rows = self.start(input, sizes, reverse)
        bias = [] if bias_ih is None else [(bias_ih + bias_hh)[:, None]]
        weight = _halved(np.concatenate([weight_hh, weight_ih, *bias], 1))
        widths = weight.shape[1], weight.shape[0], cx.shape[1], cx.shape[1]
        memory = [Columns(self.steps, width, weight) for width in widths]
        out = np.empty_like(weight, shape=(rows.shape[0], hx.shape[1]))
        # Copies in C order, whatever the order of the states.
        h, c = hx.T.copy(), cx.T.copy()
        self._run(rows, weight, memory, out, h, c, weight_hr)
        self.saved = memory
        return self.shaped(out, input), h.T.copy(), c.T.copy()

    def _run(self, rows: Any, weight: Any, memory: list[Columns], out: Any, h: Any, c: Any, weight_hr: Any) -> None:
        """Fill `memory` with the products' second factors, the gates, the cells before each step, their tanh after it.

        `h` and `c` are the states, first the initial ones, then the last; `out` gets h of all steps.
        """
        ends = h.shape[0], h.shape[0] + rows.shape[1]
        raw = None if weight_hr is None else np.empty_like(c)
        steps = zip(self.steps.spans, *[columns.blocks for columns in memory], strict=True)
        for (start, stop), given, gate, before, tanh in steps:
            n = stop - start
            h_now, c_now = h[:, :n], c[:, :n]
            given[: ends[0]] = h_now
            given[ends[0] : ends[1]] = rows[start:stop].T
            given[ends[1] :] = 1
            np.matmul(weight, given, out=gate)
            before[...] = c_now
            through = h_now if raw is None else raw[:, :n]
            _step(gate, before, c_now, tanh, through)
            if raw is not None:
                np.matmul(weight_hr, through, out=h_now)
            out[start:stop] = h_now.T

    def backward(self, g, input, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, hx, cx):
        """Go back through the steps; what comes of it are the gradients of the gates' sums."""
        dh, dc = self.arriving(g, 1, hx).T.copy(), self.arriving(g, 2, cx).T.copy()
        d_hr = np.zeros_like(weight_hr) if self.wants("weight_hr") else None
        sums = self._run_back(g[0], dh, dc, weight_hh, weight_hr, d_hr).joined()
        dx = (sums.T @ weight_ih).reshape(input.shape) if self.wants("input") else None
        d_ih = d_hh = d_bias = None
        if any([self.wants(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]):
            # A copy of each part, so that none of them keeps the others' memory.
            size, both = hx.shape[1], hx.shape[1] + input.shape[-1]
            weights = sums @ self.saved[0].joined().T
            d_hh, d_ih = weights[:, :size].copy(), weights[:, size:both].copy()
            d_bias = None if bias_ih is None else weights[:, both].copy()
        return dx, d_ih, d_hh, d_bias, None if d_bias is None else d_bias.copy(), d_hr, dh.T.copy(), dc.T.copy()

    def _run_back(self, g: Any, dh: Any, dc: Any, weight_hh: Any, weight_hr: Any, d_hr: Any) -> Columns:
        """Return the gradients of the gates' sums; those of the last states, `dh` and `dc`, become the initial ones'.

        All is done step by step, while it is in the cache; `d_hr` is added to.
        """
        g = None if g is None else g.reshape((self.steps.rows, dh.shape[0]))
        size, batch = dc.shape
        sums, weight = Columns(self.steps, 4 * size, weight_hh), np.ascontiguousarray(weight_hh.T)
        buffer, slope = np.empty_like(dc), np.empty_like(dc, shape=(4 * size, batch))
        steps = zip(self.steps.spans, *[columns.blocks for columns in (*self.saved[1:], sums)], strict=True)
        for (start, stop), gate, before, tanh, total in reversed(list(steps)):
            n = stop - start
            dh_now = dh[:, :n]
            if g is not None:
                dh_now += g[start:stop].T
            raw = dh_now
            if weight_hr is not None:
                raw = weight_hr.T @ dh_now
                if d_hr is not None:
                    d_hr += dh_now @ (gate[3 * size :] * tanh).T
            _step_back(gate, raw, dc[:, :n], before, tanh, total, buffer[:, :n], slope[:, :n])
            np.matmul(weight, total, out=dh_now)
        return sums

    def composite(self, input, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, hx, cx):
        """Return the results in other operations."""

        def cell(x: Any, h: Any, c: Any) -> Any:
            return lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)

        return self.unrolled(cell, input, hx, cx)
