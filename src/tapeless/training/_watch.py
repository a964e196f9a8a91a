"""`Watch`: which layer of a model is the first to put out NaN or infinity, or to give such a gradient."""

from __future__ import annotations

from typing import Any

from tapeless._tensor import Tensor
from tapeless.nn import Module

from ._kinds import kinds_in


class _Call:
    """One run of a module's forward."""

    def __init__(self, module: Module, inputs: tuple[str, ...]) -> None:
        self.module, self.inputs = module, inputs
        self.bad_output_gradient = self.bad_input_gradient = self.saw_output_gradient = False


class Watch:
    """Hooks on all modules of a model, for the time of a ``with`` block; user's hooks run before them."""

    def __init__(self, model: Module, backward: bool = False) -> None:
        self._names = {id(module): name for name, module in model.named_modules()}
        self._modules = list(model.modules())
        self._backward = backward
        self._calls: list[_Call] = []
        self._running: list[_Call] = []
        self._first: dict[str, str] = {}  # kind -> where it is seen first
        self._handles: list[Any] = []

    def __enter__(self) -> Watch:
        for module in self._modules:
            self._handles.append(module.register_forward_pre_hook(self._enter, with_kwargs=True))
            self._handles.append(module.register_forward_hook(self._leave, with_kwargs=True))
        return self

    def __exit__(self, *exc: object) -> None:
        for handle in self._handles:
            handle.remove()

    # --- forward ---------------------------------------------------------------------------------------------

    def forward_text(self) -> str:
        """Where the first NaN is, or the first infinity if there is no NaN: masks have infinities on purpose."""
        return self._first.get("NaN", self._first.get("infinity", ""))

    def _enter(self, module: Module, args: Any, kwargs: Any) -> None:
        call = _Call(module, kinds_in((args, kwargs)))
        if self._running:
            outer = self._running[-1]
            for kind in call.inputs:
                if kind not in outer.inputs:
                    self._first.setdefault(
                        kind,
                        f"first non-finite value: {kind} made in the forward of {self._label(outer.module)}, on the "
                        f"way to {self._label(module)}; {_inputs_text(outer)}",
                    )
        self._calls.append(call)
        self._running.append(call)
        if self._backward:
            self._hook_gradients((args, kwargs), call, "bad_input_gradient")

    def _leave(self, module: Module, args: Any, kwargs: Any, output: Any) -> None:
        call = self._running.pop()
        for kind in kinds_in(output):
            if kind not in self._first:
                self._first[kind] = (
                    f"first non-finite output: {kind} from {self._label(module)}, {_inputs_text(call)}"
                    f"{self._weights_text(call)}"
                )
        if self._backward:
            self._hook_gradients(output, call, "bad_output_gradient")

    def _label(self, module: Module) -> str:
        name = self._names[id(module)]
        # Of a module with others inside, the text has a line for each.
        text = f"{type(module).__name__}(...)" if module._modules else " ".join(repr(module).split())
        text = text if len(text) <= 120 else f"{type(module).__name__}(...)"
        return f"layer {name!r} ({text})" if name else f"the model itself ({text})"

    def _weights_text(self, call: _Call) -> str:
        module = call.module
        bad = [name for name, p in module._parameters.items() if p is not None and kinds_in(p)]
        if not call.inputs:  # else buffers that follow the data are bad by now, and not the cause
            bad += [name for name, b in module._buffers.items() if b is not None and "NaN" in kinds_in(b)]
        return f", its {' and '.join(bad)} {'are' if len(bad) > 1 else 'is'} not" if bad else ""

    # --- backward --------------------------------------------------------------------------------------------

    def gradient_text(self) -> str:
        """Where the backward pass has its first NaN or infinity, as far as outputs and inputs of layers show it."""
        # Later calls come first in the backward pass, and inner ones are later than those around them.
        for call in reversed(self._calls):
            own = any([kinds_in(p._grad) for p in call.module._parameters.values() if p is not None])
            if call.saw_output_gradient and not call.bad_output_gradient and (call.bad_input_gradient or own):
                return (
                    f"it arises in the backward pass of {self._label(call.module)}, whose output has a finite gradient"
                )
        seen = [call for call in self._calls if call.bad_output_gradient]
        if seen:
            return f"it arises in the backward pass after {self._label(seen[-1].module)}, on the way from the loss"
        return "no output of a layer has such a gradient"

    def _hook_gradients(self, value: Any, call: _Call, flag: str) -> None:
        """Note in `call` when a tensor in `value` gets a gradient that is not finite."""
        if isinstance(value, Tensor):
            if value.requires_grad:
                self._handles.append(value.register_hook(lambda gradient: _note(gradient, call, flag)))
            return
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
        for part in parts:
            self._hook_gradients(part, call, flag)


def _inputs_text(call: _Call) -> str:
    return f"its input was not finite ({' and '.join(call.inputs)})" if call.inputs else "its input was finite"


def _note(gradient: Any, call: _Call, flag: str) -> None:
    if flag == "bad_output_gradient":
        call.saw_output_gradient = True
    if kinds_in(gradient):
        setattr(call, flag, True)
