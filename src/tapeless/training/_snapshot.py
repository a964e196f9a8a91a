"""Copies of what a training step changes, to put it back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tapeless._core import clock
from tapeless._core.modes import no_grad
from tapeless._core.tensor_base import unwrap
from tapeless.nn import Module

from ._random_state import random_state, set_random_state


class Buffers:
    """The buffers of some modules, contents and places."""

    def __init__(self, roots: Iterable[Module]) -> None:
        modules = [module for root in roots for module in root.modules()]
        self._places = [(module, dict(module._buffers)) for module in modules]
        tensors = {id(t): t for _, buffers in self._places for t in buffers.values() if t is not None}
        self._values = [(t, t._array.copy()) for t in tensors.values()]

    def restore(self) -> None:
        """Put everything back."""
        for module, buffers in self._places:
            module._buffers.clear()
            module._buffers.update(buffers)
        _write(self._values)


class Snapshot:
    """All that training changes: parameters, buffers, gradients, modes, the optimizer, and random streams.

    Tensors and groups keep their identity: what others hold of them is right again after `restore`.
    """

    def __init__(self, roots: list[Module], optimizer: Any, loaders: Iterable[Any]) -> None:
        self._optimizer, self._loaders = optimizer, list(loaders)
        self._random = random_state(self._loaders)
        self._buffers = Buffers(roots)
        self._modes = [(module, module.training) for root in roots for module in root.modules()]
        parameters = [p for root in roots for p in root.parameters()]
        parameters += [p for group in optimizer.param_groups for p in group["params"]]
        self._parameters = list({id(p): p for p in parameters}.values())
        self._values = [(p, p._array.copy()) for p in self._parameters]
        self._gradients = [(p, p._grad, None if p._grad is None else unwrap(p._grad).copy()) for p in self._parameters]
        self._state = optimizer.state_dict()
        self._groups = [(group, dict(group)) for group in optimizer.param_groups]

    def restore(self) -> None:
        """Put everything back, to the bit."""
        _write(self._values)
        self._buffers.restore()
        for p, gradient, value in self._gradients:
            p._grad = gradient
            if value is not None:
                np.copyto(unwrap(gradient), value)
                clock.mark_written(unwrap(gradient))
        for module, mode in self._modes:
            module.training = mode
        self._optimizer.load_state_dict(self._state)
        # Loading makes new dicts; a handle on a group, and objects in it, are to stay what they were.
        for group, options in self._groups:
            group.clear()
            group.update(options)
        self._optimizer.param_groups = [group for group, _ in self._groups]
        set_random_state(self._random, self._loaders)


def _write(values: list[tuple[Any, Any]]) -> None:
    with no_grad():
        for tensor, array in values:
            np.copyto(tensor._array, array)
            clock.mark_written(tensor._array)
