"""The plain recurrent network, a whole layer in one operation.

Elman, "Finding Structure in Time" (1990).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.modes import state
from .._core.registry import FUNCTIONS
from ._recurrence import Recurrence


def elman_step(x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, relu: bool) -> Any:
    """Return the next state in recorded operations: what `ElmanLayer` is held to."""
    linear = FUNCTIONS["linear"]
    total = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    return total.relu() if relu else total.tanh()


class ElmanLayer(Recurrence):
    """A layer of a plain recurrent network in one direction, with tanh or `relu`; see `Recurrence`."""

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
        relu: bool = False,
        sizes: Sequence[int] | None = None,
        reverse: bool = False,
    ) -> Any:
        self.relu = relu
        out = self.start(input, sizes, reverse) @ weight_ih.T
        if bias_ih is not None:
            out += bias_ih + bias_hh
        h, recurrent = hx.copy(), weight_hh.T.copy()
        projected = np.empty_like(h)
        for start, stop in self.steps.spans:
            total, h_now = out[start:stop], h[: stop - start]
            total += np.matmul(h_now, recurrent, out=projected[: stop - start])
            if relu:
                np.maximum(total, 0, out=total)
            else:
                np.tanh(total, out=total)
            h_now[...] = total
        # A copy, because the user may write to what is returned.
        self.saved = out.copy() if state.grad_enabled else None
        return self.shaped(out, input), h

    def backward(self, g, input, weight_ih, weight_hh, bias_ih, bias_hh, hx):
        """Go back through the steps; `slopes` of the nonlinearity become the gradients of the sums."""
        out = self.saved
        slopes = (out > 0).astype(out.dtype) if self.relu else 1 - out * out
        dh, weight_hh = self.arriving(g, 1, hx), np.ascontiguousarray(weight_hh)
        arriving = None if g[0] is None else g[0].reshape(out.shape)
        for start, stop in reversed(self.steps.spans):
            dh_now, slope = dh[: stop - start], slopes[start:stop]
            if arriving is not None:
                dh_now += arriving[start:stop]
            slope *= dh_now
            np.matmul(slope, weight_hh, out=dh_now)
        before = self.steps.before(hx, out)
        parameters = self.parameter_gradients(slopes, slopes, input, before)
        return self.input_gradient(slopes, weight_ih, input), *parameters, dh

    def composite(self, input, weight_ih, weight_hh, bias_ih, bias_hh, hx):
        """Return the results in other operations."""

        def cell(x: Any, h: Any) -> Any:
            return (elman_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, self.relu),)

        return self.unrolled(cell, input, hx)
