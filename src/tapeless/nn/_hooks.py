"""Hook storage for modules: dicts that count what they hold, handles, and the module-wide hooks.

``Module.__call__`` must know cheaply that nobody listens: it looks at one number, ``live``,
which is the count of forward and backward hooks that exist in the whole process.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

from tapeless._core import hooks as core_hooks

live = 0
"""How many call hooks exist now, in all modules together (read by ``Module.__call__``)."""

OLD_BACKWARD_HOOK = (
    "{name} is deprecated in PyTorch, and its grad_input depends on how forward happens to be written. "
    "Use {full}_backward_hook, with the same arguments."
)

_lock = threading.Lock()


def _count(change: int) -> None:
    global live
    with _lock:
        live += change


class HookDict(core_hooks.HookDict):
    """Hooks by id, in calling order; every way to add or remove one keeps ``live`` right."""

    __slots__ = ()

    def __setitem__(self, key: int, hook: Callable[..., Any]) -> None:
        if key not in self:
            _count(1)
        super().__setitem__(key, hook)

    def __delitem__(self, key: int) -> None:
        super().__delitem__(key)
        _count(-1)

    def pop(self, key: int, *default: Any) -> Any:
        """Remove a hook and return it, or the default where given."""
        if key in self:
            _count(-1)
        return super().pop(key, *default)

    def popitem(self) -> tuple[int, Callable[..., Any]]:
        """Remove and return the last ``(id, hook)`` pair."""
        item = super().popitem()
        _count(-1)
        return item

    def clear(self) -> None:
        """Remove all hooks."""
        _count(-len(self))
        super().clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set every pair of a mapping or an iterable of pairs."""
        for key, hook in dict(*args, **kwargs).items():
            self[key] = hook

    def setdefault(self, key: int, default: Any = None) -> Any:
        """Return the hook called ``key``, after setting it to ``default`` where missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, other: Any) -> HookDict:  # type: ignore[override,misc]
        self.update(other)
        return self

    def __del__(self) -> None:
        if self:
            _count(-len(self))

    def move_to_end(self, key: int, last: bool = True) -> None:
        """Make the hook the last one to be called, or the first one with ``last=False``."""
        hook = dict.pop(self, key)
        others = [] if last else list(dict.items(self))
        for other, _ in others:
            dict.pop(self, other)
        dict.__setitem__(self, key, hook)
        dict.update(self, others)


class PlainHookDict(HookDict):
    """A `HookDict` for hooks that ``Module.__call__`` has nothing to do with (state dicts): not counted."""

    __slots__ = ()
    __setitem__ = dict.__setitem__  # type: ignore[assignment]
    __delitem__ = dict.__delitem__  # type: ignore[assignment]
    pop = dict.pop  # type: ignore[assignment]
    popitem = dict.popitem  # type: ignore[assignment]
    clear = dict.clear  # type: ignore[assignment]
    update = dict.update  # type: ignore[assignment]
    setdefault = dict.setdefault  # type: ignore[assignment]

    def __del__(self) -> None:
        pass


class IdSet(dict[int, bool]):
    """The ids of the hooks that have some property (``with_kwargs``, ``always_call``); weakly referable."""

    __slots__ = ("__weakref__",)


class RemovableHandle(core_hooks.RemovableHandle):
    """What registering a hook returns: ``handle.remove()`` takes the hook away; also a context manager.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html (register_forward_hook)
    """

    def __init__(self, hooks: HookDict, flag_sets: tuple[IdSet, ...] = ()) -> None:
        super().__init__(hooks)
        self._flag_sets = [weakref.ref(ids) for ids in flag_sets]

    def remove(self) -> None:
        """Take the hook away; doing so again, or after the module is gone, changes nothing."""
        super().remove()
        for ref in self._flag_sets:
            ids = ref()
            if ids is not None:
                ids.pop(self.id, None)


def add(
    hooks: HookDict,
    hook: Callable[..., Any],
    prepend: bool = False,
    flags: dict[str, tuple[IdSet, bool]] | None = None,
) -> RemovableHandle:
    """Store ``hook`` last (or first, with ``prepend``), note its flags that are true, return the handle."""
    flag_sets = flags or {}
    handle = RemovableHandle(hooks, tuple(ids for ids, _ in flag_sets.values()))
    hooks[handle.id] = hook
    for ids, is_on in flag_sets.values():
        if is_on:
            ids[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


# Hooks for every module of the process. The registration hooks may replace what is being registered.
global_forward_pre = HookDict()
global_forward = HookDict()
global_forward_with_kwargs = IdSet()
global_forward_always = IdSet()
global_backward_pre = HookDict()
global_backward = HookDict()
global_buffer_registration = PlainHookDict()
global_module_registration = PlainHookDict()
global_parameter_registration = PlainHookDict()


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before every ``forward`` of every module; it may return new arguments.

    >>> import tapeless as tl
    >>> hook = lambda module, args: print(type(module).__name__, args[0].shape)
    >>> handle = tl.nn.modules.module.register_module_forward_pre_hook(hook)
    >>> _ = tl.nn.Linear(3, 2)(tl.ones(1, 3))
    Linear torch.Size([1, 3])
    >>> handle.remove()
    """
    return add(global_forward_pre, hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after every ``forward``; it may return a new output.

    >>> import tapeless as tl
    >>> hook = lambda module, args, output: print(type(module).__name__, output.shape)
    >>> handle = tl.nn.modules.module.register_module_forward_hook(hook)
    >>> _ = tl.nn.Linear(3, 2)(tl.ones(1, 3))
    Linear torch.Size([1, 2])
    >>> handle.remove()
    """
    flags = {
        "with_kwargs": (global_forward_with_kwargs, with_kwargs),
        "always_call": (global_forward_always, always_call),
    }
    return add(global_forward, hook, flags=flags)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the backward pass of every module.

    >>> import tapeless as tl
    >>> hook = lambda module, grad_output: print(type(module).__name__, grad_output[0].shape)
    >>> handle = tl.nn.modules.module.register_module_full_backward_pre_hook(hook)
    >>> tl.nn.Linear(3, 2)(tl.ones(1, 3, requires_grad=True)).sum().backward()
    Linear torch.Size([1, 2])
    >>> handle.remove()
    """
    return add(global_backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` after the backward pass of every module.

    >>> import tapeless as tl
    >>> hook = lambda module, grad_input, grad_output: print(type(module).__name__, grad_output[0].shape)
    >>> handle = tl.nn.modules.module.register_module_full_backward_hook(hook)
    >>> tl.nn.Linear(3, 2)(tl.ones(1, 3, requires_grad=True)).sum().backward()
    Linear torch.Size([1, 2])
    >>> handle.remove()
    """
    return add(global_backward, hook)


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Raise ``NotImplementedError``, as `Module.register_backward_hook` does.

    >>> import tapeless as tl
    >>> hook = lambda module, grad_input, grad_output: print(type(module).__name__, grad_output[0].shape)
    >>> handle = tl.nn.modules.module.register_module_full_backward_hook(hook)  # the newer one
    >>> tl.nn.Linear(3, 2)(tl.ones(1, 3, requires_grad=True)).sum().backward()
    Linear torch.Size([1, 2])
    >>> handle.remove()
    """
    raise NotImplementedError(
        OLD_BACKWARD_HOOK.format(name="register_module_backward_hook", full="register_module_full")
    )


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` whenever a buffer is registered; it may return another one.

    >>> import tapeless as tl
    >>> hook = lambda module, name, buffer: print(type(module).__name__, name)
    >>> handle = tl.nn.modules.module.register_module_buffer_registration_hook(hook)
    >>> tl.nn.Linear(3, 2).register_buffer("mean", tl.zeros(3))
    Linear mean
    >>> handle.remove()
    """
    return add(global_buffer_registration, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` whenever one is registered; it may return another one.

    >>> import tapeless as tl
    >>> hook = lambda module, name, submodule: print(type(module).__name__, name)
    >>> handle = tl.nn.modules.module.register_module_module_registration_hook(hook)
    >>> _ = tl.nn.Sequential(tl.nn.ReLU())
    Sequential 0
    >>> handle.remove()
    """
    return add(global_module_registration, hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` whenever one is registered; it may return another one.

    >>> import tapeless as tl
    >>> hook = lambda module, name, parameter: print(type(module).__name__, name)
    >>> handle = tl.nn.modules.module.register_module_parameter_registration_hook(hook)
    >>> _ = tl.nn.Linear(3, 2)
    Linear weight
    Linear bias
    >>> handle.remove()
    """
    return add(global_parameter_registration, hook)


def run_registration(hooks: HookDict, module: Any, name: str, value: Any) -> Any:
    """Offer ``value`` to each registration hook and return what is to be registered."""
    for hook in hooks.values():
        replacement = hook(module, name, value)
        if replacement is not None:
            value = replacement
    return value


class BoundHook:
    """A hook that gets its module as first argument, without keeping it alive (pickled: with it)."""

    def __init__(self, hook: Callable[..., Any], module: Any) -> None:
        self.hook = hook
        self._module = weakref.ref(module)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.hook(self._module(), *args, **kwargs)

    def __getstate__(self) -> tuple[Callable[..., Any], Any]:
        return self.hook, self._module()

    def __setstate__(self, state: tuple[Callable[..., Any], Any]) -> None:
        self.hook, module = state
        self._module = weakref.ref(module)
