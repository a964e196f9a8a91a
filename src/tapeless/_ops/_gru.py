"""Gated recurrent units, a whole layer in one operation.

Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014), with PyTorch's (and cuDNN's) place of
the reset gate: after the product with the recurrent weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.modes import state
from .._core.registry import FUNCTIONS
from ._recurrence import Recurrence


def _negated(stacked: Any, size: int) -> Any:
    """Return a weight or bias with the two gates that have a sigmoid negated: ``sigmoid(x) = 1 / (1 + exp(-x))``.

    By ``tanh(x/2) / 2 + 1/2``, which takes as many passes, a gate that is nearly closed keeps few of its digits, and
    its slope none: large weights make that an error that can be seen.
    """
    stacked = stacked.copy()
    np.negative(stacked[: 2 * size], out=stacked[: 2 * size])
    return stacked


def gru_step(x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any) -> Any:
    """Return the next state in recorded operations: what `GruLayer` is held to."""
    linear = FUNCTIONS["linear"]
    x_r, x_z, x_n = linear(x, weight_ih, bias_ih).chunk(3, -1)
    h_r, h_z, h_n = linear(h, weight_hh, bias_hh).chunk(3, -1)
    n = (x_n + (x_r + h_r).sigmoid() * h_n).tanh()
    return (h - n) * (x_z + h_z).sigmoid() + n


class GruLayer(Recurrence):
    """A layer of gated recurrent units in one direction; see `Recurrence`. Gates: reset r, update z, new n."""

    differentiable = ("input", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "hx")

    def forward(
        self,
        input: Any,
        weight_ih: Any,
        weight_hh: Any,
        bias_ih: Any,
        bias_hh: Any,
        hx: Any,
        *,
        sizes: Sequence[int] | None = None,
        reverse: bool = False,
    ) -> Any:
        size = hx.shape[1]
        gates = self.start(input, sizes, reverse) @ _negated(weight_ih, size).T
        bias_n = None
        if bias_ih is not None:
            bias = bias_ih.copy()
            bias[: 2 * size] += bias_hh[: 2 * size]
            gates += _negated(bias, size)
            bias_n = bias_hh[2 * size :]
        h, out = hx.copy(), np.empty_like(gates, shape=(gates.shape[0], size))
        inner = np.empty_like(out)
        self._run(gates, inner, out, h, _negated(weight_hh, size).T.copy(), bias_n)
        # A copy, because the user may write to what is returned.
        self.saved = gates, inner, out.copy() if state.grad_enabled else None
        return self.shaped(out, input), h

    def _run(self, gates: Any, inner: Any, out: Any, h: Any, recurrent: Any, bias_n: Any) -> None:
        """Fill the arrays step by step: `inner` with what the reset gate multiplies. `h` is the state."""
        size = h.shape[1]
        projected, buffer = np.empty_like(h, shape=(h.shape[0], 3 * size)), np.empty_like(h)
        for start, stop in self.steps.spans:
            count = stop - start
            gate, h_now = gates[start:stop], h[:count]
            r_and_z, n = gate[:, : 2 * size], gate[:, 2 * size :]
            from_state = np.matmul(h_now, recurrent, out=projected[:count])
            r_and_z += from_state[:, : 2 * size]
            np.exp(r_and_z, out=r_and_z)
            r_and_z += 1
            np.reciprocal(r_and_z, out=r_and_z)
            q = inner[start:stop]
            if bias_n is None:
                q[...] = from_state[:, 2 * size :]
            else:
                np.add(from_state[:, 2 * size :], bias_n, out=q)
            n += np.multiply(gate[:, :size], q, out=buffer[:count])
            np.tanh(n, out=n)
            h_now -= n
            h_now *= gate[:, size : 2 * size]
            h_now += n
            out[start:stop] = h_now

    def backward(self, g, input, weight_ih, weight_hh, bias_ih, bias_hh, hx):
        """Go back through the steps; `slopes` of the state by (n, r, z, what r multiplies) become their gradients.

        In this order the first three are gradients of the input's projection, the last three of the state's.
        """
        gates, inner, out = self.saved
        size = inner.shape[1]
        r, z, n = (gates[:, k * size : (k + 1) * size] for k in range(3))
        before = self.steps.before(hx, out)
        slopes = np.empty((len(gates), 4, size), gates.dtype)
        np.multiply(1 - z, 1 - n * n, out=slopes[:, 0])
        np.multiply(slopes[:, 0], r, out=slopes[:, 3])
        np.multiply(slopes[:, 3], (1 - r) * inner, out=slopes[:, 1])
        np.multiply(before - n, z * (1 - z), out=slopes[:, 2])
        dh = self.arriving(g, 1, hx)
        self._run_back(g[0], slopes, z, dh, np.ascontiguousarray(weight_hh))
        sums = slopes.reshape((len(slopes), 4 * size))
        from_input, from_state = sums[:, : 3 * size], sums[:, size:]
        weight, *others = self.parameter_gradients(from_input, from_state, input, before)
        weight = None if weight is None else np.roll(weight, -size, 0)
        others[1] = None if others[1] is None else np.roll(others[1], -size)
        return self.input_gradient(from_input, np.roll(weight_ih, size, 0), input), weight, *others, dh

    def _run_back(self, g: Any, slopes: Any, z: Any, dh: Any, weight_hh: Any) -> None:
        """Turn `slopes` into gradients, and that of the last state, `dh`, into that of the initial one."""
        size = dh.shape[1]
        g = None if g is None else g.reshape((len(slopes), size))
        past = np.empty_like(dh)
        for start, stop in reversed(self.steps.spans):
            count = stop - start
            dh_now, slope = dh[:count], slopes[start:stop]
            if g is not None:
                dh_now += g[start:stop]
            slope *= dh_now[:, None]
            np.multiply(dh_now, z[start:stop], out=past[:count])
            np.matmul(slope.reshape((count, 4 * size))[:, size:], weight_hh, out=dh_now)
            dh_now += past[:count]

    def composite(self, input, weight_ih, weight_hh, bias_ih, bias_hh, hx):
        """Return the results in other operations."""

        def cell(x: Any, h: Any) -> Any:
            return (gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh),)

        return self.unrolled(cell, input, hx)
