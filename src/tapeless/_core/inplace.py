"""In-place operations: write into a tensor's memory and rewrite its history to match.

Every case ends as it does in PyTorch: with PyTorch's gradient or with PyTorch's error.

- A plain tensor: its new node is the operation, whose edge leads to the node it had before.
- A view: the operation changes part of the base, so the *base* gets a new node, `CopySlices`, which hands the
  part of the gradient that went through the view to the operation and the rest to the base's former node. The
  view itself, and all other views, find their new history when they are next used (`views`).
- A leaf that requires grad: refused; its gradient would have no place to go.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._dtypes import scalar_name
from .._errors import (
    INFERENCE_IN_PLACE,
    LEAF_IN_PLACE,
    OVERLAPPING_WRITE,
    PARTIAL_OVERLAP,
    SECOND_BACKWARD,
    VIEW_OF_LEAF_IN_PLACE,
    WRITTEN_ITSELF,
)
from . import clock
from .clock import tick
from .function import FREED, NOTHING, RESULT, Function, Overwritten, raise_broadcast_error
from .modes import state
from .tensor_base import INFERENCE, TensorBase
from .views import View, copy_in_order, memory_order, replay, set_history


def apply_inplace(cls: type[Function], target: Any, *args: Any, **options: Any) -> Any:
    """Run `cls` on `target` and `args`, write the result into `target`, and return `target`."""
    inputs = (target, *args)
    arrays = [arg._array if isinstance(arg, TensorBase) else arg for arg in inputs]
    memory = target._array
    if target._view is INFERENCE and not state.inference:
        raise RuntimeError(INFERENCE_IN_PLACE)
    mask = requires_mask(inputs) if state.grad_enabled else 0
    if mask:
        check_history(target)
        for arg in inputs:
            if isinstance(arg, TensorBase) and arg._view is not None:
                arg._view.refresh(arg)
    check_memory(memory, arrays[1:])
    mask &= cls.mask
    values = cls.promote(*arrays) if cls.promote is not None else arrays
    node = object.__new__(cls)
    node.saved = None
    try:
        out = node.forward(*values, **options)
    except ValueError as error:
        raise_broadcast_error(error, values)
        raise
    check_result(cls, memory, out)
    if mask and memory.dtype.kind in "fc":
        values = keep_before_write(cls, mask, memory, values)
        write(memory, out)
        node.record(mask, inputs, values, memory)
        if any(isinstance(value, Overwritten) for value in values):
            clock.last_write = tick()  # later than the node: its check must not be skipped
        rebase(target, node, node, 0 if mask & 1 else None)
    else:
        write(memory, out)
    return target


def requires_mask(inputs: tuple[Any, ...]) -> int:
    """Return, as bits, which inputs require grad."""
    mask = 0
    for i, arg in enumerate(inputs):
        if isinstance(arg, TensorBase) and arg.requires_grad:  # type: ignore[attr-defined]
            mask |= 1 << i
    return mask


def write(memory: Any, values: Any) -> None:
    """Write `values` into `memory`, converting the dtype, and note when."""
    np.copyto(memory, values, casting="unsafe")
    clock.mark_written(memory)


def keep_before_write(cls: type[Function], mask: int, memory: Any, arrays: Any) -> list[Any]:
    """Return `arrays` with those replaced that the node keeps and the write is about to change.

    The target's old values are copied, as PyTorch does; another input in the same memory is lost, and the
    backward pass will say so.
    """
    plan = cls.plans.get(mask) or cls.make_plan(mask, len(arrays))
    kept = [*arrays, *(cls.defaults[len(arrays) - len(cls.params) :] if len(arrays) < len(cls.params) else ())]
    for source in plan.sources:
        if source == 0:
            kept[0] = arrays[0].copy()
        elif source != RESULT and hasattr(arrays[source], "base") and same_memory(arrays[source], memory):
            kept[source] = Overwritten(arrays[source])
    return kept


def rebase(target: TensorBase, node: Function, inner: Function, place: int | None) -> None:
    """Give `target` the history that ends in `node`; when it is a view, its base that of a write by `inner`.

    `place` says which of the edges of `inner` leads to the former values of `target`; None if none does.
    """
    view = target._view
    if not isinstance(view, View):
        set_history(target, node)
        return
    set_history(view.base, CopySlices(view.base, inner, view.steps, place))
    # PyTorch's order: the view that was written through is brought up to date at once.
    view.update(target)


class CopySlices(Function):
    """The history of a base that was written to through a view of it.

    Gradient of the base before the write: the gradient after it, with the view's part replaced by what the
    operation hands back to its target. The operation's other inputs get theirs from the view's part alone.
    """

    __slots__ = ("inner", "order", "place", "steps")

    conjugates = False  # the parts of a gradient are looked at through the steps of the view, as PyTorch defines them

    inner: Any
    plan: Any = None

    def __init__(self, base: TensorBase, inner: Function, steps: Any, place: int | None) -> None:
        former = (base._node or base) if base._requires_grad else None
        self.inner, self.steps, self.place = inner, steps, place
        self.order = memory_order(base._array)
        self.seq = tick()
        self.edges = (former, *_without(inner.edges, place))
        self.shape, self.dtype = base._array.shape, base._array.dtype
        self.kept = ()
        self.hooks = self.saved = None
        self.where = inner.where

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of this node."""
        return "CopySlices"

    def run(self, g: Any, create_graph: bool = False) -> Any:
        """Split `g` into what the operation changed and what it left alone."""
        if self.kept is FREED:
            raise RuntimeError(SECOND_BACKWARD.format(node=self.name()))
        rest = copy_in_order(g, self.order)
        part = replay(self.steps, rest)
        several = type(self.inner.shape) is list  # a user's Function gets a list of its results' gradients
        grads = self.inner.run_complex([np.copy(part)] if several else np.copy(part), create_graph)
        own = None if self.place is None else grads[self.place]
        part[...] = 0 if own is None else own
        return (rest if self.edges[0] is not None else None, *_without(grads, self.place))

    def free(self) -> None:
        """Let go of the operation; it stays as it is where ``create_graph=True`` made it a node of its own."""
        if self.kept is not FREED and (self.inner.kept is not NOTHING or self.inner.saved is not None):
            self.kept, self.inner = FREED, None


def _without(items: Any, place: int | None) -> tuple[Any, ...]:
    """Return `items` without the one at `place`."""
    return tuple(items) if place is None else (*items[:place], *items[place + 1 :])


def check_history(target: TensorBase) -> None:
    """Refuse writes whose gradient would be lost or ambiguous."""
    view = target._view
    if isinstance(view, View):
        if view.mode != "grad":
            raise RuntimeError(view.refusal(target, WRITTEN_ITSELF))
        if target._requires_grad and view.base._node is None:
            raise RuntimeError(VIEW_OF_LEAF_IN_PLACE)
    if target._node is None and target._requires_grad:
        raise RuntimeError(LEAF_IN_PLACE)


def check_memory(memory: Any, others: list[Any]) -> None:
    """Refuse to write to memory where one place stands for several elements, or where an input lies askew."""
    if repeats(memory):
        raise RuntimeError(OVERLAPPING_WRITE)
    for other in others:
        if (
            isinstance(other, np.ndarray)
            and same_memory(other, memory)
            and (other.shape != memory.shape or _layout(other) != _layout(memory))
            and _dense(other)
            and _dense(memory)
            and np.may_share_memory(other, memory)
        ):
            raise RuntimeError(PARTIAL_OVERLAP)


def repeats(memory: Any) -> bool:
    """Return whether one place in `memory` stands for several elements, as after `expand`."""
    return 0 in memory.strides and any(
        stride == 0 and length > 1 and memory.size for stride, length in zip(memory.strides, memory.shape, strict=True)
    )


def check_result(cls: type[Function], memory: Any, out: Any) -> None:
    """Refuse a result that doesn't fit the target's shape, or whose kind of number it cannot hold."""
    if out.shape != memory.shape:
        raise RuntimeError(
            f"output with shape {list(memory.shape)} doesn't match the broadcast shape {list(out.shape)}\n"
            f"An in-place operation cannot change the shape of its target: use the out-of-place form, or expand "
            f"the target first."
        )
    rank = "biufc".index
    if out.dtype.kind != memory.dtype.kind and cls.promote is not None:
        given, held = rank(out.dtype.kind), rank(memory.dtype.kind)
        if given > held and not (given <= 2 and held in (1, 2)):
            raise RuntimeError(
                f"result type {scalar_name(out.dtype)} can't be cast to the desired output type "
                f"{scalar_name(memory.dtype)}\nUse the out-of-place form, or convert the target first: "
                f"x = x.to({out.dtype})."
            )


def same_memory(a: Any, b: Any) -> bool:
    """Return whether both arrays belong to one owner."""
    return clock.owner(a) is clock.owner(b)


def _layout(array: Any) -> Any:
    """Return what two arrays on the same elements, in the same order, have in common."""
    axes = [(n, step) for n, step in zip(array.shape, array.strides, strict=True) if n > 1]
    return array.__array_interface__["data"][0], axes


def _dense(array: Any) -> bool:
    """Return whether `array` fills one block of memory without holes, in any order of axes."""
    expected = array.itemsize
    for stride, length in sorted(
        (stride, length) for stride, length in zip(array.strides, array.shape, strict=True) if length > 1
    ):
        if stride != expected:
            return False
        expected *= length
    return True


Function.apply_inplace = classmethod(apply_inplace)  # type: ignore[method-assign, assignment]
