"""`Hooked`: the hooks of an optimizer, around its step and around saving and loading its state."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .._core.hooks import HookDict, RemovableHandle

Hook = Callable[..., Any]

_EVENTS = ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_pre", "load_post")
_all_pre, _all_post = HookDict(), HookDict()  # around the steps of all optimizers


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer.

    See https://docs.pytorch.org/docs/stable/generated/torch.optim.optimizer.register_optimizer_step_pre_hook.html

    >>> import tapeless as tl
    >>> from tapeless.optim.optimizer import register_optimizer_step_pre_hook
    >>> hook = lambda optimizer, args, kwargs: print(type(optimizer).__name__, "will step")
    >>> handle = register_optimizer_step_pre_hook(hook)
    >>> tl.optim.SGD([tl.ones(1, requires_grad=True)], lr=0.1).step()
    SGD will step
    >>> handle.remove()
    """
    return _register(_all_pre, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer.

    See https://docs.pytorch.org/docs/stable/generated/torch.optim.optimizer.register_optimizer_step_post_hook.html

    >>> import tapeless as tl
    >>> from tapeless.optim.optimizer import register_optimizer_step_post_hook
    >>> hook = lambda optimizer, args, kwargs: print(type(optimizer).__name__, "stepped")
    >>> handle = register_optimizer_step_post_hook(hook)
    >>> tl.optim.SGD([tl.ones(1, requires_grad=True)], lr=0.1).step()
    SGD stepped
    >>> handle.remove()
    """
    return _register(_all_post, hook)


class Hooked:
    """Keeps hooks. A subclass that defines `step` gets those around the step too."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__ and cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            cls.step = _with_hooks(cls.step)  # type: ignore[attr-defined]

    _in_step = False

    @functools.cached_property
    def _hooks(self) -> dict[str, HookDict]:
        """The hooks by event; made here for an optimizer that wraps another and never calls our `__init__`."""
        return {event: HookDict() for event in _EVENTS}

    def _init_hooks(self) -> None:
        self._hooks = {event: HookDict() for event in _EVENTS}
        self._in_step = False

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return other ``(args, kwargs)``.

        As in PyTorch, `args` begins with the optimizer itself.
        """
        return _register(self._hooks["step_pre"], hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return _register(self._hooks["step_post"], hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before `state_dict`; with `prepend` before all other hooks."""
        return _register(self._hooks["state_dict_pre"], hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after `state_dict`; it may return another one."""
        return _register(self._hooks["state_dict_post"], hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before `load_state_dict`; it may return another one to be loaded."""
        return _register(self._hooks["load_pre"], hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after `load_state_dict`."""
        return _register(self._hooks["load_post"], hook, prepend)

    def _has_step_hooks(self) -> bool:
        """Return whether hooks are to be called around this step."""
        hooks = self._hooks
        return bool(_all_pre or _all_post or hooks["step_pre"] or hooks["step_post"]) and not self._in_step

    def _call_with_hooks(self, step: Hook, args: Any, kwargs: Any) -> Any:
        """Call `step` with the hooks around it, once even if it calls that of another class."""
        self._in_step = True
        try:
            for hook in [*_all_pre.values(), *self._hooks["step_pre"].values()]:
                result = hook(self, args, kwargs)
                if result is None:
                    continue
                if not isinstance(result, tuple) or len(result) != 2:
                    raise RuntimeError(
                        f"{type(self).__name__}.step must return None or a tuple of (new_args, new_kwargs), but got "
                        f"{result}.\nThis is what the step pre-hook {hook!r} returned."
                    )
                args, kwargs = result
            out = step(*args, **kwargs)
            for hook in [*self._hooks["step_post"].values(), *_all_post.values()]:
                hook(self, args, kwargs)
        finally:
            self._in_step = False
        return out

    def _before_state_dict(self) -> None:
        for hook in list(self._hooks["state_dict_pre"].values()):
            hook(self)

    def _after_state_dict(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        for hook in list(self._hooks["state_dict_post"].values()):
            state_dict = _or(hook(self, state_dict), state_dict)
        return state_dict

    def _before_load_state_dict(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        for hook in list(self._hooks["load_pre"].values()):
            state_dict = _or(hook(self, state_dict), state_dict)
        return state_dict

    def _after_load_state_dict(self) -> None:
        for hook in list(self._hooks["load_post"].values()):
            hook(self)


def _or(result: Any, otherwise: Any) -> Any:
    return otherwise if result is None else result


def _register(hooks: HookDict, hook: Hook, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    former = dict(hooks) if prepend else {}
    if prepend:
        hooks.clear()
    hooks[handle.id] = hook
    hooks.update(former)
    return handle


def _with_hooks(step: Hook) -> Hook:
    """Return a user's `step` with hooks around it."""

    @functools.wraps(step)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._has_step_hooks():
            return self._call_with_hooks(step, (self, *args), kwargs)
        return step(self, *args, **kwargs)

    return wrapper
