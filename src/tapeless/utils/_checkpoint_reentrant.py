"""Checkpoints that call the backward pass from inside of it (``use_reentrant=True``)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from .._core.engine import current_pass
from .._core.modes import enable_grad, watch_passes
from .._core.tensor_base import TensorBase
from .._random import get_rng_state
from ..autograd import Function, backward
from ._checkpoint_common import random_state


class CheckpointFunction(Function):
    """``apply(run_function, preserve_rng_state, *args)``: run without a graph, which the backward pass makes anew.

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> y = tl.utils.checkpoint.checkpoint(tl.exp, x, use_reentrant=True)  # runs it
    >>> y.sum().backward()
    >>> x.grad
    tensor([2.7183, 2.7183])
    """

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:  # type: ignore[override]
        """Call the function, and keep its arguments."""
        watch_passes()
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.random = get_rng_state() if preserve_rng_state else None
        ctx.places = [i for i, arg in enumerate(args) if isinstance(arg, TensorBase)]
        ctx.others = [None if isinstance(arg, TensorBase) else arg for arg in args]
        ctx.save_for_backward(*[args[i] for i in ctx.places])
        return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Call the function again, now with a graph, and send the gradients through it."""
        running = current_pass()
        if running is not None and running.captures is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        args = list(ctx.others)
        for place, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[place] = tensor
        detached = detach_variable(tuple(args))
        with random_state(ctx.random), enable_grad():
            outputs = ctx.run_function(*detached)
        if isinstance(outputs, TensorBase):
            outputs = (outputs,)
        pairs = [
            (out, g)
            for out, g in zip(outputs, grads, strict=True)
            if isinstance(out, TensorBase) and out.requires_grad  # type: ignore[attr-defined]
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary: the function returned "
                "tensors without a graph when it was called again"
            )
        backward([out for out, _ in pairs], [g for _, g in pairs])
        inputs = [arg.grad if isinstance(arg, TensorBase) else None for arg in detached]  # type: ignore[attr-defined]
        return (None, None, *inputs)


def detach_variable(inputs: Any) -> tuple[Any, ...]:
    """Return the tensors of a tuple as leaves of their own that require grad as before; other things as they are.

    Raises ``RuntimeError`` for anything but a tuple.

    >>> import tapeless as tl
    >>> (x,) = tl.utils.checkpoint.detach_variable((tl.ones(1, requires_grad=True) * 2,))
    >>> x.is_leaf, x.requires_grad
    (True, True)
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}. "
            "Write (tensor,) for a single one."
        )
    return tuple(
        x.detach().requires_grad_(x.requires_grad) if isinstance(x, TensorBase) else x  # type: ignore[attr-defined]
        for x in inputs
    )


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn when no tensor among ``inputs`` requires grad: a checkpoint of this kind gives no gradient then.

    >>> import tapeless as tl
    >>> tl.utils.checkpoint.check_backward_validity([tl.ones(1, requires_grad=True)])
    """
    if not any(isinstance(x, TensorBase) and x.requires_grad for x in inputs):  # type: ignore[attr-defined]
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=4)
