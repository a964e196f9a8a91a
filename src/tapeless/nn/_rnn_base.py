"""What `RNN`, `LSTM` and `GRU` share: parameters, checks, and the ways in which sequences arrive."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from tapeless._creation import empty, zeros

from . import init
from ._module import Module
from ._parameter import Parameter
from .utils.rnn import PackedSequence

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """Base of the recurrent layers: `mode` is "LSTM", "GRU", "RNN_TANH" or "RNN_RELU"; it has no `forward`.

    Layer k has parameters ``weight_ih_l{k}`` (gates * hidden_size, inputs), ``weight_hh_l{k}`` (gates * hidden_size,
    hidden_size), with `bias` ``bias_ih_l{k}`` and ``bias_hh_l{k}``, with `proj_size` ``weight_hr_l{k}`` (proj_size,
    hidden_size); those of the other direction end in ``_reverse``. All are drawn uniformly from
    +-1 / sqrt(hidden_size), the same values as PyTorch's from the same seed.

    Raises ``ValueError`` for sizes that are not positive, a `dropout` that is no probability and an unknown `mode`,
    ``TypeError`` for sizes and flags of other types.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNBase.html

    >>> import tapeless as tl
    >>> layer = tl.nn.RNNBase("GRU", 3, 5, bidirectional=True)
    >>> layer.weight_ih_l0_reverse.shape
    torch.Size([15, 3])
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_options(dropout)
        self._all_weights: list[list[str]] = []
        self._make_parameters(device, dtype)
        self.reset_parameters()

    def _check_options(self, dropout: Any) -> None:
        """Refuse, in PyTorch's words and order, what makes no layer."""
        if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:  # type: ignore[operator]
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={self.num_layers}",
                stacklevel=4,
            )
        for name, kind in (("bias", bool), ("batch_first", bool)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} should be of type bool, got: {type(getattr(self, name)).__name__}")
        for name in ("input_size", "hidden_size"):
            value = getattr(self, name)
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}\nExpected one of {', '.join(_GATES)}.")

    def _make_parameters(self, device: Any, dtype: Any) -> None:
        gates, out = _GATES[self.mode] * self.hidden_size, self.proj_size or self.hidden_size
        for layer in range(self.num_layers):
            inputs = self.input_size if layer == 0 else out * self._directions
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, inputs), "weight_hh": (gates, out)}
            if self.bias:
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
            if self.proj_size:
                shapes["weight_hr"] = (self.proj_size, self.hidden_size)
            for suffix in ("", "_reverse")[: self._directions]:
                self._all_weights.append([f"{name}_l{layer}{suffix}" for name in shapes])
                for name, shape in zip(self._all_weights[-1], shapes.values(), strict=True):
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name, None) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters: one list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def reset_parameters(self) -> None:
        """Draw new parameters, uniformly from +-1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: PyTorch's puts the weights into one block of a GPU's memory, and nothing on a CPU."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("proj_size", 0)  # pickled by old versions of PyTorch's layers

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the usual ones."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        for name, usual in (
            ("proj_size", 0),
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0),
            ("bidirectional", False),
        ):
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)}")
        return ", ".join(parts)

    # -- Checks: public in PyTorch, so subclasses may override them ----------------------------------------

    def check_input(self, input: Any, batch_sizes: Any) -> None:
        """Refuse an input of another dtype (``ValueError``), number of dims or features (``RuntimeError``)."""
        dtype = self._flat_weights[0].dtype
        if input.dtype != dtype:
            ours, theirs = (f"torch.{x}" for x in (dtype, input.dtype))
            raise ValueError(
                f"RNN input dtype ({theirs}) does not match weight dtype ({ours}). Convert input: input.to({ours}), or "
                f"convert model: model.to({theirs})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.ndim != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.ndim}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )

    def _state_shape(self, input: Any, batch_sizes: Any, size: int) -> tuple[int, int, int]:
        if batch_sizes is not None:
            batch = int(batch_sizes[0])
        else:
            batch = input.shape[0 if self.batch_first else 1]
        return self.num_layers * self._directions, batch, size

    def get_expected_hidden_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        """Return the shape of the states h: (layers * directions, batch, size)."""
        return self._state_shape(input, batch_sizes, self.proj_size or self.hidden_size)

    def check_hidden_size(
        self, hx: Any, expected_hidden_size: tuple[int, int, int], msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Refuse states of another shape (``RuntimeError``)."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        """Refuse an input or states that are not for this layer."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """Return the states of the sequences in another order."""
        return hx if permutation is None else hx.index_select(1, permutation)

    # -- The call ------------------------------------------------------------------------------------------

    def _zeros(self, input: Any, batch_sizes: Any) -> Any:
        """Return the initial states for those who give none."""
        return zeros(self.get_expected_hidden_size(input, batch_sizes), dtype=input.dtype)

    def _check_state_dims(self, hx: Any, ndim: int) -> None:
        if hx.ndim != ndim:
            kind = "batched 3-D" if ndim == 3 else "unbatched 2-D"
            raise RuntimeError(f"For {kind} input, hx should also be {ndim}-D but got {hx.ndim}-D tensor")

    def _each(self, hx: Any, change: Any) -> Any:
        """Change every kind of states that the layer has: one, but two for an LSTM."""
        return change(hx)

    def _run(self, function: Any, input: Any, hx: Any) -> Any:
        """Run `function` on a dense batch, on one sequence, or on packed sequences; return what `forward` returns."""
        options = (self._flat_weights, self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        if isinstance(input, PackedSequence):
            data, batch_sizes, order, back = input
            hx = self._zeros(data, batch_sizes) if hx is None else self.permute_hidden(hx, order)
            self.check_forward_args(data, hx, batch_sizes)
            out, *last = function(data, batch_sizes, hx, *options)
            hidden = self.permute_hidden(tuple(last) if len(last) > 1 else last[0], back)
            return PackedSequence(out, batch_sizes, order, back), hidden
        if input.ndim not in (2, 3):
            name = type(self).__name__
            kind = "tensor instead" if self.mode.startswith("RNN") else "instead"
            raise ValueError(
                f"{self._kind}: Expected input to be 2D or 3D, got {input.ndim}D {kind}\nThis is a {name}."
            )
        batch_dim, alone = 0 if self.batch_first else 1, input.ndim == 2
        if hx is not None:
            self._check_state_dims(hx, input.ndim)
        if alone:
            input = input.unsqueeze(batch_dim)
            hx = None if hx is None else self._each(hx, lambda state: state.unsqueeze(1))
        hx = self._zeros(input, None) if hx is None else hx
        self.check_forward_args(input, hx, None)
        out, *last = function(input, hx, *options, self.batch_first)
        hidden = tuple(last) if len(last) > 1 else last[0]
        if alone:
            out, hidden = out.squeeze(batch_dim), self._each(hidden, lambda state: state.squeeze(1))
        return out, hidden

    @property
    def _kind(self) -> str:
        return self.mode.partition("_")[0]
