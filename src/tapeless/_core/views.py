"""Views: tensors that share their base's memory, and how they keep up with its history.

A view remembers its root base and the steps (view operations) that lead there. When something writes to the
base, or through another view of it, the base gets a new `_node`; a view notices that on its next use, because
the node it was made from is no longer the base's node, and takes its history anew by replaying its steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import MULTI_VIEW_IN_PLACE, NO_GRAD_VIEW_IN_PLACE, WRITTEN_ELSEWHERE
from .modes import state
from .tensor_base import INFERENCE, TensorBase

if TYPE_CHECKING:
    from .function import Function


class ViewStep:
    """One view operation with its arguments, which can be done again to another base."""

    __slots__ = ("args", "function", "index", "options")

    def __init__(self, function: type[Function], args: Any, options: Any, index: int | None = None) -> None:
        self.function = function
        self.args = args
        self.options = options
        self.index = index  # which of several results, for operations such as split

    def __call__(self, source: Any) -> Any:
        """Take the same view of `source`: of a tensor a recorded one, of an array a plain one."""
        if isinstance(source, TensorBase):
            out = self.function.apply(source, *self.args, **self.options)
        else:
            node = object.__new__(self.function)
            node.saved = None
            out = node.forward(source, *self.args, **self.options)
        return out if self.index is None else out[self.index]


class View:
    """What a view tensor knows: its root base, the steps to itself, and the base's node when it last looked."""

    __slots__ = ("base", "mode", "seen", "steps")

    def __init__(self, base: TensorBase, steps: tuple[ViewStep, ...], mode: str) -> None:
        self.base = base
        self.steps = steps
        self.seen = base._node
        self.mode = mode  # "grad", or what forbids writing through it: "no_grad", "inference", "multiple"

    @staticmethod
    def attach(result: TensorBase, source: TensorBase, step: ViewStep) -> None:
        """Make `result` a view of `source`, or of the base that `source` is a view of."""
        if result._view is INFERENCE or not isinstance(source, TensorBase):
            return
        mode = "grad"
        if not state.grad_enabled:
            mode = "no_grad"
        elif step.index is not None:
            mode = "multiple"
        parent = source._view
        if isinstance(parent, View):
            steps = (*parent.steps, step)
            result._view = View(parent.base, steps, parent.mode if mode == "grad" else mode)
        elif parent is not INFERENCE:
            result._view = View(source, (step,), mode)

    def refresh(self, tensor: TensorBase) -> None:
        """Bring the history of `tensor`, whose view this is, up to date with its base."""
        base = self.base
        if base._node is self.seen:
            return
        if self.mode != "grad":
            raise RuntimeError(self.refusal(WRITTEN_ELSEWHERE))
        previous, state.grad_enabled = state.grad_enabled, True
        try:
            again = replay(self.steps, base)
        finally:
            state.grad_enabled = previous
        tensor._node = again._node
        tensor._requires_grad = again._requires_grad
        self.seen = base._node

    def refusal(self, what: str) -> str:
        """Say why this view may not be written through (or its base not written to), in PyTorch's words."""
        if self.mode == "multiple":
            step = next(step for step in reversed(self.steps) if step.index is not None)
            return MULTI_VIEW_IN_PLACE.format(index=step.index, node=step.function.name(), what=what)
        return NO_GRAD_VIEW_IN_PLACE.format(mode=self.mode, what=what)


def replay(steps: tuple[ViewStep, ...], source: Any) -> Any:
    """Take the view that `steps` describe of `source`."""
    for step in steps:
        source = step(source)
    return source


def memory_order(array: Any) -> tuple[int, ...] | None:
    """Return the order of axes in which `array` lies in memory; None when that is the usual C order."""
    if array.flags.c_contiguous:
        return None
    return tuple(np.argsort([-stride for stride in array.strides], kind="stable").tolist())


def copy_in_order(g: Any, order: tuple[int, ...] | None) -> Any:
    """Copy `g` into memory laid out in `order`, so that the steps which were views of the base are views of it."""
    if order is None:
        return np.copy(g, order="C")
    inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
    return np.transpose(np.copy(np.transpose(g, order), order="C"), inverse)
