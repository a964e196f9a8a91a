"""Hooks of a module: registering them, and the call that honours them.

While no hook exists in the process, ``Module.__call__`` runs ``forward`` at once and nothing here is used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from . import _hooks
from ._backward_hooks import BackwardHooks
from ._hooks import HookDict, IdSet, RemovableHandle


class ModuleHooks:
    """The part of `Module` that registers and runs forward and backward hooks."""

    _forward_hooks: HookDict
    _forward_hooks_with_kwargs: IdSet
    _forward_hooks_always_called: IdSet
    _forward_pre_hooks: HookDict
    _forward_pre_hooks_with_kwargs: IdSet
    _backward_hooks: HookDict
    _backward_pre_hooks: HookDict
    forward: Callable[..., Any]

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every ``forward``; what it returns replaces the arguments.

        With ``with_kwargs`` it is ``hook(module, args, kwargs)`` and returns ``None`` or ``(args, kwargs)``;
        with ``prepend`` it goes before the hooks already there. The handle returned removes the hook.
        """
        flags = {"with_kwargs": (self._forward_pre_hooks_with_kwargs, with_kwargs)}
        return _hooks.add(self._forward_pre_hooks, hook, prepend, flags)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every ``forward``; what it returns replaces the output.

        With ``with_kwargs`` it is ``hook(module, args, kwargs, output)``; with ``always_call`` it also runs
        when ``forward`` raised; with ``prepend`` it goes before the hooks already there. The handle
        returned removes the hook.

        >>> import tapeless as tl
        >>> layer = tl.nn.Identity()
        >>> with layer.register_forward_hook(lambda module, args, output: output + 1):
        ...     layer(tl.zeros(2))
        tensor([1., 1.])
        """
        flags = {
            "with_kwargs": (self._forward_hooks_with_kwargs, with_kwargs),
            "always_call": (self._forward_hooks_always_called, always_call),
        }
        return _hooks.add(self._forward_hooks, hook, prepend, flags)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` once the outputs' gradients are known; it may replace them."""
        return _hooks.add(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the positional inputs' gradients are known.

        Both are tuples, with ``None`` for what is not a tensor, zeros for an input that gets no gradient, and ``None``
        for an output that does not take part in the loss. The hook may return new ``grad_input``. When no input
        requires grad, it runs as soon as ``grad_output`` is known.
        """
        return _hooks.add(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Raise ``NotImplementedError``: PyTorch's old backward hooks see arbitrary inner gradients."""
        raise NotImplementedError(_hooks.OLD_BACKWARD_HOOK.format(name="register_backward_hook", full="register_full"))

    def _has_call_hooks(self) -> Any:
        return (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
            or _hooks.global_forward
            or _hooks.global_forward_pre
            or _hooks.global_backward
            or _hooks.global_backward_pre
        )

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run pre-hooks, ``forward`` and hooks; after an error, the hooks that are always to be called."""
        called: set[int] = set()
        outcome: list[Any] = [args, kwargs, None]  # as far as the call got, for the hooks after an error
        try:
            args, kwargs = outcome[:2] = self._run_forward_pre_hooks(args, kwargs)
            backward = self._backward_hooks_of_call()
            if backward is not None:
                args = outcome[0] = backward.watch_inputs(args)
            outcome[2] = self.forward(*args, **kwargs)
            for key, hook, with_kwargs, _ in self._forward_hooks_in_order():
                called.add(key)
                replacement = hook(self, args, kwargs, outcome[2]) if with_kwargs else hook(self, args, outcome[2])
                if replacement is not None:
                    outcome[2] = replacement
            return outcome[2] if backward is None else backward.watch_outputs(outcome[2])
        except Exception:
            self._run_always_called_hooks(called, *outcome)
            raise

    def _run_forward_pre_hooks(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        takes_kwargs = self._forward_pre_hooks_with_kwargs
        for key, hook in [*_hooks.global_forward_pre.items(), *self._forward_pre_hooks.items()]:
            if key in takes_kwargs:
                both = hook(self, args, kwargs)
                if both is None:
                    continue
                if not (isinstance(both, tuple) and len(both) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {both}."
                    )
                args, kwargs = both
            else:
                new_args = hook(self, args)
                if new_args is not None:
                    args = new_args if isinstance(new_args, tuple) else (new_args,)
        return args, kwargs

    def _forward_hooks_in_order(self) -> list[tuple[int, Callable[..., Any], bool, bool]]:
        """List ``(id, hook, with_kwargs, always_call)``, the hooks for all modules first."""
        own_kwargs, own_always = self._forward_hooks_with_kwargs, self._forward_hooks_always_called
        all_kwargs, all_always = _hooks.global_forward_with_kwargs, _hooks.global_forward_always
        return [
            *((key, hook, key in all_kwargs, key in all_always) for key, hook in _hooks.global_forward.items()),
            *((key, hook, key in own_kwargs, key in own_always) for key, hook in self._forward_hooks.items()),
        ]

    def _run_always_called_hooks(self, called: set[int], args: Any, kwargs: Any, result: Any) -> None:
        for key, hook, with_kwargs, always in self._forward_hooks_in_order():
            if not always or key in called:
                continue
            try:
                replacement = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
                result = result if replacement is None else replacement
            except Exception as error:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception that was silenced as "
                    f"another error was raised in forward: {error}",
                    stacklevel=4,
                )

    def _backward_hooks_of_call(self) -> BackwardHooks | None:
        after = [*_hooks.global_backward.values(), *self._backward_hooks.values()]
        before = [*_hooks.global_backward_pre.values(), *self._backward_pre_hooks.values()]
        return BackwardHooks(self, after, before) if after or before else None
