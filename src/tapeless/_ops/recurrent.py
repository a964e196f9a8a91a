"""Recurrent networks as functions: several layers and directions (`lstm`, `gru`, ...), and single steps (`lstm_cell`).

These are PyTorch's functions below `nn.LSTM` and its like, with the same arguments in the same order.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from .._core.registry import FUNCTIONS, composite
from .._core.tensor_base import TensorBase, unwrap
from .._dtypes import int64, scalar_name
from ._common import normal_dim
from ._elman import ElmanLayer, elman_step
from ._gru import GruLayer, gru_step
from ._lstm import LstmLayer, lstm_step

# -- Layers ----------------------------------------------------------------------------------------------


def _lstm_layer(input: Any, weights: Sequence[Any], states: Sequence[Any], **options: Any) -> Any:
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    return LstmLayer.apply(input, w_ih, w_hh, b_ih, b_hh, w_hr, *states, **options)


def _gru_layer(input: Any, weights: Sequence[Any], states: Sequence[Any], **options: Any) -> Any:
    return GruLayer.apply(input, *weights[:4], *states, **options)


def _tanh_layer(input: Any, weights: Sequence[Any], states: Sequence[Any], **options: Any) -> Any:
    return ElmanLayer.apply(input, *weights[:4], *states, **options)


def _relu_layer(input: Any, weights: Sequence[Any], states: Sequence[Any], **options: Any) -> Any:
    return ElmanLayer.apply(input, *weights[:4], *states, relu=True, **options)


def _grouped(params: Any, has_biases: bool, projected: bool) -> list[list[Any]]:
    """Return a list (w_ih, w_hh, b_ih, b_hh, w_hr) for each layer and direction, None for what is not there."""
    count = 2 + 2 * has_biases + projected
    if len(params) % count:
        raise RuntimeError(
            f"got an incorrect number of RNN parameters\nExpected a multiple of {count}, got {len(params)}."
        )
    groups = [list(params[k : k + count]) for k in range(0, len(params), count)]
    return [[*w[:2], *(w[2:4] if has_biases else (None, None)), w[-1] if projected else None] for w in groups]


def _check_layers(groups: list[Any], states: Sequence[Any], count: int) -> None:
    """Refuse numbers of parameters and of states that do not belong to `count` layers and directions."""
    if any(len(state) != count for state in states):
        raise RuntimeError(
            f"Expected more hidden states in stacked_rnn\nExpected {count}, one for each layer and direction, got "
            f"{[len(state) for state in states]}."
        )
    if len(groups) != count:
        raise RuntimeError(
            f"Expected more weights in stacked_rnn\nExpected those of {count} layers and directions, got {len(groups)}."
        )


def _check_dtypes(input: Any, states: Sequence[Any]) -> None:
    for state in states:
        if state.dtype != input.dtype:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {scalar_name(state.dtype)} and "
                f"{scalar_name(input.dtype)}\nInitial states have the input's dtype: state.to(input.dtype)."
            )


def _sizes(data: Any, batch_sizes: Any) -> list[int]:
    """Return the sizes of a packed batch's steps, after a look at whether they can be some."""
    if batch_sizes.dtype != int64:
        raise RuntimeError(
            f"expected scalar type Long but found {scalar_name(batch_sizes.dtype)}\nbatch_sizes are int64."
        )
    sizes: list[int] = unwrap(batch_sizes).tolist()
    falling = all([now <= before for before, now in itertools.pairwise(sizes)])
    if not (sizes and falling and sizes[-1] > 0 and sum(sizes) == len(data)):
        raise RuntimeError(
            f"batch_sizes do not fit the data of a packed sequence\nExpected positive numbers that do not grow and sum "
            f"to the {len(data)} rows of the data, got {sizes}. See nn.utils.rnn.pack_padded_sequence."
        )
    return sizes


def _stacked(
    layer_function: Callable[..., Any],
    input: Any,
    states: Sequence[Any],
    sizes: Sequence[int] | None,
    projected: bool,
    params: Any,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> tuple[Any, ...]:
    """Return the last layer's outputs, and the last states of all, (layers * directions, batch, size)."""
    directions = 2 if bidirectional else 1
    groups = _grouped(params, has_biases, projected)
    _check_layers(groups, states, num_layers * directions)
    _check_dtypes(input, states)
    last: list[Any] = []
    for layer in range(num_layers):
        outs = []
        for k in range(layer * directions, (layer + 1) * directions):
            own = [state[k] for state in states]
            out, *ends = layer_function(input, groups[k], own, sizes=sizes, reverse=bool(k % directions))
            outs.append(out)
            last.append(ends)
        input = FUNCTIONS["cat"](outs, -1) if bidirectional else outs[0]
        if train and dropout and layer < num_layers - 1:
            input = FUNCTIONS["nn.functional.dropout"](input, dropout)
    return (input, *[FUNCTIONS["stack"](ends) for ends in zip(*last, strict=True)])


def _run(layer: Callable[..., Any], packed: bool, values: list[Any], states: Any, projected: bool = False) -> Any:
    """Check the arguments that `_bind` returned, and run the layers on a dense or a packed batch."""
    if packed:
        data, batch_sizes, _, *options = values
        sizes = _sizes(data, batch_sizes)
        for state in states:
            if state.shape[1] != sizes[0]:
                raise RuntimeError(
                    f"The size of tensor a ({state.shape[1]}) must match the size of tensor b ({sizes[0]}) at "
                    f"non-singleton dimension 0\nStates of shape {list(state.shape)} are not for {sizes[0]} sequences."
                )
        return _stacked(layer, data, states, sizes, projected, *options)
    input, _, *options, batch_first = values
    if batch_first:
        input = input.transpose(0, 1)
    if input.shape[0] == 0:
        raise RuntimeError(
            f"Expected sequence length to be larger than 0 in RNN\nThe input has shape {list(input.shape)} (steps, "
            "batch, features)."
        )
    out, *last = _stacked(layer, input, states, None, projected, *options)
    return (out.transpose(0, 1) if batch_first else out, *last)


_DENSE = "input hx params has_biases num_layers dropout train bidirectional batch_first".split()
_PACKED = "data batch_sizes hx params has_biases num_layers dropout train bidirectional".split()


def _bind(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, list[Any]]:
    """Return whether this is the call with packed data, and its nine arguments in order."""
    packed = "batch_sizes" in kwargs or "data" in kwargs or (len(args) > 2 and isinstance(args[1], TensorBase))
    if packed and len(args) > 2 and name != "lstm" and not isinstance(args[2], TensorBase):
        packed = False  # (input, hx, params, ...), where hx is a tensor too
    names = _PACKED if packed else _DENSE
    given = dict(zip(names, args, strict=False)) | kwargs
    if len(args) + len(kwargs) != len(names) or set(given) != set(names):
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got {len(args)} and {sorted(kwargs)}, but "
            f"expected one of:\n({', '.join(_DENSE)})\n({', '.join(_PACKED)})"
        )
    return packed, [given[key] for key in names]


@composite("lstm", methods="")
def lstm(*args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Run a long short-term memory of several layers; return (outputs, last h, last c).

    Called ``lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)``, with `input`
    (steps, batch, features) and `hx` = (h, c), each (layers * directions, batch, size); or, for packed sequences,
    ``lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)``. `params` are the
    weights in the order of `nn.LSTM`'s. The states differ in size when there are projections.

    Raises RuntimeError for no steps, for states or parameters that do not belong to the layers, for mixed dtypes and
    for `batch_sizes` that do not fit.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html

    >>> import tapeless as tl
    >>> layer = tl.nn.LSTM(3, 4)
    >>> states = tl.zeros(1, 2, 4), tl.zeros(1, 2, 4)
    >>> out, h, c = lstm(tl.ones(5, 2, 3), states, layer.all_weights[0], True, 1, 0.0, False, False, False)
    >>> out.shape, h.shape, c.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]), torch.Size([1, 2, 4]))
    """
    packed, values = _bind("lstm", args, kwargs)
    hx = values[2] if packed else values[1]
    if len(hx) != 2:
        raise RuntimeError(f"lstm expects two hidden states\nExpected (h, c), got {len(hx)}.")
    projected = hx[0].shape[-1] != hx[1].shape[-1]
    return _run(_lstm_layer, packed, values, hx, projected)  # type: ignore[return-value]


def _declare(name: str, layer: Callable[..., Any], what: str, module: str) -> Callable[..., tuple[Any, Any]]:
    def function(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        packed, values = _bind(name, args, kwargs)
        return _run(layer, packed, values, (values[2 if packed else 1],))  # type: ignore[return-value]

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Run {what} of several layers; return (outputs, last states).

    Called ``{name}(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)``, with
    `input` (steps, batch, features) and `hx` (layers * directions, batch, size); or, for packed sequences,
    ``{name}(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)``. `params` are the
    weights in the order of `nn.{module}`'s. Raises RuntimeError as `lstm` does.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.{module}.html

    >>> import tapeless as tl
    >>> layer = tl.nn.{module}(3, 4)
    >>> out, h = tl.{name}(tl.ones(5, 2, 3), tl.zeros(1, 2, 4), layer.all_weights[0], True, 1, 0.0, False, False, False)
    >>> out.shape, h.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """
    return composite(name, methods="")(function)


gru = _declare("gru", _gru_layer, "gated recurrent units", "GRU")
rnn_tanh = _declare("rnn_tanh", _tanh_layer, "a plain recurrent network with tanh", "RNN")
rnn_relu = _declare("rnn_relu", _relu_layer, "a plain recurrent network with relu", "RNN")

# -- Cells -----------------------------------------------------------------------------------------------


def _check_cell(input: Any, states: Sequence[Any], w_ih: Any, w_hh: Any, gates: int) -> None:
    """Refuse, in PyTorch's words, what does not fit together in one step."""
    normal_dim(1, input.ndim)
    batch, features = input.shape
    size = w_hh.shape[1]
    if features != w_ih.shape[1]:
        raise RuntimeError(f"input has inconsistent input_size: got {features} expected {w_ih.shape[1]}")
    if len(w_ih) != gates * size:
        raise RuntimeError(f"weight_ih first dim must be {gates} * hidden_size = {gates * size}, but got {len(w_ih)}")
    for k, state in enumerate(states):
        if len(state) != batch:
            raise RuntimeError(f"Input batch size {batch} doesn't match hidden{k} batch size {len(state)}")
        if state.shape[normal_dim(1, state.ndim)] != size:
            raise RuntimeError(f"hidden{k} has inconsistent hidden_size: got {state.shape[1]}, expected {size}")
    for other in (w_ih, w_hh, *states):
        if other.dtype != input.dtype:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {scalar_name(input.dtype)} and "
                f"{scalar_name(other.dtype)}\nInput, states and weights of a cell have one dtype."
            )


@composite("lstm_cell", methods="")
def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> tuple[Any, Any]:
    """Return the next (h, c) of a long short-term memory, each (batch, size), given `input` and `hx` = (h, c).

    `w_ih` is (4 * size, features), `w_hh` (4 * size, size), with the gates input, forget, cell, output.
    Raises RuntimeError for shapes that do not fit together and for mixed dtypes, TypeError unless `hx` is a sequence.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html

    >>> import tapeless as tl
    >>> h, c = lstm_cell(tl.ones(2, 3), (tl.zeros(2, 4), tl.ones(2, 4)), tl.zeros(16, 3), tl.zeros(16, 4))
    >>> c[0]
    tensor([0.5000, 0.5000, 0.5000, 0.5000])
    """
    if isinstance(hx, TensorBase):
        raise TypeError("lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not Tensor")
    if len(hx) != 2:
        raise RuntimeError(f"lstm_cell expects two hidden states\nExpected (h, c), got {len(hx)}.")
    _check_cell(input, hx, w_ih, w_hh, 4)
    h, c = hx
    if (b_ih is None) != (b_hh is None):
        return lstm_step(input, h, c, w_ih, w_hh, b_ih, b_hh, None)  # type: ignore[no-any-return]
    return LstmLayer.apply(input, w_ih, w_hh, b_ih, b_hh, None, h, c, sizes=(len(input),))[1:]  # type: ignore[no-any-return]


@composite("gru_cell", methods="")
def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """Return the next state of gated recurrent units, (batch, size), given `input` and the state `hx`.

    `w_ih` is (3 * size, features), `w_hh` (3 * size, size), with the gates reset, update, new.
    Raises RuntimeError for shapes that do not fit together and for mixed dtypes.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.GRUCell.html

    >>> import tapeless as tl
    >>> gru_cell(tl.ones(1, 3), tl.ones(1, 2), tl.zeros(6, 3), tl.zeros(6, 2))
    tensor([[0.5000, 0.5000]])
    """
    _check_cell(input, (hx,), w_ih, w_hh, 3)
    if (b_ih is None) != (b_hh is None):
        return gru_step(input, hx, w_ih, w_hh, b_ih, b_hh)
    return GruLayer.apply(input, w_ih, w_hh, b_ih, b_hh, hx, sizes=(len(input),))[1]


def _elman_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, relu: bool) -> Any:
    _check_cell(input, (hx,), w_ih, w_hh, 1)
    if (b_ih is None) != (b_hh is None):
        return elman_step(input, hx, w_ih, w_hh, b_ih, b_hh, relu)
    return ElmanLayer.apply(input, w_ih, w_hh, b_ih, b_hh, hx, relu=relu, sizes=(len(input),))[1]


@composite("rnn_tanh_cell", methods="")
def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """Return ``tanh(input @ w_ih^T + b_ih + hx @ w_hh^T + b_hh)``, the next state, (batch, size).

    Raises RuntimeError for shapes that do not fit together and for mixed dtypes.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNCell.html

    >>> import tapeless as tl
    >>> rnn_tanh_cell(tl.ones(1, 3), tl.zeros(1, 2), tl.ones(2, 3), tl.ones(2, 2))
    tensor([[0.9951, 0.9951]])
    """
    return _elman_cell(input, hx, w_ih, w_hh, b_ih, b_hh, False)


@composite("rnn_relu_cell", methods="")
def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """Return ``relu(input @ w_ih^T + b_ih + hx @ w_hh^T + b_hh)``, the next state, (batch, size).

    Raises RuntimeError for shapes that do not fit together and for mixed dtypes.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNCell.html

    >>> import tapeless as tl
    >>> rnn_relu_cell(tl.ones(1, 3), tl.zeros(1, 2), tl.ones(2, 3), tl.ones(2, 2))
    tensor([[3., 3.]])
    """
    return _elman_cell(input, hx, w_ih, w_hh, b_ih, b_hh, True)
