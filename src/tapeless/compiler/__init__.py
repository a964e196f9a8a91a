"""``torch.compiler``: questions to a compiler, answered as by one that is never at work.

Source: https://docs.pytorch.org/docs/stable/torch.compiler_api.html
"""

from __future__ import annotations

from typing import Any


def is_compiling() -> bool:
    """Return False: functions run as they are.

    >>> is_compiling()
    False
    """
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Return the function as it is, or a decorator that does.

    >>> import tapeless as tl
    >>> tl.compiler.disable(len)([1, 2])
    2
    """
    return fn if fn is not None else disable


def allow_in_graph(fn: Any) -> Any:
    """Return the function as it is.

    >>> import tapeless as tl
    >>> tl.compiler.allow_in_graph(len)([1, 2])
    2
    """
    return fn


assume_constant_result = allow_in_graph


def reset() -> None:
    """Do nothing: nothing is remembered.

    >>> import tapeless as tl
    >>> tl.compiler.reset()
    """


def cudagraph_mark_step_begin() -> None:
    """Do nothing.

    >>> import tapeless as tl
    >>> tl.compiler.cudagraph_mark_step_begin()
    """


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """Return an empty list.

    >>> import tapeless as tl
    >>> isinstance(tl.compiler.list_backends(), list)
    True
    """
    return []
