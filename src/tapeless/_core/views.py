"""Views: tensors that share their base's memory, and how they keep up with its history.

A view remembers its root base and the steps (view operations) that lead there. When something writes to the
base, or through another view of it, the base's history changes; a view notices on its next use, because the
clock has filed a write to its memory since it last looked, and takes its history anew by replaying its steps.

As in PyTorch, a view requires grad when its base does, also one that was made under `no_grad` or before
``base.requires_grad_()``; but no gradient flows through such a view, for it has no history that leads there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import MULTI_VIEW_IN_PLACE, NO_GRAD_VIEW_IN_PLACE, WRITTEN_ELSEWHERE
from . import clock
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
    """What a view tensor knows: its root base, the steps to itself, and when it last looked at the base's history."""

    __slots__ = ("base", "looked", "mode", "of_leaf", "own", "steps")

    def __init__(self, base: TensorBase, steps: tuple[ViewStep, ...], mode: str) -> None:
        self.base = base
        self.steps = steps
        self.looked = clock.last_write
        self.mode = mode  # "grad", or what forbids writing through it: "no_grad", "inference", "multiple"
        self.of_leaf = False  # whether its history begins at a leaf that is itself a view
        self.own = False  # whether `requires_grad_` was called on the view itself, as a leaf of its own

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
            view = View(parent.base, steps, parent.mode if mode == "grad" else mode)
            view.of_leaf = parent.of_leaf or (source._node is None and parent.own)
        elif parent is INFERENCE:
            return
        else:
            view = View(source, (step,), mode)
        result._view = view
        if mode == "no_grad":
            result._requires_grad = view.base._requires_grad

    def refresh(self, tensor: TensorBase) -> None:
        """Bring `tensor`, whose view this is, up to date with its base before it is used."""
        if tensor._node is None:
            tensor._requires_grad = required = self.own or self.base._requires_grad
            if not required or not self.base._requires_grad:
                return
        # Under no_grad nothing is recorded, so an outdated history does no harm (and PyTorch does not look).
        if self.looked < clock.last_write and state.grad_enabled:
            self.update(tensor)

    def update(self, tensor: TensorBase) -> None:
        """Take the history anew if the memory was written to since the last look; raises where that is ambiguous."""
        if tensor._node is None and not self.base._requires_grad:
            return
        if clock.written_at(tensor._array) <= self.looked:
            self.looked = clock.last_write
            return
        if self.mode != "grad":
            raise RuntimeError(self.refusal(tensor, WRITTEN_ELSEWHERE))
        self.looked = clock.last_write
        if self.of_leaf and not self.base._requires_grad:
            return  # nothing on the way to that leaf has changed
        base, required = self.base, self.base._requires_grad
        previous, state.grad_enabled = state.grad_enabled, True
        try:
            base._requires_grad = True  # where it no longer does, the new history ends there, as in PyTorch
            again = replay(self.steps, base)
        finally:
            state.grad_enabled, base._requires_grad = previous, required
        set_history(tensor, again._node)

    def refusal(self, tensor: TensorBase, what: str) -> str:
        """Say why this view may not be written through (or its base not written to), in PyTorch's words."""
        node, step = tensor._node, next((step for step in reversed(self.steps) if step.index is not None), None)
        name = node.name() if node is not None else step.function.name() if step is not None else ""
        index = step.index if node is None and step is not None else tensor.output_nr  # type: ignore[attr-defined]
        if self.mode == "multiple":
            return MULTI_VIEW_IN_PLACE.format(index=index, node=name, what=what)
        text = NO_GRAD_VIEW_IN_PLACE.format(mode=self.mode, what=what)
        if node is not None:
            text = text.replace("A view was", f"Output {index} of {name} is a view of a view which was", 1)
        return text


def set_history(tensor: TensorBase, node: Any, requires_grad: bool = True) -> None:
    """Let `node` be what made `tensor` from now on; a gradient to be retained is that of the new values."""
    retains = tensor._node is not None and "_retains_grad" in tensor.__dict__
    if retains:
        tensor.__dict__.pop("_retains_grad").remove()
    tensor._node = node
    tensor._requires_grad = requires_grad
    if retains and node is not None:
        tensor.retain_grad()  # type: ignore[attr-defined]


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
