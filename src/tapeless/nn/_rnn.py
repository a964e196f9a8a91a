"""Recurrent layers: plain ones, long short-term memories, gated recurrent units."""

from __future__ import annotations

from typing import Any

from tapeless._core.registry import FUNCTIONS
from tapeless._creation import zeros

from ._rnn_base import RNNBase

_NO_PROJECTION = "proj_size argument is only supported for LSTM, not RNN or GRU"


class RNN(RNNBase):
    """A plain recurrent network: ``h' = tanh(weight_ih @ x + bias_ih + weight_hh @ h + bias_hh)``, in `num_layers`.

    Called with the input (steps, batch, input_size), (batch, steps, input_size) with `batch_first`, (steps, input_size)
    for one sequence, or a `PackedSequence`, and perhaps with initial states (layers * directions, batch, hidden_size);
    zeros by default. Returns the states of the last layer at all steps, in the input's layout, with
    directions * hidden_size features, and the last states of all layers.

    `nonlinearity` is "tanh" or "relu"; `bidirectional` adds a second direction, whose states stand behind those of the
    first; `dropout` drops outputs of all layers but the last, while training. Parameters: see `RNNBase`.
    Elman, "Finding Structure in Time" (1990).

    Raises ``ValueError`` and ``TypeError`` as `RNNBase` does; when called, ``ValueError`` for an input of other than 2
    or 3 dims or of another dtype than the weights', ``RuntimeError`` for sizes that do not fit, and for no steps.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html

    >>> import tapeless as tl
    >>> layer = tl.nn.RNN(10, 20, 2)
    >>> output, h = layer(tl.ones(5, 3, 10), tl.zeros(2, 3, 20))
    >>> output.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    # (input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0,
    # bidirectional=False, device=None, dtype=None): `nonlinearity` stands among those of `RNNBase`.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError(_NO_PROJECTION)
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the outputs of the last layer and the last states of all."""
        return self._run(FUNCTIONS[self.mode.lower()], input, hx)


class LSTM(RNNBase):
    """A long short-term memory of `num_layers` layers, whose cells c keep what their gates let in::

        i, f, o = sigmoid(...), g = tanh(...)    of    weight_ih @ x + bias_ih + weight_hh @ h + bias_hh
        c' = f * c + i * g
        h' = o * tanh(c')

    The weights stack the gates as i, f, g, o. Called as `RNN`, but with initial states (h, c), each (layers *
    directions, batch, hidden_size); returns the outputs and the last (h, c). With `proj_size`, h is projected to this
    size by ``weight_hr``. Parameters: see `RNNBase`.
    Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997).

    Raises ``ValueError`` and ``TypeError`` as `RNNBase` does; when called, ``ValueError`` for an input of other than 2
    or 3 dims or of another dtype than the weights', ``RuntimeError`` for sizes that do not fit, and for no steps.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html

    >>> import tapeless as tl
    >>> layer = tl.nn.LSTM(10, 20, batch_first=True, bidirectional=True)
    >>> output, (h, c) = layer(tl.ones(3, 5, 10))
    >>> output.shape, h.shape, c.shape
    (torch.Size([3, 5, 40]), torch.Size([2, 3, 20]), torch.Size([2, 3, 20]))
    """

    # (input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
    # proj_size=0, device=None, dtype=None)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        """Return the shape of the states c: (layers * directions, batch, hidden_size)."""
        return self._state_shape(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        """Refuse an input or states (h, c) that are not for this layer."""
        self.check_input(input, batch_sizes)
        h, c = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        self.check_hidden_size(hidden[0], h, "Expected hidden[0] size {}, got {}")
        self.check_hidden_size(hidden[1], c, "Expected hidden[1] size {}, got {}")

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """Return the states of the sequences in another order."""
        if permutation is None:
            return hx
        return tuple([super(LSTM, self).permute_hidden(state, permutation) for state in hx])

    def _zeros(self, input: Any, batch_sizes: Any) -> Any:
        c = zeros(self.get_expected_cell_size(input, batch_sizes), dtype=input.dtype)
        return super()._zeros(input, batch_sizes), c

    def _check_state_dims(self, hx: Any, ndim: int) -> None:
        if hx[0].ndim != ndim or hx[1].ndim != ndim:
            kind = "batched 3-D" if ndim == 3 else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {ndim}-D but got ({hx[0].ndim}-D, {hx[1].ndim}-D) tensors"
            )

    def _each(self, hx: Any, change: Any) -> Any:
        return change(hx[0]), change(hx[1])

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the outputs of the last layer and the last (h, c) of all."""
        return self._run(FUNCTIONS["lstm"], input, hx)


class GRU(RNNBase):
    """Gated recurrent units in `num_layers` layers, whose gates r and z say how much of the state is kept::

    Shape: (L, N, input_size), or (N, L, input_size) with ``batch_first=True``, to the same with D * hidden_size in
    place of input_size, and the last states (D * num_layers, N, hidden_size); D is 2 where ``bidirectional``, else 1.

        r, z = sigmoid(weight_ih @ x + bias_ih + weight_hh @ h + bias_hh)
        n = tanh(weight_in @ x + bias_in + r * (weight_hn @ h + bias_hn))
        h' = (1 - z) * n + z * h

    The weights stack the gates as r, z, n. Called as `RNN`, which says more. Parameters: see `RNNBase`.
    Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation" (2014).

    Raises ``ValueError`` and ``TypeError`` as `RNNBase` does; when called, ``ValueError`` for an input of other than 2
    or 3 dims or of another dtype than the weights', ``RuntimeError`` for sizes that do not fit, and for no steps.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html

    >>> import tapeless as tl
    >>> layer = tl.nn.GRU(10, 20, 2)
    >>> output, h = layer(tl.ones(5, 3, 10))
    >>> output.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    # (input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
    # device=None, dtype=None)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError(_NO_PROJECTION)
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the outputs of the last layer and the last states of all."""
        return self._run(FUNCTIONS["gru"], input, hx)
