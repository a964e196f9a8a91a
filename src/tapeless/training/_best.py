"""Which epoch was best, and the weights it had."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from tapeless._core.tensor_base import wrap
from tapeless._tensor import Tensor
from tapeless.nn import Module


class Best:
    """Follows one number over the epochs: the smaller the better, but the larger if its name says "accuracy".

    A minus sign in front of the name turns that around.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self.epoch, self.value = 0, math.nan
        self.weights: Any = None

    @property
    def sign(self) -> int:
        """1 where smaller is better, -1 where larger is."""
        return -1 if ("acc" in self.monitor) != self.monitor.startswith("-") else 1

    def value_in(self, row: Mapping[str, float]) -> float:
        """The monitored number of an epoch; `ValueError` when there is none of that name."""
        name = self.monitor.removeprefix("-")
        if name not in row:
            raise ValueError(f"expected monitor to be one of {', '.join(map(repr, row))}, got {self.monitor!r}")
        return row[name]

    def update(self, value: float, epoch: int, model: Module | None) -> bool:
        """Take in an epoch; keep a copy of the weights of `model` and return True if it is the best so far."""
        if math.isnan(value) or not (math.isnan(self.value) or self.sign * value < self.sign * self.value):
            return False
        self.epoch, self.value = epoch, value
        if model is not None:
            self.weights = _copied(model.state_dict(), self.weights)
        return True

    def restore(self, model: Module) -> None:
        """Give `model` the best weights, where there are any."""
        if self.weights is not None:
            model.load_state_dict(self.weights)

    def state_dict(self, epoch: int) -> dict[str, Any]:
        """Everything, for a checkpoint of `epoch`; the weights only where they are not those of that epoch."""
        weights = None if self.epoch == epoch else self.weights
        return {"monitor": self.monitor, "epoch": self.epoch, "value": self.value, "weights": weights}

    def load_state_dict(self, state: Mapping[str, Any], weights: Any) -> None:
        """Take back what `state_dict` returned; `weights` are those of the checkpoint's epoch."""
        self.monitor, self.epoch, self.value = state["monitor"], state["epoch"], state["value"]
        self.weights = weights if state["weights"] is None and self.epoch else state["weights"]


def _copied(state: Any, old: Any) -> Any:
    """A copy of a state dict, in the memory of the `old` one where that fits."""
    copies: OrderedDict[str, Any] = OrderedDict()
    for name, value in state.items():
        there = None if old is None else old.get(name)
        if not isinstance(value, Tensor):
            copies[name] = copy.deepcopy(value)
        elif isinstance(there, Tensor) and there.shape == value.shape and there.dtype == value.dtype:
            np.copyto(there._array, value._array)
            copies[name] = there
        else:
            copies[name] = wrap(value._array.copy())
    copies._metadata = copy.deepcopy(getattr(state, "_metadata", OrderedDict()))  # type: ignore[attr-defined]
    return copies
