"""Single steps of recurrent networks, for loops of one's own."""

from __future__ import annotations

import math
from typing import Any

from tapeless._core.registry import FUNCTIONS
from tapeless._creation import empty, zeros
from tapeless._tensor import Tensor

from . import init
from ._module import Module
from ._parameter import Parameter


class RNNCellBase(Module):
    """Base of the cells: parameters, their first values, the repr; ``num_chunks`` is the number of gates.

    Parameters: ``weight_ih`` (gates * hidden_size, input_size), ``weight_hh`` (gates * hidden_size, hidden_size) and,
    with `bias`, ``bias_ih`` and ``bias_hh`` (gates * hidden_size), drawn uniformly from +-1 / sqrt(hidden_size).

    Source: https://docs.pytorch.org/docs/stable/nn.html#recurrent-layers

    >>> import tapeless as tl
    >>> isinstance(tl.nn.GRUCell(2, 3), tl.nn.RNNCellBase)
    True
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((gates, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((gates, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(gates, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters, uniformly from +-1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the usual ones."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"

    def _check_dims(self, what: str, x: Any) -> None:
        if x.ndim not in (1, 2):
            raise ValueError(f"{type(self).__name__}: Expected {what} to be 1D or 2D, got {x.ndim}D instead")

    def _zeros(self, input: Any) -> Any:
        return zeros(input.shape[0], self.hidden_size, dtype=input.dtype)

    def _parameters_in_order(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _run(self, name: str, input: Any, hx: Any) -> Any:
        """Run a cell with one state, on a batch or on a single input without batch dim."""
        self._check_dims("input", input)
        if hx is not None:
            self._check_dims("hidden", hx)
        alone = input.ndim == 1
        if alone:
            input = input.unsqueeze(0)
            hx = None if hx is None else hx.unsqueeze(0)
        out = FUNCTIONS[name](input, self._zeros(input) if hx is None else hx, *self._parameters_in_order())
        return out.squeeze(0) if alone else out


class RNNCell(RNNCellBase):
    """One step of a plain recurrent network: ``h' = tanh(weight_ih @ x + bias_ih + weight_hh @ h + bias_hh)``.

    Called with the input (batch, input_size) and the state (batch, hidden_size), zeros by default, or both without
    batch; returns the next state. `nonlinearity` is "tanh" or "relu". Parameters: see `RNNCellBase`.

    Raises, when called, ``ValueError`` for other numbers of dims, ``RuntimeError`` for sizes and dtypes that do not fit
    and an unknown `nonlinearity`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNCell.html

    >>> import tapeless as tl
    >>> cell, h = tl.nn.RNNCell(10, 20), tl.zeros(3, 20)
    >>> for x in tl.ones(6, 3, 10):
    ...     h = cell(x, h)
    >>> h.shape
    torch.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the next state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}\nExpected 'tanh' or 'relu'.")
        return self._run(f"rnn_{self.nonlinearity}_cell", input, hx)


class LSTMCell(RNNCellBase):
    """One step of a long short-term memory; see `LSTM` for what it computes.

    Called with the input (batch, input_size) and the states (h, c), each (batch, hidden_size), zeros by default, or all
    without batch; returns the next (h, c). Parameters: see `RNNCellBase`.

    Raises, when called, ``ValueError`` for other numbers of dims, ``RuntimeError`` for sizes and dtypes that do not
    fit.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html

    >>> import tapeless as tl
    >>> cell = tl.nn.LSTMCell(10, 20)
    >>> h, c = cell(tl.ones(3, 10))
    >>> h.shape, c.shape
    (torch.Size([3, 20]), torch.Size([3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the next states, (h, c)."""
        self._check_dims("input", input)
        for k, state in enumerate(() if hx is None else hx):
            self._check_dims(f"hx[{k}]", state)
        alone = input.ndim == 1
        if alone:
            input = input.unsqueeze(0)
            hx = None if hx is None else (hx[0].unsqueeze(0), hx[1].unsqueeze(0))
        if hx is None:
            hx = self._zeros(input), self._zeros(input)
        h, c = FUNCTIONS["lstm_cell"](input, hx, *self._parameters_in_order())
        return (h.squeeze(0), c.squeeze(0)) if alone else (h, c)


class GRUCell(RNNCellBase):
    """One step of gated recurrent units; see `GRU` for what it computes.

    Called with the input (batch, input_size) and the state (batch, hidden_size), zeros by default, or both without
    batch; returns the next state. Parameters: see `RNNCellBase`.

    Raises, when called, ``ValueError`` for other numbers of dims, ``RuntimeError`` for sizes and dtypes that do not
    fit.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GRUCell.html

    >>> import tapeless as tl
    >>> tl.nn.GRUCell(10, 20)(tl.ones(3, 10)).shape
    torch.Size([3, 20])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the next state."""
        return self._run("gru_cell", input, hx)
