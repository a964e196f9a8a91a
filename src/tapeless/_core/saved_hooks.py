"""What hooks on saved tensors make of the arrays that a node keeps (`autograd.graph.saved_tensors_hooks`).

While a pair of hooks is active, a node hands each array that it would keep to the first, as a tensor, and keeps what
that returns. When its rule is to run, the second makes a tensor of it again. While nobody uses hooks,
recording looks at one global (`modes.watched_anywhere`) and the backward pass at nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import clock
from .modes import no_grad, state
from .tensor_base import TensorBase, wrap

_PACK_WROTE = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
    "modified by in-place operations as this can lead to unexpected side-effects. Clone it first: tensor.clone()."
)


class Packed:
    """What stands in for one array: the pack hook's answer, and the hook that makes a tensor of it again."""

    __slots__ = ("handle", "unpack_hook")

    def __init__(self, handle: Any, unpack_hook: Callable[[Any], Any]) -> None:
        self.handle = handle
        self.unpack_hook = unpack_hook

    def unpack(self) -> Any:
        """Return the array of the tensor that the unpack hook returns."""
        tensor = self.unpack_hook(self.handle)
        if not isinstance(tensor, TensorBase):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(tensor).__name__}"
            )
        return tensor._array


class Unpacked(tuple[Any, ...]):
    """Kept arrays as the unpack hooks gave them: that the originals were written to since does not matter."""

    __slots__ = ()


class PackedKept:
    """Stands in `Function.kept` of a node that was recorded under hooks.

    Like `FREED` it counts as false, so that running a rule meets it only where it looks for that one.
    """

    __slots__ = ("attributes", "items")

    def __init__(self, items: tuple[Any, ...], attributes: dict[str, Any]) -> None:
        self.items = items  # what was `kept`
        self.attributes = attributes  # what the forward function left on the node: `saved`, and names of its own

    def __bool__(self) -> bool:
        return False

    @contextmanager
    def restored(self, node: Any) -> Iterator[None]:
        """Give the node its arrays back for the time that its rule runs."""
        node.kept = Unpacked([_unpack_all(item) for item in self.items]) if self.items else ()
        for name, value in self.attributes.items():
            setattr(node, name, _unpack_all(value))
        try:
            yield
        finally:
            node.kept = self
            for name in self.attributes:
                _remove(node, name)


def pack(tensor: Any) -> Packed:
    """Hand one tensor to the active pack hook."""
    pack_hook, unpack_hook = state.saved_hooks[-1]
    before = clock.written_at(tensor._array)
    with no_grad():
        handle = pack_hook(tensor)
    if clock.written_at(tensor._array) != before:
        raise RuntimeError(_PACK_WROTE)
    return Packed(handle, unpack_hook)


def pack_node(node: Any, items: list[Any]) -> None:
    """Replace what the node keeps; `items` are its kept arrays, already packed, and other values."""
    attributes = {}
    for name, value in [("saved", node.saved), *vars(node).items()]:
        packed = pack_all(value)
        if packed is not value:
            attributes[name] = packed
    if not attributes and not any(_holds_packed(item) for item in items):
        return
    node.kept = PackedKept(tuple(items), attributes)
    for name in attributes:
        _remove(node, name)


def _remove(node: Any, name: str) -> None:
    if name == "saved":
        node.saved = None
    else:
        delattr(node, name)


def pack_all(value: Any) -> Any:
    """Pack the arrays in a value, which may be a list or tuple of some; the same object back if there are none."""
    if isinstance(value, np.ndarray):
        return pack(wrap(value))
    if type(value) in (list, tuple):
        packed = [pack_all(item) for item in value]
        if any(new is not old for new, old in zip(packed, value, strict=True)):
            return type(value)(packed)
    return value


def _holds_packed(value: Any) -> bool:
    return isinstance(value, Packed) or (isinstance(value, (list, tuple)) and any(_holds_packed(x) for x in value))


def _unpack_all(value: Any) -> Any:
    if isinstance(value, Packed):
        return value.unpack()
    if type(value) in (list, tuple):
        return type(value)([_unpack_all(item) for item in value])
    return value
