"""`TensorBase`: what the engine needs to know of a tensor, and nothing that a user calls.

`tapeless.Tensor` derives from it and registers itself with `set_tensor_type`, so that this layer can make
tensors without importing the layer above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import clock, modes

if TYPE_CHECKING:
    from .function import Function
    from .views import View


class TensorBase:
    """An ndarray and its place in the graph.

    ==================  ==================================================================================
    `_array`            the values: an ndarray (or, while compiling or batching, a duck array)
    `_requires_grad`    whether gradients flow into this tensor
    `_node`             the `Function` (or `Output`) that made it; None for a leaf
    `_grad`             the gradient: None, an array nobody has looked at yet, or a Tensor
    `_view`             a `View` when it shares its base's memory; `INFERENCE` marks inference tensors
    `_hooks`            hooks of a leaf (those of a computed tensor live on its node)
    `_home`             where an optimizer wants the gradient of this leaf stored (a slice of its arena); `Lent`
                        while a backward pass computes it there
    ==================  ==================================================================================
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_array",
        "_grad",
        "_home",
        "_hooks",
        "_node",
        "_requires_grad",
        "_view",
    )

    _array: Any
    _requires_grad: bool
    _node: Function | None
    _grad: Any
    _view: View | None
    _hooks: Any
    _home: Any

    # NumPy must let our reflected operators run: ndarray + Tensor is a Tensor.
    __array_priority__ = 1000

    def _accumulate(self, gradient: Any, fresh: bool) -> None:
        """Add `gradient` to the gradient of this leaf; `fresh` says that nobody else holds its memory.

        A gradient that is already there is added to in place, as in PyTorch, so that whoever holds ``p.grad``
        sees the sum. Gradients that carry a graph (``create_graph=True``) are added out of place.
        """
        old, home = self._grad, self._home
        if type(home) is Lent:  # to this pass, which computed the gradient there; or else to one that still runs
            home = self._home = home.array if home.array is gradient else home
        if isinstance(gradient, TensorBase):
            self._grad = gradient if old is None else gradient + old  # type: ignore[operator]
        elif old is None:
            if home is not None and type(home) is not Lent:
                if gradient is not home:
                    home[...] = gradient  # a third of what np.copyto takes for a small one
                self._grad = home
            elif fresh and gradient.flags.c_contiguous:
                self._grad = gradient
            else:
                self._grad = np.array(gradient, order="C")
        elif isinstance(old, TensorBase):
            if old._requires_grad:
                self._grad = old + gradient  # type: ignore[operator]
            else:
                old._array += gradient
                clock.mark_written(old._array)
        else:
            np.add(old, gradient, out=old)


class Lent:
    """The place of a gradient while a backward pass uses it: nobody else writes there until the pass is over."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array


def is_lent(leaf: TensorBase, gradient: Any) -> bool:
    """Return whether `gradient` was computed in the place that the optimizer has for it."""
    return type(leaf._home) is Lent and leaf._home.array is gradient


_new = object.__new__
_tensor_type: type[TensorBase] = TensorBase


def set_tensor_type(cls: type[TensorBase]) -> None:
    """Register the class that results of operations have."""
    global _tensor_type
    _tensor_type = cls


def wrap(array: Any) -> Any:
    """Make a plain tensor of `array` without copying it: no gradient, no history.

    NumPy's reductions return scalars (``np.float32``) where a tensor needs memory: those become 0-d arrays.
    """
    tensor = _new(_tensor_type)
    tensor._array = array if type(array) is np.ndarray else as_array(array)
    tensor._requires_grad = False
    tensor._node = tensor._grad = tensor._hooks = tensor._home = None
    tensor._view = INFERENCE if modes.inference_anywhere and modes.state.inference else None
    return tensor


def as_array(value: Any) -> Any:
    """Give NumPy scalars memory of their own; leave arrays and duck arrays as they are."""
    return np.asarray(value) if isinstance(value, (np.generic, np.ndarray)) else value


def is_tensor(x: Any) -> bool:
    """Return whether `x` is a tensor; type checkers go on knowing nothing of it, as this layer does."""
    return isinstance(x, TensorBase)


def unwrap(value: Any) -> Any:
    """Return the array of a tensor; anything else as it is."""
    return value._array if isinstance(value, TensorBase) else value


class _Inference:
    """What stands in `_view` of an inference tensor: it is no view, and it never enters a graph."""

    __slots__ = ()
    own = True

    def refresh(self, tensor: TensorBase) -> None:
        """Do nothing: an inference tensor has no history to follow."""


INFERENCE: Any = _Inference()
