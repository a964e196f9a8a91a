"""`compile` before there is a compiler: what it is given runs as it is, with the same results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
) -> Any:
    """Return the function or module as it is, or a decorator that does; all arguments are accepted.

    See https://docs.pytorch.org/docs/stable/generated/torch.compile.html

    >>> import tapeless as tl
    >>> @tl.compile(mode="reduce-overhead")
    ... def double(x):
    ...     return 2 * x
    >>> double(tl.ones(2))
    tensor([2., 2.])
    """
    if model is None:
        return compile
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    return model
