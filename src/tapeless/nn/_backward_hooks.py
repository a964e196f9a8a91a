"""Backward hooks of one call of a module.

An identity operation stands before ``forward`` and another one behind it. On the way back the second is
reached first and knows the gradients of the outputs; the first knows those of the inputs.

As in PyTorch, what does not take part in the loss gets zeros on the way: hooks see ``None`` for such an output, and
zeros for an input that nothing depends on (or that does not require grad, where another one does).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from tapeless._core.modes import is_grad_enabled
from tapeless._creation import zeros
from tapeless._tensor import Tensor
from tapeless.autograd import Function

Grads = tuple[Any, ...]
Looks = dict[int, tuple[Any, Any]]
"""Shapes and dtypes of the tensors among the arguments, by place."""


class BackwardHookGate(Function):
    """The identity on several tensors at once, which shows their gradients to a function on the way back."""

    @staticmethod
    def forward(ctx: Any, on_grads: Callable[[Grads], Grads], *tensors: Tensor) -> Any:  # type: ignore[override]
        """Return each tensor as a view of itself."""
        ctx.on_grads = on_grads
        ctx.set_materialize_grads(False)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Hand the gradients to the hooks and pass on what they make of them."""
        return (None, *ctx.on_grads(grads))


class BackwardHooks:
    """The backward hooks (``after``) and backward pre-hooks (``before``) of one call of ``module``."""

    def __init__(self, module: Any, after: list[Callable[..., Any]], before: list[Callable[..., Any]]) -> None:
        self.module = module
        self.after = after
        self.before = before
        self.input_places: list[int] = []
        self.output_places: list[int] = []
        self.inputs_like: Looks = {}
        self.outputs_like: Looks = {}
        self.input_count = 0
        self.output_count = 0
        self.grad_outputs: Grads | None = None

    def watch_inputs(self, args: Grads) -> Grads:
        """Return the arguments, those that require grad behind a gate."""
        self.input_count = len(args)
        args, self.input_places, self.inputs_like = self._through_gate(args, self._on_input_grads)
        return args

    def watch_outputs(self, result: Any) -> Any:
        """Return the output of ``forward``, the tensors that require grad behind a gate."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                f"but received {type(result)}",
                stacklevel=4,
            )
            return result
        outputs = result if isinstance(result, tuple) else (result,)
        self.output_count = len(outputs)
        outputs, self.output_places, self.outputs_like = self._through_gate(outputs, self._on_output_grads)
        return outputs if isinstance(result, tuple) else outputs[0]

    @staticmethod
    def _through_gate(values: Grads, on_grads: Callable[[Grads], Grads]) -> tuple[Grads, list[int], Looks]:
        places = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
        if not places or not is_grad_enabled():
            return values, [], {}
        looks = {i: (value.shape, value.dtype) for i, value in enumerate(values) if isinstance(value, Tensor)}
        gated = BackwardHookGate.apply(on_grads, *[values[i] for i in places])
        gated = gated if isinstance(gated, tuple) else (gated,)
        result = list(values)
        for place, tensor in zip(places, gated, strict=True):
            result[place] = tensor
        if type(values) is tuple:
            return tuple(result), places, looks
        return type(values)(*result), places, looks  # a named tuple stays one

    def _on_output_grads(self, grads: Grads) -> Grads:
        shown: Grads = _spread(grads, self.output_places, self.output_count)
        for hook in self.before:
            replaced = hook(self.module, shown)
            if replaced is not None:
                replaced = replaced if isinstance(replaced, tuple) else (replaced,)
                _check_count(replaced, shown, "Backward pre hook returned an invalid number of grad_output")
                shown = replaced
        if self.input_places:
            self.grad_outputs = shown
        else:
            self._run_without_inputs(shown)
        shown = _filled(shown, self.outputs_like)
        return tuple(shown[i] for i in self.output_places)

    def _run_without_inputs(self, grad_outputs: Grads) -> None:
        """Run the hooks where no input requires grad, so that there are no input gradients to wait for."""
        if self.after:
            warnings.warn(
                "Full backward hook is firing when gradients are computed with respect to module outputs "
                "since no inputs require gradients.",
                stacklevel=2,
            )
        for hook in self.after:
            replaced = hook(self.module, (None,) * self.input_count, grad_outputs)
            if replaced is not None and not (isinstance(replaced, tuple) and all(g is None for g in replaced)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or "
                    "None for all gradients."
                )

    def _on_input_grads(self, grads: Grads) -> Grads:
        shown: Grads = _filled(_spread(grads, self.input_places, self.input_count), self.inputs_like)
        for hook in self.after if self.grad_outputs is not None else ():
            replaced = hook(self.module, shown, self.grad_outputs)
            if replaced is not None:
                replaced = replaced if isinstance(replaced, tuple) else (replaced,)
                _check_count(replaced, shown, "Backward hook returned an invalid number of grad_input")
                shown = replaced
        self.grad_outputs = None
        return tuple(shown[i] for i in self.input_places)


def _filled(grads: Grads, looks: Looks) -> Grads:
    """Put zeros where there is a tensor without a gradient."""
    return tuple(
        zeros(looks[i][0], dtype=looks[i][1]) if grad is None and i in looks else grad for i, grad in enumerate(grads)
    )


def _spread(grads: Grads, places: list[int], count: int) -> Grads:
    """Put the gradients at their places among ``count`` arguments, ``None`` elsewhere."""
    spread: list[Any] = [None] * count
    for place, grad in zip(places, grads, strict=True):
        spread[place] = grad
    return tuple(spread)


def _check_count(replaced: Grads, expected: Grads, message: str) -> None:
    if len(replaced) != len(expected):
        raise RuntimeError(f"{message}, got {len(replaced)}, but expected {len(expected)}")
