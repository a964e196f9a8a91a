"""Hooks: callables kept in registration order, and the handle that takes one out again."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

_ids = itertools.count()


class RemovableHandle:
    """Removes the hook it was returned for; also works as a context manager.

    See https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html

    >>> import tapeless as tl
    >>> layer = tl.nn.Linear(2, 1)
    >>> handle = layer.register_forward_hook(lambda module, args, output: tl.zeros(1, 1))
    >>> layer(tl.ones(1, 2)).item()
    0.0
    >>> handle.remove()
    """

    _extra: Any = ()  # more dicts that hold something under the hook's id

    def __init__(self, hooks: dict[int, Any], *, extra_dict: Any = None) -> None:
        self.id = next(_ids)
        if extra_dict is not None:
            self._extra = extra_dict if isinstance(extra_dict, list) else [extra_dict]
        self._hooks: Callable[[], Any] = weakref.ref(hooks) if isinstance(hooks, HookDict) else lambda: hooks

    def remove(self) -> None:
        """Take the hook out; once it is gone, do nothing."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)
        for extra in self._extra:
            extra.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class HookDict(dict[int, Any]):
    """A dict that can be referred to weakly, so that a handle does not keep its owner alive."""

    __slots__ = ("__weakref__",)


class Hooks:
    """The hooks of one node or leaf: `pre` see its gradient, `post` run after it (on a leaf: after `.grad` is set)."""

    __slots__ = ("post", "pre")

    def __init__(self) -> None:
        self.pre = HookDict()
        self.post = HookDict()

    def add(self, when: str, hook: Callable[..., Any]) -> RemovableHandle:
        """Register `hook` in ``pre`` or ``post``."""
        if not callable(hook):
            raise TypeError(f"expected a hook that can be called, got {type(hook).__name__}")
        hooks = self.pre if when == "pre" else self.post
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        return handle
