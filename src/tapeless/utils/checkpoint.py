"""Trade time for memory: what a part of a model keeps for its gradients is computed again when it is needed.

Source: T. Chen et al., "Training Deep Nets with Sublinear Memory Cost", https://arxiv.org/abs/1604.06174;
https://docs.pytorch.org/docs/stable/checkpoint.html
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ._checkpoint_common import (
    CheckpointError as CheckpointError,
    Contexts,
    noop_context_fn as noop_context_fn,
    set_checkpoint_debug_enabled as set_checkpoint_debug_enabled,
    set_checkpoint_early_stop as set_checkpoint_early_stop,
)
from ._checkpoint_frame import run_with_hooks
from ._checkpoint_reentrant import (
    CheckpointFunction as CheckpointFunction,
    check_backward_validity as check_backward_validity,
    detach_variable as detach_variable,
)

__all__ = [
    "CheckpointError", "CheckpointFunction", "check_backward_validity", "checkpoint", "checkpoint_sequential",
    "detach_variable", "noop_context_fn", "set_checkpoint_debug_enabled", "set_checkpoint_early_stop",
]  # fmt: skip

_PASS_IT = (
    "{where}: the use_reentrant parameter should be passed explicitly. use_reentrant=False is recommended; without "
    "it, use_reentrant=True is assumed, as PyTorch did. It has restrictions: no autograd.grad(), no backward(inputs=), "
    "and no gradients where no input requires grad."
)


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Contexts = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Return ``function(*args, **kwargs)``, and keep nothing of what it computes on the way.

    When the backward pass needs it, the function runs again, from the same arguments and the same random state
    (unless ``preserve_rng_state=False``). It has to do then what it did before.

    Args:
        function: takes ``args`` and ``kwargs``; returns a tensor, or a tuple of some.
        use_reentrant: False is recommended. True makes the whole graph anew in a backward pass inside the backward
            pass, needs an argument that requires grad, and works with ``backward()`` only.
        context_fn: returns two context managers, for the forward pass and for the recomputation.
        determinism_check: ``"default"`` compares number, shapes and dtypes of what is kept; ``"none"`` does not.
        debug: have errors list what was kept in both runs, with the lines of code.
        early_stop: end the recomputation once the last tensor that is needed is there.
        preserve_rng_state: give the recomputation the random numbers of the forward pass.

    Raises ``CheckpointError`` where the recomputation differs, ``ValueError`` for options that do not go together,
    ``RuntimeError`` where ``use_reentrant=True`` cannot serve.
    See https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint

    >>> import tapeless as tl
    >>> from tapeless.utils.checkpoint import checkpoint
    >>> layers = tl.nn.Sequential(tl.nn.Linear(2, 100), tl.nn.Tanh(), tl.nn.Linear(100, 1))
    >>> loss = checkpoint(layers, tl.ones(8, 2), use_reentrant=False).sum()
    >>> loss.backward()  # runs the layers again
    >>> layers[0].weight.grad.shape
    torch.Size([100, 2])
    """
    if use_reentrant is None:
        warnings.warn(_PASS_IT.format(where="torch.utils.checkpoint"), UserWarning, stacklevel=2)
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    options = {
        "determinism_check": determinism_check,
        "debug": debug,
        "early_stop": early_stop,
        "preserve_rng_state": preserve_rng_state,
    }
    return run_with_hooks(function, args, kwargs, options, context_fn)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run a `nn.Sequential` (or a list of functions) in ``segments`` parts, all but the last under `checkpoint`.

    ``preserve_rng_state`` is the only other option. Raises ``ValueError`` for more segments than functions.
    See https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint_sequential

    >>> import tapeless as tl
    >>> model = tl.nn.Sequential(*[tl.nn.Linear(4, 4) for _ in range(6)])
    >>> checkpoint_sequential(model, 3, tl.ones(2, 4), use_reentrant=False).shape
    torch.Size([2, 4])
    """
    if use_reentrant is None:
        warnings.warn(_PASS_IT.format(where="torch.utils.checkpoint.checkpoint_sequential"), UserWarning, stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(steps) // segments
    if size == 0:
        raise ValueError(f"range() arg 3 must not be zero: {len(steps)} functions do not make {segments} segments")
    last = size * (segments - 1)
    for start in range(0, last, size):
        part = _chain(steps[start : start + size])
        input = checkpoint(part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _chain(steps[last:])(input)


def _chain(steps: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return the function that applies ``steps`` one after the other."""

    def run(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return run
