"""Handles of hooks under PyTorch's path, ``torch.utils.hooks``, where libraries import them from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.hooks import RemovableHandle as RemovableHandle

__all__ = ["RemovableHandle", "unserializable_hook"]


def unserializable_hook(f: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a hook on a tensor as one that need not be saved, and return it; Tapeless saves no hooks anyway.

    See https://github.com/pytorch/pytorch/blob/main/torch/utils/hooks.py

    >>> import tapeless as tl
    >>> @unserializable_hook
    ... def double(grad):
    ...     return grad * 2
    >>> x = tl.ones(2, requires_grad=True)
    >>> handle = x.register_hook(double)
    >>> isinstance(handle, RemovableHandle)
    True
    """
    f.__torch_unserializable__ = True  # type: ignore[attr-defined]
    return f
