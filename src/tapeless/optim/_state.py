"""`Optimizer.state`: what users see of the state that lies in units."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from .._core.tensor_base import TensorBase, wrap


class State(MutableMapping[Any, "Entry"]):
    """The state of each parameter, ``state[p]["exp_avg"]``: a window on the optimizer, not a copy.

    Tensors are live: they follow the steps, and what is written into them counts. Assigning or deleting an
    entry, or one of its values, gives the parameter this state from its next step on.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer

    def __getitem__(self, p: Any) -> Entry:
        for q, entry in self._optimizer._entries():
            if q is p:
                return Entry(self._optimizer, p, entry)
        return Entry(self._optimizer, p, {})  # as PyTorch's, a defaultdict

    def __setitem__(self, p: Any, entry: Any) -> None:
        arrays = arrays_of(entry)
        self._optimizer._take_out(p)
        self._optimizer._waiting[p] = arrays

    def __delitem__(self, p: Any) -> None:
        if p not in self:
            raise KeyError(p)
        self._optimizer._take_out(p)

    def __contains__(self, p: Any) -> bool:
        return any(q is p for q in self)

    def __iter__(self) -> Iterator[Any]:
        return iter([p for p, _ in self._optimizer._entries()])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)})"


class Entry(dict[str, Any]):
    """The state of one parameter under PyTorch's names; assigning a value hands it to the optimizer."""

    def __init__(self, optimizer: Any, p: Any, values: dict[str, Any]) -> None:
        super().__init__(values)
        self._optimizer, self._p = optimizer, p

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._optimizer.state[self._p] = self

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._optimizer.state[self._p] = self

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def arrays_of(entry: Any) -> dict[str, Any]:
    """Return a parameter's state with copies of arrays in place of tensors (PyTorch's too), without Nones."""
    arrays = {k: v._array if isinstance(v, TensorBase) else v for k, v in entry.items() if v is not None}
    # `__array__` itself: NumPy passes it a keyword that PyTorch's tensors don't know.
    return {k: np.array(v.__array__()) if hasattr(v, "__array__") else v for k, v in arrays.items()}


def copied_state(value: Any) -> Any:
    """Return a state with copies of its tensors and containers."""
    if isinstance(value, TensorBase):
        return wrap(value._array.copy())
    if isinstance(value, dict):
        return {k: copied_state(v) for k, v in value.items()}
    return [copied_state(v) for v in value] if isinstance(value, list) else value


def loaded_state(value: Any, p: Any, name: Any = None) -> Any:
    """Return the state of `p` with new tensors in place of those that are loaded, in the dtype of `p` as in PyTorch."""
    if isinstance(value, dict):
        return {k: loaded_state(v, p, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([loaded_state(v, p) for v in value])
    if isinstance(value, TensorBase) or hasattr(value, "__array__"):
        array = np.array((value._array if isinstance(value, TensorBase) else value).__array__())
        convert = isinstance(p, TensorBase) and p._array.dtype.kind == "f" and name != "step"
        return wrap(array.astype(p._array.dtype, copy=False) if convert else array)
    return value
