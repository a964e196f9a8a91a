"""Which call of which module recorded a node: the clock tells.

Nodes are numbered by a clock. What a module's ``forward`` records has numbers between the clock's time when it was
called and when it returned, so two hooks on each module are enough, and no node needs to know of modules.
"""

from __future__ import annotations

import inspect
from bisect import bisect_right
from collections import Counter
from typing import Any

from .._core.clock import tick
from .._core.modes import enable_grad
from .._core.tensor_base import TensorBase
from .._pytree import flatten, leaf_paths, unflatten
from ._drawing_model import GraphModule
from ._drawing_text import readable_path


class watch:
    """Context manager: note which calls of a model's modules record which operations, for `trace`.

    ``trace(loss, params=watched)`` then draws a box around the operations of each call, and can fold them. The calls
    that are noted are those of the last ``with``. Raises ``TypeError`` for what is not a Module.

    >>> import tapeless as tl
    >>> from tapeless.autograd import graph
    >>> model = tl.nn.Sequential(tl.nn.Linear(2, 3), tl.nn.Tanh())
    >>> with graph.watch(model) as watched:
    ...     loss = model(tl.ones(1, 2)).sum()
    >>> [call.title for call in watched.modules]
    ['Sequential', '0 (Linear)', '1 (Tanh)']
    >>> graph.trace(loss, params=watched)
    ComputationGraph(3 operations, 2 parameters, 1 output; 3 calls of modules)
    """

    def __init__(self, module: Any) -> None:
        if not hasattr(module, "named_modules") or not hasattr(module, "register_forward_pre_hook"):
            raise TypeError(
                f"watch(): expected a Module, got {type(module).__name__}. The graph of what a plain function returns "
                "is trace(function(...))."
            )
        self.module = module
        self.modules: list[GraphModule] = []
        self._times: list[tuple[int, int]] = []  # when each call began, and when it ended
        self._open: list[int] = []
        self._numbers: Counter[str] = Counter()
        self._handles: list[Any] = []

    def __enter__(self) -> watch:
        self.modules, self._times, self._open, self._numbers = [], [], [], Counter()
        for path, module in self.module.named_modules():
            self._handles.append(module.register_forward_pre_hook(self._entering(path, type(module).__name__)))
            self._handles.append(module.register_forward_hook(self._left, always_call=True))
        return self

    def __exit__(self, *_: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _entering(self, path: str, type_name: str) -> Any:
        def entered(module: Any, args: Any) -> None:
            self._numbers[path] += 1
            parent = self._open[-1] if self._open else -1
            self._open.append(len(self.modules))
            self.modules.append(GraphModule(path, type_name, parent, self._numbers[path]))
            self._times.append((tick(), -1))

        return entered

    def _left(self, module: Any, args: Any, output: Any) -> None:
        if self._open:
            call = self._open.pop()
            self._times[call] = (self._times[call][0], tick())

    def call_at(self, time: int) -> int:
        """Return which call (a place in `modules`) recorded the node of this number, the innermost; -1 for none."""
        call = bisect_right(self._times, (time, 0)) - 1
        while call >= 0 and not self._times[call][0] < time < self._times[call][1]:
            call = self.modules[call].parent
        return call


def run_watched(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, watch, dict[str, Any]]:
    """Call `module` under `watch` on inputs that require grad; return its outputs, the watch, and the named inputs."""
    watched = watch(module)
    leaves, spec = flatten((args, kwargs))
    leaves = [_requiring(leaf) for leaf in leaves]
    args, kwargs = unflatten(leaves, spec)
    with watched, enable_grad():
        outputs = module(*args, **kwargs)
    return outputs, watched, _input_names(module, args, kwargs)


def _requiring(leaf: Any) -> Any:
    """Return a twin of a plain tensor of floating point numbers that requires grad, so that the graph begins there."""
    if isinstance(leaf, TensorBase) and leaf._array.dtype.kind in "fc" and not leaf.requires_grad:  # type: ignore[attr-defined]
        return leaf.detach().requires_grad_()  # type: ignore[attr-defined]
    return leaf


def _input_names(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the tensors among the arguments by the names that `forward` has for them."""
    try:
        arguments = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):  # a forward without a signature: numbers will do
        arguments = {**{f"input {i}": arg for i, arg in enumerate(args)}, **kwargs}
    names: dict[str, Any] = {}
    for name, argument in arguments.items():
        leaves, spec = flatten(argument)
        for path, leaf in zip(leaf_paths(spec), leaves, strict=True):
            if isinstance(leaf, TensorBase):
                names[readable_path(f".{name}{path}")] = leaf
    return names
