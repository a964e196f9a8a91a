"""Checkpoints that are built on hooks on saved tensors (``use_reentrant=False``).

In the forward pass the pack hook keeps a `_Holder` instead of each tensor. The first time that the backward pass asks
for the contents of one, the function runs again, and another pack hook fills the holders in the order in which they
were made. Nesting needs nothing of its own: the inputs of an inner checkpoint are saved tensors of the outer one.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from .._core.engine import current_pass
from .._core.modes import enable_grad, is_grad_enabled, watch_passes
from .._core.tensor_base import TensorBase
from .._creation import empty
from .._random import get_rng_state
from ..autograd import Function
from ..autograd._anomaly import users_line
from ..autograd.graph import saved_tensors_hooks
from ._checkpoint_common import CheckpointError, Contexts, random_state, switches

CHECKS = ("default", "none")
_TIP = (
    "\n\nThe function must do the same when it is called again in the backward pass: look for what it reads and "
    "changes (a counter, a list, random numbers from elsewhere). "
)
_DEBUG_TIP = (
    "To see which operations kept what, pass `debug=True` to checkpoint(), or use set_checkpoint_debug_enabled."
)
_outside = itertools.count(-1, -1)  # numbers for what is unpacked outside of any backward pass


class _Stop(BaseException):
    """Raised in the recomputation once all holders are filled; no Exception, so that functions don't catch it."""


class _Holder:
    """Stands for one saved tensor: what it looked like, and its values once they were computed again."""

    __slots__ = ("__weakref__", "line", "looks", "values")

    def __init__(self, tensor: Any, line: str | None) -> None:
        self.looks = _looks(tensor)
        self.line = line
        self.values: dict[int, Any] = {}  # by the number of the backward pass


class _KeepInputs(Function):
    """Saves the arguments for the recomputation, in a node of the graph so that outer hooks get to see them."""

    @staticmethod
    def forward(ctx: Any, dummy: Any, *args: Any) -> Any:  # type: ignore[override]
        tensors = [arg for arg in args if isinstance(arg, TensorBase)]
        ctx.others = [None if isinstance(arg, TensorBase) else arg for arg in args]
        ctx.places = [i for i, arg in enumerate(args) if isinstance(arg, TensorBase)]
        ctx.save_for_backward(*tensors)
        return empty(0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise AssertionError("the node that keeps a checkpoint's inputs leads nowhere")


class Frame:
    """One call of a function under a checkpoint, and how to make it again."""

    def __init__(
        self, function: Callable[..., Any], args: Any, kwargs: Any, options: dict[str, Any], contexts: Contexts
    ) -> None:
        if options["determinism_check"] not in CHECKS:
            raise ValueError(
                f"determinism_check should be one of {list(CHECKS)}, but got {options['determinism_check']}"
            )
        watch_passes()
        self.function, self.kwargs = function, kwargs
        self.check = options["determinism_check"] == "default"
        self.early_stop = options["early_stop"] if switches.early_stop is None else switches.early_stop
        self.debug = options["debug"] if switches.debug is None else switches.debug
        self.first_context, self.second_context = contexts()
        self.random = get_rng_state() if options["preserve_rng_state"] else None
        with enable_grad():
            self.inputs = _KeepInputs.apply(empty(0, requires_grad=True), *args).grad_fn
        self.holders: list[weakref.ref[_Holder]] = []
        self.done: set[int] = set()  # the numbers of the passes that the function was computed again for

    def run(self, args: tuple[Any, ...]) -> Any:
        """Call the function in the forward pass."""
        with saved_tensors_hooks(self._pack, self._unpack), self.first_context:
            return self.function(*args, **self.kwargs)

    def _pack(self, tensor: Any) -> _Holder:
        holder = _Holder(tensor, users_line() if self.debug else None)
        self.holders.append(weakref.ref(holder))
        return holder

    def _unpack(self, holder: _Holder) -> Any:
        now = current_pass()
        running = next(_outside) if now is None else now.seq
        if running not in self.done:
            self.done.add(running)
            self._recompute(running)
        if running not in holder.values:
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was either never recomputed, or "
                "already unpacked once. If you are calling ctx.saved_tensors in backward, make sure to do so only once."
            )
        return holder.values.pop(running)

    def _recompute(self, running: int) -> None:
        """Call the function again, and fill the holders that nodes still have."""
        looks: list[tuple[Any, str | None]] = []

        def pack_again(tensor: Any) -> Any:
            place = len(looks)
            looks.append((_looks(tensor), users_line() if self.debug else None))
            if place >= len(self.holders):
                if not self.early_stop and self.check:
                    raise CheckpointError(
                        "torch.utils.checkpoint: trying to save more tensors during recomputation than during the "
                        "original forward pass." + self._explain(looks)
                    )
                return tensor.detach()
            holder = self.holders[place]()
            plain = tensor.detach()
            if holder is not None:  # else its node is gone, and needs nothing
                holder.values[running] = plain
            if self.early_stop and place + 1 == len(self.holders):
                raise _Stop
            return plain

        args = self._arguments()
        try:
            hooks = saved_tensors_hooks(pack_again, lambda plain: plain)
            with random_state(self.random), enable_grad(), self.second_context, hooks:
                self.function(*args, **self.kwargs)
        except _Stop:
            pass
        if self.check:
            self._compare(looks)

    def _arguments(self) -> list[Any]:
        args = list(self.inputs.others)
        for place, tensor in zip(self.inputs.places, self.inputs.saved_tensors, strict=True):
            args[place] = tensor
        return args

    def _compare(self, looks: list[tuple[Any, str | None]]) -> None:
        """Raise `CheckpointError` unless the recomputation kept tensors of the same number, shapes and dtypes."""
        if len(looks) != len(self.holders):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.holders)}\n"
                f"Number of tensors saved during recomputation: {len(looks)}." + self._explain(looks)
            )
        wrong = []
        for place, (ref, (found, _)) in enumerate(zip(self.holders, looks, strict=True)):
            holder = ref()
            if holder is not None and holder.looks != found:
                wrong.append(
                    f"tensor at position {place}:\nsaved metadata: {holder.looks}\nrecomputed metadata: {found}"
                )
        if wrong:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                "during the forward pass.\n" + "\n".join(wrong) + self._explain(looks)
            )

    def _explain(self, looks: list[tuple[Any, str | None]]) -> str:
        """Return advice, and with ``debug`` a table of what was kept where."""
        if not self.debug:
            return _TIP + _DEBUG_TIP
        alive = [ref() for ref in self.holders]
        first = [f"{h.looks} at {h.line}" if h is not None else "(no longer needed)" for h in alive]
        second = [f"{look} at {line}" for look, line in looks]
        lines = [_TIP]
        for title, entries in (("In the forward pass", first), ("In the recomputation", second)):
            lines += [f"{title}, tensors were kept:", *(f"  {i}: {entry}" for i, entry in enumerate(entries))]
        return "\n".join(lines)


def run_with_hooks(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any, options: dict[str, Any], contexts: Contexts
) -> Any:
    """Call the function, and keep only what it takes to call it again."""
    if not is_grad_enabled():
        return function(*args, **kwargs)
    return Frame(function, args, kwargs, options, contexts).run(args)


def _looks(tensor: Any) -> dict[str, Any]:
    """Return what has to be the same when the function is computed again."""
    return {"shape": tensor.shape, "dtype": tensor.dtype, "device": tensor.device}
